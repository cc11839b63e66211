"""A batch spends more money than it should.

Fires when what its calls have cost is above ``budget``; when more than ``per_hour`` was spent
within ``window`` and, at the same rate, within ``recent``, so that neither a short burst nor
what is already over fires; or when it costs more than ``per_completed`` for each person who
completed, with at least ``min_completed`` of them, or with as much spent as would be too much
for so many. Says nothing where no limit is set, of a batch that does not run, or of what
calls cost in another currency than the limit's; where the vendor tells no cost, ``rates`` in
the provider's table estimate it. Costs come late, so less than all of them never counts as
recovery.

What to do: pause the batch; look at how long its calls are and how often people are called
again; see what the vendor charges.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from monitor.core.facts import BatchFacts
from monitor.core.money import Amount
from monitor.core.overrun import burn, each_completed, gravest, no_cost, total
from monitor.core.rule import BatchRule, Replays, Severity, Verdict, check_between
from monitor.core.standstill import stopped
from monitor.core.unset import Unset


@dataclass(frozen=True, kw_only=True)
class CostOverrun(BatchRule):
    """See the module."""

    id: ClassVar[str] = "cost_overrun"
    severity: ClassVar[Severity] = Severity.WARNING
    replays: ClassVar[Replays] = Replays.MOVES
    needs: ClassVar[frozenset[str]] = frozenset({"priced"})

    budget: Amount | None = None
    per_hour: Amount | None = None
    window: timedelta = timedelta(hours=1)
    recent: timedelta = timedelta(minutes=10)
    per_completed: Amount | None = None
    min_completed: int = 20

    def __post_init__(self) -> None:
        """ValueError for people where a parameter cannot be meant."""
        check_between("min_completed", self.min_completed, 1, 1_000_000)
        if not timedelta(0) < self.recent <= self.window:
            raise ValueError("recent must be longer than nothing, and no longer than window")

    def judge(self, facts: BatchFacts) -> Verdict:
        """See the module."""
        if self.budget is None and self.per_hour is None and self.per_completed is None:
            return Unset("no limit is set: budget, per_hour or per_completed")
        return stopped(facts) or no_cost(facts) or gravest(tuple(self._found(facts)))

    def _found(self, facts: BatchFacts) -> Iterator[Verdict]:
        if self.budget is not None:
            yield total(facts, self.budget)
        if self.per_hour is not None:
            yield burn(facts, self.per_hour, self.window, self.recent)
        if self.per_completed is not None:
            yield each_completed(facts, self.per_completed, self.min_completed)
