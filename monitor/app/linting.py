"""What a configuration says of rules and probably does not mean: warnings, each with what to do.

The first part goes by the file alone; the second holds limits against what has happened, and
is asked only where there is a database.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import combinations

from sqlalchemy import Connection

from monitor.config import Config
from monitor.config.document import Document
from monitor.config.lines import KeyPath
from monitor.config.rules import parameters_of
from monitor.core.duration import format_duration
from monitor.core.expression import Condition
from monitor.core.instance import RuleInstance
from monitor.core.model import Outcome
from monitor.core.names import COUNT, SHARE
from monitor.core.route import Matcher, Route, all_match
from monitor.core.rule import Rule, Severity, SubjectKind
from monitor.core.tally import call_key
from monitor.core.vocabulary import NAMES
from monitor.core.wording import percent
from monitor.errors import Problem
from monitor.evaluation.batches import labels_of
from monitor.evaluation.context import Context
from monitor.evaluation.reach import reach, unmatched
from monitor.store import batches, firings, history

FEW = 5  # calls or people, of which a share says nothing
SINCE = timedelta(days=30)
ENOUGH = 10  # batches that must have ended before they say what is usual
_MOST = 0.8  # of them with an alert: the limit lies below what is usual
_NEAR = 0.25  # of a limit: what never came so far was never near


def lint(config: Config, document: Document, context: Context) -> Iterator[Problem]:
    """By the file alone."""
    written = _Written(document, context)
    for instance in config.rules:
        yield from written.few(instance)
        yield from written.nowhere(instance)
    yield from written.overlapping(config.rules)
    for index, route in enumerate(config.routes):
        yield from written.never_taken(index, route)


def lint_history(
    conn: Connection, document: Document, context: Context, now: datetime
) -> Iterator[Problem]:
    """By what has happened in the last 30 days, where enough has."""
    written = _Written(document, context)
    since = now - SINCE
    rows = [
        batches.load(conn, each)
        for name in context.providers
        for each in history.ended_since(conn, name, since)
    ]
    if len(rows) < ENOUGH:
        return
    fired = firings.load(conn, since)
    labels = [labels_of(row.look, context.providers[row.look.provider]) for row in rows]
    for instance in context.instances:
        if instance.settings.rule.subject is not SubjectKind.BATCH:
            continue
        mine = [i for i, each in enumerate(labels) if all_match(instance.match, each)]
        if not mine:
            yield from written.matched_nothing(instance, len(rows))
            continue
        known = fired.get(instance.name)
        if known is None:
            yield from written.never_near(instance, [rows[i].tally for i in mine])
        elif not instance.settings.rule.one_shot and len(mine) >= ENOUGH:
            yield from written.always(instance, known.subjects, len(mine))


class _Written:
    """The file, for where things stand in it."""

    def __init__(self, document: Document, context: Context) -> None:
        self._document = document
        self._context = context

    def _at(self, instance: RuleInstance, text: str, todo: str, *keys: str) -> Problem:
        path: KeyPath = ("rules", instance.name, *keys)
        return self._document.problem(path, text, todo)

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

    def nowhere(self, instance: RuleInstance) -> Iterator[Problem]:
        """No provider that is configured can make it fire, or one of its overrides."""
        views = list(self._context.providers.values())
        if instance.settings.rule.subject not in {SubjectKind.BATCH, SubjectKind.PROVIDER}:
            return
        if all(unmatched(instance.match, view) for view in views):
            yield self._at(instance, "matches no provider that is configured", _MATCH, "match")
            return
        places = list(reach(instance, views, self._context.started_at))
        named = instance.name in self._tables()
        if named and views and not any(each.can for each in places):
            why = "; ".join(dict.fromkeys(each.why for each in places))
            yield self._at(instance, f"can hold nowhere: {why}", "remove it, or enabled = false")
        earlier: list[tuple[Matcher, ...]] = []
        for place, (match, _) in enumerate(instance.overrides):
            path: KeyPath = ("rules", instance.name, "override", place)
            if all(unmatched((*instance.match, *match), view) for view in views):
                yield self._document.problem(path, "matches no provider that is configured", _MATCH)
            elif any(set(each) <= set(match) for each in earlier):
                text = "is never used: one before it matches all that it does"
                yield self._document.problem(path, text, "put it first")
            earlier.append(match)

    def _tables(self) -> Mapping[str, object]:
        tables = self._document.values.get("rules", {})
        return tables if isinstance(tables, dict) else {}

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

    # Two that tell the same

    def overlapping(self, instances: Sequence[RuleInstance]) -> Iterator[Problem]:
        """Instances of one rule with the same limits, for batches that both may match."""
        views = self._context.providers.values()
        here = [
            each for each in instances if not all(unmatched(each.match, view) for view in views)
        ]
        for one, other in combinations(here, 2):
            alike = one.settings.rule == other.settings.rule
            if not alike or one.overrides != other.overrides or _apart(one.match, other.match):
                continue
            later = other if other.name in self._tables() else one
            both = one if later is other else other
            text = f"tells the same of the same batches as {both.name}: {_brief(one)}"
            todo = 'give one another match or other limits, or turn one off with "enabled = false"'
            yield self._at(later, text, todo)

    # By what has happened

    def matched_nothing(self, instance: RuleInstance, n: int) -> Iterator[Problem]:
        """No batch of late was its business."""
        if instance.match:
            text = f"none of the {n} batches that ended in the last 30 days is matched"
            yield self._at(instance, text, _MATCH, "match")

    def always(self, instance: RuleInstance, fired: int, n: int) -> Iterator[Problem]:
        """It fires so often that nobody reads it any more."""
        if fired >= _MOST * n:
            text = f"fired in {min(fired, n)} of {n} batches in the last 30 days"
            todo = "a limit that is always passed says nothing; raise it"
            yield self._at(instance, text, todo, *_limit(instance))

    def never_near(
        self, instance: RuleInstance, tallies: Sequence[Mapping[str, int]]
    ) -> Iterator[Problem]:
        """Of a share of calls: the worst batch was far below the limit."""
        rule = instance.settings.rule
        limit, statuses = getattr(rule, "threshold", None), getattr(rule, "statuses", None)
        if not isinstance(limit, float) or not statuses or instance.name not in self._tables():
            return
        worst = max((_share(each, statuses) for each in tallies), default=None)
        if worst is not None and len(tallies) >= ENOUGH and worst < _NEAR * limit:
            text = (
                f"history never came near it: the worst of {len(tallies)} batches had"
                f" {percent(worst)}"
            )
            yield self._at(instance, text, f"try {max(3 * worst, 0.05):.2g}", "threshold")


def _is_bare(when: Condition) -> bool:
    """Whether it goes by a share, and by no count."""
    units = {NAMES[name].unit for name in when.names}
    return SHARE in units and COUNT not in units


_MATCH = "see the names in: offhook batches --ended"


def _share(tally: Mapping[str, int], statuses: frozenset[Outcome]) -> float:
    ended = sum(tally.get(call_key(each), 0) for each in Outcome)
    bad = sum(tally.get(call_key(each), 0) for each in statuses)
    return bad / ended if ended else 0.0


def _limit(instance: RuleInstance) -> tuple[str, ...]:
    names = parameters_of(type(instance.settings.rule))
    return ("threshold",) if "threshold" in names else ()


def _brief(instance: RuleInstance) -> str:
    rule = instance.settings.rule
    shown = []
    for each in dataclasses.fields(rule)[:3]:
        value = getattr(rule, each.name)
        text = format_duration(value) if isinstance(value, timedelta) else f"{value}"
        shown.append(f"{each.name} {text}")
    return ", ".join(shown)


def _may_take(route: Route, labels: Mapping[str, set[str]]) -> bool:
    """Whether an alert with such labels may take it; what is not known yet may be anything."""
    return all(
        matcher.label not in labels
        or any(matcher.matches({matcher.label: each}) for each in labels[matcher.label])
        for matcher in route.match
    )


def _apart(one: Sequence[Matcher], other: Sequence[Matcher]) -> bool:
    """Whether no batch can fulfil both: one says what a label is, and the other refuses that."""
    pairs = [(a, b) for a in one for b in other] + [(b, a) for a in one for b in other]
    return any(
        a.operator == "=" and a.label == b.label and not b.matches({a.label: a.value})
        for a, b in pairs
    )
