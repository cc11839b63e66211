"""Why nothing can be said of how a batch runs, where nothing is dialled."""

from monitor.core.calendar import next_opening
from monitor.core.facts import BatchFacts
from monitor.core.model import BatchStatus
from monitor.core.rule import UNKNOWN_STATUS, Unknown
from monitor.core.stopping import holds
from monitor.core.wording import clock

PAUSED = "the batch is paused"
CLOSED = "outside calling hours"  # with the time until which, where it is known
_STOPPED = {
    BatchStatus.SCHEDULED: "the batch has not begun",
    BatchStatus.PAUSED: PAUSED,
}


def stopped(facts: BatchFacts) -> Unknown | None:
    """Why nothing can be said of how a batch runs: it is over, paused, or has not begun."""
    status = facts.batch.status
    if status.terminal:
        return Unknown("the batch has ended")
    if facts.stopped_by is not None and holds(facts.stopped_by, status, facts.moved_at):
        return Unknown(facts.stopped_by.words(facts.zone, facts.now), still=True)
    reason = _STOPPED.get(status)
    return None if reason is None else Unknown(reason, still=True)


def not_dialling(facts: BatchFacts) -> Unknown | None:
    """Why nobody can be expected to be dialled now; None when the batch runs in its hours."""
    if facts.batch.status is BatchStatus.UNKNOWN:
        return UNKNOWN_STATUS
    if facts.open_now:
        return stopped(facts)
    opening = next_opening(facts.calendar, facts.now)
    until = f" until {clock(opening, facts.zone, facts.now)}" if opening else ""
    return stopped(facts) or Unknown(f"{CLOSED}{until}", still=True)
