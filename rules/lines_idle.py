"""Few lines are busy while people wait to be dialled.

Fires when, for its pending time, less than the share ``busy`` of the batch's lines is in
use at every look, though more people wait than it has lines. Not in a tail, in which fewer
wait; not outside calling hours, while paused, or in the minutes after. Only where the
vendor shows its lines and how many it has.

What to do: look at the vendor for a limit on calls at once, of the account or of the
number; where nothing is dialled at all see batch_stalled.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import ClassVar

from monitor.core.facts import BatchFacts
from monitor.core.progress import part_of
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
from monitor.core.stats import share
from monitor.core.wording import counted, people_text


@dataclass(frozen=True, kw_only=True)
class LinesIdle(BatchRule):
    """See the module."""

    id: ClassVar[str] = "lines_idle"
    severity: ClassVar[Severity] = Severity.WARNING
    cause: ClassVar[str | None] = "dialling"
    needs: ClassVar[frozenset[str]] = frozenset({"in_flight"})
    pending_for: ClassVar[timedelta] = timedelta(minutes=15)
    hurries: ClassVar[bool] = False  # the more often one looks, the sooner one sees it busy
    replays: ClassVar[Replays] = Replays.MOVES

    busy: float = 0.5
    min_lines: int = 2

    def __post_init__(self) -> None:
        """ValueError for people where a parameter cannot be meant."""
        check_between("busy", self.busy, 0.01, 1)
        check_between("min_lines", self.min_lines, 1, 100_000)

    def judge(self, facts: BatchFacts) -> Verdict:
        """See the module."""
        if idle := not_dialling(facts):
            return idle
        lines = facts.batch.concurrency
        if lines is None or facts.estimates("live"):
            return Unknown("it is not known how many of its lines are busy")
        if lines < self.min_lines:
            return Unknown(f"it has {counted(lines, 'line')} only")
        if share(facts.live, lines) >= self.busy:
            return Clear(partial(self._finding, facts, lines, None))
        waiting = facts.waiting
        if waiting <= lines:
            return Clear(partial(self._finding, facts, lines, waiting))
        return Holds(self._finding(facts, lines, waiting))

    def _finding(self, facts: BatchFacts, lines: int, waiting: int | None) -> Finding:
        waits = "" if waiting is None else f"; {people_text(waiting)} wait to be dialled"
        return Finding(
            summary=f"{facts.live:,} of {counted(lines, 'line')} busy{waits}",
            value=part_of(facts.live, lines),
            threshold=round(self.busy * 100, 1),
            falls=True,
            unit="%",
            n=lines,
            affected=max(lines - facts.live, 0),
            total=lines,
            waiting=waiting,
            todo="Look at the vendor for a limit on calls at once, of the account or the number.",
        )
