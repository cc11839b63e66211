"""What is kept of batches that have ended, for looking back: calls in order, moves, reports."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Integer, bindparam, func, literal_column, select

from monitor.core.model import BatchStatus
from monitor.core.past import PastCall
from monitor.store import changes, hot
from monitor.store.schema import batches, calls


class Calls(NamedTuple):
    """Ended calls in the order of their ends, and how many ended at an unknown time."""

    timed: list[PastCall]
    untimed: int


_batch = bindparam("batch", type_=Integer)
_COLUMN_OF = {"ended": "ended_at"}
_TIMED = (
    select(*(calls.c[_COLUMN_OF.get(name, name)] for name in PastCall._fields))
    .where(calls.c.batch == _batch, calls.c.ended_at > literal_column("0"))
    .order_by(calls.c.ended_at, calls.c.contact_id, calls.c.call_id)
)
_UNTIMED = select(func.count()).where(
    calls.c.batch == _batch, calls.c.ended_at == literal_column("0")
)
# A batch is looked back at as a whole.
_ALL = 1_000_000


def ended_since(conn: Connection, provider: str, since: datetime) -> Sequence[int]:
    """The row ids of the batches that have ended since then, oldest end first."""
    rows = conn.execute(
        select(batches.c.id)
        .where(batches.c.provider == provider, batches.c.terminal_at >= since)
        .order_by(batches.c.terminal_at, batches.c.id)
    )
    return rows.scalars().all()


def ended_calls(conn: Connection, batch: int) -> Calls:
    """Every ended call of a batch: reads all of them."""
    rows = hot.ask(conn, _TIMED, batch=batch)
    ((untimed,),) = hot.ask(conn, _UNTIMED, batch=batch)
    return Calls([PastCall(*row) for row in rows], int(untimed))


def moves(conn: Connection, batch: int) -> list[tuple[datetime, BatchStatus]]:
    """How the batch stood, from when on, as far as it was watched; oldest first."""
    found = []
    for each in changes.since(conn, batch, 0, _ALL):
        if each.kind in {"batch", "baseline"} and each.after is not None:
            word, _, unknown = each.after.partition(":")
            if unknown or word in set(BatchStatus):
                found.append((each.at, BatchStatus.UNKNOWN if unknown else BatchStatus(word)))
    return found
