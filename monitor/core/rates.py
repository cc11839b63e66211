"""When a share of calls is too high or too low: by itself, and beside what is usual.

A rate rule has a limit of its own (``threshold``). With ``compare`` it holds only if the
share is, besides, ``times`` what is usual or more (or less than that part of it, for a share
that falls), and surely so: the confidence interval of the difference lies on that side of
nothing. Where what is usual is nothing, every share is more than a multiple of it, so the
limit and the interval decide. With fewer than ``min_usual`` calls to compare with, nothing
is said.
"""

from abc import ABC
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import ClassVar

from monitor.core.baseline import SURE, Compare, Count, Counted, Usual, surely_apart, usual
from monitor.core.facts import BatchFacts
from monitor.core.failures import Case, accused
from monitor.core.rule import (
    BatchRule,
    Clear,
    Finding,
    Holds,
    Replays,
    Unknown,
    Verdict,
    check_between,
)
from monitor.core.stats import wilson_lower
from monitor.core.wording import counted, percent

RECOVERED = 0.8  # of a limit: a share that hovers at it says neither yes nor no

# The finding of a share, beside what is usual where that is known.
Say = Callable[[Usual | None], Finding]
Ask = Callable[[], Usual]


class Direction(StrEnum):
    """Which side of a limit is wrong."""

    ABOVE = "above"
    BELOW = "below"


@dataclass(frozen=True, kw_only=True)
class RateRule(BatchRule, ABC):
    """A rule about a share of the calls that ended within ``window``.

    ``confidence``: how sure the share must be beyond half its limit, and apart from what is
    usual; 0 asks for nothing of the first, and takes 0.95 for the second. A window rolls, so
    chance gets many tries: the default leaves it one of a thousand in each.
    """

    cause: ClassVar[str | None] = "dialling"
    reads_list: ClassVar[bool] = True
    replays: ClassVar[Replays] = Replays.CALLS

    window: timedelta = timedelta(minutes=30)
    threshold: float = 0.3
    min_calls: int = 20
    compare: Compare = Compare.ABSOLUTE
    times: float = 2
    min_usual: int = 40
    confidence: float = 0.999

    def __post_init__(self) -> None:
        """ValueError for people where a parameter cannot be meant."""
        if self.window <= timedelta(0):
            raise ValueError("window is empty, so no call could ever lie in it")
        check_between("threshold", self.threshold, 0.001, 1)
        check_between("times", self.times, 1, 1_000)
        check_between("min_calls", self.min_calls, 1, 1_000_000)
        check_between("min_usual", self.min_usual, 1, 1_000_000)
        check_between("confidence", self.confidence, 0, 0.9999)

    @property
    def falls(self) -> bool:
        """Whether too low a share is wrong, and not too high a one."""
        return False

    @property
    def recovery(self) -> float:
        """From where on a share is over."""
        return self._back_from(self.threshold)

    def _back_from(self, limit: float) -> float:
        return min(limit / RECOVERED, 1) if self.falls else limit * RECOVERED

    def _is_back(self, part: float, limit: float) -> bool:
        return part > limit if self.falls else part < limit

    def weigh(
        self, facts: BatchFacts, seen: Counted, start: datetime, case: Case, say: Say
    ) -> Verdict:
        """The verdict on a share of the calls that ended after ``start``."""
        return self.weigh_beside(
            facts, seen, start, case, say, lambda: self.usual(facts, start, case.count)
        )

    def weigh_beside(
        self, facts: BatchFacts, seen: Counted, start: datetime, case: Case, say: Say, ask: Ask
    ) -> Verdict:
        """The same, where what is usual is asked for in another way."""
        if not self.reached(seen):
            return self.within(seen, say)
        if self.compare is Compare.ABSOLUTE:
            return Holds(accused(facts, say(None), start, case))
        beside = ask()
        if beside.seen.whole < self.min_usual:
            if self.wrong_alone(seen):
                return Holds(accused(facts, say(None), start, case))
            return Unknown(self._too_few(beside), partial(say, None))
        if self.beyond(seen, beside):
            return Holds(accused(facts, say(beside), start, case))
        return self._as_usual(seen, beside, partial(say, beside))

    def usual(self, facts: BatchFacts, start: datetime, count: Count) -> Usual:
        """What the share is compared with."""
        return usual(facts, self.compare, start, self.window, count, self.min_usual)

    def within(self, seen: Counted, say: Say) -> Verdict:
        """The verdict on a share that is not beyond the rule's limit."""
        if self._is_back(seen.share, self.recovery):
            return Clear(partial(say, None))
        side = "above" if self.falls else "below"
        reason = f"not yet {side} {percent(self.recovery)}"
        return Unknown(reason, partial(say, None), between=True)

    def is_well(self, seen: Counted, beside: Usual) -> bool:
        """Whether ``weigh_beside`` would call this share clear."""
        if not self.reached(seen):
            return self._is_back(seen.share, self.recovery)
        return beside.fixed and self._is_back(seen.share, self._back_from(self._far(beside)))

    def reached(self, seen: Counted) -> bool:
        """Whether enough calls are beyond the rule's own limit, and not by chance alone."""
        if seen.whole < self.min_calls:
            return False
        if self.falls:
            return seen.share <= self.threshold
        if seen.share < self.threshold:
            return False
        return not self.confidence or wilson_lower(*seen, self.confidence) > self.threshold / 2

    def wrong_alone(self, seen: Counted) -> bool:
        """Whether a share is wrong though there is nothing to compare it with."""
        del seen
        return False

    def limit_beside(self, beside: Usual | None) -> float:
        """The share from which on it holds."""
        if beside is None:
            return self.threshold
        far = self._far(beside)
        return min(self.threshold, far) if self.falls else max(self.threshold, min(far, 1))

    def beyond(self, seen: Counted, beside: Usual) -> bool:
        """Whether the share is surely so many times what is usual."""
        far = self._far(beside)
        enough = seen.share <= far if self.falls else seen.share >= far
        sure = self.confidence or SURE
        return enough and surely_apart(seen, beside.seen, sure, above=not self.falls)

    def _far(self, beside: Usual) -> float:
        part = beside.seen.share
        return part / self.times if self.falls else part * self.times

    def _as_usual(self, seen: Counted, beside: Usual, say: Callable[[], Finding]) -> Verdict:
        """What to say of a share beyond its own limit that is no more than usual.

        Only what went wrong before cannot rise with what goes wrong now: beside that, it is
        clear. Beside calls of now, or of just before, a long trouble looks usual in the end.
        """
        if beside.fixed and self._is_back(seen.share, self._back_from(self._far(beside))):
            return Clear(say)
        side = "lower" if self.falls else "higher"
        return Unknown(f"not surely {side} than usual", say)

    def _too_few(self, beside: Usual) -> str:
        n = counted(beside.seen.whole, "call")
        return f"only {n} to compare with ({beside.where}), {self.min_usual:,} are needed"
