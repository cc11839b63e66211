"""People answer, and the agent does not do its work.

Fires when, of the answered calls that ended within ``window``, the share shorter than
``shorter_than`` reaches ``threshold``, of at least ``min_calls``, and with ``compare`` also
``times`` what is usual, and surely more; with nothing to compare with, when it reaches
``alone``. Or when the share of answered calls that end with one of the words ``goal`` (as
hang-up reason or disposition) falls to what is usual divided by ``times``, and surely so.
Names the agent version that changed, and when. Calls of the last ``settle`` do not count
yet: whether a person or a mailbox answered is often told late.

What to do: pause the batch; listen to one of the calls; go back to the agent's last version.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import ClassVar

from monitor.core.baseline import Compare, Counted, Usual
from monitor.core.facts import BatchFacts
from monitor.core.failures import rate_finding, since
from monitor.core.rates import RateRule
from monitor.core.rule import Finding, Holds, Severity, Unknown, Verdict, check_between
from monitor.core.standstill import stopped
from monitor.core.talking import GoalRate, first_of, short_calls, with_version
from monitor.core.wording import counted, span


@dataclass(frozen=True, kw_only=True)
class AgentBroken(RateRule):
    """See the module. ``goal`` empty turns that way of firing off."""

    id: ClassVar[str] = "agent_broken"
    severity: ClassVar[Severity] = Severity.CRITICAL
    cause: ClassVar[str | None] = "talking"
    pending_for: ClassVar[timedelta] = timedelta(minutes=3)

    compare: Compare = Compare.PREVIOUS_BATCHES
    min_usual: int = 20
    confidence: float = 0.9999
    shorter_than: timedelta = timedelta(seconds=15)
    alone: float = 0.6
    settle: timedelta = timedelta(minutes=2)
    goal: frozenset[str] = frozenset({"goal_completed"})

    def __post_init__(self) -> None:
        """ValueError for people where a parameter cannot be meant."""
        super().__post_init__()
        check_between("alone", self.alone, self.threshold, 1)

    def judge(self, facts: BatchFacts) -> Verdict:
        """See the module."""
        if still := stopped(facts):
            return still
        found = [self._short(facts)]
        if not isinstance(found[0], Holds):
            found.append(self._goals.judge(facts))
        return with_version(facts, first_of(found))

    @cached_property
    def _goals(self) -> GoalRate:
        return GoalRate(
            window=self.window,
            threshold=1,
            min_calls=self.min_calls,
            compare=self.compare,
            times=self.times,
            min_usual=self.min_usual,
            confidence=self.confidence,
            goal=self.goal,
        )

    def wrong_alone(self, seen: Counted) -> bool:
        """See RateRule."""
        return seen.share >= self.alone

    def _limit(self, usual: Usual | None) -> float:
        alone = usual is None and self.compare is not Compare.ABSOLUTE
        return self.alone if alone else self.limit_beside(usual)

    def _short(self, facts: BatchFacts) -> Verdict:
        start = since(facts, self.window)
        end = max(facts.now - self.settle, start)
        case = short_calls(self.shorter_than)
        seen = case.count(facts.calls, start, end)
        if seen.whole < self.min_calls:
            n = counted(seen.whole, "answered call")
            return Unknown(f"only {n} of known length, {self.min_calls:,} are needed")

        def say(usual: Usual | None) -> Finding:
            said = f"{counted(seen.whole, 'answered call')} under {span(self.shorter_than)}"
            what = f"{said} in {span(end - start)}"
            return rate_finding(seen, what, self._limit(usual), usual)

        return self.weigh(facts, seen, start, case, say)
