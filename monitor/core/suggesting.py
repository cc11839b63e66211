"""Limits that history proposes: how far each batch came, and how many would have fired.

A rule's value is taken at its worst in each batch, so a limit is held against batches, not
against looks. Nothing is proposed from fewer than ``ENOUGH`` of them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from math import ceil

from monitor.core.duration import format_duration
from monitor.core.expression import Condition
from monitor.core.money import Amount
from monitor.core.rule import Finding, Rule

ENOUGH = 10  # batches; of fewer, one odd day would speak for the rule
_PARTS = (0.5, 0.25, 0.1, 0.05)  # of the batches, in which it would fire


@dataclass(slots=True)
class Peak:
    """The worst that a rule saw in one batch, and the limit that it stood beside."""

    value: float
    limit: float
    falls: bool
    unit: str = ""
    fired: bool = False

    def take(self, finding: Finding) -> None:
        """See whether this one is worse."""
        value, limit = finding.value, finding.threshold
        if value is None or limit is None:
            return
        if (finding.unit, finding.falls) != (self.unit, self.falls):
            return  # a row of calls and a share are not compared
        if (value < self.value) if self.falls else (value > self.value):
            self.value, self.limit = value, limit


def peak_of(finding: Finding) -> Peak | None:
    """The first; None for a finding without a number beside a limit."""
    if finding.value is None or finding.threshold is None:
        return None
    return Peak(finding.value, finding.threshold, finding.falls, finding.unit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One limit, and in how many of the batches it would have been reached."""

    limit: float
    text: str  # as it is written in the configuration
    batches: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """What may be written for one rule. ``why_not`` says why nothing is proposed."""

    instance: str
    batches: int = 0
    parameter: str = ""
    now: str = ""  # the limit as it is
    reached: int = 0  # by so many of the batches
    choices: tuple[Choice, ...] = ()
    why_not: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What history showed beside one limit, which is one parameter of its rule."""

    parameter: str
    limit: float  # as findings show it, in ``unit``
    unit: str
    falls: bool
    values: tuple[float, ...]  # of each batch at its worst, the worst first

    @property
    def worst(self) -> float:
        """How far any batch came."""
        return self.values[0]

    def reached(self, limit: float | None = None) -> int:
        """How many batches came to this limit, or to the rule's own."""
        limit = self.limit if limit is None else limit
        return sum((each <= limit) if self.falls else (each >= limit) for each in self.values)


def measured(rule: Rule, peaks: Sequence[Peak]) -> Measured | str:
    """What these batches showed; or why that says nothing of the rule's limit, for people."""
    n = len(peaks)
    if n < ENOUGH:
        some = f"{n} batches" if n != 1 else "1 batch"
        return f"{some} showed it a number, {ENOUGH} are needed" if n else "it saw no number"
    # An override has a limit of its own, and its batches say nothing of this one.
    (usual, unit, falls), _ = Counter(map(_beside, peaks)).most_common(1)[0]
    name = parameter_of(rule, usual, unit)
    if name is None:
        return "its limit is not one parameter of its own"
    mine = (each.value for each in peaks if _beside(each) == (usual, unit, falls))
    worst = sorted(mine, reverse=not falls)
    if len(worst) < ENOUGH:
        return f"{len(worst)} batches stood beside one limit, {ENOUGH} are needed"
    return Measured(parameter=name, limit=usual, unit=unit, falls=falls, values=tuple(worst))


def _beside(peak: Peak) -> tuple[float, str, bool]:
    return peak.limit, peak.unit, peak.falls


def suggest(instance: str, rule: Rule, peaks: Sequence[Peak]) -> Suggestion:
    """Limits by the share of the batches that would have reached them."""
    found = measured(rule, peaks)
    if isinstance(found, str):
        return Suggestion(instance=instance, batches=len(peaks), why_not=found)
    own, n = getattr(rule, found.parameter), len(found.values)
    choices = {}
    for part in _PARTS:
        limit = found.values[ceil(part * n) - 1]
        text = written(own, limit, found.unit)
        if limit > 0 and text is not None and limit != found.limit:
            choices[text] = Choice(limit=limit, text=text, batches=found.reached(limit))
    return Suggestion(
        instance=instance,
        batches=n,
        parameter=found.parameter,
        now=written(own, found.limit, found.unit) or "",
        reached=found.reached(),
        choices=tuple(sorted(choices.values(), key=lambda each: -each.batches)),
    )


def parameter_of(rule: Rule, limit: float, unit: str) -> str | None:
    """The one parameter that a finding's limit is; None where that is not plain."""
    found = [
        each.name
        for each in fields(rule)
        if (value := _as_limit(getattr(rule, each.name), unit)) is not None
        and abs(value - limit) < _CLOSE
    ]
    for one in ("threshold", "when"):
        if one in found:
            return one
    return found[0] if len(found) == 1 else None


_CLOSE = 0.01


_TIMES = {"%": 100, "s": 60}  # by which a finding of a condition shows what is written there


def _as_limit(value: object, unit: str) -> float | None:
    """A parameter as findings show limits."""
    if isinstance(value, timedelta):
        return value.total_seconds() if unit == "s" else None
    if isinstance(value, Amount):
        return value.units
    if isinstance(value, Condition):
        limit = value.lone_limit()
        return None if limit is None else limit * _TIMES.get(unit, 1)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value * 100 if unit == "%" and isinstance(value, float) else float(value)


def written(like: object, limit: float, unit: str) -> str | None:
    """A limit of a finding as it is written in the configuration, in place of this value."""
    if isinstance(like, Condition):
        return f'"{like.with_lone_limit(limit / _TIMES.get(unit, 1))}"'
    if isinstance(like, timedelta):
        return f'"{format_duration(timedelta(seconds=ceil(limit / 60) * 60))}"'
    if isinstance(like, Amount):
        return f'"{limit:.2f} {like.currency}"'
    if isinstance(like, float):
        return f"{limit / 100:.3g}"
    return f"{ceil(limit)}"


Peaks = Mapping[str, Peak]  # by rule instance, of one batch
