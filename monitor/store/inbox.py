"""The rows of webhooks: put in before they are answered, taken in, and kept for a while."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    bindparam,
    delete,
    func,
    literal_column,
    or_,
    select,
    update,
)

from monitor.store import hot
from monitor.store.schema import inbox, to_micros

_NEW, _ASKED, _DONE, _POISON = "new", "asked", "done", "poison"
_UNANSWERED = "unanswered"
_SET_ASIDE = (_POISON, _UNANSWERED)
# What these say is true again when they are sent again.
_HINTS = frozenset({"hint", "call_status"})
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
    """Keep what came, once each; for each whether it is new.

    A hint is new again once it was asked about: many vendors word them all alike. So is
    anything that the vendor could not be asked about to any use.
    """
    rows = [_row(each) for each in arrived]
    new = hot.insert_once(conn, _COLUMNS, inbox.c.unique_key, rows)
    found = []
    for each in arrived:
        known = each.unique_key not in new
        found.append(not known or _renew(conn, each))
        new.discard(each.unique_key)
    return found


def _renew(conn: Connection, again: Arrived) -> bool:
    over = [_UNANSWERED, _ASKED, _DONE] if again.proves in _HINTS else [_UNANSWERED]
    renewed = (
        update(inbox)
        .where(inbox.c.unique_key == again.unique_key, inbox.c.state.in_(over))
        .values(state=_NEW, received_at=again.received_at, told=again.told, why=None, done_at=None)
    )
    return bool(conn.execute(renewed).rowcount)


def _row(arrived: Arrived) -> hot.Row:
    return (
        arrived.provider,
        arrived.unique_key,
        to_micros(arrived.received_at),
        arrived.event,
        arrived.proves,
        arrived.batch_id,
        arrived.call_id,
        arrived.told,
        arrived.digest,
        _POISON if arrived.poison else _NEW,
        arrived.poison,
    )


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
    return [_arrived(row) for row in hot.read(conn, _WAITING, most=limit)]


def _arrived(row: Any) -> Arrived:
    return Arrived(
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


_WAITING = (
    select(inbox)
    # The words of the partial index: bound ones would miss it.
    .where(literal_column("state = 'new'"))
    .order_by(inbox.c.id)
    .limit(bindparam("most"))
)


def asked(conn: Connection, ids: Sequence[int]) -> None:
    """The vendor is being asked about these; ``readopt`` brings them back after a crash."""
    _move(conn, _NEW, ids, state=_ASKED)


def readopt(conn: Connection) -> None:
    """Nobody is asking any more: what was asked about is new again."""
    conn.execute(update(inbox).where(inbox.c.state == _ASKED).values(state=_NEW))


def done(conn: Connection, ids: Sequence[int], at: datetime) -> None:
    """These were taken in; what they told is in the snapshot now and is dropped here."""
    if ids:
        hot.change(conn, _TAKEN_IN, *({"row": row, "at": to_micros(at)} for row in ids))


_TAKEN_IN = (
    update(inbox)
    .where(inbox.c.id == bindparam("row"), inbox.c.state == _NEW)
    .values(state=_DONE, done_at=bindparam("at"), told=None)
)


def answered(conn: Connection, ids: Sequence[int], at: datetime) -> None:
    """What was asked about these is answered; those that came again meanwhile stay new."""
    _move(conn, _ASKED, ids, state=_DONE, done_at=at, told=None)


def quarantine(conn: Connection, ids: Sequence[int], why: str, at: datetime) -> None:
    """Set some aside that cannot be taken in, new or asked about; the others go on."""
    _set_aside(conn, ids, _POISON, why, at)


def unanswered(conn: Connection, ids: Sequence[int], why: str, at: datetime) -> None:
    """Set some aside that can be read, and about which nobody could be asked to any use.

    They are new again when they are sent again.
    """
    _set_aside(conn, ids, _UNANSWERED, why, at)


def _set_aside(conn: Connection, ids: Sequence[int], aside: str, why: str, at: datetime) -> None:
    for state in (_NEW, _ASKED):
        _move(conn, state, ids, state=aside, why=why, done_at=at, told=None)


def _move(conn: Connection, before: str, ids: Sequence[int], **values: Any) -> None:
    for start in range(0, len(ids), 500):
        some = inbox.c.id.in_(ids[start : start + 500])
        conn.execute(update(inbox).where(some, inbox.c.state == before).values(**values))


def telling(conn: Connection) -> list[Arrived]:
    """What still holds what it told: it is not taken in yet, or the vendor is being asked."""
    rows = conn.execute(select(inbox).where(inbox.c.told.is_not(None)).order_by(inbox.c.id))
    return [_arrived(row) for row in rows]


def reword(conn: Connection, row: int, told: str) -> None:
    """Have one tell something else."""
    conn.execute(update(inbox).where(inbox.c.id == row).values(told=told))


def forget_calls(conn: Connection, provider: str, calls: Collection[str]) -> None:
    """Let no row name these calls: who was called is erased.

    Of one that is still to be asked about it is then known only that something moved.
    """
    ids = sorted(calls)
    for start in range(0, len(ids), 500):
        of = (inbox.c.provider == provider, inbox.c.call_id.in_(ids[start : start + 500]))
        conn.execute(update(inbox).where(*of).values(call_id=None))


def oldest_new(conn: Connection) -> datetime | None:
    """Since when the first of those waits that nobody has taken up yet."""
    row = conn.execute(
        select(inbox.c.received_at).where(inbox.c.state == _NEW).order_by(inbox.c.id).limit(1)
    ).one_or_none()
    return None if row is None else row.received_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """One webhook that is set aside. ``why`` names keys at most, never values."""

    provider: str
    received_at: datetime
    event: str
    digest: str  # of the body, SHA-256
    why: str


def quarantined(conn: Connection, limit: int = 20) -> tuple[Quarantined, ...]:
    """The newest of what is set aside."""
    aside = inbox.c.state.in_(_SET_ASIDE)
    query = select(inbox).where(aside).order_by(inbox.c.id.desc()).limit(limit)
    return tuple(
        Quarantined(
            provider=row.provider,
            received_at=row.received_at,
            event=row.event,
            digest=row.digest.hex(),
            why=row.why or "",
        )
        for row in conn.execute(query)
    )


def unreadable(conn: Connection, provider: str) -> int:
    """How many of a provider's webhooks could not be read or taken in."""
    query = select(func.count()).where(inbox.c.provider == provider, inbox.c.state == _POISON)
    return conn.execute(query).scalar_one()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """How far one webhook has come. ``why`` says what is wrong with one that is set aside."""

    received_at: datetime
    done_at: datetime | None
    state: str  # new | asked | done | poison | unanswered
    why: str | None


def trace(
    conn: Connection, provider: str, subject: str, digest: bytes, since: datetime
) -> Trace | None:
    """The newest webhook of a provider since then that names this batch or call.

    One that cannot be read names nothing, and is known by the digest of its body.
    """
    named = or_(inbox.c.batch_id == subject, inbox.c.call_id == subject, inbox.c.digest == digest)
    row = conn.execute(
        select(inbox.c.received_at, inbox.c.done_at, inbox.c.state, inbox.c.why)
        .where(inbox.c.received_at >= since, inbox.c.provider == provider, named)
        .order_by(inbox.c.received_at.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else Trace(**row._asdict())


def prune(conn: Connection, before: datetime) -> int:
    """Drop some of what was taken in before then; how many.

    What is replayed after that is a new row, which merging makes harmless.
    """
    old = (
        select(inbox.c.id)
        .where(inbox.c.received_at < before, inbox.c.state.in_([_DONE, *_SET_ASIDE]))
        .order_by(inbox.c.received_at)
        .limit(_PIECE)
    )
    return conn.execute(delete(inbox).where(inbox.c.id.in_(old))).rowcount
