"""Fewer conversations an hour than before in the same batch.

Fires when, in the last ``recent`` of calling time, conversations came at less than the
share ``keeps`` of the batch's own pace in the ``base`` before it, and so far below it that
chance is no explanation. Needs ``min_completed`` before, and so many expected in it.
Not in a tail, in which no more people wait than there are lines; nights, pauses and the
time before a resume count for nothing.

What to do: see whether lines are idle, whether fewer people answer, or whether the list has
come to its harder part.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import ClassVar

from monitor.core.facts import BatchFacts
from monitor.core.progress import Pace, conversations, conversed, kept, slower
from monitor.core.rule import (
    BatchRule,
    Clear,
    Finding,
    Holds,
    Replays,
    Severity,
    Unknown,
    Verdict,
    check_between,
)
from monitor.core.standstill import not_dialling
from monitor.core.wording import percent, span

# So near to the pace of its whole life, which costs nothing to know, no drop is looked for.
_NEARLY = 0.9
_SURE = 3.0  # standard deviations: once in some hundreds of looks that tell anything new


@dataclass(frozen=True, kw_only=True)
class PaceDrop(BatchRule):
    """See the module."""

    id: ClassVar[str] = "pace_drop"
    severity: ClassVar[Severity] = Severity.WARNING
    cause: ClassVar[str | None] = "dialling"
    calm: ClassVar[bool] = True
    reads_list: ClassVar[bool] = True
    pending_for: ClassVar[timedelta] = timedelta(minutes=10)
    hurries: ClassVar[bool] = False
    replays: ClassVar[Replays] = Replays.MOVES

    recent: timedelta = timedelta(minutes=30)
    base: timedelta = timedelta(hours=2)
    keeps: float = 0.5
    min_completed: int = 20

    def __post_init__(self) -> None:
        """ValueError for people where a parameter cannot be meant."""
        if self.recent <= timedelta(0) or self.base < self.recent:
            raise ValueError("recent must be some time, and base no less")
        check_between("keeps", self.keeps, 0.01, 0.99)
        check_between("min_completed", self.min_completed, 5, 1_000_000)

    def judge(self, facts: BatchFacts) -> Verdict:
        """See the module."""
        if idle := not_dialling(facts):
            return idle
        late = conversations(facts, self.recent)
        if late.time < self.recent:
            return Unknown(f"no whole {span(self.recent)} of calling time since it was still")
        usual = conversed(facts)
        if usual.n < self.min_completed:
            return Unknown(f"fewer than {self.min_completed} conversations so far")
        if usual.time >= 2 * self.recent and late.per_hour >= _NEARLY * usual.per_hour:
            return Clear(partial(self._finding, facts, late, usual))
        return self._compared(facts, late, conversations(facts, self.base, back=self.recent))

    def _compared(self, facts: BatchFacts, late: Pace, early: Pace) -> Verdict:
        if early.n < self.min_completed or early.time < self.recent:
            return Unknown("too little came before to compare with")
        finding = partial(self._finding, facts, late, early)
        if kept(late, early) >= self.keeps:
            return Clear(finding)
        if facts.waiting <= max(facts.batch.concurrency or 0, facts.live):
            return Unknown("no more people wait than there are lines", finding)
        if slower(late, early) < _SURE:
            return Unknown("chance would explain it, too", finding)
        return Holds(finding())

    def _finding(self, facts: BatchFacts, late: Pace, early: Pace) -> Finding:
        share = kept(late, early)
        return Finding(
            summary=f"{late.per_hour:,.0f} conversations an hour in the last {span(late.time)}, "
            f"{early.per_hour:,.0f} before: {percent(share)} of its pace",
            value=round(share * 100, 1),
            threshold=round(self.keeps * 100, 1),
            falls=True,
            unit="%",
            n=late.n,
            total=facts.people,
            waiting=facts.waiting,
            since=facts.now - self.recent,
            todo="See whether lines are idle, or whether fewer people answer than before.",
        )
