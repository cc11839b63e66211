"""One alert and one receiver: what is decided, and in which conversation it is told.

Only reads, so that asking what would be told is the same as telling it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from monitor.core.alert import Alert, AlertState, Reason
from monitor.core.compose import compose, same_report
from monitor.core.decision import Decision, Group, Home, Told, Why
from monitor.core.held import Circumstances
from monitor.core.notify import decide
from monitor.core.route import Receiver, Route
from monitor.evaluation.hearers import circumstances, hearers
from monitor.evaluation.routing import Routing
from monitor.store import conversations, outbox
from monitor.store.conversations import DIGEST, FLAP, STORM, Conversation, Member
from monitor.store.outbox import History

# More conversations than this at one receiver in a minute are nothing that anybody reads one
# by one, and chat takes about one message a second. What comes after shares one, until fewer
# than that have come within a minute.
STORM_SIZE = 20
STORM_WITHIN = timedelta(minutes=1)
ALONE = "alone:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a telling goes: a conversation that is there, or the key of one to be opened.

    ``company`` are others of it that fire.
    """

    key: str
    conversation: Conversation | None = None
    company: tuple[Member, ...] = ()
    alone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One alert and one receiver."""

    conn: Connection
    routing: Routing
    alert: Alert
    receiver: Receiver
    route: Route | None
    around: Circumstances
    history: History | None
    now: datetime
    zone: str

    def decision(self) -> tuple[Decision, Place | None]:
        """What is decided, and where it goes when it is told."""
        # The group says where and when a telling goes, never whether: most of what is asked
        # every few seconds ends here.
        decision = self._decide(Group())
        if not decision.why.tells:
            return decision, None
        place = self._place(decision)
        return self._decide(self._group(place)), place

    def standing(self) -> Conversation | None:
        """The conversation in which it was told last."""
        if self.history is None:
            return None
        return conversations.load(self.conn, self.history.conversation)

    def _decide(self, group: Group) -> Decision:
        return decide(
            alert=self.alert,
            receiver=self.receiver,
            route=self.route,
            told=self._told(),
            group=group,
            now=self.now,
            around=self.around,
        )

    def _told(self) -> Told:
        if self.history is None:
            return Told()
        if self.history.report is None or self.alert.reason is not Reason.SETTLED:
            return self.history.told
        newest = compose(self.alert, at=self.now, default_zone=self.zone)
        return replace(self.history.told, changed=not same_report(self.history.report, newest))

    def _place(self, decision: Decision) -> Place:
        """Where it was told, whatever the routes say today, if that takes more; else anew."""
        standing = self.standing()
        if decision.slot is not None:
            return self._found(slot_key(decision, decision.slot, self.alert, self.route))
        goes_on = standing is not None and not standing.is_slot
        if standing is not None and (goes_on or decision.home is Home.STANDING):
            return self._with_company(standing, decision)
        if self.route is None:
            # The digest that told it is over, and no route leads to the next: a word of its own.
            return Place(key=f"{ALONE}{self.alert.key}", alone=True)
        key = self.routing.group_key(self.alert, self.route, self.receiver.name)
        alone = decision.home is Home.ALONE
        known = None if alone else self._open(key)
        if known is not None:
            return self._with_company(known, decision)
        if not self.around.compliance and self._storms():
            return self._found(STORM)
        return Place(key=key, alone=alone)

    def _open(self, key: str) -> Conversation | None:
        return conversations.load_open(self.conn, receiver=self.receiver.name, group_key=key)

    def _found(self, key: str) -> Place:
        return Place(key=key, conversation=self._open(key))

    def _with_company(self, conversation: Conversation, decision: Decision) -> Place:
        place = Place(key=conversation.group_key, conversation=conversation)
        if decision.why is not Why.FIRST or conversation.is_storm:
            return place
        others = conversations.company(self.conn, conversation.id, but=self.alert.key)
        return replace(place, company=others)

    def _storms(self) -> bool:
        """Whether more is told to this receiver than anybody reads."""
        name, since = self.receiver.name, self.now - STORM_WITHIN
        begun = conversations.opened_since(self.conn, name, since, STORM_SIZE)
        if begun < STORM_SIZE and (storm := self._open(STORM)) is not None:
            begun += conversations.joined_since(self.conn, storm.id, since, STORM_SIZE)
        return begun >= STORM_SIZE

    def _group(self, place: Place) -> Group:
        conversation = place.conversation
        if conversation is None:
            return Group(crowd=place.key == STORM)
        firing = self.alert.state is AlertState.FIRING
        return Group(
            opened_at=conversation.opened_at,
            told_at=conversation.told_at,
            clear=not firing and self._is_clear(conversation),
            rooted=self.receiver.edits and conversations.is_rooted(self.conn, conversation),
            severity=place.company[0].severity if place.company else None,
            crowd=conversation.is_storm,
        )

    def _is_clear(self, conversation: Conversation) -> bool:
        """What is closed was clear, and nothing has joined it since."""
        closed = conversation.closed_at is not None
        return closed or conversations.is_clear(self.conn, conversation.id)


def slot_key(decision: Decision, slot: datetime, alert: Alert, route: Route | None) -> str:
    """Of the digest of a route, or of the hour of one condition; its time comes first."""
    at = slot.astimezone(UTC).isoformat()
    if decision.home is Home.FLAP:
        return f"{FLAP}{at}:{alert.fingerprint}"
    return f"{DIGEST}{at}:{route.name if route else ''}"


def cases(
    conn: Connection,
    *,
    alerts: Sequence[Alert],
    routing: Routing,
    now: datetime,
    inhibited: Mapping[str, str],
    zone: str,
) -> Iterator[Case]:
    """Every receiver that is to hear of each alert, or was told of it."""
    if not alerts:
        return
    histories = outbox.load_histories(conn, [alert.key for alert in alerts])
    around = circumstances(conn, alerts, routing, inhibited, now)
    for alert in alerts:
        for hearer in hearers(alert, routing, histories, around[alert.key], now):
            yield Case(
                conn=conn,
                routing=routing,
                alert=alert,
                receiver=hearer.receiver,
                route=hearer.route,
                around=hearer.around,
                history=histories.get((alert.key, hearer.receiver.name)),
                now=now,
                zone=zone,
            )
