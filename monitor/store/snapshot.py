"""The last known state of people and calls, as rows and back.

A row is the whole value, packed, with what queries ask for in columns beside it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from monitor.core.model import Call, Contact, ContactStatus, Outcome
from monitor.store import hot
from monitor.store.hot import Row
from monitor.store.schema import EPOCH, calls, contacts

_US = timedelta(microseconds=1)
# The driver binds plain texts fast; for members of an enum it first looks for an adapter,
# which costs more than the rest of the row.
_WORD: dict[str | None, str | None] = {None: None} | {
    word.value: str(word.value) for words in (ContactStatus, Outcome) for word in words
}
_pack = msgspec.msgpack.Encoder().encode
_contact = msgspec.msgpack.Decoder(Contact).decode
_call = msgspec.msgpack.Decoder(Call).decode


def _micros(at: datetime | None) -> int | None:
    return None if at is None else (at - EPOCH) // _US


def contact_row(batch: int, contact: Contact, since: int) -> Row:
    """A person as the table keeps them; ``since`` in microseconds."""
    return (
        batch,
        contact.contact_id,
        _WORD[contact.status],
        _micros(contact.next_retry_at),
        since,
        contact.phone_hash,
        _pack(contact),
    )


def contact_of(row: Row) -> tuple[Contact, int]:
    """The person that a row keeps, and since when they are in this status (microseconds)."""
    return _contact(row[6]), row[4]


def call_row(batch: int, call: Call) -> Row:
    """A call as the table keeps it, its outcome beside it for the window index."""
    return (
        batch,
        call.contact_id,
        call.call_id,
        _micros(call.ended_at),
        _WORD[call.outcome],
        call.error_class,
        call.from_number,
        _pack(call),
    )


def call_of(row: Row) -> Call:
    """The call that a row keeps."""
    return _call(row[7])


def load_contacts(
    conn: Connection, batch: int, ids: Sequence[str]
) -> dict[str, tuple[Contact, int]]:
    """The known people among the ids, with since when each is in their status."""
    rows = hot.by_keys(conn, contacts, batch, contacts.c.contact_id, ids)
    return {row[1]: contact_of(row) for row in rows}


def load_calls(conn: Connection, batch: int, ids: Sequence[str]) -> dict[str, Call]:
    """The known calls of the people with these ids, by call id."""
    rows = hot.by_keys(conn, calls, batch, calls.c.contact_id, ids)
    return {row[2]: call_of(row) for row in rows}


def save_contacts(conn: Connection, rows: Iterable[Row]) -> None:
    """Write whole rows of people, in the order of the tree they go into."""
    hot.upsert(conn, contacts, sorted(rows))


def save_calls(conn: Connection, rows: Iterable[Row]) -> None:
    """Write whole rows of calls, in the order of the tree they go into."""
    hot.upsert(conn, calls, sorted(rows, key=_call_key))


def _call_key(row: Row) -> Row:
    return row[1:3]


def every_contact(conn: Connection, batch: int) -> Iterable[Contact]:
    """All people of a batch: for recounts and erasure, never on the hot path."""
    return (contact_of(row)[0] for row in hot.of_batch(conn, contacts, batch))


def every_call(conn: Connection, batch: int) -> Iterable[Call]:
    """All calls of a batch: for recounts and erasure, never on the hot path."""
    return (call_of(row) for row in hot.of_batch(conn, calls, batch))
