"""How many messages a run of alerts would have made: the decisions of telling, without a store.

Channels take everything at once, as they do on a good day, and people acknowledge in time,
so nothing escalates. What is changed in place calls nobody and is no message; a root with a
reply in its thread is one, and so is a digest.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from monitor.core.alert import Alert, AlertState
from monitor.core.decision import Decision, Group, Home, Part, Told, Why
from monitor.core.destination import destinations
from monitor.core.flapping import TIMES, Flap, flapping
from monitor.core.held import Circumstances, is_open_at
from monitor.core.notify import decide
from monitor.core.pacing import repeat_at
from monitor.core.route import Receiver, Route
from monitor.core.rule import Severity
from monitor.evaluation.cases import ALONE, slot_key
from monitor.evaluation.routing import Routing


@dataclass(slots=True)
class _Talk:
    """A conversation at one receiver."""

    key: str
    opened_at: datetime
    slot: datetime | None = None
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

    def told(self) -> Told:
        """The same, as deciding asks for it."""
        return Told(
            transitions=frozenset(self.transitions),
            delivered=self.delivered,
            waiting=self.waiting is not None,
            severity=self.severity,
            told_at=self.told_at,
            repeats=self.repeats,
            changed=False,  # what came in late is not known any more
        )


class Tellings:
    """Counts what people would have been told. ``hear`` in the order of time, then ``told``."""

    def __init__(self, routing: Routing) -> None:
        self._routing = routing
        self._alerts: dict[str, Alert] = {}
        self._fired: dict[str, list[datetime]] = {}  # by fingerprint
        self._owed: dict[tuple[str, str], _Owed] = {}
        self._talks: dict[tuple[str, str], _Talk] = {}
        self._later: list[tuple[datetime, str]] = []
        self._planned: set[tuple[datetime, str]] = set()
        self._told: dict[str, set[str]] = {}  # transitions by alert
        self._slots: set[str] = set()  # that were told

    def hear(self, moved: Iterable[tuple[datetime, Alert]]) -> None:
        """Take alerts as they were when they moved, oldest first, and let the time pass."""
        for at, alert in moved:
            self._pass(at)
            self._deliver_due(at)
            before = self._alerts.get(alert.key)
            firing = alert.state is AlertState.FIRING
            if firing and (before is None or before.state is not AlertState.FIRING):
                self._fired.setdefault(alert.fingerprint, []).append(at)
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
        around = Circumstances(
            flap=self._flap(alert, now), compliance=alert.rule in self._routing.compliance
        )
        for receiver, route in self._hearers(alert, now):
            self._deliver(alert, receiver, self._owed.get((key, receiver.name)), now)
            decision, talk = self._decided(alert, receiver, route, around, now)
            if talk is not None and decision.why.tells:
                self._put(alert, receiver, talk, decision, now)
            self._end(alert, receiver, now)
            self._wake(alert, receiver, route, decision, now)

    def _decided(
        self,
        alert: Alert,
        receiver: Receiver,
        route: Route | None,
        around: Circumstances,
        now: datetime,
    ) -> tuple[Decision, _Talk | None]:
        """What is decided, and where it is told if it is."""
        owed = self._owed.get((alert.key, receiver.name))
        told = owed.told() if owed else Told()

        def asked(group: Group) -> Decision:
            return decide(
                alert=alert,
                receiver=receiver,
                route=route,
                told=told,
                group=group,
                now=now,
                around=around,
            )

        decision = asked(Group())
        if not decision.why.tells:
            return decision, None
        key = self._key(alert, receiver, route, decision)
        known = owed.talk if key is None and owed else self._talks.get((receiver.name, key or ""))
        decision = asked(self._group(known))
        return decision, known or self._opened(receiver, key or "", decision, now)

    def _flap(self, alert: Alert, now: datetime) -> Flap | None:
        fired = self._fired.get(alert.fingerprint, [])
        return flapping(fired, now) if len(fired) >= TIMES else None

    def _hearers(self, alert: Alert, now: datetime) -> Iterator[tuple[Receiver, Route | None]]:
        led = destinations(alert, self._routing.routes, lambda route: is_open_at(route, now))
        for name, receiver in self._routing.receivers.items():
            if name in led or (alert.key, name) in self._owed:
                yield receiver, led.get(name)

    def _key(
        self, alert: Alert, receiver: Receiver, route: Route | None, decision: Decision
    ) -> str | None:
        """The conversation that it goes into; None for the one in which it was told."""
        if decision.slot is not None:
            return slot_key(decision, decision.slot, alert, route)
        owed = self._owed.get((alert.key, receiver.name))
        if owed and (owed.talk.slot is None or decision.home is Home.STANDING):
            return None
        if route is None:
            return f"{ALONE}{alert.key}"
        return self._routing.group_key(alert, route, receiver.name)

    def _opened(self, receiver: Receiver, key: str, decision: Decision, now: datetime) -> _Talk:
        talk = _Talk(key, now, slot=decision.slot, open=decision.home is not Home.ALONE)
        if talk.open:
            self._talks[receiver.name, key] = talk
        return talk

    def _group(self, talk: _Talk | None) -> Group:
        if talk is None:
            return Group()
        firing = [each.severity for each in self._firing(talk)]
        return Group(
            opened_at=talk.opened_at,
            told_at=talk.told_at,
            clear=not firing,
            rooted=talk.rooted,
            severity=max(firing, key=lambda each: each.weight, default=None),
        )

    def _firing(self, talk: _Talk) -> list[Alert]:
        about = (self._alerts[key] for key in talk.about)
        return [each for each in about if each.state is AlertState.FIRING]

    def _put(
        self, alert: Alert, receiver: Receiver, talk: _Talk, decision: Decision, now: datetime
    ) -> None:
        owed = self._owed.setdefault((alert.key, receiver.name), _Owed(talk))
        owed.talk = talk
        talk.about.add(alert.key)
        if decision.home is Home.FLAP:
            self._keep_newest(alert, receiver, talk)
        owed.transitions.add(decision.transition)
        owed.waiting = decision  # in the place of an older one that was not sent
        weights = (each for each in (owed.severity, alert.severity) if each is not None)
        owed.severity = max(weights, key=lambda each: each.weight)
        owed.repeats += decision.repeat > 0
        self._deliver(alert, receiver, owed, now)

    def _keep_newest(self, alert: Alert, receiver: Receiver, talk: _Talk) -> None:
        for key in talk.about - {alert.key}:
            if (other := self._owed.get((key, receiver.name))) is not None:
                other.waiting = None

    def _deliver(self, alert: Alert, receiver: Receiver, owed: _Owed | None, now: datetime) -> None:
        if owed is None or owed.waiting is None or (owed.waiting.due or now) > now:
            return
        decision, owed.waiting = owed.waiting, None
        if not _edits(decision, receiver, told=owed.delivered):
            self._count(alert, owed.talk, decision)
        owed.delivered, owed.told_at = True, now
        owed.talk.told_at, owed.talk.rooted = now, receiver.edits

    def _count(self, alert: Alert, talk: _Talk, decision: Decision) -> None:
        """A digest is one message, whatever it tells and whoever hears it."""
        if decision.home is Home.DIGEST:
            if talk.key in self._slots:
                return
            self._slots.add(talk.key)
        self._told.setdefault(alert.key, set()).add(decision.transition)

    def _end(self, alert: Alert, receiver: Receiver, now: datetime) -> None:
        """Once a whole group is clear nothing joins it, and what waits goes at once."""
        owed = self._owed.get((alert.key, receiver.name))
        if owed is None or alert.state is not AlertState.RESOLVED or not owed.talk.open:
            return
        talk = owed.talk
        if talk.slot is None and not self._firing(talk):
            talk.open = False
            self._talks.pop((receiver.name, talk.key), None)
            for key in talk.about:
                other = self._owed.get((key, receiver.name))
                if other is not None and other.waiting is not None:
                    other.waiting = replace(other.waiting, due=now)
                    self._deliver(self._alerts[key], receiver, other, now)

    def _wake(
        self,
        alert: Alert,
        receiver: Receiver,
        route: Route | None,
        decision: Decision,
        now: datetime,
    ) -> None:
        """Come back when something falls due, is to be repeated, or is held back no more."""
        owed = self._owed.get((alert.key, receiver.name))
        when = decision.until
        if owed is not None and owed.waiting is not None:
            when = owed.waiting.due
        elif owed is not None and alert.state is AlertState.FIRING and route is not None:
            when = when or repeat_at(owed.told(), route, alert.severity)
        if when is not None and when > now and (when, alert.key) not in self._planned:
            self._planned.add((when, alert.key))
            heapq.heappush(self._later, (when, alert.key))


def _edits(decision: Decision, receiver: Receiver, *, told: bool) -> bool:
    """Whether a message is changed in place, and nothing else comes."""
    if decision.why is Why.QUIET_EDIT:
        return True
    in_place = decision.why is Why.SETTLED and decision.parts == (Part.ROOT,)
    return in_place and receiver.edits and told
