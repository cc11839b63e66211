"""What a look at a batch, or something that moved in it, makes of its row: nothing is written.

Shared by whoever takes looks in and by whoever lays a batch's past out once more.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from monitor.core.calendar import permitted_between
from monitor.core.completion import NEVER_FALL, apart, highest, is_less
from monitor.core.idle import Pauses, seen
from monitor.core.model import Batch, BatchStatus, Counts
from monitor.core.tally import Tally
from monitor.store.absent import KNOWN
from monitor.store.batches import BatchRow
from monitor.store.reruns import another_run

# How much one gap between two moves weighs in the batch's typical gap, and how many times the
# typical one a single gap counts at most: one long night must not hide the next stall.
_GAP_WEIGHT = 0.1
_GAP_MOST = 10.0
# What moves so soon after a move is the same move: one poll sees the counts, then the people.
_SAME_MOVE = timedelta(seconds=5)
# Nobody looked for so long that a pause may have been over and begun again.
_AWAY = timedelta(minutes=5)


def first_row(look: Batch, *, baseline: bool) -> BatchRow:
    """The row of a batch never seen before. ``baseline``: what has ended by now is history."""
    ended = look.status.terminal
    return BatchRow(
        id=0,
        look=look,
        first_seen_at=look.seen_at,
        fresh_at=look.seen_at,
        moved_at=look.seen_at,
        due_at=look.seen_at,
        news=not (baseline and ended),
        open=not (baseline and ended),
        terminal_at=look.seen_at if ended else None,
        running_at=_begun_at(None, look),
        pauses=seen((), look.status, look.seen_at),
    )


def advanced(known: BatchRow, look: Batch) -> BatchRow:
    """The row after a look that is neither older than what is known nor to be doubted."""
    at = look.seen_at
    look = _filled(known.look, look)
    row = replace(
        known,
        look=look,
        fresh_at=at,
        failure=None,
        falling_at=None,
        fallen_from=_fallen(known, look),
        running_at=_begun_at(known.running_at, look),
        pauses=seen(_pauses(known, look), look.status, at),
    )
    if known.gone_at is not None:
        # One that had vanished is watched again, also when it was given up.
        row = replace(row, open=True, **KNOWN)
        row = _forgotten(row) if known.pruned else row
    elif not (known.open or known.ended or look.status.terminal):
        row = replace(row, open=True)  # it was not chosen for a while, and is again
    if look.status.terminal:
        if known.terminal_at is not None and look.status is known.look.status:
            # Not later than now: the clock may have been set back since.
            ended = min(known.terminal_at, at)
            return replace(row, terminal_at=ended, terminal_again_at=at, reopening_at=None)
        if not known.ended:
            row = replace(row, seen_open_at=known.fresh_at)
        return _moved(replace(row, terminal_at=at, terminal_again_at=None), at)
    if known.ended:
        return _reopened(known, row, at)
    if _state(look) == _state(known.look):
        return row
    if known.look.status is BatchStatus.RUNNING:
        return _moved(row, at)
    row = replace(row, moved_at=at)
    if look.status is BatchStatus.RUNNING and known.look.status is BatchStatus.PAUSED:
        # One that was resumed through Offhook stood still until then.
        idle = max(known.fresh_at, known.idle_at or known.fresh_at)
        row = replace(row, resumed_at=at, idle_at=idle)
    return row


def _pauses(known: BatchRow, look: Batch) -> Pauses:
    """Its pauses before this look: one in which people were called unseen was over then."""
    before = known.look
    both = before.status is BatchStatus.PAUSED and look.status is BatchStatus.PAUSED
    if not both or look.seen_at - known.fresh_at <= _AWAY:
        return known.pauses
    # Calls that were open when it was paused may well have ended since.
    ended = (look.counts.finished or 0) - (before.counts.finished or 0)
    may_have = before.counts.live if before.counts.live is not None else before.concurrency
    moved = before.counts.finished is not None and ended > (may_have or 0)
    return seen(known.pauses, BatchStatus.RUNNING, known.fresh_at) if moved else known.pauses


def _begun_at(known: datetime | None, look: Batch) -> datetime | None:
    """When the run was first seen dialling."""
    return look.seen_at if known is None and look.status is BatchStatus.RUNNING else known


def _filled(known: Batch, look: Batch) -> Batch:
    """The look, with what only other answers carry taken over from the known one."""
    names = ("name", "campaign", "created_at", "calendar", "timezone", "retry", "concurrency")
    missing = {
        name: getattr(known, name)
        for name in (*names, "scheduled_at", "started_at", "shape")
        if getattr(look, name) is None
    }
    return replace(look, **missing)


def falls(known: BatchRow, look: Batch) -> bool:
    """Counts that never fall are lower than before, and no newer version explains it.

    Lines and people who wait go up and down; what is finished, and who is in the batch, falls
    only where people are taken out or a cache answers: a second look has to say so.
    """
    before = known.look
    if look.version and before.version and look.version > before.version:
        return False
    if known.ended and not look.status.terminal:
        return False  # a new run, if anything
    return any(is_less(before.counts, look.counts, name) for name in NEVER_FALL)


def _fallen(known: BatchRow, look: Batch) -> Counts | None:
    """What counts were before they fell, until they are as high again."""
    before = known.look.counts if falls(known, look) else known.fallen_from
    if before is not None and known.fallen_from is not None:
        before = highest(before, known.fallen_from)
    newer = look.version and known.look.version and look.version > known.look.version
    if before is None or newer:
        return None
    return before if any(is_less(before, look.counts, name) for name in NEVER_FALL) else None


def _reopened(known: BatchRow, row: BatchRow, at: datetime) -> BatchRow:
    """Two looks in a row must say that an ended batch goes on before it counts as a new run."""
    # Whatever this look says, it does not confirm the end.
    doubted = replace(known, fresh_at=at, terminal_again_at=None)
    if known.look.status is BatchStatus.UNKNOWN or row.look.status is BatchStatus.UNKNOWN:
        return doubted
    if known.reopening_at is None:
        return replace(doubted, reopening_at=at, due_at=at)
    if at <= known.reopening_at:
        return known
    fresh = another_run(row, at)
    return _moved(_forgotten(fresh) if known.pruned else fresh, at)


def _forgotten(row: BatchRow) -> BatchRow:
    """Nothing is known of its people any more: the next reading is a baseline again."""
    return replace(row, pruned=False, tally={}, full_swept_at=None, listed_at=None)


def _state(look: Batch) -> tuple[object, ...]:
    return (look.status, look.raw_status, look.counts)


def _moved(row: BatchRow, at: datetime) -> BatchRow:
    """The row after a move. Only permitted time between two moves of a running batch is a gap."""
    return replace(row, moved_at=at, typical_gap_s=_typical_gap(row, at))


def _typical_gap(row: BatchRow, at: datetime) -> float | None:
    usual = row.typical_gap_s
    if at - row.moved_at < _SAME_MOVE:
        return usual
    gap = permitted_between(row.look.calendar, row.moved_at, at) / timedelta(seconds=1)
    if usual is None:
        return gap
    return usual + _GAP_WEIGHT * (min(gap, _GAP_MOST * usual) - usual)


def touched(row: BatchRow, at: datetime) -> BatchRow:
    """The row after one of its people or calls moved at ``at``."""
    if at <= row.moved_at:
        return row
    return _moved(row, at) if row.look.status is BatchStatus.RUNNING else replace(row, moved_at=at)


def told_before(row: BatchRow, before: Tally, after: Tally) -> bool:
    """Whether people whose moves are read only now had been counted by the vendor long since.

    They move nothing now: ``moved_at`` is when the counts did, or when the last of their calls
    ended, where these lag behind. So it is where the list could not be read for a while, or held
    less than everybody: what was read brings the snapshot (a tally ``before``, one ``after``)
    nearer to counts of a time before it.
    """
    if row.complete_at is not None and row.complete_at >= row.moved_at:
        return False
    counts = row.look.counts
    return apart(counts, after) < apart(counts, before)
