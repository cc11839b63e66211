"""How often to look, and how much to read: pure decisions, as little as will do.

Looking (status and counts) is cheap and comes first; lists are read only where something
moved, and only as far as the vendor's counts stay unexplained. While all goes well by the
counts (see steady), every second look is enough.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.core.calendar import is_open, next_opening
from monitor.core.model import Batch, BatchStatus, ContactStatus, Counts
from monitor.core.tally import Tally, people

# The shortest interval, for what is about to fire or to be called complete.
URGENT = timedelta(seconds=5)
LEAST = timedelta(seconds=1)
# Everything of an open batch is read this often, whatever the counts say, while something
# moves and for so long after.
REREAD_EVERY = timedelta(minutes=10)
SETTLE_READ = timedelta(minutes=1)
# Where what is read of a call hardly ever changes: less often, and after the end once before
# its report is told to be settled. Less often, too, where the vendor counts people by status or
# calls that ended, and these counts move and bear out what was read: who was missed would show.
_REREAD_SELDOM = timedelta(minutes=30)
_SETTLE_ONCE = timedelta(minutes=4)
# A batch whose counts do not agree with its lists after its end is asked again, then less often.
_CHASE = (timedelta(seconds=5), timedelta(seconds=15), timedelta(seconds=60))
# The longer a batch has not moved, the more poll intervals lie between two looks.
_QUIET = (
    (timedelta(minutes=30), 8),
    (timedelta(minutes=10), 4),
    (timedelta(minutes=2), 2),
)
SLOWEST = _QUIET[0][1]
# What lingers is looked at after such a part of the time since its end, and read unless it was
# within half of that: ever more seldom.
_LINGERING = 4
# Looks come earlier by up to this share of the wait, so that batches do not beat in step.
JITTER = 0.1


# What a second try tells of at once, and when that is.
AT_ONCE = frozenset({"auth", "forbidden", "payment", "tls"})
CONFIRM_AFTER = timedelta(seconds=10)
# What goes well is read with every second look: so many intervals lie between one and two.
_EVERY_SECOND = 1.5
# A batch whose counts contradict its lists is read whole this often while it moves.
_WHILE_MOVING = timedelta(minutes=2)


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
    doubted: bool = False  # what the newest look said has to be said again
    contradicted: bool = False  # its lists and counts differ though neither moves
    borne_out: bool = False  # who moves is counted, and nobody of them was missed
    agrees: bool = True  # the vendor's counts and the snapshot
    uncounted: bool = False  # what the vendor counts, as a rule, is missing from its last answer
    overdue: bool = False  # a remembered retry's time has come
    late_changes: bool = True  # what is read of a call may change long after its end
    told: int = 1  # so many poll intervals may lie between looks, as webhooks tell what moves
    read_at: datetime | None = None  # all that was to be read, the last time
    steady: bool = False  # it goes on as it did then, nothing critical fires, no hint came
    lingers: bool = False  # told of and long over, but for words in it that nobody knows


def reading(
    batch: Watched, now: datetime, *, full_every: timedelta, poll_every: timedelta
) -> Reading:
    """How much of the batch's list is to be read now."""
    if batch.full_swept_at is None or now - batch.full_swept_at >= full_every:
        return Reading.ANEW
    if batch.lingers and batch.terminal_at is not None:
        again = (now - batch.terminal_at) / (2 * _LINGERING)
    else:
        again = REREAD_EVERY if _may_change(batch, now) else _REREAD_SELDOM
    if batch.sweeping or batch.swept_at is None or now - batch.swept_at >= again:
        return Reading.ALL
    if batch.terminal_at is not None:
        return _reading_after_end(batch, now, batch.swept_at, batch.terminal_at, poll_every)
    if _moves_unseen(batch) or _may_have_ended(batch, batch.swept_at, now):
        return Reading.ALL
    moved = batch.look.counts != batch.swept_counts
    waits = moved and _may_wait(batch, now, poll_every)
    if not waits and (_is_overdue(batch, now) or moved or _ends_unseen(batch.look)):
        return Reading.HOT
    return Reading.ANEW if batch.contradicted and _is_to_chase(batch, now) else Reading.NOTHING


def _may_wait(batch: Watched, now: datetime, poll_every: timedelta) -> bool:
    """Whether what moved is read with the next look: all goes well, and it was read just now."""
    if batch.read_at is None or now - batch.read_at >= poll_every * _EVERY_SECOND:
        return False
    well = batch.steady and batch.borne_out and not (batch.pending or batch.doubted)
    return well and is_open(batch.look.calendar, now)


def _may_change(batch: Watched, now: datetime) -> bool:
    """Whether what was read last may be otherwise by now, and no count would tell.

    Counts that stand still bear nothing out: they may be old, and the batch is not to be
    told of as stalled before its list was read.
    """
    if not batch.late_changes:
        return False
    if batch.terminal_at is not None or batch.swept_at is None:
        return True
    if batch.borne_out and now - batch.moved_at < REREAD_EVERY / 2:
        return False
    return batch.swept_at - batch.moved_at < REREAD_EVERY


def _moves_unseen(batch: Watched) -> bool:
    """Whether nothing but the list tells what moved."""
    return batch.uncounted and batch.look.status is BatchStatus.RUNNING


def _may_have_ended(batch: Watched, swept_at: datetime, now: datetime) -> bool:
    """Whether its status is a word that nobody knows, and its last calls were read too early.

    It may be over, and what is told of a call comes late.
    """
    settled = batch.moved_at + SETTLE_READ
    return batch.look.status is BatchStatus.UNKNOWN and swept_at < settled <= now


def _reading_after_end(
    batch: Watched,
    now: datetime,
    swept_at: datetime,
    terminal_at: datetime,
    poll_every: timedelta,
) -> Reading:
    """The same once it has ended and everything was read at ``swept_at``."""
    if batch.lingers:
        return Reading.NOTHING
    if batch.complete_at is None or batch.complete_at < terminal_at or not batch.agrees:
        return Reading.ALL
    # Costs and answers come late: read again until the report has settled.
    settle = min(SETTLE_READ, poll_every * 4) if batch.late_changes else _SETTLE_ONCE
    unseen_until = terminal_at + batch.look.unseen_for
    if now - swept_at >= settle or swept_at < unseen_until <= now:
        return Reading.ALL
    return Reading.HOT if _ends_unseen(batch.look) or now < unseen_until else Reading.NOTHING


def _ends_unseen(look: Batch) -> bool:
    """Whether calls may end without any count of the vendor's moving: none counts live ones."""
    counts = look.counts
    if "live" not in counts.estimated:
        return False
    return bool(counts.live) or (look.status is BatchStatus.RUNNING and not counts.waiting)


def _is_to_chase(batch: Watched, now: datetime) -> bool:
    """Read whole now and then while it moves; then once at rest, and each time twice as late."""
    read = batch.full_swept_at
    if read is None:
        return True
    if read <= batch.moved_at:
        return now - read >= _WHILE_MOVING
    return now - read >= min(max(read - batch.moved_at, _CHASE[0]), REREAD_EVERY)


def next_look(
    batch: Watched,
    now: datetime,
    *,
    poll_every: timedelta,
    blind_after: timedelta,
    chance: float = 0.0,
) -> timedelta:
    """How long to wait before the batch is looked at again; ``chance`` lies within 0 and 1.

    At most half of what makes it stale, so that a slow pace never looks like blindness: only
    what lingers, by which nobody tells what is seen of the vendor, is looked at less often.
    """
    wait = _pace(batch, now, poll_every)
    if not batch.lingers:
        wait = min(wait, blind_after / 2)
    return max(wait * (1 - JITTER * chance), LEAST)


def _pace(batch: Watched, now: datetime, poll_every: timedelta) -> timedelta:
    urgent = min(poll_every, URGENT)
    if batch.pending or batch.doubted:
        return urgent
    if batch.terminal_at is not None:
        since = now - batch.terminal_at
        wait = _after_end(since, urgent, poll_every)
        return max(wait, since / _LINGERING) if batch.lingers else wait
    if _is_overdue(batch, now):
        return poll_every * batch.told
    quiet = now - batch.moved_at
    times = next((times for longer_than, times in _QUIET if quiet > longer_than), 1)
    if times > 1 and _is_idle(batch.look, now):
        times = SLOWEST
    times = max(times, batch.told)
    return min(poll_every * times, max(_idle_for(batch.look, now), poll_every))


def _is_overdue(batch: Watched, now: datetime) -> bool:
    """Whether a retry should be under way now: none is while calls may not be made."""
    return batch.overdue and is_open(batch.look.calendar, now)


def _is_idle(look: Batch, now: datetime) -> bool:
    """Whether it stands still as it should: nobody is called now, or is to be."""
    if look.counts.live:
        return False
    waits = look.status in {BatchStatus.SCHEDULED, BatchStatus.PAUSED}
    return waits or not is_open(look.calendar, now)


def _idle_for(look: Batch, now: datetime) -> timedelta:
    """How long nothing can happen: until the batch may start, or call again."""
    moments = [look.scheduled_at] if look.status is BatchStatus.SCHEDULED else []
    if not is_open(look.calendar, now):
        moments.append(next_opening(look.calendar, now))
    later = [moment - now for moment in moments if moment is not None and moment > now]
    return min(later, default=timedelta.max)


def _after_end(since: timedelta, urgent: timedelta, poll_every: timedelta) -> timedelta:
    if since < timedelta(seconds=30):
        return urgent
    for step in _CHASE:
        if since < step * 4:
            return max(step, urgent)
    return max(poll_every, _CHASE[-1])


def lines(look: Batch, tally: Tally) -> int:
    """How many calls may be under way: the vendor's count of live ones, less the queue in it.

    Some vendors list who waits and count as live whoever is listed and not finished. Those
    who count people by status count the two apart.
    """
    counts = look.counts
    live = counts.live or 0
    if counts.by_status or counts.total is None or counts.finished is None:
        return live
    waiting = people(tally, ContactStatus.PENDING)
    return min(live, max(counts.total - counts.finished - waiting, 0))


def explained(differences: tuple[int, ...], live: int) -> bool:
    """Whether what the counts and the snapshot differ by is no more than moved while reading."""
    return sum(differences) <= max(4, 2 * live)


def backoff(failures: int, kind: str, poll_every: timedelta) -> timedelta:
    """How long to leave a vendor alone after so many failures in a row (1 or more)."""
    if failures == 1 and kind in AT_ONCE:
        return min(poll_every, CONFIRM_AFTER)  # one may be an accident; two are told at once
    most = timedelta(minutes=5) if kind in {"auth", "forbidden", "payment"} else _CHASE[-1]
    # Twice at once: one refused request may be an accident.
    grown = poll_every * float(2 ** min(max(failures - 2, 0), 10))
    return max(LEAST, min(grown, max(most, poll_every)))
