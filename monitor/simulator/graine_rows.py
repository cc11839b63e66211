"""The simulated world in Graine's words and shapes."""

from typing import Any

from monitor.core.model import BatchStatus
from monitor.simulator import state as s
from monitor.simulator.answers import zulu
from monitor.simulator.batch import Batch
from monitor.simulator.hours import WEEKDAYS
from monitor.simulator.people import SUMMARIES, full_name, indian_number, mix, speech

BATCH_WORD = {
    BatchStatus.SCHEDULED: "pending",
    BatchStatus.RUNNING: "in_progress",
    BatchStatus.PAUSED: "paused",
    BatchStatus.COMPLETED: "completed",
    BatchStatus.CANCELLED: "cancelled",
    # Graine documents no word for a batch that failed or was cut short.
    BatchStatus.EXPIRED: "expired",
    BatchStatus.PARTIAL: "expired",
    BatchStatus.FAILED: "expired",
}
CONTACT_WORD = (
    "pending",
    "dispatched",
    "in_progress",
    "retrying",
    "followup_scheduled",
    "completed",
    "failed",
    "busy",
    "no_answer",
    "skipped",
    "max_retries_reached",
)
CALL_WORD = ("completed", "completed", "no-answer", "busy", "failed", "failed", "canceled")
COUNTERS = (
    ("pending", s.PENDING),
    ("dispatched", s.DISPATCHED),
    ("in_flight", s.IN_CALL),
    ("retrying", s.RETRYING),
    ("completed", s.COMPLETED),
    ("failed", s.FAILED),
    ("busy", s.BUSY),
    ("no_answer", s.NO_ANSWER),
)
SENTIMENT = ("positive", "positive", "neutral", "negative")
ORGANISATION = "org_simulated"
USUAL_ERROR = "sip_503"


def campaign_id(batch: Batch) -> str:
    """The campaign that a batch belongs to."""
    if batch.plan.campaign is None:
        return f"cmp_{batch.number:06x}"
    return f"cmp_{mix(*batch.plan.campaign.encode()):016x}"[:16]


def batch_row(batch: Batch) -> dict[str, Any]:
    """A batch as the list shows it: the counters are live."""
    counts = batch.people.counts
    plan = batch.plan
    return {
        "batch_id": batch.batch_id,
        "campaign_id": campaign_id(batch),
        "organization_id": ORGANISATION,
        "status": BATCH_WORD[batch.status],
        "total_contacts": len(batch.people),
        "concurrency_limit": plan.concurrency,
        "scheduled_start": (zulu(batch.created + plan.starts_after) if plan.starts_after else None),
        "counters": {word: counts[stage] for word, stage in COUNTERS},
        "created_at": zulu(batch.created),
        "updated_at": zulu(batch.updated),
    }


def batch_detail(batch: Batch) -> dict[str, Any]:
    """A batch asked for by its id: three fields more than in the list."""
    extra: dict[str, Any] = {"max_retries_override": None, "call_context": {}, "metadata": {}}
    return batch_row(batch) | extra


def campaign(batch: Batch) -> dict[str, Any]:
    """The campaign of a batch, with its retries and hours."""
    plan = batch.plan
    days = plan.hours.days if plan.hours else {}
    return {
        "campaign_id": campaign_id(batch),
        "organization_id": ORGANISATION,
        "name": plan.campaign or plan.name,
        "status": "completed" if batch.status.terminal else "active",
        "retry_policy": {
            "max_retries": plan.max_retries,
            "strategy": plan.strategy,
            "cooldown_minutes": plan.cooldown / 60,
        },
        "working_hours_enforced": plan.hours is not None,
        "timezone": plan.hours.zone if plan.hours else "UTC",
        "working_hours": {
            day: {
                "start": days.get(day, ("09:00", "18:00"))[0],
                "end": days.get(day, ("09:00", "18:00"))[1],
                "enabled": day in days,
            }
            for day in WEEKDAYS
        },
        "created_at": zulu(batch.created),
        "updated_at": zulu(batch.updated),
    }


def contact(batch: Batch, person: int, now: float, *, calls: bool) -> dict[str, Any]:
    """One person; ``calls`` adds every call that has ended, and the last one apart."""
    people = batch.people
    last = people.last_call[person]
    attempt = batch.calls.attempt[last] if last >= 0 else 0
    key = mix(batch.number, person, 5)
    chain = batch.calls.chain(last)
    row = {
        "contact_id": batch.person_id(person),
        "batch_id": batch.batch_id,
        "campaign_id": campaign_id(batch),
        "phone_number": indian_number(batch.number, person),
        "call_variables": {
            "callee_name": full_name(key),
            "current_plan": "Basic Health",
            "renewal_date": "2026-07-01",
            "premium": str(4000 + key % 26_000),
        },
        "status": CONTACT_WORD[people.stage[person]],
        "retry_count": attempt,
        "follow_up_count": sum(batch.calls.follow_up[call] for call in chain),
        "last_attempted_at": zulu(batch.calls.started[last]) if last >= 0 else None,
        "next_retry_at": zulu(people.next_at.get(person)),
        "latest_retry_count": attempt,
        "current_call": None,
    }
    if calls:
        records = [call_record(batch, call, now) for call in chain if batch.calls.ended[call]]
        row["call_records"] = records
        if records:
            row["current_call"] = {k: v for k, v in records[-1].items() if k != "created_at"}
    return row


def call_record(batch: Batch, row: int, now: float) -> dict[str, Any]:
    """One call that has ended. What nobody said anything in has no summary, cost or sentiment."""
    calls = batch.calls
    end, talk = calls.end[row], calls.talk[row]
    record: dict[str, Any] = {
        "execution_id": batch.call_id(row),
        "call_status": CALL_WORD[end],
        "duration_seconds": round(talk),
        "recording_url": None,
    }
    if talk:
        record |= _talk(batch, row, known=now >= calls.ended[row] + batch.plan.details_after)
    elif end in {s.BROKEN, s.QUEUE_ERROR}:
        record["hangup_reason"] = batch.errors[calls.error[row]] or USUAL_ERROR
    return record | {
        "retry_count": calls.attempt[row],
        "is_follow_up": bool(calls.follow_up[row]),
        "created_at": zulu(calls.started[row]),
    }


def _talk(batch: Batch, row: int, *, known: bool) -> dict[str, Any]:
    """What is told of a conversation; summary, sentiment and cost come ``known`` or not at all."""
    key = mix(batch.number, row, 6)
    mailbox = batch.calls.end[row] == s.MAILBOX
    lines = (f"{('Agent', 'User')[n % 2]}: {line}" for n, line in enumerate(speech(key)))
    told: dict[str, Any] = {
        "recording_url": f"https://recordings.example.com/rec{key:016x}.wav",
        "transcript": "\n".join(lines),
    }
    if known:
        told |= {"summary": SUMMARIES[key % 3], "sentiment": SENTIMENT[(key >> 4) % 4]}
    told |= {
        "hangup_by": ("assistant", "user")[key >> 8 & 1],
        "hangup_reason": "voicemail_detected" if mailbox else "goal_completed",
    }
    if known:
        told["total_cost"] = round(batch.calls.talk[row] / 60 * batch.plan.cost_per_minute, 4)
    return told
