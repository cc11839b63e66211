"""Who is to hear of an alert, and what is true of it for each of them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from monitor.core.alert import Alert, AlertState
from monitor.core.compose import labels_of
from monitor.core.destination import destinations, routes_of
from monitor.core.elsewhere import elsewhere
from monitor.core.flapping import LOOK_BACK, TIMES, Flap, flapping
from monitor.core.held import Circumstances, is_open_at
from monitor.core.route import Receiver, Route
from monitor.core.silence import Silence, acknowledged_by, silenced_by
from monitor.evaluation.routing import Routing
from monitor.store import alerts as alerts_store
from monitor.store import silences as silences_store
from monitor.store.outbox import History

Histories = Mapping[tuple[str, str], History]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearer:
    """A receiver that is to hear, or is owed the end of what it heard."""

    receiver: Receiver
    route: Route | None
    around: Circumstances


def hearers(
    alert: Alert, routing: Routing, histories: Histories, around: Circumstances, now: datetime
) -> Iterator[Hearer]:
    """Who the routes lead to, who heard of it before, and whom it escalates to."""
    led = destinations(alert, routing.routes, lambda route: is_open_at(route, now))
    led = elsewhere(alert, led, routing.routes, routing.receivers)
    called = _called(alert, routing, histories)
    for name, receiver in routing.receivers.items():
        if name not in led and name not in called and (alert.key, name) not in histories:
            continue
        route, at = called.get(name, (None, None))
        mine = around
        if route is not None:
            mine = replace(
                around,
                unheard_at=at,
                unheard_for=route.escalate_after or around.unheard_for,
                summoned=name not in led,
            )
        yield Hearer(receiver=receiver, route=led.get(name, route), around=mine)


def _called(
    alert: Alert, routing: Routing, histories: Histories
) -> Mapping[str, tuple[Route, datetime]]:
    """Whom routes call when nobody acknowledges it, and when, counted from its first telling."""
    found: dict[str, tuple[Route, datetime]] = {}
    if alert.state is not AlertState.FIRING:
        return found
    for route in routes_of(alert, routing.routes):
        if route.escalate_after is None:
            continue
        told = (histories.get((alert.key, name)) for name in route.receivers)
        first = [each.told.first_at for each in told if each and each.told.first_at]
        if not first:
            continue
        at = min(first) + route.escalate_after
        for name in route.escalate_to:
            if name not in found or at < found[name][1]:
                found[name] = route, at
    return found


def circumstances(
    conn: Connection,
    alerts: Sequence[Alert],
    routing: Routing,
    inhibited: Mapping[str, str],
    now: datetime,
) -> Mapping[str, Circumstances]:
    """What holds each alert back, and what people did about it, by alert key."""
    silences = silences_store.load_standing(conn, now)
    flaps = _flaps(conn, alerts, now)
    return {
        alert.key: _around(
            alert,
            silences=silences,
            flap=flaps.get(alert.fingerprint),
            inhibited=inhibited.get(alert.key),
            law=routing.compliance,
            now=now,
        )
        for alert in alerts
    }


def _around(
    alert: Alert,
    *,
    silences: Sequence[Silence],
    flap: Flap | None,
    inhibited: str | None,
    law: Collection[str],
    now: datetime,
) -> Circumstances:
    compliance = alert.rule in law
    if not (silences or flap or inhibited or compliance):
        return Circumstances()
    return Circumstances(
        inhibited=inhibited,
        silence=silenced_by(alert, silences, now, law),
        ended=_ended(alert, silences, now, law),
        acknowledged=acknowledged_by(alert, silences, now),
        flap=flap,
        compliance=compliance,
    )


def _ended(
    alert: Alert, silences: Iterable[Silence], now: datetime, law: Collection[str]
) -> Silence | None:
    """The last silence that held the alert back and is over."""
    labels = labels_of(alert)
    over = [
        (at, each)
        for each in silences
        if (at := each.over_at()) is not None and at <= now and each.covers(labels, alert.rule, law)
    ]
    return max(over, key=lambda one: one[0])[1] if over else None


def _flaps(conn: Connection, alerts: Sequence[Alert], now: datetime) -> Mapping[str, Flap]:
    """Which of the conditions come and go; what has not fired often enough is not looked up."""
    often = [
        each.fingerprint
        for each in alerts
        if each.episode >= TIMES and each.state is not AlertState.INFO
    ]
    if not often:
        return {}
    fired = alerts_store.load_fired(conn, often, now - LOOK_BACK)
    found = {name: flapping(times, now) for name, times in fired.items()}
    return {name: flap for name, flap in found.items() if flap is not None}
