"""Two instances of one rule, of which one tells nothing that the other does not tell."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import fields
from datetime import timedelta
from itertools import combinations

from monitor.config import Config
from monitor.core.baseline import Compare
from monitor.core.destination import matches
from monitor.core.duration import format_duration
from monitor.core.instance import RuleInstance
from monitor.core.money import Amount
from monitor.core.route import Matcher
from monitor.core.rule import Rule

# Parameters whose rule holds the less often the greater, or the smaller, they are.
_GREATER = {
    "threshold",
    "share",
    "idle",
    "after",
    "longest",
    "overdue",
    "budget",
    "per_hour",
    "per_completed",
    "min_calls",
    "min_failed",
    "min_contacts",
    "min_people",
    "min_lines",
    "min_completed",
}
_SMALLER = {"busy", "keeps"}


def overlapping(
    config: Config, instances: Sequence[RuleInstance], written: Collection[str]
) -> Iterator[tuple[RuleInstance, str, str]]:
    """Each such instance, what is doubtful of it, and what to do; of two the ``written`` one.

    Either both have the same limits, for batches that both may match; or one fires only where
    the other does, no more gravely, and nobody else hears of it. A stricter one that has
    another severity or other receivers is a ladder, and meant.
    """
    for one, other in combinations(instances, 2):
        if one.overrides != other.overrides or _apart(one.match, other.match):
            continue
        later = other if other.name in written else one
        first = one if later is other else other
        if one.settings.rule == other.settings.rule:
            text = f"tells the same of the same batches as {first.name}: {_brief(one)}"
            todo = 'give one another match or other limits, or turn one off with "enabled = false"'
            yield later, text, todo
            continue
        for strict, mild in ((one, other), (other, one)):
            if (name := _stricter_by(strict, mild)) and _told_alike(strict, mild, config):
                who = f"fires only when {mild.name} does" if strict is later else _OF.format(strict)
                beside = f"{_limit(strict, name)} beside {_limit(mild, name)}"
                text = f"{who}, as gravely and to the same receivers: {name} {beside}"
                yield later, text, "give the stricter one another severity or receivers"


_OF = "fires whenever {0.name} does"


def _apart(one: Sequence[Matcher], other: Sequence[Matcher]) -> bool:
    """Whether no batch can fulfil both: one says what a label is, and the other refuses that."""
    pairs = [(a, b) for a in one for b in other] + [(b, a) for a in one for b in other]
    return any(
        a.operator == "=" and a.label == b.label and not b.matches({a.label: a.value})
        for a, b in pairs
    )


def _stricter_by(strict: RuleInstance, mild: RuleInstance) -> str:
    """The one parameter by which one holds only where the other does; "" without such a one."""
    one, other = strict.settings.rule, mild.settings.rule
    if type(one) is not type(other) or strict.overrides:
        return ""
    # What is compared with something else has more limits than its parameters show.
    if getattr(one, "compare", Compare.ABSOLUTE) is not Compare.ABSOLUTE:
        return ""
    differ = [x.name for x in fields(one) if getattr(one, x.name) != getattr(other, x.name)]
    all_seen = set(mild.match) <= set(strict.match)
    if len(differ) != 1 or not all_seen or not _is_harder(differ[0], one, other):
        return ""
    return differ[0]


def _is_harder(name: str, one: Rule, other: Rule) -> bool:
    mine, others = getattr(one, name), getattr(other, name)
    if isinstance(mine, Amount) and isinstance(others, Amount):
        same = mine.currency == others.currency
        return name in _GREATER and same and mine.micros > others.micros
    if mine is None or others is None:
        return False
    falls = name == "threshold" and getattr(one, "falls", False)
    if name in _SMALLER or falls:
        return bool(mine < others)
    return name in _GREATER and bool(mine > others)


def _told_alike(one: RuleInstance, other: RuleInstance, config: Config) -> bool:
    """Whether the same people hear of both, at the same time and weight."""
    a, b = one.settings, other.settings
    if (a.severity, a.timing, a.labels) != (b.severity, b.timing, b.labels):
        return False
    by_route = (each for route in config.routes for each in route.match)
    by_cause = (each for some in config.inhibitions for each in (*some.source, *some.target))
    return all(_takes(each, one) is _takes(each, other) for each in (*by_route, *by_cause))


def _takes(matcher: Matcher, instance: RuleInstance) -> bool:
    labels = {"rule": instance.name}
    return matcher.label != "rule" or matches(matcher, labels, instance.settings.rule.id)


def _brief(instance: RuleInstance) -> str:
    rule = instance.settings.rule
    return ", ".join(f"{each.name} {_limit(instance, each.name)}" for each in fields(rule)[:3])


def _limit(instance: RuleInstance, name: str) -> str:
    value = getattr(instance.settings.rule, name)
    return format_duration(value) if isinstance(value, timedelta) else f"{value}"
