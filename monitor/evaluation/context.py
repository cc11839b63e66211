"""What the configuration says to an evaluation, and what only the running process knows."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from monitor.core.calendar import Calendar
from monitor.core.expectation import Expectation
from monitor.core.instance import RuleInstance
from monitor.core.model import Capabilities
from monitor.core.route import Matcher
from monitor.core.rule import SubjectKind
from monitor.evaluation.accounts import PeopleMemo
from monitor.evaluation.firing import Firing
from monitor.evaluation.telling import Routing
from monitor.store.peers import Remembered
from monitor.store.recent import Recent


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderView:
    """One configured provider, as evaluations see it."""

    name: str
    vendor: str
    capabilities: Capabilities
    blind_after: timedelta
    calendar: Calendar | None = None
    match: tuple[Matcher, ...] = ()
    webhooks: bool = False  # listened to
    ends_named: bool = False  # by its webhooks, so that what these miss can be told
    acts: tuple[str, ...] = ()  # what people may do to its batches from here


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Everything beside the database that a verdict may depend on.

    ``held_since``: the wall clock jumped then, so nothing moves on facts from before.
    """

    instances: tuple[RuleInstance, ...]
    providers: Mapping[str, ProviderView]
    routing: Routing
    zone: str
    started_at: datetime
    held_since: datetime | None = None
    expectations: tuple[Expectation, ...] = ()
    firing: Firing = field(default_factory=Firing, compare=False, repr=False)
    people: PeopleMemo = field(default_factory=PeopleMemo, compare=False, repr=False)
    calls: Remembered = field(default_factory=Remembered, compare=False, repr=False)
    recent: Recent = field(default_factory=Recent, compare=False, repr=False)
    _about: dict[SubjectKind, "_About"] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def rules_about(self, kind: SubjectKind) -> tuple[RuleInstance, ...]:
        """The rule instances that look at subjects of this kind."""
        return self._found(kind).rules

    @property
    def least_episode(self) -> int:
        """So many episodes of a condition there may have been that the database does not know."""
        restored = self.routing.restored
        return 0 if restored is None else restored.episodes

    @property
    def shortest_window(self) -> timedelta | None:
        """The shortest that any rule about batches looks back, whatever the batch."""
        return self._found(SubjectKind.BATCH).shortest

    def _found(self, kind: SubjectKind) -> "_About":
        found = self._about.get(kind)
        if found is None:
            rules = tuple(each for each in self.instances if each.settings.rule.subject is kind)
            found = self._about[kind] = _About(rules, min(_windows(rules), default=None))
        return found


class _About(NamedTuple):
    rules: tuple[RuleInstance, ...]
    shortest: timedelta | None


def _windows(rules: Iterable[RuleInstance]) -> Iterator[timedelta]:
    for each in rules:
        for settings in (each.settings, *(settings for _, settings in each.overrides)):
            if settings.rule.looks_back is not None:
                yield settings.rule.looks_back
