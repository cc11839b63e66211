"""How often to look, and how much to read: pure decisions, as little as will do.

Looking (status and counts) is cheap and comes first; lists are read only where something
moved, and only as far as the vendor's counts stay unexplained.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.core.model import Batch, Counts

# The shortest interval, for what is about to fire or to be called complete.
URGENT = timedelta(seconds=5)
LEAST = timedelta(seconds=1)
# Everything of an open batch is read this often, whatever the counts say.
REREAD_EVERY = timedelta(minutes=10)
SETTLE_READ = timedelta(minutes=1)
# A batch whose counts do not agree with its lists after its end is asked again, then less often.
_CHASE = (timedelta(seconds=5), timedelta(seconds=15), timedelta(seconds=60))
_MOVING_FOR = timedelta(minutes=2)


class Reading(StrEnum):
    """How much of a batch's list to read."""

    NOTHING = "nothing"
    HOT = "hot"  # where something is expected to have moved, until the counts are explained
    ALL = "all"  # every page, skipping items whose bytes are known
    ANEW = "anew"  # every page and every item, whatever is remembered


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What pacing needs to know of a batch."""

    look: Batch
    moved_at: datetime
    terminal_at: datetime | None = None
    swept_at: datetime | None = None
    full_swept_at: datetime | None = None
    complete_at: datetime | None = None
    swept_counts: Counts | None = None
    sweeping: bool = False  # a sweep was begun and never finished
    pending: bool = False  # an alert waits to fire
    agrees: bool = True  # the vendor's counts and the snapshot
    overdue: bool = False  # a remembered retry's time has come


def reading(
    batch: Watched, now: datetime, *, full_every: timedelta, poll_every: timedelta
) -> Reading:
    """How much of the batch's list is to be read now."""
    if batch.full_swept_at is None or now - batch.full_swept_at >= full_every:
        return Reading.ANEW
    if batch.sweeping or batch.swept_at is None or now - batch.swept_at >= REREAD_EVERY:
        return Reading.ALL
    if batch.terminal_at is not None:
        read = batch.complete_at is not None and batch.complete_at >= batch.terminal_at
        # Costs and answers come late: read again until the report has settled.
        late = now - batch.swept_at >= min(SETTLE_READ, poll_every * 4)
        return Reading.NOTHING if read and batch.agrees and not late else Reading.ALL
    if batch.overdue or batch.look.counts != batch.swept_counts:
        return Reading.HOT
    return Reading.NOTHING


def next_look(
    batch: Watched, now: datetime, *, poll_every: timedelta, blind_after: timedelta
) -> timedelta:
    """How long to wait before the batch is looked at again.

    At most half of what makes it stale, so that a slow pace never looks like blindness.
    """
    return max(min(_pace(batch, now, poll_every), blind_after / 2), LEAST)


def _pace(batch: Watched, now: datetime, poll_every: timedelta) -> timedelta:
    urgent = min(poll_every, URGENT)
    if batch.pending:
        return urgent
    if batch.terminal_at is not None:
        return _after_end(now - batch.terminal_at, urgent, poll_every)
    if now - batch.moved_at <= _MOVING_FOR or batch.overdue:
        return poll_every
    # Quiet: a little slower, never so slow that a stall is seen late.
    return poll_every * 2


def _after_end(since: timedelta, urgent: timedelta, poll_every: timedelta) -> timedelta:
    if since < timedelta(seconds=30):
        return urgent
    for step in _CHASE:
        if since < step * 4:
            return max(step, urgent)
    return max(poll_every, _CHASE[-1])


def explained(differences: tuple[int, ...], live: int) -> bool:
    """Whether what the counts and the snapshot differ by is no more than moved while reading."""
    return sum(differences) <= max(4, 2 * live)


def backoff(failures: int, kind: str, poll_every: timedelta) -> timedelta:
    """How long to leave a vendor alone after so many failures in a row (1 or more)."""
    most = timedelta(minutes=5) if kind in {"auth", "forbidden", "payment"} else _CHASE[-1]
    # Twice at once: one refused request may be an accident.
    grown = poll_every * float(2 ** min(max(failures - 2, 0), 10))
    return max(LEAST, min(grown, max(most, poll_every)))
