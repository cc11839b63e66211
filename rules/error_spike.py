"""Calls fail far more often than they should.

Fires when, of the calls that ended within ``window``, the failed share reaches
``threshold``, with at least ``min_calls`` and ``min_failed`` (and, when ``confidence`` is
above 0, its Wilson lower bound lies above half the threshold), or when the last ``streak``
calls all failed. Recovers below ``recover`` (default 0.8 of the threshold) with
``min_calls``; too few calls say nothing, so a pause never looks like recovery. Calls that
ended before the batch was resumed no longer count. Busy lines,
no answer, voicemail and what people cancel are no failures: ``statuses`` says what is.
Where a vendor has one word for failures and for no answers, it says nothing.
With ``compare`` a share is a spike only if it is ``times`` what is usual as well, and surely
higher: than ``earlier`` in the batch, in the ``previous_batches`` of its campaign or name, or
in its ``siblings``, with ``min_usual`` calls there. A streak needs no comparison.

What to do: pause the batch before it burns through its list; look at what the failures
share; ask the carrier or the vendor about it.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import ClassVar

from monitor.core.baseline import Compare, Counted, Usual
from monitor.core.calls import Ended
from monitor.core.facts import BatchFacts
from monitor.core.failures import (
    accused,
    case_of,
    counted_in,
    last_ends,
    lately,
    streak_finding,
    too_few,
    untold,
    usual_share,
    window_finding,
)
from monitor.core.model import FAILED, Outcome
from monitor.core.rates import RECOVERED, RateRule
from monitor.core.rule import Finding, Holds, Severity, Unknown, Verdict, check_between
from monitor.core.standstill import stopped

_CANCELLED = frozenset({Outcome.CANCELLED})


@dataclass(frozen=True, kw_only=True)
class ErrorSpike(RateRule):
    """See the module. ``streak`` 0 turns that way of firing off."""

    id: ClassVar[str] = "error_spike"
    severity: ClassVar[Severity] = Severity.CRITICAL

    window: timedelta = timedelta(minutes=10)
    threshold: float = 0.25
    min_failed: int = 5
    streak: int = 8
    confidence: float = 0
    recover: float | None = None
    statuses: frozenset[Outcome] = FAILED

    def __post_init__(self) -> None:
        """ValueError for people where a parameter cannot be meant."""
        super().__post_init__()
        check_between("recover", self.recovery, 0, self.threshold)
        check_between("streak", self.streak, 0, 10_000)
        if not self.statuses:
            raise ValueError("statuses is empty, so no call could ever count as failed")

    @property
    def recovery(self) -> float:
        """See RateRule."""
        return RECOVERED * self.threshold if self.recover is None else self.recover

    def judge(self, facts: BatchFacts) -> Verdict:
        """See the module."""
        if still := stopped(facts) or untold(facts, self.statuses):
            return still
        window = lately(facts, self.window)
        case, seen = case_of(self.statuses), counted_in(window, self.statuses)

        def say(usual: Usual | None) -> Finding:
            limit = self.limit_beside(usual)
            if usual is None and self.compare is Compare.ABSOLUTE and self.reached(seen):
                usual = usual_share(
                    facts, window, self.statuses, least=self.min_calls, trouble=self.recovery
                )
            return window_finding(window, seen.part, limit, usual)

        verdict = self.weigh(facts, seen, window.start, case, say) if self.reached(seen) else None
        if isinstance(verdict, Holds):
            return verdict
        last = last_ends(facts, self.streak) if self.streak else ()
        if last and len(last) == self.streak and self._all_failed(facts, last):
            began = last[-1].ended_at - timedelta(microseconds=1)
            return Holds(accused(facts, streak_finding(facts, last), began, case))
        # What people cancelled is no sign of health.
        told = seen._replace(whole=window.n - window.count(_CANCELLED - self.statuses))
        if told.whole < self.min_calls:
            return Unknown(too_few(facts, window, self.min_calls), partial(say, None))
        return verdict or self.within(told, say)

    def reached(self, seen: Counted) -> bool:
        """See RateRule; a few failures are no spike, however large their share."""
        return seen.part >= self.min_failed and super().reached(seen)

    def _all_failed(self, facts: BatchFacts, last: tuple[Ended, ...]) -> bool:
        if any(call.outcome not in self.statuses for call in last):
            return False
        # Calls that ended at one moment have no order: of those, every one must have failed.
        since = facts.calls.window(last[-1].ended_at - timedelta(microseconds=1), last[0].ended_at)
        return since.n == since.count(self.statuses)
