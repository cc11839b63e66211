"""The last known state of people and calls, as rows and back.

A person's row is the whole of them and of their calls, packed (MessagePack of core.model),
with what queries look for in columns beside it. Ended calls have a small row each besides,
in the order of their ends.
"""

from collections.abc import Container, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from monitor.core.instants import to_micros
from monitor.core.model import Call, Contact, ContactStatus, Outcome, Sentiment, outcome_of
from monitor.store import gathering, hot
from monitor.store.gathering import everybody
from monitor.store.hot import Row
from monitor.store.schema import calls

# The driver binds plain texts and numbers fast; for members of an enum, and for True and
# False, it first looks for an adapter, which costs more than the rest of the row.
_WORD: dict[str, str] = {word.value: str(word.value) for word in Outcome}
_FEELING: dict[str, str] = {word.value: str(word.value) for word in Sentiment}
_RETRYING = frozenset({ContactStatus.RETRYING, ContactStatus.FOLLOW_UP})
_LIVE = frozenset({ContactStatus.DISPATCHED, ContactStatus.IN_CALL})
_pack = msgspec.msgpack.Encoder().encode
_unpack_contact = msgspec.msgpack.Decoder(tuple[Contact, int, msgspec.Raw]).decode
_unpack = msgspec.msgpack.Decoder(tuple[Contact, int, list[Call]]).decode
_unpack_counted = msgspec.msgpack.Decoder(tuple[Contact, int, list[msgspec.Raw]]).decode


class Person(NamedTuple):
    """A person with their calls by id, as kept; ``since`` (microseconds) in this status."""

    contact: Contact
    since: int
    calls: dict[str, Call]


def person_row(batch: int, person: Person) -> Row:
    """A person as the table keeps them."""
    contact, since, calls = person
    retry_at = unscheduled_since = live_since = None
    if contact.status in _LIVE:
        live_since = min(since, to_micros(begun)) if (begun := _begun(calls)) else since
    elif contact.status in _RETRYING:
        due = contact.next_retry_at
        if due is None:
            unscheduled_since = since
        else:
            retry_at = to_micros(due)
    value = _pack((contact, since, list(calls.values())))
    return batch, contact.contact_id, retry_at, unscheduled_since, live_since, value


def _begun(calls: dict[str, Call]) -> datetime | None:
    """When the oldest of somebody's open calls began, where the vendor tells."""
    told = (call.started_at for call in calls.values() if not call.status.terminal)
    return min((at for at in told if at is not None), default=None)


def person_of(value: bytes) -> Person:
    """A person from what is stored of them."""
    contact, since, calls = _unpack(value)
    return _person((contact, since, {call[0]: call for call in calls}))


def contact_of(value: bytes) -> Contact:
    """The same without their calls, which stay packed."""
    return _unpack_contact(value)[0]


_person = partial(tuple.__new__, Person)  # what its constructor does, without going through Python


def ended_row(batch: int, contact: Contact, call: Call) -> Row | None:
    """A call of a person as windows see it; None while it is open."""
    outcome = outcome_of(call.status, call.answered_by)
    if outcome is None:
        return None
    at, sentiment, transferred = call.ended_at, call.sentiment, call.transferred
    return (
        batch,
        0 if at is None else to_micros(at),
        call.contact_id,
        call.call_id,
        _WORD[outcome],
        call.error_class,
        call.from_number,
        call.duration_s,
        call.hangup_class,
        call.disposition,
        call.agent_version,
        call.attempt,
        contact.country,
        contact.area,
        None if sentiment is None else _FEELING[sentiment],
        None if transferred is None else 1 if transferred else 0,
        call.cost_micros,
        call.currency,
        1 if call.cost_estimated else 0,
    )


def load_people(conn: Connection, batch: int, ids: Sequence[str]) -> dict[str, Person]:
    """The known people among the ids."""
    return {key: person_of(value) for key, value in load_values(conn, batch, ids).items()}


def load_attempts(conn: Connection, batch: int, ids: Sequence[str]) -> dict[str, int]:
    """How often those of the known people were called again; their calls stay packed."""
    found = load_values(conn, batch, ids)
    return {key: contact_of(value).attempts for key, value in found.items()}


def load_values(conn: Connection, batch: int, ids: Sequence[str]) -> dict[str, bytes]:
    """The same as stored, for whoever takes them one by one."""
    return dict(hot.by_keys(conn, everybody, ("contact_id", "value"), batch, ids))


def save_people(conn: Connection, rows: Iterable[Row], known: Container[str] = frozenset()) -> None:
    """Write whole rows of people; ``known``: the ids of all of them who are stored."""
    moved: list[Row] = []
    new: list[Row] = []
    for row in rows:
        (moved if row[1] in known else new).append(row)
    gathering.add(conn, new)
    gathering.move(conn, moved)


def save_ended(conn: Connection, old: Iterable[Row], new: Iterable[Row]) -> None:
    """Put rows of ended calls in the place of others."""
    fresh = sorted(new)
    if gone := list(old):
        kept = {row[:4] for row in fresh}
        drop_ended(conn, (row for row in gone if row[:4] not in kept))
    hot.upsert(conn, calls, fresh)


def drop_ended(conn: Connection, rows: Iterable[Row]) -> None:
    """Take out rows of ended calls."""
    hot.delete(conn, calls, [row[:4] for row in rows])


def drop_people(conn: Connection, batch: int, people: Iterable[Person]) -> None:
    """Take out people and all their calls."""
    gone = list(people)
    ended = (
        ended_row(batch, person.contact, call) for person in gone for call in person.calls.values()
    )
    drop_ended(conn, (row for row in ended if row is not None))
    gathering.drop(conn, [(batch, person.contact.contact_id) for person in gone])


def every_person(conn: Connection, batch: int) -> Iterable[Person]:
    """All people of a batch: for recounts and erasure, never on the hot path."""
    return (person_of(row[-1]) for row in _everybody(conn, batch))


def _everybody(conn: Connection, batch: int) -> Iterable[Row]:
    return hot.of_batch(conn, everybody, batch, everybody.c.contact_id)


def every_one_counted(conn: Connection, batch: int) -> Iterable[tuple[Contact, int, bytes]]:
    """All people of a batch with how many calls each has; as stored, for ``person_of``."""
    for row in _everybody(conn, batch):
        contact, _, calls = _unpack_counted(row[-1])
        yield contact, len(calls), row[-1]


def every_contact(conn: Connection, batch: int) -> Iterable[Contact]:
    """The same without their calls."""
    return (person.contact for person in every_person(conn, batch))


def every_call(conn: Connection, batch: int) -> Iterable[Call]:
    """All calls of a batch: for recounts and erasure, never on the hot path."""
    return (call for person in every_person(conn, batch) for call in person.calls.values())


def load_contacts(
    conn: Connection, batch: int, ids: Sequence[str]
) -> dict[str, tuple[Contact, int]]:
    """The known people among the ids, with since when each is in their status."""
    found = load_people(conn, batch, ids)
    return {key: (person.contact, person.since) for key, person in found.items()}
