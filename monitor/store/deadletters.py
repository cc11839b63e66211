"""Messages that were given up: kept, listed, replayed, and told of where something arrives."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    update,
)

from monitor.core.alert import AlertState
from monitor.core.compose import compose
from monitor.core.day import GivenUp
from monitor.core.elsewhere import GIVEN_UP
from monitor.core.message import Message
from monitor.core.silence import acknowledged_by
from monitor.core.wording import clock, zone_named
from monitor.store import alerts, hot, silences
from monitor.store.coding import decode, encode
from monitor.store.outbox import weight_of
from monitor.store.schema import alerts as alerts_table
from monitor.store.schema import from_micros, outbox, to_micros

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


def load_by_receiver(conn: Connection) -> tuple[GivenUp, ...]:
    """What was given up and waits to be sent again; root and reply are one message.

    Not what only says so of others: that is said anew for as long as it is so.
    """
    return tuple(
        GivenUp(receiver=receiver, n=n, oldest=from_micros(oldest), key=key)
        for receiver, n, oldest, key in hot.ask(conn, _BY_RECEIVER)
    )


def load_unsaid(conn: Connection, receiver: str) -> Unsaid | None:
    """What this receiver did not get and was not told of; root and reply are one message."""
    ((n, since),) = hot.ask(conn, _COUNT_UNSAID, receiver=receiver)
    return Unsaid(n=n, since=from_micros(since)) if n else None


def mark_said(conn: Connection, receiver: str, at: datetime) -> None:
    """The receiver knows of all that was given up so far."""
    hot.change(conn, _SAY, {"receiver": receiver, "at": to_micros(at)})


_UNSAID: tuple[ColumnElement[bool], ...] = (
    outbox.c.receiver == bindparam("receiver"),
    # The words of the partial index: bound ones would miss it.
    literal_column("state = 'dead'"),
    outbox.c.announced_at.is_(None),
)
_told = outbox.c.alert_key + " " + outbox.c.transition
# Beside the least of a group SQLite gives the other columns of the same row.
_BY_RECEIVER = (
    select(
        outbox.c.receiver,
        func.count(_told.distinct()),
        func.min(outbox.c.created_at),
        outbox.c.delivery_key,
    )
    .join(alerts_table, alerts_table.c.key == outbox.c.alert_key)
    .where(literal_column("outbox.state = 'dead'"), alerts_table.c.rule != GIVEN_UP)
    .group_by(outbox.c.receiver)
    .order_by(outbox.c.receiver)
)
_counted: list[Any] = [func.count(_told.distinct()), func.min(outbox.c.due_at)]
_COUNT_UNSAID = select(*_counted).where(*_UNSAID)
_SAY = update(outbox).where(*_UNSAID).values(announced_at=bindparam("at"))


def replay(conn: Connection, which: int | str, *, now: datetime) -> int:
    """Owe dead parts once more: one by its id, or all of one delivery or alert key.

    Their day begins anew, and what they say is how the alert stands now: nobody is called to
    what is over, and no incident is opened that has nothing left to end it. Returns how many
    there were.
    """
    if isinstance(which, int):
        chosen = outbox.c.id == which
    else:
        chosen = or_(outbox.c.delivery_key == which, outbox.c.alert_key == which)
    dead = conn.execute(
        select(outbox.c.id, outbox.c.receiver, outbox.c.message).where(
            outbox.c.state == "dead", chosen
        )
    ).all()
    for row in dead:
        message = _as_it_stands(conn, row.receiver, decode(Message, row.message), now)
        conn.execute(
            update(outbox)
            .where(outbox.c.id == row.id)
            .values(
                message=encode(message),
                weight=weight_of(message),
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


def _as_it_stands(conn: Connection, receiver: str, message: Message, now: datetime) -> Message:
    """The same alert in words of now."""
    alert = alerts.load_key(conn, message.key)
    if alert is None:
        return replace(message, marks=(*message.marks, _AGAIN))
    over = alert.state is AlertState.RESOLVED
    ack = None if over else acknowledged_by(alert, silences.load_standing(conn, now), now)
    zone = zone_named(message.zone)
    newest = compose(
        alert,
        at=now,
        default_zone=message.zone,
        repeat=0 if over else message.repeat,
        untold=over and not _was_told(conn, receiver, alert.key),
        remarks=(_AGAIN,),
        link=message.link,
        acknowledged=f"{ack.author}, {clock(ack.created_at, zone, now)}" if ack else "",
    )
    return replace(newest, series=message.series)


def _was_told(conn: Connection, receiver: str, alert: str) -> bool:
    told = (outbox.c.alert_key == alert, outbox.c.receiver == receiver, outbox.c.state == "sent")
    return conn.execute(select(outbox.c.id).where(*told).limit(1)).first() is not None
