"""What a configuration says of rules and probably does not mean: warnings, each with what to do.

It goes by the file alone; limits.py holds limits against what has happened.
"""

from collections.abc import Iterator, Mapping, Sequence

from monitor.app.overlaps import overlapping
from monitor.config import Config
from monitor.config.document import Document
from monitor.config.lines import KeyPath
from monitor.config.rules import parameters_of
from monitor.core.expression import Condition
from monitor.core.instance import RuleInstance
from monitor.core.names import COUNT, SHARE
from monitor.core.route import Matcher, Route
from monitor.core.rule import Rule, Severity, SubjectKind
from monitor.core.vocabulary import NAMES
from monitor.errors import Problem
from monitor.evaluation.context import Context
from monitor.evaluation.reach import reach, unmatched

FEW = 5  # calls or people, of which a share says nothing
MATCH = "see the names in: offhook batches --ended"


def lint(config: Config, document: Document, context: Context) -> Iterator[Problem]:
    """By the file alone."""
    written = _Written(document, context)
    for instance in config.rules:
        yield from written.few(instance)
        yield from written.nowhere(instance)
    here = [each for each in config.rules if not written.is_elsewhere(each)]
    for one, text, todo in overlapping(config, here, tables(document)):
        yield at_rule(document, one, text, todo)
    for index, route in enumerate(config.routes):
        yield from written.never_taken(index, route)


def at_rule(
    document: Document, instance: RuleInstance, text: str, todo: str, *keys: str
) -> Problem:
    """A doubt about a rule, with where it stands in the file."""
    path: KeyPath = ("rules", instance.name, *keys)
    return document.problem(path, text, todo)


def tables(document: Document) -> Mapping[str, object]:
    """What is written of rules, by instance."""
    found = document.values.get("rules", {})
    return found if isinstance(found, dict) else {}


class _Written:
    """The file, for where things stand in it."""

    def __init__(self, document: Document, context: Context) -> None:
        self._document = document
        self._context = context

    def _at(self, instance: RuleInstance, text: str, todo: str, *keys: str) -> Problem:
        return at_rule(self._document, instance, text, todo, *keys)

    # A share of few

    def few(self, instance: RuleInstance) -> Iterator[Problem]:
        """A share that may be of one call, in the rule or in an override of it."""
        yield from self._few(("rules", instance.name), instance.settings.rule, None)
        for place, (_, settings) in enumerate(instance.overrides):
            path: KeyPath = ("rules", instance.name, "override", place)
            yield from self._few(path, settings.rule, instance.settings.rule)

    def _few(self, path: KeyPath, rule: Rule, otherwise: Rule | None) -> Iterator[Problem]:
        """``otherwise``: only what differs from that."""
        for name, default in parameters_of(type(rule)).items():
            value = getattr(rule, name)
            if otherwise is not None and value == getattr(otherwise, name):
                continue
            whole = isinstance(default, int) and not isinstance(default, bool)
            if name.startswith("min_") and whole and default > FEW >= value:
                text = f"a share of so few says nothing: at {value} one bad call can fire it"
                yield self._document.problem((*path, name), text, f"usual: {name} = {default}")
            if isinstance(value, Condition) and _is_bare(value):
                text = "a share without a least number of calls: one bad call can fire it"
                yield self._document.problem((*path, name), text, 'add "and finished >= 20"')

    # Where it can hold

    def is_elsewhere(self, instance: RuleInstance) -> bool:
        """Whether no provider that is configured is its business."""
        return all(unmatched(instance.match, each) for each in self._context.providers.values())

    def nowhere(self, instance: RuleInstance) -> Iterator[Problem]:
        """No provider that is configured can make it fire, or one of its overrides."""
        views = list(self._context.providers.values())
        if instance.settings.rule.subject not in {SubjectKind.BATCH, SubjectKind.PROVIDER}:
            return
        if self.is_elsewhere(instance):
            yield self._at(instance, "matches no provider that is configured", MATCH, "match")
            return
        places = list(reach(instance, views, self._context.started_at))
        named = instance.name in tables(self._document)
        if named and views and not any(each.can for each in places):
            why = "; ".join(dict.fromkeys(each.why for each in places))
            yield self._at(instance, f"can hold nowhere: {why}", "remove it, or enabled = false")
        earlier: list[tuple[Matcher, ...]] = []
        for place, (match, _) in enumerate(instance.overrides):
            path: KeyPath = ("rules", instance.name, "override", place)
            if all(unmatched((*instance.match, *match), view) for view in views):
                yield self._document.problem(path, "matches no provider that is configured", MATCH)
            elif any(set(each) <= set(match) for each in earlier):
                text = "is never used: one before it matches all that it does"
                yield self._document.problem(path, text, "put it first")
            earlier.append(match)

    # Who hears of it

    def never_taken(self, index: int, route: Route) -> Iterator[Problem]:
        """A route that no rule's alert can take. The last one takes everything that is left."""
        every = [
            self._labels(instance, severity)
            for instance in self._context.instances
            for severity in self._severities(instance)
        ]
        if any(_may_take(route, each) for each in every):
            return
        path: KeyPath = ("routes", index, "match")
        text = "no rule that runs makes an alert that this matches"
        yield self._document.problem(path, text, "see the names in: offhook rules list")

    def _severities(self, instance: RuleInstance) -> Sequence[Severity | None]:
        """Those it may have; None where the rule decides itself."""
        if instance.settings.rule.weighed_by is not None:
            return (None,)
        own = {instance.settings.severity, *(each.severity for _, each in instance.overrides)}
        # What a rule finds may raise it.
        return (*own, Severity.CRITICAL)

    def _labels(self, instance: RuleInstance, severity: Severity | None) -> dict[str, set[str]]:
        """What is known of its alerts' labels before there is one."""
        found = {"rule": {instance.name, instance.settings.rule.id}}
        if severity is not None:
            found["severity"] = {str(severity)}
        views = self._context.providers.values()
        if instance.settings.rule.subject in {SubjectKind.BATCH, SubjectKind.PROVIDER}:
            here = [view for view in views if not unmatched(instance.match, view)]
            found["provider"] = {view.name for view in here}
            found["vendor"] = {view.vendor for view in here}
        return found


def _is_bare(when: Condition) -> bool:
    """Whether it goes by a share, and by no count."""
    units = {NAMES[name].unit for name in when.names}
    return SHARE in units and COUNT not in units


def _may_take(route: Route, labels: Mapping[str, set[str]]) -> bool:
    """Whether an alert with such labels may take it; what is not known yet may be anything."""
    return all(
        matcher.label not in labels
        or any(matcher.matches({matcher.label: each}) for each in labels[matcher.label])
        for matcher in route.match
    )
