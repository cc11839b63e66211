"""A batch that ``[[expect]]`` announces is missing, late, of unusual size, or a repetition.

Fires when nothing that matches has come ``within`` its time after it was due, or what came
has not begun by then; when it has under ``smallest`` or over ``largest`` of the usual number
of people; or when more than ``max_overlap`` of them talked in another batch in the last
``overlap_days``. Usual is what the table says, else what came the last times. Not due on the
holidays of the table; says nothing where a vendor could not be looked at since it was due,
and closes without a word when the next one is due.

What to do: look at what should have made the batch; start it, or pause one that has the
wrong list before it calls anybody twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from monitor.core.coming import arrival, late, missing, repeats, size
from monitor.core.expectation import ExpectationFacts
from monitor.core.overrun import gravest
from monitor.core.rule import (
    Clear,
    ExpectationRule,
    Finding,
    Replays,
    Severity,
    Unknown,
    Verdict,
    check_between,
)


@dataclass(frozen=True, kw_only=True)
class BatchExpected(ExpectationRule):
    """See the module."""

    id: ClassVar[str] = "batch_expected"
    severity: ClassVar[Severity] = Severity.WARNING
    replays: ClassVar[Replays] = Replays.MOVES

    smallest: float = 0.5
    largest: float = 2.0

    def __post_init__(self) -> None:
        """ValueError for people where a parameter cannot be meant."""
        check_between("smallest", self.smallest, 0, 1)
        check_between("largest", self.largest, 1, 1_000)

    def judge(self, facts: ExpectationFacts) -> Verdict:
        """See the module."""
        if facts.occurrence is None:
            return Unknown("it has not been due within a year")
        if not facts.came:
            return missing(facts)
        if facts.over:
            return Unknown("its batch has ended")
        return gravest(tuple(self._found(facts)))

    def _found(self, facts: ExpectationFacts) -> Iterator[Verdict]:
        yield Clear(Finding(summary=arrival(facts)))
        yield from late(facts)
        yield from size(facts, self.smallest, self.largest)
        yield from repeats(facts)
