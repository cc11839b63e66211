"""Conversations: what is owed to one receiver about one group of alerts, under one root.

What opens for one telling at a time yet to come (a digest, an hour of what flaps) and what
takes a storm have group keys that say so; those of groups are hashes.
"""

from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace

from sqlalchemy import ColumnElement, Connection, bindparam, literal_column, or_, select, update

from monitor.core.alert import Subject
from monitor.core.rule import Severity
from monitor.store import hot
from monitor.store.coding import decode
from monitor.store.schema import alerts, conversations, outbox, to_micros

DIGEST, FLAP, STORM = "digest:", "flap:", "storm:"
_COMPANY = 4
_LATE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One of them; ``remote_id`` is where its root message stands, if it can be changed."""

    id: int
    receiver: str
    group_key: str
    route: str
    opened_at: datetime
    closed_at: datetime | None = None
    told_at: datetime | None = None
    remote_id: str | None = None

    @property
    def is_slot(self) -> bool:
        """Whether it is for one telling only, and what comes after goes elsewhere."""
        return self.group_key.startswith((DIGEST, FLAP))

    @property
    def is_storm(self) -> bool:
        """Whether it takes what comes too fast for conversations of its own."""
        return self.group_key.startswith(STORM)


@dataclass(frozen=True, slots=True)
class Member:
    """Another alert of a conversation that still fires."""

    instance: str
    severity: Severity
    fired_at: datetime | None
    subject: Subject


def load(conn: Connection, conversation: int) -> Conversation:
    """One conversation by its id."""
    (found,) = hot.read(conn, _BY_ID, conversation=conversation)
    return _read(found)


def load_open(conn: Connection, *, receiver: str, group_key: str) -> Conversation | None:
    """The one that alerts of this group join now."""
    found = hot.read(conn, _OPEN, receiver=receiver, group_key=group_key)
    return _read(found[0]) if found else None


_BY_ID = select(conversations).where(conversations.c.id == bindparam("conversation"))
_OPEN = select(conversations).where(
    conversations.c.receiver == bindparam("receiver"),
    conversations.c.group_key == bindparam("group_key"),
    conversations.c.closed_at.is_(None),
)


def put(
    conn: Connection, *, receiver: str, group_key: str, route: str, now: datetime, alone: bool
) -> Conversation:
    """Open a conversation; ``alone``: nothing else will ever join it."""
    closed_at = now if alone else None
    values = {
        "receiver": receiver,
        "group_key": group_key,
        "route": route,
        "opened_at": now,
        "closed_at": closed_at,
    }
    return Conversation(
        id=hot.add(conn, conversations, values),
        receiver=receiver,
        group_key=group_key,
        route=route,
        opened_at=now,
        closed_at=closed_at,
    )


def is_clear(conn: Connection, conversation: int) -> bool:
    """Whether no alert that it tells of is still firing.

    In a crowd few of the newest rows say so, and there are fewer open alerts than rows.
    """
    newest = hot.ask(conn, _NEWEST_OPEN, conversation=conversation)
    if any(is_open for (is_open,) in newest):
        return False
    return len(newest) < _LATE or not hot.ask(conn, _OPEN_IN_IT, conversation=conversation)


_IS_OPEN: ColumnElement[bool] = literal_column("alerts.state IN ('pending', 'firing')")
_NEWEST_OPEN = (
    select(_IS_OPEN)
    .select_from(outbox.join(alerts, alerts.c.key == outbox.c.alert_key))
    .where(outbox.c.conversation == bindparam("conversation"))
    .order_by(outbox.c.id.desc())
    .limit(literal_column(str(_LATE)))
)
# The unary plus keeps the conversation's own index, with its thousands of rows, from being used.
_OPEN_IN_IT = (
    select(alerts.c.key)
    .where(
        _IS_OPEN,
        select(outbox.c.id)
        .where(
            outbox.c.alert_key == alerts.c.key,
            literal_column("+outbox.conversation") == bindparam("conversation"),
        )
        .exists(),
    )
    .limit(literal_column("1"))
)


def is_rooted(conn: Connection, conversation: Conversation) -> bool:
    """Whether its root message stands in the channel, or may."""
    if conversation.remote_id is not None or conversation.is_storm:
        # In a storm nobody misses the reply to a root that is on its way.
        return conversation.remote_id is not None
    return bool(hot.ask(conn, _UNDER_WAY, conversation=conversation.id))


_UNDER_WAY = (
    select(outbox.c.id)
    .where(
        outbox.c.conversation == bindparam("conversation"),
        outbox.c.part == literal_column("'root'"),
        or_(
            literal_column("state = 'attempting'"),
            literal_column("state = 'pending'") & outbox.c.possible_repeat,
        ),
    )
    .limit(literal_column("1"))
)


def company(conn: Connection, conversation: int, *, but: str) -> tuple[Member, ...]:
    """A few other alerts told in it of late that still fire, the heaviest first."""
    newest = (
        select(outbox.c.alert_key)
        .where(outbox.c.conversation == conversation)
        .order_by(outbox.c.id.desc())
        .limit(_LATE)
        .subquery()
    )
    rows = conn.execute(
        select(alerts.c.instance, alerts.c.severity, alerts.c.fired_at, alerts.c.subject).where(
            alerts.c.key.in_(select(newest.c.alert_key)),
            alerts.c.key != but,
            alerts.c.state == "firing",
        )
    )
    found = sorted(rows, key=lambda each: (-Severity(each.severity).weight, each.instance))
    return tuple(
        Member(row.instance, Severity(row.severity), row.fired_at, decode(Subject, row.subject))
        for row in found[:_COMPANY]
    )


def opened_since(conn: Connection, receiver: str, since: datetime, most: int) -> int:
    """How many were opened at a receiver after ``since``, counted no further than ``most``."""
    asked = {"receiver": receiver, "since": to_micros(since), "most": most}
    return len(hot.ask(conn, _OPENED, **asked))


_OPENED = (
    select(conversations.c.id)
    .where(
        conversations.c.receiver == bindparam("receiver"),
        conversations.c.opened_at > bindparam("since"),
    )
    .limit(bindparam("most"))
)


def joined_since(conn: Connection, conversation: int, since: datetime, most: int) -> int:
    """How much was put into a conversation after ``since``, of the newest ``most``."""
    rows = hot.ask(conn, _NEWEST, conversation=conversation, most=most)
    return sum(at > to_micros(since) for (at,) in rows)


_NEWEST = (
    select(outbox.c.created_at)
    .where(outbox.c.conversation == bindparam("conversation"))
    .order_by(outbox.c.id.desc())
    .limit(bindparam("most"))
)


def keep_newest(conn: Connection, conversation: int, *, alert: str) -> None:
    """Of one condition that comes and goes only the newest episode is still to be told."""
    conn.execute(
        update(outbox)
        .where(
            outbox.c.conversation == conversation,
            outbox.c.alert_key != alert,
            outbox.c.state == "pending",
            outbox.c.possible_repeat.is_(False),
        )
        .values(state="superseded")
    )


def close(conn: Connection, conversation: int, now: datetime) -> None:
    """Nothing joins it any more."""
    conn.execute(
        update(conversations)
        .where(conversations.c.id == conversation, conversations.c.closed_at.is_(None))
        .values(closed_at=now)
    )


def close_past(conn: Connection, receiver: str, kind: str, now: datetime) -> None:
    """Close those of one kind whose time has come; what they still owe goes as it would have.

    Their keys begin with the kind and end with that time, so they sort as it passes.
    """
    conn.execute(
        update(conversations)
        .where(
            conversations.c.receiver == receiver,
            conversations.c.closed_at.is_(None),
            conversations.c.group_key >= kind,
            conversations.c.group_key < f"{kind}{now.isoformat()}",
        )
        .values(closed_at=now)
    )


def _read(row: SimpleNamespace) -> Conversation:
    return Conversation(**vars(row))
