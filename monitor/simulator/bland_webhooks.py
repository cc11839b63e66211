"""Bland's webhooks: how a batch stands, the record of a call, and what happens within one."""

from functools import partial

from monitor.core.model import BatchStatus, ContactStatus
from monitor.simulator.answers import zulu
from monitor.simulator.batch import Batch, Moment
from monitor.simulator.bland_batches import progress
from monitor.simulator.bland_rows import call_detail, finished
from monitor.simulator.ids import place
from monitor.simulator.telling import Body, Habits, Tell
from monitor.simulator.truth import Entry, What

HEADER = "X-Webhook-Signature"
# What happens to a person during their call, in the words of an event of it.
WITHIN = {
    ContactStatus.DISPATCHED: ("queue", "Call allocated"),
    ContactStatus.IN_CALL: ("call", "Call started"),
}


def bland_tells(batch: Batch, entry: Entry, habits: Habits) -> list[Tell]:
    """What Bland tells because of one entry of the truth."""
    match entry.what:
        case What.BATCH if not batch.plan.legacy:
            return [
                Tell(
                    f"status {body['status']}",
                    habits.status_after,
                    partial(dict, body),
                    kept=False,  # one attempt, whatever comes of it
                    signed=habits.signs_status,
                )
                for body in _phases(batch)
            ]
        case What.CALL if entry.ids:
            person = _person(entry.ids[1])
            return [Tell("record", habits.record_after, partial(_record, batch, person), kept=True)]
        case What.CONTACT if habits.in_call and entry.ids:
            event = WITHIN.get(ContactStatus(entry.after))
            if event is None:
                return []
            told = _within(entry.ids[0], *event)
            return [Tell("event", habits.status_after, partial(dict, told), kept=False)]
        case _:
            return []


def _phases(batch: Batch) -> list[Body]:
    """One webhook for each phase; the first ones pass before anybody is called."""
    moment = batch.history[-1]
    told = []
    if len(batch.history) == 1:
        told = [_status(batch, moment, word) for word in ("validating", "dispatching")]
    return [*told, _standing(batch, moment)]


def _status(batch: Batch, moment: Moment, word: str, **more: object) -> Body:
    start = {"batch_id": batch.batch_id, "status": word}
    return start | more | {"timestamp": zulu(moment.t, digits=3)}


def _standing(batch: Batch, moment: Moment) -> Body:
    counts = {
        "calls_total": moment.people,
        "calls_successful": moment.good,
        "calls_failed": moment.finished - moment.good,
    }
    match moment.status:
        case BatchStatus.SCHEDULED:
            return _status(batch, moment, "waiting_for_scheduled_calls", message="Waiting.")
        case BatchStatus.RUNNING:
            return _status(batch, moment, "in_progress", message=progress(batch))
        case BatchStatus.COMPLETED:
            return _status(batch, moment, "completed", **counts)
        case BatchStatus.PARTIAL | BatchStatus.EXPIRED:
            code = moment.code or "batch_early_exit"
            reason = moment.reason or "Condition not met within 86400 seconds"
            told = {"code": code, "reason": reason} | counts
            return _status(batch, moment, "completed_partial", **told)
        case BatchStatus.FAILED:
            code = moment.code or "source_invalid"
            reason = moment.reason or "Entry #3 did not have a phone number."
            return _status(batch, moment, "failed", code=code, reason=reason)
        case _:
            # What is told of a stopped batch is not documented.
            return _status(batch, moment, "stopped", message="Batch stopped.")


def _person(call_id: str) -> int:
    found = place(call_id)
    if found is None:
        msg = f"{call_id} is no call of a simulated batch"
        raise ValueError(msg)
    return found[1]


def _record(batch: Batch, person: int) -> Body | None:
    """The flat record of a call that is over; None for one that is being made again."""
    if not finished(batch, person):
        return None
    more: Body = {"pathway_tags": [], "recording_expiration": None, "citation_schema_ids": []}
    return call_detail(batch, person, batch.agenda.now) | more


def _within(call_id: str, category: str, message: str) -> Body:
    return {"message": message, "call_id": call_id, "category": category, "log_level": "info"}
