"""Which histories leave it to the moment of looking what is to be told.

A spike that begins as its batch ends is told by whoever looks in time, and so is a standstill
that is hardly longer than allowed. Both ways of watching are right then, and differ. So each
rule's condition must hold, by the truth of the world, for so long that both must see it, or
never come near.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from monitor.core.model import BatchStatus, Outcome
from monitor.simulator import state as s
from monitor.simulator.truth import Entry, What
from monitor.simulator.world import RunningBatch

WINDOW_S, IDLE_S = 120, 60
# Records come up to a minute late; then somebody has to look, twice.
SURELY_S = 90.0
SAMPLES_S = 5.0
FAILED = frozenset({Outcome.FAILED, Outcome.ERROR})


def in_doubt(batch: RunningBatch, entries: Sequence[Entry]) -> bool:
    """Whether one of the rules may or may not be seen to hold in a batch that is over."""
    life = _Life.of(batch, entries)
    return life.spike_in_doubt() or life.standstill_in_doubt()


@dataclass(frozen=True)
class _Life:
    """The ends of a batch's calls, and when it dialled, in seconds since 1970."""

    began: float
    stopped: float  # when nobody was expected to be dialled any more
    ended: float
    calls: tuple[tuple[float, bool], ...]  # when each ended, and whether it failed
    moves: tuple[float, ...]

    @classmethod
    def of(cls, batch: RunningBatch, entries: Sequence[Entry]) -> "_Life":
        turns = [each for each in entries if each.what is What.BATCH]
        running = [each.t for each in turns if each.after == BatchStatus.RUNNING]
        over = [each.t for each in turns if BatchStatus(each.after).terminal]
        began, stopped = running[0] if running else over[0], over[0]
        # The status of what was cancelled is a word that nobody documents: how its calls ended
        # is judged on and on, but no rule expects anybody to be dialled.
        ended = stopped + (WINDOW_S if turns[-1].after == BatchStatus.CANCELLED else 0.0)
        rows = range(len(batch.calls))
        calls = sorted(
            (batch.calls.ended[row], s.ENDS[batch.calls.end[row]] in FAILED)
            for row in rows
            if batch.calls.ended[row]
        )
        starts = [batch.calls.started[row] for row in rows]
        moves = sorted([*starts, *(t for t, _ in calls)])
        moved = tuple(t for t in moves if t <= stopped)
        return cls(began, stopped, ended, tuple(calls), moved)

    def spike_in_doubt(self) -> bool:
        failed = [t for t, bad in self.calls if bad and t <= self.ended]
        if len(failed) <= 3:
            return False
        if self._longest(self.began, lambda n, bad: n >= 20 and bad >= 0.4 * n) < SURELY_S:
            return True
        after = failed[-1]
        recovered = self._longest(after, lambda n, bad: n >= 20 and bad <= 0.1 * n)
        nearly = self._longest(after, lambda n, bad: n >= 6 and bad <= 0.3 * n)
        return nearly > 0.0 and recovered < SURELY_S

    def _longest(self, since: float, holds: Callable[[int, int], bool]) -> float:
        """For how long something held without a break of the calls within the window."""
        ends = [t for t, _ in self.calls]
        best = run = 0.0
        t = since
        while t <= self.ended:
            low, high = bisect_right(ends, t - WINDOW_S), bisect_right(ends, t)
            bad = sum(failed for _, failed in self.calls[low:high])
            run = run + SAMPLES_S if holds(high - low, bad) else 0.0
            best = max(best, run)
            t += SAMPLES_S
        return best

    def standstill_in_doubt(self) -> bool:
        marks = [self.began, *self.moves, self.stopped]
        gaps = [(after - before, after) for before, after in pairwise(marks)]
        return any(_is_doubtful(gap, self.stopped - until) for gap, until in gaps)


def _is_doubtful(gap: float, left: float) -> bool:
    """Whether a gap may be told or not, or may end by itself or with its batch."""
    if gap <= IDLE_S * 0.6:
        return False
    return gap < IDLE_S + SURELY_S or 0.0 < left < SURELY_S
