"""What a report of one batch is made of: all its calls, counted where they stand."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    Select,
    bindparam,
    case,
    func,
    literal_column,
    select,
)

from monitor.core.calendar import Calendar
from monitor.core.lookback import Cause, Rung, Slot, rungs, slot_length, slots
from monitor.core.model import FAILED
from monitor.store import batches, hot
from monitor.store.batches import BatchRow
from monitor.store.schema import batches as table
from monitor.store.schema import calls, from_micros

MOST_MEANT = 20
_MOST_KNOWN = 500
_CAUSES = 5  # of each kind

_batch = bindparam("batch", type_=Integer)
_ended, _outcome = calls.c.ended_at, calls.c.outcome
_here = (calls.c.batch == _batch, _ended > literal_column("0"))
_REACH: Select[Any] = select(func.min(_ended), func.max(_ended)).where(*_here)
_slot = (_ended // bindparam("length", type_=BigInteger)).label("slot")
_SLOTS: Select[Any] = (
    select(_slot, _outcome, func.count()).where(*_here).group_by(literal_column("slot"), _outcome)
)
_LADDER: Select[Any] = (
    select(calls.c.attempt, _outcome, func.count())
    .where(calls.c.batch == _batch)
    .group_by(calls.c.attempt, _outcome)
)
_PIVOTS = (
    ("error", calls.c.error_class),
    ("hang-up", calls.c.hangup),
    ("from-number", calls.c.from_number),
)


def meant(conn: Connection, word: str, provider: str | None = None) -> list[BatchRow]:
    """The batches of this id, of "provider/id", or else of this name, the newest first."""
    named, slash, rest = word.partition("/")
    wanted = table.c.batch_id == word
    if slash:
        wanted |= (table.c.provider == named) & (table.c.batch_id == rest)
    return _found(conn, wanted, provider) or _found(conn, table.c.name == word, provider)


def _found(conn: Connection, wanted: Any, provider: str | None) -> list[BatchRow]:
    if provider is not None:
        wanted &= table.c.provider == provider
    newest = select(table.c.id).where(wanted).order_by(table.c.first_seen_at.desc())
    return [batches.load(conn, each) for each in conn.execute(newest.limit(MOST_MEANT)).scalars()]


def known_words(conn: Connection) -> set[str]:
    """Ids and names of the newest batches: what a misspelt word may have meant."""
    newest = select(table.c.batch_id, table.c.name).order_by(table.c.first_seen_at.desc())
    rows = conn.execute(newest.limit(_MOST_KNOWN))
    return {word for row in rows for word in row if word}


def pace(conn: Connection, batch: int, calendar: Calendar | None) -> tuple[Slot, ...]:
    """Its ended calls over time, in equally long slots without a gap."""
    reach = _reach(conn, batch)
    if reach is None:
        return ()
    length = slot_length(*reach)
    micros = round(length / timedelta(microseconds=1))
    rows = hot.ask(conn, _SLOTS, batch=batch, length=micros)
    return slots({(number, outcome): n for number, outcome, n in rows}, length, calendar)


def _reach(conn: Connection, batch: int) -> tuple[datetime, datetime] | None:
    ((first, last),) = hot.ask(conn, _REACH, batch=batch)
    return None if first is None else (from_micros(first), from_micros(last))


def ladder(conn: Connection, batch: int) -> tuple[Rung, ...]:
    """How the calls of each attempt ended."""
    rows = hot.ask(conn, _LADDER, batch=batch)
    return rungs({(attempt, outcome): n for attempt, outcome, n in rows})


def causes(conn: Connection, batch: int) -> tuple[Cause, ...]:
    """What the calls that failed have in common, the commonest values of each kind first.

    Where a vendor has one word for the error and the hang-up, it is said once.
    """
    found: dict[tuple[str, int, int], Cause] = {}
    for label, column in _PIVOTS:
        for each in _commonest(conn, batch, label, column):
            found.setdefault((each.value, each.failed, each.calls), each)
    return tuple(found.values())


def _commonest(conn: Connection, batch: int, label: str, column: Column[Any]) -> list[Cause]:
    failed = func.sum(case((_outcome.in_(sorted(FAILED)), 1), else_=0))
    rows = conn.execute(
        select(column, failed, func.count())
        .where(calls.c.batch == batch, column.is_not(None))
        .group_by(column)
        .having(failed > 0)
        .order_by(failed.desc(), column)
        .limit(_CAUSES)
    )
    return [Cause(label=label, value=value, failed=bad, calls=n) for value, bad, n in rows]
