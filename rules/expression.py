"""Something holds that you wrote down yourself.

Fires when ``when`` is true of a batch that runs: a condition on counts, shares, permitted
time, money and the hour of the day, such as "failed_share > 0.2 and finished >= 50". Names
without ``all_`` are of the calls that ended within ``window``; amounts are in ``currency``,
times in minutes, and what is compared is measured alike: no share with a count.
A value that nothing tells is neither true nor false: the condition holds only where it is
certain, and is over only where every value in it is known. Says nothing of a batch that is
paused or has not begun. ``says`` is the sentence, with names in braces.

What to do: what you had in mind when you wrote it; runbook_url can lead there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import ClassVar

from monitor.core.expression import Condition, Says, Value
from monitor.core.facts import BatchFacts
from monitor.core.model import Outcome
from monitor.core.names import Sight
from monitor.core.rule import BatchRule, Clear, Finding, Holds, Replays, Severity, Unknown, Verdict
from monitor.core.standstill import stopped
from monitor.core.vocabulary import NAMES


@dataclass(frozen=True, kw_only=True)
class Expression(BatchRule):
    """See the module."""

    id: ClassVar[str] = "expression"
    severity: ClassVar[Severity] = Severity.WARNING
    reads_list: ClassVar[bool] = True
    written_only: ClassVar[bool] = True
    replays: ClassVar[Replays] = Replays.MOVES

    when: Condition | None = field(default=None, metadata={"required": True})
    says: Says | None = None
    window: timedelta = timedelta(minutes=30)
    currency: str = "USD"

    def __post_init__(self) -> None:
        """ValueError for people where a parameter cannot be meant."""
        if self.window <= timedelta(0):
            raise ValueError("window is empty, so no call could ever lie in it")
        if len(self.currency) != 3 or not self.currency.isascii() or not self.currency.isupper():
            raise ValueError('currency is written in three capital letters, such as "USD"')

    def judge(self, facts: BatchFacts) -> Verdict:
        """See the module."""
        if self.when is None:
            return Unknown("no condition is written: when")
        if still := stopped(facts) or _past(facts):
            return still
        sight = Sight(facts, self.window, self.currency)
        names = dict.fromkeys((*self.when.names, *(self.says.names if self.says else ())))
        values = {name: NAMES[name].value(sight) for name in names}
        finding = partial(self._finding, facts, self.when, values)
        match self.when.of(values):
            case True:
                return Holds(replace(finding(), evidence=_evidence(sight, self.when)))
            case False:
                return Clear(finding)
        untold = [name for name in self.when.names if values[name] is None]
        return Unknown(f"not known: {', '.join(untold) or 'so many for each of none'}", finding)

    def _finding(self, facts: BatchFacts, when: Condition, values: Mapping[str, Value]) -> Finding:
        shown = {name: NAMES[name].shown(value, self.currency) for name, value in values.items()}
        told = ", ".join(f"{name} {shown[name]}" for name in when.names)
        named, limit, falls = when.limit() or ("", None, False)
        value = values.get(named)
        times, unit = NAMES[named].measure(self.currency) if named else (1, "")
        return Finding(
            summary=self.says.with_values(shown) if self.says else told,
            value=None if value is None else times * value,
            threshold=None if limit is None or value is None else times * limit,
            falls=falls,
            unit=unit,
            waiting=facts.waiting,
            details=(("condition", when.text), *(() if not self.says else (("values", told),))),
        )


def _past(facts: BatchFacts) -> Unknown | None:
    """Of a time gone by only the calls are known, and not what else there was."""
    seen = facts.certainty.observed_at
    gone = seen is not None and seen - facts.now > timedelta(minutes=1)
    return Unknown("how it stood then is not known") if gone else None


def _evidence(sight: Sight, when: Condition) -> tuple[str, ...]:
    """Calls that ended as the condition speaks of."""
    outcomes = frozenset[Outcome]().union(*(NAMES[name].outcomes for name in when.names))
    start, now = sight.window.start, sight.facts.now
    return sight.facts.calls.evidence(start, now, outcomes, 3) if outcomes else ()
