"""Who hears instead: a receiver that has not taken an alert in time has others told of it.

What is decided here comes from the outbox alone, not from an evaluation: the batch may be
long over. A copy has the key of its alert and says whose it is; whoever got one hears the
end as well.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection

from monitor.core.alert import Alert, AlertState
from monitor.core.compose import compose
from monitor.core.decision import Part
from monitor.core.destination import routes_of
from monitor.core.route import Receiver, Route
from monitor.core.wording import zone_named
from monitor.evaluation.cases import STORM_SIZE, STORM_WITHIN
from monitor.evaluation.hearers import circumstances
from monitor.evaluation.routing import Routing
from monitor.store import alerts as alerts_store
from monitor.store import conversations, moves, outbox
from monitor.store.conversations import STORM, Conversation
from monitor.store.outbox import History
from monitor.store.overdue import Overdue

log = structlog.get_logger()

_TOLD_AS = {AlertState.RESOLVED: "resolved", AlertState.INFO: "reported"}


@dataclass(frozen=True, slots=True)
class FellBack:
    """How many parts are owed now, and what a silence or a person keeps from being told."""

    parts: int
    held: frozenset[Overdue]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Copy:
    """One alert for one receiver, because another has not taken it."""

    alert: Alert
    failed: str
    route: Route
    receiver: Receiver
    history: History | None


def fall_back(
    conn: Connection, overdue: Sequence[Overdue], routing: Routing, zone: str, now: datetime
) -> FellBack:
    """Owe copies of what is overdue to the fallback receivers."""
    keys = list(dict.fromkeys(each.alert_key for each in overdue))
    found = {alert.key: alert for alert in alerts_store.load_keys(conn, keys)}
    around = circumstances(conn, list(found.values()), routing, {}, now)
    at_rest = {key for key, each in around.items() if each.silence or each.acknowledged}
    histories = outbox.load_histories(conn, [key for key in keys if key not in at_rest])
    copies = {}
    for each in overdue:
        alert = found.get(each.alert_key)
        if alert is None or alert.key in at_rest:
            continue
        for receiver, route in _instead(alert, each.receiver, routing):
            history = histories.get((alert.key, receiver.name))
            if _is_news(alert, history):
                copies[alert.key, receiver.name] = _Copy(
                    alert=alert,
                    failed=each.receiver,
                    route=route,
                    receiver=receiver,
                    history=history,
                )
    return FellBack(
        parts=_put_all(conn, list(copies.values()), routing, zone, now),
        held=frozenset(each for each in overdue if each.alert_key in at_rest),
    )


def _put_all(
    conn: Connection, copies: Sequence[_Copy], routing: Routing, zone: str, now: datetime
) -> int:
    """How many parts; more than anybody reads one by one share a conversation."""
    sizes = Counter(copy.receiver.name for copy in copies)
    since = now - STORM_WITHIN
    crowds = {
        name: n + conversations.opened_since(conn, name, since, STORM_SIZE) > STORM_SIZE
        for name, n in sizes.items()
    }
    return sum(
        _put(conn, copy, routing, zone, now, crowd=crowds[copy.receiver.name]) for copy in copies
    )


def _instead(alert: Alert, failed: str, routing: Routing) -> Iterator[tuple[Receiver, Route]]:
    """The fallback receivers of the routes that lead the alert to the one that failed."""
    for route in routes_of(alert, routing.routes):
        if failed in (*route.receivers, *route.escalate_to):
            for name in route.fallback:
                if name != failed and name in routing.receivers:
                    yield routing.receivers[name], route


def _is_news(alert: Alert, history: History | None) -> bool:
    """Whether the receiver was not told of it, or not that it is so bad."""
    if history is None:
        return True
    told = history.told.severity
    worse = told is None or alert.severity.weight > told.weight
    return alert.state is AlertState.FIRING and worse


def _put(
    conn: Connection, copy: _Copy, routing: Routing, zone: str, now: datetime, *, crowd: bool
) -> int:
    alert, receiver = copy.alert, copy.receiver
    home = _home(conn, copy, routing, now, crowd=crowd)
    firing = alert.state is AlertState.FIRING
    again = f"fallback-{alert.severity}" if copy.history else "fallback"
    message = compose(
        alert,
        at=now,
        default_zone=zone,
        loud=firing,
        link=routing.link_to(alert),
        remarks=(
            f"fallback copy: {copy.failed} has not taken it",
            *routing.doubts(now, zone_named(alert.subject.zone, zone)),
        ),
        fired=None if firing else moves.fired_with(conn, alert.key),
    )
    parts = sum(
        outbox.put(
            conn,
            conversation=home.id,
            receiver=receiver.name,
            transition=_TOLD_AS.get(alert.state, again),
            part=part.value,
            message=message,
            now=now,
            due=now,
        )
        for part in _parts(conn, receiver, home)
    )
    if parts:
        log.warning("fell_back", alert=alert.key, failed=copy.failed, receiver=receiver.name)
    return parts


def _parts(conn: Connection, receiver: Receiver, home: Conversation) -> tuple[Part, ...]:
    if not receiver.edits:
        return (Part.MESSAGE,)
    rooted = conversations.is_rooted(conn, home)
    return (Part.ROOT, Part.THREAD) if rooted else (Part.ROOT,)


def _home(
    conn: Connection, copy: _Copy, routing: Routing, now: datetime, *, crowd: bool
) -> Conversation:
    """Where the receiver was told of it, else in the conversation of its group."""
    if copy.history is not None:
        known = conversations.load(conn, copy.history.conversation)
        if not known.is_slot:
            return known
    name = copy.receiver.name
    key = STORM if crowd else routing.group_key(copy.alert, copy.route, name)
    firing = copy.alert.state is AlertState.FIRING
    joined = (
        conversations.load_open(conn, receiver=name, group_key=key) if firing or crowd else None
    )
    return joined or conversations.put(
        conn,
        receiver=name,
        group_key=key,
        route=copy.route.name,
        now=now,
        alone=not firing and not crowd,
    )
