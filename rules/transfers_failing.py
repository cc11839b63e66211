"""Calls are not handed over to people, or not delivered after their end.

Fires when, of the transfers tried in the calls that ended within ``window``, the share that
failed reaches ``threshold``, with at least ``min_failed`` failures of ``min_calls`` tries, and
surely above half of it; or the same of what is delivered after a call, such as its result.
Fewer tries say nothing. Says nothing where the vendor does not tell that a transfer failed.

What to do: call the number that calls are handed to, and look at who is on duty; for
deliveries, look at the system that receives them.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import ClassVar

from monitor.core.baseline import Counted, Usual
from monitor.core.facts import BatchFacts
from monitor.core.failures import rate_finding, since
from monitor.core.handing import Handing, deliveries, transfers
from monitor.core.rates import RateRule
from monitor.core.rule import Clear, Finding, Holds, Severity, Unknown, Verdict, check_between
from monitor.core.standstill import stopped
from monitor.core.wording import counted, span


@dataclass(frozen=True, kw_only=True)
class TransfersFailing(RateRule):
    """See the module."""

    id: ClassVar[str] = "transfers_failing"
    severity: ClassVar[Severity] = Severity.WARNING
    cause: ClassVar[str | None] = "talking"
    needs: ClassVar[frozenset[str]] = frozenset({"transfers"})

    window: timedelta = timedelta(hours=1)
    threshold: float = 0.2
    min_calls: int = 3
    min_failed: int = 3

    def __post_init__(self) -> None:
        """ValueError for people where a parameter cannot be meant."""
        super().__post_init__()
        check_between("min_failed", self.min_failed, 1, 1_000_000)

    def judge(self, facts: BatchFacts) -> Verdict:
        """See the module."""
        if still := stopped(facts):
            return still
        tried = self._weigh(facts, transfers())
        if isinstance(tried, Holds) or not facts.capabilities.deliveries:
            return tried
        delivered = self._weigh(facts, deliveries())
        return delivered if isinstance(tried, Clear) or isinstance(delivered, Holds) else tried

    def reached(self, seen: Counted) -> bool:
        """See RateRule."""
        return seen.part >= self.min_failed and super().reached(seen)

    def _weigh(self, facts: BatchFacts, handing: Handing) -> Verdict:
        start = since(facts, self.window)
        seen = handing.case.count(facts.calls, start, facts.now)
        tries = counted(seen.whole, handing.one, handing.many)
        what = f"{tries} failed in {span(facts.now - start)}"

        def say(usual: Usual | None) -> Finding:
            return rate_finding(seen, what, self.limit_beside(usual), usual)

        if seen.whole < self.min_calls:
            return Unknown(f"only {tries}, {self.min_calls:,} are needed", partial(say, None))
        return self.weigh(facts, seen, start, handing.case, say)
