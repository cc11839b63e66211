"""The spans in which a batch stood still as it was meant to: paused, or between two runs.

Spans are kept from the looks that showed them, in order; that of a pause which goes on has
no end. What was called off between two looks was seen by nobody and is not among them.
"""

from datetime import datetime, timedelta

from monitor.core.calendar import Calendar, permitted_between
from monitor.core.words import BatchStatus

Pauses = tuple[tuple[datetime, datetime | None], ...]

# So many are remembered: whoever pauses more often than that is not helped by older ones.
_KEPT = 32


def seen(pauses: Pauses, status: BatchStatus, at: datetime) -> Pauses:
    """The pauses after a look that shows a batch in this status."""
    since = paused_since(pauses)
    if (status is BatchStatus.PAUSED) is (since is not None):
        return pauses
    if since is None:
        return (*pauses, (at, None))[-_KEPT:]
    return (*pauses[:-1], (since, max(at, since)))


def ended(pauses: Pauses, start: datetime, at: datetime) -> Pauses:
    """The same after a batch that had ended at ``start`` was seen running again."""
    return (*seen(pauses, BatchStatus.RUNNING, start), (start, max(at, start)))[-_KEPT:]


def paused_since(pauses: Pauses) -> datetime | None:
    """When the pause that goes on was first seen; None when none does."""
    return pauses[-1][0] if pauses and pauses[-1][1] is None else None


def dialling_between(
    calendar: Calendar | None, pauses: Pauses, start: datetime, end: datetime
) -> timedelta:
    """Permitted time between two instants, without what of it was spent standing still."""
    total = permitted_between(calendar, start, end)
    reached = start
    for began, over in pauses:
        # Spans may overlap where a clock was set back: what is left out is left out once.
        first, last = max(began, reached), min(over or end, end)
        if first < last:
            total -= permitted_between(calendar, first, last)
            reached = last
    return total
