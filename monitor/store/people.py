"""Who is who across batches and providers: the rows of one person, and who moved.

A person is the first bytes of the keyed hash of their number; of two people the chance that
these are equal is one in 10^19. Contacts without a number are nobody but themselves, so they
have no row here and are named by their ids where they move.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import (
    Connection,
    Select,
    bindparam,
    delete,
    func,
    literal_column,
    select,
)

from monitor.core.model import Contact
from monitor.core.people import PlacedCall
from monitor.store import among, hot
from monitor.store.gathering import everybody
from monitor.store.lately import KEY, Key, Move, Written, lately
from monitor.store.schema import batches, opt_outs, people, people_moves, to_micros
from monitor.store.snapshot import Person, load_values, person_of

# Who moved is read within seconds; whoever comes later asks about everybody anyway.
KEPT = timedelta(hours=1)
Place = tuple[int, str]  # a batch's row id, and the contact in it
_AT_ONCE = 512  # keys of one question

_pack = msgspec.msgpack.Encoder().encode
_unpack_call = msgspec.msgpack.Decoder(PlacedCall).decode


def person_key(contact: Contact) -> bytes | None:
    """Who it is, wherever else they stand; None where the vendor tells no number."""
    number = contact.phone_hash
    return None if number is None else number[:KEY]


def written(known: Mapping[Key, bytes], elsewhere: Iterable[Contact]) -> Written:
    """People who are about to be noted, and whose of them stand elsewhere than before."""
    keys = map(person_key, elsewhere)
    return Written(known, frozenset(key for key in keys if key is not None))


def link(conn: Connection, batch: int, fresh: Iterable[Contact]) -> None:
    """Keep whose these contacts are, who were not there before."""
    keyed = ((person_key(contact), batch, contact.contact_id) for contact in fresh)
    hot.insert(conn, people, sorted(row for row in keyed if row[0] is not None))


def note(
    conn: Connection, batch: int, at: datetime, moved: Collection[Key], told: Written | None = None
) -> None:
    """Keep that these people moved.

    ``told``: all of them as they stand, for who asks about them in this process.
    """
    if not moved:
        return
    persons = b"".join(key for key in moved if isinstance(key, bytes))
    ids = [key for key in moved if isinstance(key, str)]
    unnumbered = _pack(ids) if ids else None
    values = {"batch": batch, "at": at, "persons": persons, "unnumbered": unnumbered}
    number = hot.add(conn, people_moves, values)
    if told is not None:
        lately(conn).keep(Move(number, batch, to_micros(at), persons, unnumbered), told)


def renumber(conn: Connection, batch: int, old: Contact, new: Contact) -> None:
    """A contact has got a number, or another."""
    before, after = person_key(old), person_key(new)
    if before is not None:
        hot.delete(conn, people, [(before, batch, old.contact_id)])
    if after is not None:
        hot.insert(conn, people, [(after, batch, new.contact_id)])


def drop(conn: Connection, batch: int, at: datetime, gone: Collection[Contact]) -> None:
    """Contacts are no longer there: whose they were moved by that."""
    unlink(conn, batch, gone)
    note(conn, batch, at, [person_key(contact) or contact.contact_id for contact in gone])


def unlink(conn: Connection, batch: int, gone: Iterable[Contact]) -> None:
    """Take out the rows of contacts that are forgotten, which is no move."""
    keyed = ((person_key(contact), batch, contact.contact_id) for contact in gone)
    hot.delete(conn, people, [row for row in keyed if row[0] is not None])


def last_move(conn: Connection) -> int:
    """The number of the newest move; 0 when there is none."""
    ((number,),) = hot.ask(conn, _LAST)
    return int(number or 0)


_LAST = select(func.max(people_moves.c.id))


def moves_from(conn: Connection, number: int) -> list[Move]:
    """The moves from this number on, oldest first."""
    return [Move(*row) for row in hot.ask(conn, _FROM, number=number)]


_FROM = (
    select(people_moves).where(people_moves.c.id >= bindparam("number")).order_by(people_moves.c.id)
)


def forget(conn: Connection, numbers: Collection[bytes], at: datetime) -> None:
    """Let nothing name these people any more who stand nowhere now; numbers are whole hashes.

    All moves go, as each names whoever moved beside them. Who keeps an account of people sees
    that they are gone, and asks about everybody anew.
    """
    keys = sorted({number[:KEY] for number in numbers})
    for start in range(0, len(keys), _AT_ONCE):
        some = keys[start : start + _AT_ONCE]
        conn.execute(delete(opt_outs).where(opt_outs.c.person.in_(some)))
    last = last_move(conn)
    conn.execute(delete(people_moves))
    nobody = {"id": last + 1, "batch": 0, "at": at, "persons": b""}
    conn.execute(people_moves.insert().values(nobody))


def forget_moves(conn: Connection, before: datetime) -> int:
    """Drop old moves, how many; the newest stays, so that no number is given twice."""
    newest = select(func.max(people_moves.c.id)).scalar_subquery()
    gone = conn.execute(
        delete(people_moves).where(people_moves.c.at < before, people_moves.c.id < newest)
    )
    return gone.rowcount


def places(conn: Connection, persons: Sequence[bytes]) -> dict[bytes, list[Place]]:
    """Where each of these people stands: every contact that has their number."""
    found: dict[bytes, list[Place]] = {}
    for person, batch, contact_id in among.rows(conn, _PLACES, persons):
        known = found.get(person)
        if known is None:
            found[person] = [(batch, contact_id)]
        else:
            known.append((batch, contact_id))
    return found


_PLACES = (people.c.person, people.c.batch, people.c.contact_id)


def load(conn: Connection, wanted: Mapping[int, Sequence[str]]) -> dict[Place, Person]:
    """These contacts of these batches with their calls, those that are there."""
    return {
        (batch, contact_id): person_of(value)
        for batch, ids in wanted.items()
        for contact_id, value in load_values(conn, batch, ids).items()
    }


def walk(conn: Connection, batch: int, after: str, limit: int) -> list[tuple[str, Person]]:
    """The next contacts of a batch in the order of their ids, with their calls."""
    rows = hot.ask(conn, _NEXT, batch=batch, after=after, most=limit)
    return [(contact_id, person_of(value)) for contact_id, value in rows]


_NEXT = (
    select(everybody.c.contact_id, everybody.c.value)
    .where(everybody.c.batch == bindparam("batch"), everybody.c.contact_id > bindparam("after"))
    .order_by(everybody.c.contact_id)
    .limit(bindparam("most"))
)


def names_of(conn: Connection, ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    """The provider and the title of these batches."""
    rows = conn.execute(
        select(batches.c.id, batches.c.provider, batches.c.name, batches.c.batch_id).where(
            batches.c.id.in_(list(ids))
        )
    )
    return {row.id: (row.provider, row.name or row.batch_id) for row in rows}


def still_open(conn: Connection, ids: Iterable[int], ended: Iterable[str]) -> set[int]:
    """Those of these batches that are watched and whose status is none of these."""
    over = set(ended)
    rows = among.asked(conn, _watched, sorted(set(ids)))
    return {number for number, status in rows if status not in over}


@cache
def _watched(size: int) -> Select[Any]:
    return select(batches.c.id, batches.c.status).where(
        batches.c.id.in_(among.listed(size)), batches.c.open
    )


def keep_opt_outs(conn: Connection, calls: Mapping[bytes, PlacedCall]) -> None:
    """Remember of these people the call in which they asked not to be called again."""
    hot.upsert(conn, opt_outs, [(person, _pack(call)) for person, call in sorted(calls.items())])


def opted_out(conn: Connection, persons: Sequence[bytes]) -> dict[bytes, PlacedCall]:
    """Those of these people who asked not to be called, in a batch that is forgotten."""
    rows = among.rows(conn, (opt_outs.c.person, opt_outs.c.value), persons)
    return {person: _unpack_call(value) for person, value in rows}


def any_opted_out(conn: Connection) -> bool:
    """Whether anybody asked not to be called, in a batch that is forgotten."""
    return bool(hot.ask(conn, _ANY))


_ANY = select(opt_outs.c.person).limit(literal_column("1"))
