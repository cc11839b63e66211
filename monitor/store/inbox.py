"""The rows of webhooks: put in before they are answered, taken in, and kept for a while."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from monitor.store import hot
from monitor.store.schema import from_micros, inbox, to_micros

_NEW, _ASKED, _DONE, _POISON = "new", "asked", "done", "poison"
_PIECE = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """One webhook as it is kept. ``told`` is JSON in Offhook's own words, None for a hint."""

    provider: str
    unique_key: bytes
    received_at: datetime
    event: str
    proves: str
    digest: bytes
    batch_id: str | None = None
    call_id: str | None = None
    told: str | None = None
    poison: str | None = field(default=None)  # why it cannot be read; it is quarantined
    id: int = 0


def put(conn: Connection, arrived: Sequence[Arrived]) -> list[bool]:
    """Keep what came, once each; for each whether it is new."""
    new = []
    for each in arrived:
        row = (
            each.provider,
            each.unique_key,
            to_micros(each.received_at),
            each.event,
            each.proves,
            each.batch_id,
            each.call_id,
            each.told,
            each.digest,
            _POISON if each.poison else _NEW,
            each.poison,
        )
        new.append(hot.insert_once(conn, _COLUMNS, inbox.c.unique_key, row))
    return new


_COLUMNS = (
    inbox.c.provider,
    inbox.c.unique_key,
    inbox.c.received_at,
    inbox.c.event,
    inbox.c.proves,
    inbox.c.batch_id,
    inbox.c.call_id,
    inbox.c.told,
    inbox.c.digest,
    inbox.c.state,
    inbox.c.why,
)


def waiting(conn: Connection, limit: int) -> list[Arrived]:
    """What is not taken in yet, in the order in which it came."""
    query = select(inbox).where(inbox.c.state == _NEW).order_by(inbox.c.id).limit(limit)
    return [
        Arrived(
            id=row.id,
            provider=row.provider,
            unique_key=row.unique_key,
            received_at=row.received_at,
            event=row.event,
            proves=row.proves,
            digest=row.digest,
            batch_id=row.batch_id,
            call_id=row.call_id,
            told=row.told,
        )
        for row in conn.execute(query)
    ]


def asked(conn: Connection, ids: Sequence[int]) -> None:
    """The vendor is being asked about these; ``readopt`` brings them back after a crash."""
    _move(conn, ids, state=_ASKED)


def readopt(conn: Connection) -> None:
    """Nobody is asking any more: what was asked about is new again."""
    conn.execute(update(inbox).where(inbox.c.state == _ASKED).values(state=_NEW))


def done(conn: Connection, ids: Sequence[int], at: datetime) -> None:
    """These were taken in; what they told is in the snapshot now and is dropped here."""
    _move(conn, ids, state=_DONE, done_at=at, told=None)


def quarantine(conn: Connection, ids: Sequence[int], why: str, at: datetime) -> None:
    """Set some aside that cannot be taken in; the others go on."""
    _move(conn, ids, state=_POISON, why=why, done_at=at, told=None)


def _move(conn: Connection, ids: Sequence[int], **values: Any) -> None:
    for start in range(0, len(ids), 500):
        some = inbox.c.id.in_(ids[start : start + 500])
        conn.execute(update(inbox).where(some).values(**values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one provider's webhooks stand."""

    received: int
    waiting: int
    poison: int
    last_at: datetime | None


def standing(conn: Connection, provider: str) -> Standing:
    """What is kept of one provider's webhooks."""
    query = (
        select(inbox.c.state, func.count().label("n"), func.max(inbox.c.received_at).label("last"))
        .where(inbox.c.provider == provider)
        .group_by(inbox.c.state)
    )
    rows = {row.state: row for row in conn.execute(query)}
    counts = {state: row.n for state, row in rows.items()}
    last = max((row.last for row in rows.values()), default=None)
    return Standing(
        received=sum(counts.values()),
        waiting=counts.get(_NEW, 0) + counts.get(_ASKED, 0),
        poison=counts.get(_POISON, 0),
        last_at=from_micros(last) if isinstance(last, int) else last,
    )


def prune(conn: Connection, before: datetime) -> int:
    """Drop some of what was taken in before then; how many.

    What is replayed after that is a new row, which merging makes harmless.
    """
    old = (
        select(inbox.c.id)
        .where(inbox.c.received_at < before, inbox.c.state.in_([_DONE, _POISON]))
        .order_by(inbox.c.received_at)
        .limit(_PIECE)
    )
    return conn.execute(delete(inbox).where(inbox.c.id.in_(old))).rowcount
