"""What is kept of batches, for looking back: what moved, the calls in order, when it ended."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Integer, bindparam, select

from monitor.core.model import BatchStatus, ContactStatus, Counts
from monitor.core.pastcalls import PastCall
from monitor.core.pastmoves import Change, Past, Reader, from_calls, stood_before
from monitor.core.tally import trimmed
from monitor.store import changes, hot, snapshot
from monitor.store.batches import BatchRow
from monitor.store.coding import decode
from monitor.store.schema import batches, calls

_batch = bindparam("batch", type_=Integer)
_COLUMN_OF = {"ended": "ended_at"}
_CALLS = (
    select(*(calls.c[_COLUMN_OF.get(name, name)] for name in PastCall._fields))
    .where(calls.c.batch == _batch)
    .order_by(calls.c.ended_at, calls.c.contact_id, calls.c.call_id)
)
_EXHAUSTED = ContactStatus.EXHAUSTED.value


def ended_since(conn: Connection, provider: str, since: datetime) -> Sequence[int]:
    """The row ids of the batches that have ended since then, oldest end first."""
    rows = conn.execute(
        select(batches.c.id)
        .where(batches.c.provider == provider, batches.c.terminal_at >= since)
        .order_by(batches.c.terminal_at, batches.c.id)
    )
    return rows.scalars().all()


def open_now(conn: Connection, provider: str) -> Sequence[int]:
    """The row ids of the batches that have not ended."""
    rows = conn.execute(
        select(batches.c.id)
        .where(batches.c.provider == provider, batches.c.terminal_at.is_(None))
        .order_by(batches.c.id)
    )
    return rows.scalars().all()


def past(conn: Connection, row: BatchRow, every: timedelta, *, retries: bool = True) -> Past:
    """The life of a batch: all that moved while it was watched, else what its calls tell.

    ``every`` is how often it would have been looked at. ``retries``: how many retries people
    had is asked for. Reads all of the batch.
    """
    found = [PastCall(*call) for call in hot.ask(conn, _CALLS, batch=row.id)]
    kept = list(changes.of_batch(conn, row.id))
    if not kept or _ended_already(kept[0][1]):
        end = row.terminal_at or row.fresh_at
        return from_calls(found, row.look.status, row.look.counts, row.tally, end, every)
    reader = Reader(found, _exhausted(conn, row, kept) if retries else {}, _counts)
    moments = [reader.moment(at, some) for at, some in kept]
    before = [call for call in found if call.call_id not in reader.told]
    return Past(
        whole=True,
        moments=moments,
        before=before,
        tally=stood_before(trimmed(row.tally), moments),
        calls=len(found),
        untimed=sum(not call.ended for call in found),
        changes=sum(len(some) for _, some in kept),
    )


def _ended_already(first: Sequence[Change]) -> bool:
    """Whether it had ended when it was first seen, so that nobody watched it."""
    word = first[0][3]
    return word in _ENDS


_ENDS = frozenset(status.value for status in BatchStatus if status.terminal)


def _counts(text: str) -> Counts:
    return decode(Counts, text)


def _exhausted(
    conn: Connection, row: BatchRow, kept: Sequence[tuple[datetime, list[Change]]]
) -> dict[str, int]:
    """How many retries those had who ran out of them."""
    ids = {key for _, some in kept for kind, key, _, after in some if after == _EXHAUSTED}
    return snapshot.load_attempts(conn, row.id, sorted(ids))
