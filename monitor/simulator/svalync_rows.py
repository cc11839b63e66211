"""The simulated world as Svalync's node "Get Batch Call Details" tells it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from monitor.core.model import BatchStatus
from monitor.simulator import state as s
from monitor.simulator.answers import BadRequestError, zulu
from monitor.simulator.batch import Batch
from monitor.simulator.people import SUMMARIES, mix, speech

# Only "completed" is documented.
BATCH_WORD = {
    BatchStatus.SCHEDULED: "queued",
    BatchStatus.RUNNING: "in_progress",
    BatchStatus.PAUSED: "paused",
    BatchStatus.COMPLETED: "completed",
    BatchStatus.CANCELLED: "canceled",
    BatchStatus.EXPIRED: "failed",
    BatchStatus.PARTIAL: "failed",
    BatchStatus.FAILED: "failed",
}
END_WORD = ("completed", "completed", "no-answer", "busy", "failed", "failed", "canceled")
GOOD = frozenset({s.COMPLETED})
CENT = Decimal("0.01")


class Range(msgspec.Struct, forbid_unknown_fields=True):
    """From and to, in seconds or as money."""

    min: float | str | None = None
    max: float | str | None = None


class Positive(msgspec.Struct, forbid_unknown_fields=True):
    """How well a call must have gone."""

    min_positive: float


class Dates(msgspec.Struct, forbid_unknown_fields=True):
    """A span of time."""

    start: datetime | None = None
    end: datetime | None = None


class Filter(msgspec.Struct, forbid_unknown_fields=True):
    """Which calls are wanted, as the documentation writes it."""

    status: Sequence[str] | None = None
    duration: Range | None = None
    cost: Range | None = None
    sentiment: Positive | None = None
    date_range: Dates | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The node's input beside the batch's id."""

    analytics: bool = True
    transcripts: bool = False
    filter: Filter = field(default_factory=Filter)


def node(batch: Batch, now: float, wanted: Wanted, *, counts_lag: float = 0.0) -> dict[str, Any]:
    """The node's output. ``counts_lag``: the statistics are those of so many seconds ago."""
    people = range(len(batch.people))
    calls = [
        call(batch, person, now, wanted)
        for person in people
        if _is_wanted(batch, person, now, wanted.filter)
    ]
    told: dict[str, Any] = {
        "id": batch.batch_id,
        "status": BATCH_WORD[batch.status],
        "created_at": zulu(batch.created),
        "completed_at": zulu(batch.history[-1].t) if batch.status.terminal else None,
        "statistics": _statistics(batch, now, now - counts_lag),
        "calls": calls,
    }
    if wanted.analytics:
        told["analytics"] = _analytics(batch, now)
    return {"batch": told}


def _over(batch: Batch, person: int, at: float) -> bool:
    """The call is over for good by ``at``; what is over does not change again."""
    final = batch.people.stage[person] not in {*s.WAITING, *s.LIVE}
    return final and batch.people.changed[person] <= at


def _statistics(batch: Batch, now: float, at: float) -> dict[str, Any]:
    """Every call is completed, failed or in progress: what waits counts as the last."""
    over = [person for person in range(len(batch.people)) if _over(batch, person, at)]
    good = sum(batch.people.stage[person] in GOOD for person in over)
    talks = [seconds for person in over if (seconds := _duration(batch, person))]
    costs = (_cost(batch, person, now) for person in over)
    return {
        "total_calls": len(batch.people),
        "completed": good,
        "failed": len(over) - good,
        "in_progress": len(batch.people) - len(over),
        "average_duration": round(sum(talks) / len(talks)) if talks else 0,
        "total_cost": str(sum((cost for cost in costs if cost), Decimal("0.00"))),
    }


def call(batch: Batch, person: int, now: float, wanted: Wanted) -> dict[str, Any]:
    """One call: no number, no time, money as text."""
    told: dict[str, Any] = {"id": batch.person_id(person), "status": _word(batch, person)}
    if not _over(batch, person, now):
        return told
    told["duration"] = _duration(batch, person)
    if (cost := _cost(batch, person, now)) is not None:
        told["cost"] = str(cost)
    if wanted.analytics and (shares := _sentiment(batch, person, now)):
        told["analytics"] = {"sentiment": shares}
    if wanted.transcripts and _duration(batch, person):
        told["transcript"] = _transcript(batch, person)
    return told


def _word(batch: Batch, person: int) -> str:
    match batch.people.stage[person]:
        case s.PENDING | s.RETRYING | s.FOLLOW_UP:
            return "queued"
        case s.DISPATCHED:
            return "ringing"
        case s.IN_CALL:
            return "in-progress"
        case s.SKIPPED:
            return "canceled"
        case _:
            return END_WORD[batch.calls.end[batch.people.last_call[person]]]


def _duration(batch: Batch, person: int) -> int:
    row = batch.people.last_call[person]
    return round(batch.calls.talk[row]) if row >= 0 else 0


def _known(batch: Batch, person: int, now: float) -> bool:
    row = batch.people.last_call[person]
    return row < 0 or now >= batch.calls.ended[row] + batch.plan.details_after


def _cost(batch: Batch, person: int, now: float) -> Decimal | None:
    """What all of somebody's calls cost; None while the vendor does not say."""
    if not _known(batch, person, now):
        return None
    rows = batch.calls.chain(batch.people.last_call[person])
    minutes = sum(batch.calls.talk[row] for row in rows) / 60
    return Decimal(minutes * batch.plan.cost_per_minute).quantize(CENT)


def _sentiment(batch: Batch, person: int, now: float) -> Mapping[str, float] | None:
    """Shares that add up to 1; a share that is nothing is left out."""
    if not _duration(batch, person) or not _known(batch, person, now):
        return None
    tenths = mix(batch.number, person, 31) % 11
    shares = {"positive": tenths / 10, "neutral": (10 - tenths) / 10}
    return {word: part for word, part in shares.items() if part}


def _transcript(batch: Batch, person: int) -> dict[str, Any]:
    lines = speech(mix(batch.number, person, 32))
    return {
        "segments": [
            {"speaker": ("ai", "human")[n % 2], "text": line, "timestamp": n * 3}
            for n, line in enumerate(lines)
        ]
    }


def _analytics(batch: Batch, now: float) -> dict[str, Any]:
    people = range(len(batch.people))
    over = [person for person in people if _over(batch, person, now)]
    good = [person for person in over if batch.people.stage[person] in GOOD]
    found = [shares for person in good if (shares := _sentiment(batch, person, now))]
    sums: Counter[str] = Counter()
    for shares in found:
        sums.update(shares)
    said = Counter(SUMMARIES[mix(batch.number, person, 33) % 3] for person in good)
    return {
        "success_rate": round(len(good) / len(over), 4) if over else 0,
        "average_sentiment": {word: round(part / len(found), 4) for word, part in sums.items()},
        "common_responses": [{"text": text, "count": n} for text, n in said.most_common()],
    }


def _is_wanted(batch: Batch, person: int, now: float, wanted: Filter) -> bool:
    """Whether the filter lets a call through; an open call has no duration and no cost."""
    if wanted.status is not None and _word(batch, person) not in wanted.status:
        return False
    over = _over(batch, person, now)
    if wanted.duration and not (over and _within(_duration(batch, person), wanted.duration)):
        return False
    cost = _cost(batch, person, now) if over else None
    if wanted.cost and not (cost is not None and _within(cost, wanted.cost)):
        return False
    if wanted.sentiment:
        shares = _sentiment(batch, person, now) if over else None
        if not shares or shares.get("positive", 0.0) < wanted.sentiment.min_positive:
            return False
    return wanted.date_range is None or _dated(batch, person, wanted.date_range)


def _within(value: Decimal | int, span: Range) -> bool:
    try:
        low, high = (None if end is None else Decimal(str(end)) for end in (span.min, span.max))
    except ArithmeticError as error:
        raise BadRequestError("filter", "Invalid filter criteria") from error
    return (low is None or value >= low) and (high is None or value <= high)


def _dated(batch: Batch, person: int, span: Dates) -> bool:
    """By the call's beginning; which time the documentation means, it does not say."""
    row = batch.people.last_call[person]
    if row < 0:
        return False
    started = batch.calls.started[row]
    return (span.start is None or started >= span.start.timestamp()) and (
        span.end is None or started <= span.end.timestamp()
    )
