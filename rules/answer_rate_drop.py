"""Far fewer people answer than usual.

Fires when, of the calls that ended within ``window``, the share that a person took is at
most ``threshold``, of at least ``min_calls``, and with ``compare`` also at most what is usual
divided by ``times``, and surely lower. With ``by`` = "from_number" each number that calls is
judged as well: beside its own calls of before, else beside the other numbers now, from which
it must stand apart by ``times``, too; one alert a batch names the worst. It also fires when
carriers block ``blocks`` calls of one number or more, and 5 % of them: its reputation is gone.
Mailboxes, busy lines and failures are no answers; what was called off, or lost by the vendor,
does not count. A number that is no longer used never looks like recovery.

What to do: take the number out of the batch, or pause; ask the carrier about its reputation;
check the hours and the list.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from monitor.core.answering import AnswerRule, By, blocked, by_number, together
from monitor.core.baseline import Compare
from monitor.core.facts import BatchFacts
from monitor.core.failures import lately, too_few
from monitor.core.rule import Holds, Severity, Unknown, Verdict, check_between
from monitor.core.standstill import stopped


@dataclass(frozen=True, kw_only=True)
class AnswerRateDrop(AnswerRule):
    """See the module. ``blocks`` 0 turns that way of firing off."""

    id: ClassVar[str] = "answer_rate_drop"
    severity: ClassVar[Severity] = Severity.WARNING
    pending_for: ClassVar[timedelta] = timedelta(minutes=3)

    window: timedelta = timedelta(minutes=30)
    threshold: float = 0.5
    min_calls: int = 40
    compare: Compare = Compare.PREVIOUS_BATCHES
    by: By = By.FROM_NUMBER
    blocks: int = 3

    def __post_init__(self) -> None:
        """ValueError for people where a parameter cannot be meant."""
        super().__post_init__()
        check_between("blocks", self.blocks, 0, 1_000_000)

    def judge(self, facts: BatchFacts) -> Verdict:
        """See the module."""
        if still := stopped(facts):
            return still
        window = lately(facts, self.window)
        if self.blocks and (found := blocked(facts, window, self.blocks)):
            return Holds(found)
        lines = by_number(facts.calls, window.start, window.end)
        whole = together(lines.values())
        if whole.whole < self.min_calls:
            return Unknown(too_few(facts, window, self.min_calls))
        judged = lines if self.by is By.FROM_NUMBER else {}
        return self.weigh_numbers(facts, window, whole, judged)
