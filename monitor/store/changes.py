"""The changes of each batch, append-only, numbered one by one under the batch's row.

What one transaction saw move is one row, packed: nobody looks for a single change, and a
row for each would cost as much to write as the people themselves.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import msgspec
from sqlalchemy import Connection, bindparam, select, update

from monitor.core.pastmoves import COST, ELSEWHERE, GONE, SOME_ROWS, UNLISTED, UNSEEN
from monitor.store import hot
from monitor.store.schema import changes, from_micros, to_micros

# The kind of a change that holds what the vendor counted from then on, as JSON of core.Counts.
COUNTS = "counts"

# The kind of one that says when somebody's retry was due, and is now, in microseconds.
DUE = "due"

# kind, subject, before, after
Change = tuple[str, str, str | None, str | None]


@dataclass(frozen=True, slots=True)
class Changed:
    """One change as kept."""

    seq: int
    at: datetime
    kind: str
    subject: str
    before: str | None
    after: str | None


def due(subject: str, before: datetime | None, after: datetime | None) -> Change:
    """That the time of somebody's retry is another than it was."""
    return DUE, subject, _text(before), _text(after)


def priced(call_id: str) -> Change:
    """That the cost of an ended call was told, which it was not at its end."""
    return COST, call_id, None, None


def unseen(batch_id: str, since: datetime) -> Change:
    """That nobody had looked at a batch since then."""
    return UNSEEN, batch_id, _text(since), None


def unlisted(batch_id: str, *, rows: bool) -> Change:
    """That its list could not be read, or (``rows``) only some of its rows could not."""
    return UNLISTED, batch_id, None, SOME_ROWS if rows else "all"


def listed_again(batch_id: str) -> Change:
    """That all of its list was read."""
    return UNLISTED, batch_id, None, None


def gone(batch_id: str, *, elsewhere: bool) -> Change:
    """That the vendor does not know a batch, and whether it has shown others since."""
    return GONE, batch_id, None, ELSEWHERE if elsewhere else "nothing shown"


def known_again(batch_id: str) -> Change:
    """That it does."""
    return GONE, batch_id, None, None


def _text(at: datetime | None) -> str | None:
    return None if at is None else str(to_micros(at))


def append(conn: Connection, batch: int, seq: int, at: datetime, rows: Sequence[Change]) -> int:
    """Add changes after number ``seq``; the number of the last."""
    last = seq + len(rows)
    if rows:
        hot.insert(conn, changes, [(batch, last, to_micros(at), _pack(rows))])
    return last


def of_batch(conn: Connection, batch: int) -> Iterator[tuple[datetime, list[Change]]]:
    """Every change of a batch, by the transaction that saw it, oldest first."""
    for _, _, at, value in hot.ask(conn, _OF_BATCH, batch=batch):
        yield from_micros(at), _unpack(value)


_OF_BATCH = select(changes).where(changes.c.batch == bindparam("batch")).order_by(changes.c.seq)
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[Change]).decode


def rename(
    conn: Connection, batch: int, contacts: Mapping[str, str], calls: Mapping[str, str]
) -> None:
    """Call some people of a batch and some of its calls by other names in its changes."""
    names = {"contact": contacts, DUE: contacts, "call": calls, COST: calls}
    for _, seq, _, value in hot.ask(conn, _OF_BATCH, batch=batch):
        rows = _unpack(value)
        new: list[Change] = [
            (kind, names.get(kind, {}).get(subject, subject), before, after)
            for kind, subject, before, after in rows
        ]
        if new != rows:
            which = (changes.c.batch == batch, changes.c.seq == seq)
            conn.execute(update(changes).where(*which).values(value=_pack(new)))


def since(conn: Connection, batch: int, seq: int, limit: int = 1000) -> list[Changed]:
    """The changes after number ``seq``, oldest first."""
    rows = conn.execute(
        select(changes)
        .where(changes.c.batch == batch, changes.c.seq > seq)
        .order_by(changes.c.seq)
        .limit(limit)  # each row holds one change or more
    )
    found = (
        Changed(number, row.at, *change)
        for row in rows
        for number, change in _numbered(row.seq, _unpack(row.value))
        if number > seq
    )
    return list(islice(found, limit))


def _numbered(last: int, of: Sequence[Change]) -> Iterator[tuple[int, Change]]:
    return enumerate(of, start=last - len(of) + 1)
