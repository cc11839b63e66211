"""From alerts to what is owed: decide for every receiver, compose, put into the outbox.

Runs inside the evaluation's transaction, so an alert and its notification are kept together
or not at all. Asked again with the same alerts it tells nothing twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog
from sqlalchemy import Connection

from monitor.core.alert import Alert, AlertState, Reason
from monitor.core.compose import compose, same_report
from monitor.core.destination import destinations, group_labels
from monitor.core.identity import group_key
from monitor.core.notify import Decision, Group, Told, decide
from monitor.core.route import Receiver, Route
from monitor.store import conversations, outbox
from monitor.store.conversations import Conversation
from monitor.store.outbox import History

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """Where alerts go: the routes in order, and the receivers that exist, by name."""

    routes: tuple[Route, ...]
    receivers: Mapping[str, Receiver] = field(default_factory=dict)


def tell(
    conn: Connection,
    *,
    alerts: Sequence[Alert],
    routing: Routing,
    now: datetime,
    inhibited: Mapping[str, str],
    default_zone: str,
) -> int:
    """Owe what these alerts call for now; how many parts that put into the outbox.

    ``alerts``, which are already stored, are those of one subject that fire, and those that
    closed in this evaluation. ``inhibited`` says by alert key why one is held back.
    """
    histories = outbox.load_histories(conn, [alert.key for alert in alerts])
    cases = [
        _Case(
            conn=conn,
            alert=alert,
            receiver=receiver,
            route=route,
            history=histories.get((alert.key, receiver.name)),
            now=now,
            zone=default_zone,
        )
        for alert in alerts
        for receiver, route in _hearers(alert, routing, histories)
    ]
    return sum(case.settle(inhibited.get(case.alert.key)) for case in cases)


def _hearers(
    alert: Alert, routing: Routing, histories: Mapping[tuple[str, str], History]
) -> Iterator[tuple[Receiver, Route | None]]:
    """Who is to hear of it now, and who heard of it before and is still owed its end."""
    led = destinations(alert, routing.routes)
    for name, receiver in routing.receivers.items():
        if name in led or (alert.key, name) in histories:
            yield receiver, led.get(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One alert and one receiver."""

    conn: Connection
    alert: Alert
    receiver: Receiver
    route: Route | None
    history: History | None
    now: datetime
    zone: str

    def settle(self, inhibited: str | None) -> int:
        """Decide, and put what was decided; how many parts."""
        # The group says where and when a telling goes, never whether: most of what is asked
        # every few seconds ends here.
        decision = self._decide(inhibited, Group())
        ended = self.alert.state is AlertState.RESOLVED and self.history is not None
        if not decision.why.tells and not ended:
            _report(decision)
            return 0
        conversation = self._conversation()
        group = self._group(conversation)
        decision = self._decide(inhibited, group)
        _report(decision)
        parts = self._put(decision, conversation) if decision.why.tells else 0
        if conversation and group.clear and ended:
            conversations.close(self.conn, conversation.id, self.now)
        return parts

    def _decide(self, inhibited: str | None, group: Group) -> Decision:
        return decide(
            alert=self.alert,
            receiver=self.receiver,
            route=self.route,
            told=self._told(),
            group=group,
            inhibited=inhibited,
            now=self.now,
        )

    def _told(self) -> Told:
        if self.history is None:
            return Told()
        if self.history.report is None or self.alert.reason is not Reason.SETTLED:
            return self.history.told
        newest = compose(self.alert, at=self.now, default_zone=self.zone)
        return replace(self.history.told, changed=not same_report(self.history.report, newest))

    def _conversation(self) -> Conversation | None:
        """The one in which it was told, whatever the routes say today; else its group's."""
        if self.history is not None:
            return conversations.load(self.conn, self.history.conversation)
        if self.route is None or self.alert.state is AlertState.INFO:
            return None
        return conversations.load_open(
            self.conn, receiver=self.receiver.name, group_key=self._group_key(self.route)
        )

    def _group_key(self, route: Route) -> str:
        return group_key(route.name, self.receiver.name, group_labels(self.alert, route))

    def _group(self, conversation: Conversation | None) -> Group:
        if conversation is None:
            return Group()
        return Group(
            opened_at=conversation.opened_at,
            told_at=conversation.told_at,
            clear=conversations.is_clear(self.conn, conversation.id),
            rooted=conversations.is_rooted(self.conn, conversation.id),
        )

    def _put(self, decision: Decision, conversation: Conversation | None) -> int:
        home = conversation or self._open(decision)
        message = compose(
            self.alert,
            at=self.now,
            default_zone=self.zone,
            repeat=decision.repeat,
            untold=decision.untold,
            loud=decision.loud,
        )
        return sum(
            outbox.put(
                self.conn,
                conversation=home.id,
                receiver=self.receiver.name,
                transition=decision.transition,
                part=part.value,
                message=message,
                now=self.now,
                due=decision.due or self.now,
            )
            for part in decision.parts
        )

    def _open(self, decision: Decision) -> Conversation:
        if self.route is None:
            raise ValueError(f"{decision.why} leads nowhere: alert {self.alert.key}")
        return conversations.put(
            self.conn,
            receiver=self.receiver.name,
            group_key=self._group_key(self.route),
            route=self.route.name,
            now=self.now,
            alone=self.alert.state is AlertState.INFO,
        )


def _report(decision: Decision) -> None:
    """What is told is news; a no is asked for again every few seconds."""
    write = log.info if decision.why.tells else log.debug
    write(
        "decided",
        alert=decision.alert,
        receiver=decision.receiver,
        why=decision.why.value,
        transition=decision.transition,
        due=decision.due,
        detail=decision.detail,
    )
