"""Messages that were given up: kept, listed, replayed, and told of where something arrives."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, or_, select, update

from monitor.core.message import Message
from monitor.core.wording import clock, zone_named
from monitor.store.coding import decode, encode
from monitor.store.schema import outbox

_AGAIN = "sent again on demand"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One part that was given up."""

    id: int
    delivery_key: str
    receiver: str
    alert_key: str
    transition: str
    part: str
    created_at: datetime
    attempts: int
    error: str | None
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsaid:
    """How many messages were given up that their receiver does not know of, and since when."""

    n: int
    since: datetime


def count_dead(conn: Connection) -> int:
    """How many parts were given up and not replayed."""
    return conn.execute(
        select(func.count()).select_from(outbox).where(outbox.c.state == "dead")
    ).scalar_one()


def load_dead(conn: Connection, *, limit: int = 100) -> tuple[DeadLetter, ...]:
    """What was given up, newest first."""
    names = [name for name in DeadLetter.__slots__ if name != "message"]
    rows = conn.execute(
        select(*(outbox.c[name] for name in names), outbox.c.message)
        .where(outbox.c.state == "dead")
        .order_by(outbox.c.id.desc())
        .limit(limit)
    )
    return tuple(
        DeadLetter(**{**row._asdict(), "message": decode(Message, row.message)}) for row in rows
    )


def load_unsaid(conn: Connection, receiver: str) -> Unsaid | None:
    """What this receiver did not get and was not told of; root and reply are one message."""
    told = outbox.c.alert_key + " " + outbox.c.transition
    n, since = conn.execute(
        select(
            func.count(told.distinct()), func.min(outbox.c.due_at, type_=outbox.c.due_at.type)
        ).where(*_unsaid(receiver))
    ).one()
    return Unsaid(n=n, since=since) if n else None


def mark_said(conn: Connection, receiver: str, at: datetime) -> None:
    """The receiver knows of all that was given up so far."""
    conn.execute(update(outbox).where(*_unsaid(receiver)).values(announced_at=at))


def _unsaid(receiver: str) -> tuple[ColumnElement[bool], ...]:
    return (
        outbox.c.receiver == receiver,
        outbox.c.state == "dead",
        outbox.c.announced_at.is_(None),
    )


def replay(conn: Connection, which: int | str, *, now: datetime) -> int:
    """Owe dead parts once more: one by its id, or all of one delivery or alert key.

    Their day begins anew. Returns how many there were.
    """
    if isinstance(which, int):
        chosen = outbox.c.id == which
    else:
        chosen = or_(outbox.c.delivery_key == which, outbox.c.alert_key == which)
    dead = conn.execute(
        select(outbox.c.id, outbox.c.message).where(outbox.c.state == "dead", chosen)
    ).all()
    for row in dead:
        conn.execute(
            update(outbox)
            .where(outbox.c.id == row.id)
            .values(
                message=encode(_as_it_stood(decode(Message, row.message), now)),
                state="pending",
                created_at=now,
                owed_since=now,
                due_at=now,
                attempts=0,
                refused=0,
                carried_by=None,
                plain=False,
                announced_at=None,
            )
        )
    return len(dead)


def _as_it_stood(message: Message, now: datetime) -> Message:
    """What is sent again may be over by now, and says of when it is."""
    at = clock(message.at, zone_named(message.zone), now)
    said = f"{_AGAIN}: this is how it stood {at}"
    marks = (each for each in message.marks if not each.startswith(_AGAIN))
    return replace(message, marks=(*marks, said))
