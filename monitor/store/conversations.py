"""Conversations: what is owed to one receiver about one group of alerts, under one root."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, exists, or_, select, update

from monitor.store.schema import alerts, conversations, outbox


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


def load(conn: Connection, conversation: int) -> Conversation:
    """One conversation by its id."""
    return _read(
        conn.execute(select(conversations).where(conversations.c.id == conversation)).one()
    )


def load_open(conn: Connection, *, receiver: str, group_key: str) -> Conversation | None:
    """The one that alerts of this group join now."""
    found = conn.execute(
        select(conversations).where(
            conversations.c.receiver == receiver,
            conversations.c.group_key == group_key,
            conversations.c.closed_at.is_(None),
        )
    ).one_or_none()
    return _read(found) if found else None


def put(
    conn: Connection, *, receiver: str, group_key: str, route: str, now: datetime, alone: bool
) -> Conversation:
    """Open a conversation; ``alone``: nothing else will ever join it."""
    closed_at = now if alone else None
    inserted = conn.execute(
        conversations.insert().values(
            receiver=receiver, group_key=group_key, route=route, opened_at=now, closed_at=closed_at
        )
    )
    (conversation,) = inserted.inserted_primary_key or (0,)
    return Conversation(
        id=conversation,
        receiver=receiver,
        group_key=group_key,
        route=route,
        opened_at=now,
        closed_at=closed_at,
    )


def is_clear(conn: Connection, conversation: int) -> bool:
    """Whether no alert that it tells of is still firing."""
    firing = (
        exists()
        .where(outbox.c.conversation == conversation)
        .where(outbox.c.alert_key == alerts.c.key)
        .where(alerts.c.state.in_(("pending", "firing")))
    )
    return not conn.execute(select(firing)).scalar_one()


def is_rooted(conn: Connection, conversation: int) -> bool:
    """Whether its root message stands in the channel, or may."""
    under_way = exists().where(
        outbox.c.conversation == conversation,
        outbox.c.part == "root",
        or_(
            outbox.c.state == "attempting",
            (outbox.c.state == "pending") & outbox.c.possible_repeat,
        ),
    )
    stands = exists().where(
        conversations.c.id == conversation, conversations.c.remote_id.is_not(None)
    )
    return bool(conn.execute(select(or_(under_way, stands))).scalar_one())


def close(conn: Connection, conversation: int, now: datetime) -> None:
    """Nothing joins it any more, and what waits for company waits no longer."""
    conn.execute(
        update(conversations)
        .where(conversations.c.id == conversation, conversations.c.closed_at.is_(None))
        .values(closed_at=now)
    )
    conn.execute(
        update(outbox)
        .where(
            outbox.c.conversation == conversation,
            outbox.c.state == "pending",
            outbox.c.attempts == 0,
            outbox.c.due_at > now,
        )
        .values(due_at=now)
    )


def _read(row: Row[tuple[object, ...]]) -> Conversation:
    return Conversation(**row._asdict())
