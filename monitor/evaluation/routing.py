"""Where alerts go: the routes, the receivers, and what is true of rules for all of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from functools import cache
from urllib.parse import quote

import rules
from monitor.core.alert import Alert, AlertState
from monitor.core.destination import group_labels
from monitor.core.identity import group_key
from monitor.core.inhibit import Inhibition
from monitor.core.restored import Restored
from monitor.core.route import Receiver, Route
from monitor.core.rule import SubjectKind


@cache
def _causes() -> Mapping[str, str]:
    return {name: rule.cause or name for name, rule in rules.catalogue().items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """The routes in order, the receivers that exist by name, and which alert explains which.

    ``causes`` and ``compliance`` are of the rules, by id. ``public_url`` is where alerts have
    their pages; None where nobody else reaches them. ``restored``: the database is a backup's.
    """

    routes: tuple[Route, ...]
    receivers: Mapping[str, Receiver] = field(default_factory=dict)
    inhibitions: tuple[Inhibition, ...] = ()
    causes: Mapping[str, str] = field(default_factory=_causes)
    compliance: frozenset[str] = field(default_factory=rules.compliance)
    public_url: str | None = None
    restored: Restored | None = None

    def doubts(self, now: datetime, zone: tzinfo) -> tuple[str, ...]:
        """The remark that goes with what is told now, if any: it may have been told already."""
        remark = None if self.restored is None else self.restored.remark(now, zone)
        return () if remark is None else (remark,)

    def link_to(self, alert: Alert) -> str | None:
        """The page of an alert; of one that reports a batch's end, that batch's report."""
        if self.public_url is None:
            return None
        subject = alert.subject
        if alert.state is AlertState.INFO and subject.kind is SubjectKind.BATCH:
            return f"{self.public_url}/batches/{subject.provider}/{quote(subject.id, safe='')}"
        return f"{self.public_url}/alerts/{alert.key}"

    def group_of(self, alert: Alert, route: Route) -> tuple[tuple[str, str], ...]:
        """What the alert has in common with those that share its conversation."""
        return group_labels(alert, route, self.causes.get(alert.rule, alert.rule))

    def group_key(self, alert: Alert, route: Route, receiver: str) -> str:
        """The name of that conversation at one receiver."""
        return group_key(receiver, self.group_of(alert, route))
