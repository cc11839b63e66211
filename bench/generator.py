"""Seeded pages of people in Graine's shape, their calls included. A fixed file.

``pages`` is a first reading of a list; ``later`` the same list some minutes on, when a share
of its people had one more attempt: their earlier calls stand as they stood, one call is new,
and status, times and current call follow. Changed people are scattered, or clustered as a
dialler leaves them: four fifths in one front that moves through the list, the others anywhere.
"""

import random
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

PAGE = 100
START = datetime(2026, 5, 10, 9, tzinfo=UTC)
NOW = datetime(2026, 5, 10, 15, tzinfo=UTC)
_START_S = int(START.timestamp())
_BETWEEN_TRIES_S = 1800
_MOST_TRIES = 3

Where = Literal["clustered", "scattered"]
Json = dict[str, Any]

_ENDS = ["completed"] * 58 + ["no-answer"] * 21 + ["busy"] * 9 + ["failed"] * 10 + ["canceled"] * 2
_MISSED = ("no-answer", "busy", "failed")
_SENTIMENTS = ("positive", "neutral", "negative")
_HANGUPS = ("goal_completed", "user_requested", "silence_timeout", "max_duration")
_FIRST = ("Rajesh", "Priya", "Amit", "Sunita", "Vikram", "Anjali", "Meera", "Zoë", "François")
_LAST = ("Sharma", "Patel", "Iyer", "Khan", "Gupta", "Nair", "Reddy", "Das", "Müller")
_SUMMARIES = (
    "Customer expressed interest in upgrading to Family Floater plan.",
    "Customer asked to be called back next week after talking with spouse.",
    "Customer not interested; already renewed with another insurer, polite close.",
    "Customer wants the premium in writing before deciding, sent by message.",
)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Json]).decode


def pages(people: int, *, page: int = PAGE) -> list[bytes]:
    """A list of so many people, in pages."""
    return [
        _encode([_person(i) for i in range(start, min(start + page, people))])
        for start in range(0, people, page)
    ]


def later(first: list[bytes], share: float, where: Where, *, page: int = PAGE) -> list[bytes]:
    """The same pages after a share of the people had one more attempt."""
    people = (len(first) - 1) * page + len(_decode(first[-1]))
    moved: dict[int, list[int]] = defaultdict(list)
    for i in sorted(chosen(people, share, where)):
        moved[i // page].append(i % page)
    found = list(first)
    for number, places in moved.items():
        rows = _decode(first[number])
        for place in places:
            _try_again(rows[place], number * page + place)
        found[number] = _encode(rows)
    return found


def chosen(people: int, share: float, where: Where) -> set[int]:
    """Which people moved."""
    some = random.Random(7)
    count = int(people * share)
    if where == "scattered":
        return set(some.sample(range(people), count))
    front = int(count * 0.8)
    start = int(people * 0.4)
    return set(range(start, start + front)) | set(some.sample(range(people), count - front))


def _person(i: int) -> Json:
    drawn = random.Random(i * 1_000_003)
    tries = drawn.choice((1, 1, 2, 2, 3))
    # The dialler walked through the list within two hours.
    begun = _START_S + i % 7200
    calls = [
        _call(drawn, i, k, begun + k * _BETWEEN_TRIES_S, last=k == tries - 1) for k in range(tries)
    ]
    row = {
        "contact_id": f"con_{i:08x}",
        "batch_id": "btc_bench0001",
        "campaign_id": "cmp_bench0001",
        "phone_number": f"+91{9_000_000_000 + i}",
        "call_variables": {
            "callee_name": f"{drawn.choice(_FIRST)} {drawn.choice(_LAST)}",
            "current_plan": "Basic Health",
            "renewal_date": "2026-07-01",
            "premium": str(drawn.randrange(4000, 30000)),
        },
        "follow_up_count": 0,
        "call_records": calls,
    }
    return _stand(row, begun + (tries - 1) * _BETWEEN_TRIES_S)


def _call(drawn: random.Random, i: int, k: int, at: int, *, last: bool) -> Json:
    status = drawn.choice(_ENDS if last else _MISSED)
    call: Json = {
        "execution_id": f"exec_{i:08x}{k}{drawn.getrandbits(32):08x}",
        "call_status": status,
        "duration_seconds": 0,
        "recording_url": None,
        "retry_count": k,
        "is_follow_up": False,
        "created_at": _zulu(at),
    }
    if status == "completed":
        call |= {
            "duration_seconds": drawn.randrange(8, 400),
            "recording_url": f"https://recordings.example.com/rec{drawn.getrandbits(48):012x}.wav",
            "summary": drawn.choice(_SUMMARIES),
            "sentiment": drawn.choice(_SENTIMENTS),
            "hangup_by": drawn.choice(("assistant", "user")),
            "hangup_reason": drawn.choice(_HANGUPS),
            "total_cost": round(drawn.random() * 0.3, 4),
        }
    elif status == "failed":
        call |= {"hangup_reason": "sip_503", "total_cost": 0.0}
    return call


def _try_again(row: Json, i: int) -> None:
    """One more attempt: a retry, or a follow-up for whom a call had reached."""
    drawn = random.Random(i * 1_000_003 + 1)
    calls: list[Json] = row["call_records"]
    at = int(NOW.timestamp()) - drawn.randrange(480, 1000)
    call = _call(drawn, i, len(calls), at, last=True)
    if row["status"] == "completed":
        call["is_follow_up"] = True
        row["follow_up_count"] += 1
    calls.append(call)
    _stand(row, at)


def _stand(row: Json, at: int) -> Json:
    """Put what follows from the last call beside the calls."""
    calls: list[Json] = row["call_records"]
    reached = calls[-1]["call_status"] == "completed"
    again = not reached and len(calls) < _MOST_TRIES
    tries = sum(not call["is_follow_up"] for call in calls)
    status = "completed" if reached else "retrying" if again else "failed"
    current = {key: value for key, value in calls[-1].items() if key != "created_at"}
    records = row.pop("call_records")
    row |= {
        "status": status,
        "retry_count": tries - 1,
        "last_attempted_at": _zulu(at),
        "next_retry_at": _zulu(at + 16 * _BETWEEN_TRIES_S) if again else None,
        "latest_retry_count": tries - 1,
        "current_call": current,
        "call_records": records,
    }
    return row


def _zulu(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
