"""Calls of the simulated world in Bland's words and shapes."""

from collections.abc import Sequence
from typing import Any

from monitor.core.model import BatchStatus
from monitor.simulator import state as s
from monitor.simulator.answers import offset, zulu
from monitor.simulator.batch import Batch
from monitor.simulator.people import SUMMARIES, american_number, full_name, mix, own_number, speech

ENDPOINT = "api.prod.bland.ai"
MAX_DURATION_MIN = 30
USUAL_ERROR = "Call failed. The number you dialed is temporarily unavailable."
BUSY_ERROR = "Call failed. The number you dialed is busy. Please try again later."
QUEUE_ERROR = "Unable to start call. Check the call details error_message for more details."
CANCELED_ERROR = "Call was canceled before completion."  # the text is not documented
CALL_WORD = ("completed", "completed", "no-answer", "busy", "failed", None, "canceled")
QUEUE_WORD = (
    "complete",
    "complete",
    "complete",
    "complete",
    "call_error",
    "queue_error",
    "complete",
)
ANSWERED = ("human", "voicemail", "no-answer", None, None, None, None)


def listed(batch: Batch) -> range | list[int]:
    """The people whose call the vendor lists, in the order of creation."""
    if batch.plan.queued_visible:
        return range(len(batch.people))
    seen = dict.fromkeys(batch.calls.person)
    return list(seen)


def created(batch: Batch, person: int) -> float:
    """When the vendor made a person's call: dealt out quickly, one after the other."""
    row = batch.people.last_call[person]
    if not batch.plan.queued_visible and row >= 0:
        return batch.calls.started[row]
    dealt = (batch.started or batch.created) + person * 0.001
    return min(dealt, batch.calls.started[row]) if row >= 0 else dealt


def finished(batch: Batch, person: int) -> bool:
    """Whether the call is over, in whatever way."""
    return batch.people.stage[person] not in {*s.WAITING, *s.LIVE}


def call_row(batch: Batch, person: int, now: float) -> dict[str, Any]:
    """A call as the list shows it."""
    row, done = batch.people.last_call[person], finished(batch, person)
    ended = done and row >= 0
    return {
        "call_id": batch.person_id(person),
        "created_at": offset(created(batch, person)),
        "call_length": round(batch.calls.talk[row] / 60, 5) if ended else (0 if done else None),
        "to": american_number(batch.number, person),
        "from": own_number(person % batch.plan.from_numbers),
        "completed": done,
        "queue_status": _queue_status(batch, person, row, done=done),
        "error_message": _error(batch, person, row) if done else None,
        "answered_by": _answered_by(batch, row, now) if ended else None,
        "batch_id": batch.batch_id,
    }


def _queue_status(batch: Batch, person: int, row: int, *, done: bool) -> str:
    match batch.people.stage[person]:
        case s.PENDING:
            return "new" if batch.status is BatchStatus.SCHEDULED else "queued"
        case s.DISPATCHED:
            return "allocated"
        case s.IN_CALL:
            return "started"
        case _:
            return QUEUE_WORD[batch.calls.end[row]] if done and row >= 0 else "complete"


def _error(batch: Batch, person: int, row: int) -> str | None:
    if batch.people.stage[person] == s.SKIPPED:
        return CANCELED_ERROR
    end, number = batch.calls.end[row], batch.calls.error[row]
    if end == s.ENGAGED:
        return BUSY_ERROR
    if end not in {s.BROKEN, s.QUEUE_ERROR}:
        return None
    return batch.errors[number] or (USUAL_ERROR if end == s.BROKEN else QUEUE_ERROR)


def _answered_by(batch: Batch, row: int, now: float) -> str | None:
    if now < batch.calls.ended[row] + batch.plan.details_after:
        return None
    return ANSWERED[batch.calls.end[row]]


def call_detail(batch: Batch, person: int, now: float) -> dict[str, Any]:
    """One call asked for by its id, with everything that the vendor tells."""
    row, calls = batch.people.last_call[person], batch.calls
    detail = call_row(batch, person, now)
    over = detail["completed"] and row >= 0
    made = over and CALL_WORD[calls.end[row]] is not None
    known = over and now >= calls.ended[row] + batch.plan.details_after
    key = mix(batch.number, person, 7)
    talked = bool(made and calls.talk[row])
    lines = speech(key) if talked else []
    return detail | {
        "request_data": {"phone_number": detail["to"], "wait": False, "language": "ENG"},
        "inbound": False,
        "endpoint_url": ENDPOINT,
        "max_duration": MAX_DURATION_MIN,
        "variables": {"name": full_name(key), "short_to": detail["to"][2:]},
        "record": False,
        "recording_url": None,
        "c_id": detail["call_id"],
        "metadata": {},
        "summary": SUMMARIES[key % 3] if talked and known else None,
        "price": round(calls.talk[row] / 60 * batch.plan.cost_per_minute, 4) if known else None,
        "started_at": offset(calls.ended[row] - calls.talk[row]) if talked else None,
        "local_dialing": False,
        "call_ended_by": ("ASSISTANT", "USER")[key >> 8 & 1] if talked else None,
        "pathway_id": None,
        "pathway_logs": None,
        "pathway_version": None,
        "analysis": None,
        "concatenated_transcript": " \n ".join(_voices(lines)) if lines else None,
        "transcripts": _transcripts(batch, person, lines),
        "status": _status(batch, person, row),
        "corrected_duration": str(round(calls.talk[row])) if made else None,
        "end_at": zulu(calls.ended[row], digits=3) if made else None,
        "is_proxy_agent_call": False,
        "is_canary": False,
    }


def _status(batch: Batch, person: int, row: int) -> str | None:
    """Only calls that were really created have a status, and only once they are over."""
    if batch.people.stage[person] == s.SKIPPED:
        return "canceled"
    return CALL_WORD[batch.calls.end[row]] if row >= 0 and finished(batch, person) else None


def _voices(lines: Sequence[str]) -> list[str]:
    return [f"{('assistant', 'user')[n % 2]}: {line}" for n, line in enumerate(lines)]


def _transcripts(batch: Batch, person: int, lines: Sequence[str]) -> list[dict[str, Any]]:
    start = created(batch, person)
    return [
        {
            "id": batch.number * 10_000_000 + person * 20 + n,
            "created_at": offset(start + n),
            "text": line,
            "user": ("assistant", "user")[n % 2],
            "c_id": batch.person_id(person),
        }
        for n, line in enumerate(lines)
    ]
