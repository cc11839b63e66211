"""Batches of the simulated world in Bland's words and shapes, of both generations, and logs."""

from collections import Counter
from typing import Any

from monitor.core.model import BatchStatus
from monitor.simulator.answers import offset, zulu
from monitor.simulator.batch import Batch, Moment
from monitor.simulator.bland_rows import ENDPOINT, call_detail, call_row, listed
from monitor.simulator.people import american_number, mix

BUCKETS = ((0, 5), (5, 10), (10, 15), (15, 20), (20, 30), (30, 45), (45, 60), (60, 90), (90, 120))


def batch_v2(batch: Batch) -> dict[str, Any]:
    """A batch of the second generation: what was ordered, and nothing of how it stands."""
    preview = [
        {"phone_number": american_number(batch.number, person)}
        for person in range(min(3, len(batch.people)))
    ]
    return {
        "id": batch.batch_id,
        "user_id": "user_simulated",
        "base_prompt": '{"record":false,"task":"Ask how satisfied they are"}',
        "created_at": zulu(batch.created, digits=3),
        "call_objects": preview,
        "description": batch.plan.name,
    }


def logs(batch: Batch) -> list[dict[str, Any]]:
    """The log of a batch of the second generation, oldest first."""
    return [
        {
            "id": f"{mix(batch.number, n, 8):016x}",
            "batch_id": batch.batch_id,
            "org_id": "org_simulated",
            "event_type": "complete" if moment.status is BatchStatus.COMPLETED else "lifecycle",
            "timestamp": zulu(moment.t, digits=3),
            "payload": _payload(batch, moment),
        }
        for n, moment in enumerate(batch.history)
    ]


def _payload(batch: Batch, moment: Moment) -> dict[str, Any]:
    counts = {
        "calls_total": moment.people,
        "calls_successful": moment.good,
        "calls_failed": moment.finished - moment.good,
    }
    match moment.status:
        case BatchStatus.SCHEDULED:
            return {"message": "Waiting.", "state_change": "waiting_for_scheduled_calls"}
        case BatchStatus.RUNNING:
            return {"message": progress(batch), "state_change": "in_progress"}
        case BatchStatus.COMPLETED:
            return counts
        case BatchStatus.PARTIAL | BatchStatus.EXPIRED:
            code = moment.code or "batch_early_exit"
            reason = moment.reason or "Condition not met within 86400 seconds"
            return {"state_change": "completed_partial", "code": code, "reason": reason} | counts
        case BatchStatus.FAILED:
            code = moment.code or "source_invalid"
            reason = moment.reason or "Entry #3 did not have a phone number."
            return {"state_change": "failed", "code": code, "reason": reason}
        case _:
            # What a stopped batch logs is not documented.
            return {"message": "Batch stopped.", "state_change": "stopped"}


def progress(batch: Batch) -> str:
    """How far the calls of a batch are handed out, as Bland says it."""
    people, asked = len(batch.people), len(batch.people) + batch.plan.rejected
    return f"Requested: {asked}. Validated: {people}. Dispatched: {people}. CPS: 4.20."


def batch_v1(
    batch: Batch, now: float, *, calls: bool, transcripts: bool, analysis: bool
) -> dict[str, Any]:
    """A batch of the first generation, with as much of its calls as was asked for."""
    answer: dict[str, Any] = {
        "status": "completed" if batch.status.terminal else "in-progress",
        "batch_params": {
            "id": batch.batch_id,
            "campaign_id": None,
            "created_at": offset(batch.created),
            "label": batch.plan.name,
            "base_prompt": "You are calling {{name}} about their recent purchase.",
            "endpoint_code": "api",
            "call_params": {"language": "eng", "max_duration": 10, "wait_for_greeting": False},
        },
    }
    if calls:
        answer["call_data"] = [
            _call_data(batch, person, now, transcripts=transcripts) for person in listed(batch)
        ]
    if analysis:
        answer["analysis"] = _analysis(batch, now)
    return answer


V1_FIELDS = (
    "status",
    "corrected_duration",
    "end_at",
    "call_id",
    "to",
    "from",
    "completed",
    "created_at",
    "queue_status",
    "endpoint_url",
    "max_duration",
    "error_message",
    "answered_by",
    "request_data",
    "transcripts",
    "call_length",
)


def _call_data(batch: Batch, person: int, now: float, *, transcripts: bool) -> dict[str, Any]:
    detail = call_detail(batch, person, now)
    row = {name: detail[name] for name in V1_FIELDS if transcripts or name != "transcripts"}
    return row | {"to": row["to"][2:]}


def _analysis(batch: Batch, now: float) -> dict[str, Any]:
    rows = [call_row(batch, person, now) for person in listed(batch)]
    lengths = [round(row["call_length"] * 60) for row in rows if row["completed"]]
    talks = [length for length in lengths if length]
    buckets = {f"{a}-{b}": sum(a <= length < b for length in lengths) for a, b in BUCKETS}
    return {
        "total_calls": len(rows),
        "completed_calls": len(lengths),
        "in_progress_calls": len(rows) - len(lengths),
        "queue_statuses": dict(Counter(row["queue_status"] for row in rows)),
        "call_lengths": {
            "average": round(sum(lengths) / len(lengths)) if lengths else 0,
            "average_nonzero": round(sum(talks) / len(talks)) if talks else 0,
            "summary": buckets | {"120+": sum(length >= 120 for length in lengths)},
            "all": lengths,
        },
        "call_ids": [row["call_id"] for row in rows],
        "error_messages": [
            {"call_id": row["call_id"], "error_message": row["error_message"]}
            for row in rows
            if row["error_message"]
        ],
        "endpoints": {ENDPOINT: len(rows)},
    }
