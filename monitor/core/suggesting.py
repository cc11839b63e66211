"""Limits that history proposes: how far each batch came, and how many would have fired.

A rule's value is taken at its worst in each batch, so a limit is held against batches, not
against looks. Nothing is proposed from fewer than ``ENOUGH`` of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from math import ceil

from monitor.core.duration import format_duration
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
        if value is None or limit is None or finding.falls is not self.falls:
            return
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


def suggest(instance: str, rule: Rule, peaks: Sequence[Peak]) -> Suggestion:
    """Limits by the share of the batches that would have reached them."""
    n = len(peaks)
    if n < ENOUGH:
        some = f"{n} batches" if n != 1 else "1 batch"
        why = f"{some} showed it a number, {ENOUGH} are needed" if n else "it saw no number"
        return Suggestion(instance=instance, batches=n, why_not=why)
    limits = {each.limit for each in peaks}
    usual = max(limits, key=lambda one: sum(each.limit == one for each in peaks))
    name = parameter_of(rule, usual, peaks[0].unit)
    if name is None:
        return Suggestion(
            instance=instance, batches=n, why_not="its limit is not one parameter of its own"
        )
    falls = peaks[0].falls
    worst = sorted((each.value for each in peaks), reverse=not falls)
    choices = {}
    for part in _PARTS:
        limit = worst[ceil(part * n) - 1]
        reached = _reached(worst, limit, falls=falls)
        text = written(getattr(rule, name), limit)
        if limit > 0 and text is not None and limit != usual:
            choices[text] = Choice(limit=limit, text=text, batches=reached)
    return Suggestion(
        instance=instance,
        batches=n,
        parameter=name,
        now=written(getattr(rule, name), usual) or "",
        reached=_reached(worst, usual, falls=falls),
        choices=tuple(sorted(choices.values(), key=lambda each: -each.batches)),
    )


def _reached(values: Sequence[float], limit: float, *, falls: bool) -> int:
    return sum((value <= limit) if falls else (value >= limit) for value in values)


def parameter_of(rule: Rule, limit: float, unit: str) -> str | None:
    """The one parameter that a finding's limit is; None where that is not plain."""
    found = [
        each.name
        for each in fields(rule)
        if (value := _as_limit(getattr(rule, each.name), unit)) is not None
        and abs(value - limit) < _CLOSE
    ]
    if "threshold" in found:
        return "threshold"
    return found[0] if len(found) == 1 else None


_CLOSE = 0.01


def _as_limit(value: object, unit: str) -> float | None:
    """A parameter as findings show limits."""
    if isinstance(value, timedelta):
        return value.total_seconds() if unit == "s" else None
    if isinstance(value, Amount):
        return value.units
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value * 100 if unit == "%" and isinstance(value, float) else float(value)


def written(like: object, limit: float) -> str | None:
    """A limit as it is written in the configuration, in place of this value."""
    if isinstance(like, timedelta):
        return f'"{format_duration(timedelta(seconds=ceil(limit / 60) * 60))}"'
    if isinstance(like, Amount):
        return f'"{limit:.2f} {like.currency}"'
    if isinstance(like, float):
        return f"{limit / 100:.3g}"
    return f"{ceil(limit)}"


Peaks = Mapping[str, Peak]  # by rule instance, of one batch
