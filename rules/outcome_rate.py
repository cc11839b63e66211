"""The share of calls of one kind is above a limit, or below it. Runs only where it is written.

Fires when, of at least ``min_calls`` calls that ended within ``window``, the share of those of
the kind that you write is at least ``threshold`` (at most, where ``direction`` is "below"),
and with ``compare`` also ``times`` what is usual (or what is usual divided by it), and surely
so. The kind is one of ``outcome``, ``hangup`` (the hang-up reason), ``disposition``,
``error`` (the error class, digits as #) and ``sentiment``; words may hold * and ?. Calls of
which the vendor does not tell it do not count, nor those of other outcomes than ``among``.

What to do: what you had in mind when you wrote it; runbook_url can lead there.
"""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import ClassVar

from monitor.core.baseline import Usual
from monitor.core.calls import Field
from monitor.core.facts import BatchFacts
from monitor.core.failures import lately, rate_finding, too_few
from monitor.core.kinds import Kind
from monitor.core.model import Outcome
from monitor.core.rates import Direction, RateRule
from monitor.core.rule import Finding, Severity, Unknown, Verdict
from monitor.core.standstill import stopped
from monitor.core.unset import Unset
from monitor.core.wording import counted, span

Words = frozenset[str]


@dataclass(frozen=True, kw_only=True)
class OutcomeRate(RateRule):
    """See the module."""

    id: ClassVar[str] = "outcome_rate"
    severity: ClassVar[Severity] = Severity.WARNING
    cause: ClassVar[str | None] = None
    written_only: ClassVar[bool] = True

    outcome: Words | None = None
    hangup: Words | None = None
    disposition: Words | None = None
    error: Words | None = None
    sentiment: Words | None = None
    among: frozenset[Outcome] = frozenset(Outcome)
    direction: Direction = Direction.ABOVE
    confidence: float = 0

    def __post_init__(self) -> None:
        """ValueError for people where a parameter cannot be meant."""
        super().__post_init__()
        if not self.among:
            raise ValueError("among is empty, so no call could ever count")
        _ = self._kind

    @cached_property
    def _kind(self) -> Kind | None:
        words = {
            Field.OUTCOME: self.outcome,
            Field.HANGUP: self.hangup,
            Field.DISPOSITION: self.disposition,
            Field.ERROR: self.error,
            Field.SENTIMENT: self.sentiment,
        }
        return Kind.of(words, self.among)

    @property
    def falls(self) -> bool:
        """See RateRule."""
        return self.direction is Direction.BELOW

    def judge(self, facts: BatchFacts) -> Verdict:
        """See the module."""
        kind = self._kind
        if kind is None:
            return Unset("no kind of call is set: outcome, hangup, disposition, error or sentiment")
        if still := kind.unseen(facts) or stopped(facts):
            return still
        window = lately(facts, self.window)
        seen = kind.count(facts.calls, window.start, window.end)

        def say(usual: Usual | None) -> Finding:
            length = span(window.end - window.start)
            what = f"{counted(seen.whole, 'call')} {kind.text} in {length}"
            limit = self.limit_beside(usual)
            return rate_finding(seen, what, limit, usual, falls=self.falls)

        if seen.whole < self.min_calls:
            why = f"only {counted(seen.whole, 'call')} of which that is told"
            few = window.n < self.min_calls
            why = too_few(facts, window, self.min_calls) if few else why
            return Unknown(why, partial(say, None))
        return self.weigh(facts, seen, window.start, kind.case, say)
