"""How many messages a run of alerts would have made: the decisions of telling, without a store.

Channels take everything at once, as they do on a good day. What is changed in place calls
nobody and is no message; a root with a reply in its thread is one.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from monitor.core.alert import Alert, AlertState
from monitor.core.destination import destinations, group_labels
from monitor.core.identity import group_key
from monitor.core.notify import Decision, Group, Part, Told, Why, decide
from monitor.core.route import Receiver, Route
from monitor.core.rule import Severity
from monitor.evaluation.telling import Routing


@dataclass(slots=True)
class _Talk:
    """A conversation at one receiver."""

    key: str
    opened_at: datetime
    told_at: datetime | None = None
    rooted: bool = False
    about: set[str] = field(default_factory=set)
    open: bool = True


@dataclass(slots=True)
class _Owed:
    """What one receiver was told of one alert, and what waits for its time."""

    talk: _Talk
    transitions: set[str] = field(default_factory=set)
    delivered: bool = False
    waiting: Decision | None = None
    severity: Severity | None = None
    told_at: datetime | None = None
    repeats: int = 0


class Tellings:
    """Counts what people would have been told. ``hear`` in the order of time, then ``told``."""

    def __init__(self, routing: Routing) -> None:
        self._routing = routing
        self._alerts: dict[str, Alert] = {}
        self._owed: dict[tuple[str, str], _Owed] = {}
        self._talks: dict[tuple[str, str], _Talk] = {}
        self._later: list[tuple[datetime, str]] = []
        self._planned: set[tuple[datetime, str]] = set()
        self._told: dict[str, set[str]] = {}  # transitions by alert

    def hear(self, moved: Iterable[tuple[datetime, Alert]]) -> None:
        """Take alerts as they were when they moved, oldest first, and let the time pass."""
        for at, alert in moved:
            self._pass(at)
            self._deliver_due(at)
            self._alerts[alert.key] = alert
            self._decide(alert.key, at)
        self._pass(None)

    def told(self) -> Mapping[str, int]:
        """Messages by rule instance: what one person in all the channels would have got."""
        found: Counter[str] = Counter()
        for key, transitions in self._told.items():
            found[self._alerts[key].instance] += len(transitions)
        return +found

    def _pass(self, until: datetime | None) -> None:
        while self._later and (until is None or self._later[0][0] < until):
            at, key = planned = heapq.heappop(self._later)
            self._planned.discard(planned)
            self._decide(key, at)

    def _deliver_due(self, now: datetime) -> None:
        """What falls due at the moment of a move is taken before it."""
        due = {key for at, key in self._planned if at == now}
        if not due:
            return
        for (key, name), owed in self._owed.items():
            if key in due:
                self._deliver(self._alerts[key], self._routing.receivers[name], owed, now)

    def _decide(self, key: str, now: datetime) -> None:
        alert = self._alerts[key]
        for receiver, route in self._hearers(alert):
            owed = self._owed.get((key, receiver.name))
            self._deliver(alert, receiver, owed, now)
            talk = owed.talk if owed else self._joined(alert, receiver, route)
            decision = decide(
                alert=alert,
                receiver=receiver,
                route=route,
                told=_told(owed),
                group=self._group(talk),
                inhibited=None,
                now=now,
            )
            if decision.why.tells:
                self._put(alert, receiver, route, decision, now)
            self._end(alert, receiver, now)
            self._wake(alert, receiver, route, now)

    def _hearers(self, alert: Alert) -> Iterator[tuple[Receiver, Route | None]]:
        led = destinations(alert, self._routing.routes)
        for name, receiver in self._routing.receivers.items():
            if name in led or (alert.key, name) in self._owed:
                yield receiver, led.get(name)

    def _joined(self, alert: Alert, receiver: Receiver, route: Route | None) -> _Talk | None:
        if route is None or alert.state is AlertState.INFO:
            return None
        return self._talks.get((receiver.name, _group_of(alert, receiver, route)))

    def _group(self, talk: _Talk | None) -> Group:
        if talk is None:
            return Group()
        return Group(
            opened_at=talk.opened_at,
            told_at=talk.told_at,
            clear=self._is_clear(talk),
            rooted=talk.rooted,
        )

    def _is_clear(self, talk: _Talk) -> bool:
        return all(self._alerts[key].state is not AlertState.FIRING for key in talk.about)

    def _put(
        self,
        alert: Alert,
        receiver: Receiver,
        route: Route | None,
        decision: Decision,
        now: datetime,
    ) -> None:
        owed = self._owed.get((alert.key, receiver.name))
        if owed is None:
            owed = self._owed[alert.key, receiver.name] = _Owed(
                self._talk(alert, receiver, route, now)
            )
        owed.transitions.add(decision.transition)
        owed.waiting = decision  # in the place of an older one that was not sent
        weights = (each for each in (owed.severity, alert.severity) if each is not None)
        owed.severity = max(weights, key=lambda each: each.weight)
        owed.repeats += decision.repeat > 0
        self._deliver(alert, receiver, owed, now)

    def _talk(self, alert: Alert, receiver: Receiver, route: Route | None, now: datetime) -> _Talk:
        if route is None:
            raise ValueError(f"alert {alert.key} leads nowhere")
        key = _group_of(alert, receiver, route)
        talk = self._joined(alert, receiver, route)
        if talk is None:
            talk = _Talk(key, now, open=alert.state is not AlertState.INFO)
            if talk.open:
                self._talks[receiver.name, key] = talk
        talk.about.add(alert.key)
        return talk

    def _deliver(self, alert: Alert, receiver: Receiver, owed: _Owed | None, now: datetime) -> None:
        if owed is None or owed.waiting is None or (owed.waiting.due or now) > now:
            return
        decision, owed.waiting = owed.waiting, None
        if not _edits(decision, receiver, told=owed.delivered):
            self._told.setdefault(alert.key, set()).add(decision.transition)
        owed.delivered, owed.told_at = True, now
        owed.talk.told_at, owed.talk.rooted = now, receiver.edits

    def _end(self, alert: Alert, receiver: Receiver, now: datetime) -> None:
        """Once a whole group is clear nothing joins it, and what waits goes at once."""
        owed = self._owed.get((alert.key, receiver.name))
        if owed is None or alert.state is not AlertState.RESOLVED or not owed.talk.open:
            return
        talk = owed.talk
        if self._is_clear(talk):
            talk.open = False
            self._talks.pop((receiver.name, talk.key), None)
            for key in talk.about:
                other = self._owed.get((key, receiver.name))
                if other is not None and other.waiting is not None:
                    other.waiting = _at_once(other.waiting, now)
                    self._deliver(self._alerts[key], receiver, other, now)

    def _wake(self, alert: Alert, receiver: Receiver, route: Route | None, now: datetime) -> None:
        """Come back when something falls due, or is to be repeated."""
        owed = self._owed.get((alert.key, receiver.name))
        if owed is None:
            return
        when = None
        if owed.waiting is not None:
            when = owed.waiting.due
        elif alert.state is AlertState.FIRING and owed.told_at is not None and route is not None:
            when = owed.told_at + route.repeat_interval
        if when is not None and when > now and (when, alert.key) not in self._planned:
            self._planned.add((when, alert.key))
            heapq.heappush(self._later, (when, alert.key))


def _told(owed: _Owed | None) -> Told:
    if owed is None:
        return Told()
    return Told(
        transitions=frozenset(owed.transitions),
        delivered=owed.delivered,
        waiting=owed.waiting is not None,
        severity=owed.severity,
        told_at=owed.told_at,
        repeats=owed.repeats,
        changed=False,  # what came in late is not known any more
    )


def _group_of(alert: Alert, receiver: Receiver, route: Route) -> str:
    return group_key(route.name, receiver.name, group_labels(alert, route))


def _edits(decision: Decision, receiver: Receiver, *, told: bool) -> bool:
    """Whether a message is changed in place, and nothing else comes."""
    if decision.why is Why.QUIET_EDIT:
        return True
    in_place = decision.why is Why.SETTLED and decision.parts == (Part.ROOT,)
    return in_place and receiver.edits and told


def _at_once(decision: Decision, now: datetime) -> Decision:
    return replace(decision, due=now)
