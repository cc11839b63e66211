"""Forgetting people at their wish: a stub stays where they stood, and nothing names them.

All of it is one transaction. What a vendor tells of them later is forgotten as it comes
(ingest/forgotten.py).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from monitor.core.erasing import Tombstones
from monitor.core.model import Item
from monitor.core.tally import count_call, move_contact
from monitor.core.unnaming import Unnaming, Words
from monitor.ingest.forgotten import forget_calls
from monitor.providers.notices import Notice
from monitor.store import (
    batches,
    changes,
    inbox,
    people,
    retention,
    snapshot,
    texts,
    tombstones,
)
from monitor.store.batches import BatchRow
from monitor.store.coding import decode, encode
from monitor.store.inbox import Arrived
from monitor.store.lately import KEY
from monitor.store.snapshot import Person
from monitor.store.texts import SentMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Who is to be forgotten: by keyed hashes of their number, or as one contact of a batch.

    ``masked`` is how texts show the number.
    """

    numbers: frozenset[bytes] = frozenset()
    masked: frozenset[str] = frozenset()
    contact: tuple[str, str, str] | None = None  # provider, batch, contact


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One batch in which they stand. ``contact_id`` and ``batch_id`` are the vendor's."""

    provider: str
    batch_id: str
    title: str
    contact_id: str
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What was known of somebody: where they stood, in how many texts, and what was sent.

    ``webhooks`` told of them and are not taken in yet.
    """

    places: tuple[Place, ...]
    texts: int
    webhooks: int
    sent: tuple[SentMessage, ...]
    words: frozenset[bytes] = frozenset()  # what stands nowhere any more, and by no chance

    def __bool__(self) -> bool:
        return bool(self.places or self.texts or self.webhooks)


@dataclass(frozen=True, slots=True)
class _Stands:
    row: BatchRow
    person: Person

    @property
    def item(self) -> Item:
        return Item(self.person.contact, tuple(self.person.calls.values()))

    @property
    def place(self) -> Place:
        look = self.row.look
        return Place(
            provider=look.provider,
            batch_id=look.batch_id,
            title=look.title,
            contact_id=self.person.contact.contact_id,
            calls=len(self.person.calls),
        )


def traces(conn: Connection, wanted: Wanted) -> Traces:
    """What is known of somebody; nothing is changed."""
    standing = _standing(conn, wanted)
    made = tombstones.load(conn) or Tombstones(b"")
    found = _texts(conn, _words(conn, made, wanted, standing))
    return Traces(
        places=tuple(each.place for each in standing),
        texts=len(found),
        webhooks=len(_told(conn, wanted, standing)),
        sent=texts.sent(conn, [each for each, _ in found]),
    )


def erase(conn: Connection, wanted: Wanted, at: datetime) -> Traces:
    """Forget somebody, now and whenever they are read again; what was known of them."""
    made = tombstones.make(conn)
    standing = _standing(conn, wanted)
    words = _words(conn, made, wanted, standing)
    tombstones.keep(conn, _tombstones(made, wanted, standing), at)
    _rename_changes(conn, made, wanted, standing)
    for each in standing:
        _leave_stub(conn, made, each)
        forget_calls(conn, each.row.look.provider, _calls(made, each))
    hashes = _hashes(wanted, standing)
    people.forget(conn, hashes, at)
    told = _told(conn, wanted, standing)
    told_ids = {key for each in told for key in _reword(conn, made, each)}
    found = _texts(conn, words)
    sent = texts.sent(conn, [each for each, _ in found])
    for named, new in found:
        texts.rewrite(conn, named, new)
    ids = replace(words, masked=frozenset()).everything() | told_ids
    return Traces(
        places=tuple(each.place for each in standing),
        texts=len(found),
        webhooks=len(told),
        sent=sent,
        words=frozenset(word.encode() for word in ids) | {number[:KEY] for number in hashes},
    )


def _standing(conn: Connection, wanted: Wanted) -> list[_Stands]:
    """Wherever they stand: by their number, and as the contact that was named."""
    named = list(_named(conn, wanted))
    hashes = _hashes(wanted, named)
    at = people.places(conn, sorted({number[:KEY] for number in hashes}))
    found = {(each.row.id, each.person.contact.contact_id): each for each in named}
    for batch, contact_id in (place for places in at.values() for place in places):
        person = snapshot.load_people(conn, batch, [contact_id]).get(contact_id)
        if person is not None and person.contact.phone_hash in hashes:
            found.setdefault((batch, contact_id), _Stands(batches.load(conn, batch), person))
    return [found[key] for key in sorted(found)]


def meant(
    conn: Connection, contacts: Sequence[tuple[str, str, str]]
) -> tuple[str, str, str] | None:
    """Of several ways to read who is meant the one that is known, if only by the batch."""
    of_batches = [each for each in contacts if batches.find(conn, *each[:2]) is not None]
    standing = (each for each in of_batches if any(_named(conn, Wanted(contact=each))))
    return next(standing, of_batches[0] if of_batches else None)


def _named(conn: Connection, wanted: Wanted) -> Iterator[_Stands]:
    if wanted.contact is None:
        return
    provider, batch_id, contact_id = wanted.contact
    row = batches.find(conn, provider, batch_id)
    if row is not None:
        for person in snapshot.load_people(conn, row.id, [contact_id]).values():
            yield _Stands(row, person)


def _hashes(wanted: Wanted, standing: Iterable[_Stands]) -> frozenset[bytes]:
    told = {each.person.contact.phone_hash for each in standing}
    return wanted.numbers | {number for number in told if number is not None}


def _words(
    conn: Connection, made: Tombstones, wanted: Wanted, standing: Iterable[_Stands]
) -> Words:
    """What is to be taken out of every text, and what is to stand in its place."""
    masked = set(wanted.masked)
    ids: dict[tuple[str, str | None], dict[str, str]] = {}
    if wanted.contact is not None:
        provider, batch_id, contact_id = wanted.contact
        ids[provider, batch_id] = {contact_id: made.stub_id(*wanted.contact)}
    for each in standing:
        look, phone = each.row.look, each.person.contact.phone
        if phone is not None:
            masked.add(phone)
        of = ids.setdefault((look.provider, look.batch_id), {})
        of |= _contact(made, each) | _calls(made, each)
    return Words(frozenset(masked), ids, retention.forgotten(conn))


def _contact(made: Tombstones, stands: _Stands) -> dict[str, str]:
    look, contact_id = stands.row.look, stands.person.contact.contact_id
    return {contact_id: made.stub_id(look.provider, look.batch_id, contact_id)}


def _calls(made: Tombstones, stands: _Stands) -> dict[str, str]:
    return made.call_ids(stands.row.look.provider, stands.person.calls)


def _rename_changes(
    conn: Connection, made: Tombstones, wanted: Wanted, standing: Iterable[_Stands]
) -> None:
    """No change names them, nor the contact that was named and stands on the list no more."""
    contacts: dict[int, dict[str, str]] = {}
    calls: dict[int, dict[str, str]] = {}
    if wanted.contact is not None:
        row = batches.find(conn, *wanted.contact[:2])
        if row is not None:
            contacts[row.id] = {wanted.contact[2]: made.stub_id(*wanted.contact)}
    for each in standing:
        contacts.setdefault(each.row.id, {}).update(_contact(made, each))
        calls.setdefault(each.row.id, {}).update(_calls(made, each))
    for batch, names in contacts.items():
        changes.rename(conn, batch, names, calls.get(batch, {}))


def _tombstones(made: Tombstones, wanted: Wanted, standing: Iterable[_Stands]) -> set[bytes]:
    places = [each.place for each in standing]
    contacts = [(place.provider, place.batch_id, place.contact_id) for place in places]
    if wanted.contact is not None:
        contacts.append(wanted.contact)
    numbers = {made.number(number) for number in _hashes(wanted, standing)}
    return numbers | {made.contact(*contact) for contact in contacts}


def _leave_stub(conn: Connection, made: Tombstones, stands: _Stands) -> None:
    row, person = batches.load(conn, stands.row.id), stands.person
    look = row.look
    contact, calls = made.stub(look.provider, look.batch_id, stands.item)
    stub = Person(contact, person.since, {call.call_id: call for call in calls})
    people.unlink(conn, row.id, [person.contact])
    snapshot.drop_people(conn, row.id, [person])
    snapshot.save_people(conn, [snapshot.person_row(row.id, stub)])
    ended = (snapshot.ended_row(row.id, contact, call) for call in calls)
    snapshot.save_ended(conn, (), [each for each in ended if each is not None])
    tally = dict(row.tally)
    move_contact(tally, person.contact, contact)
    for old, new in zip(stands.item.calls, calls, strict=True):
        count_call(tally, old, -1)
        count_call(tally, new, 1)
    # Whoever remembers ended calls reads them again.
    batches.save(conn, replace(row, tally=tally, marks=None), "tally", "marks")


@dataclass(frozen=True, slots=True)
class _Told:
    """A webhook with a whole call of theirs, and the batch that it is of, if any."""

    arrived: Arrived
    notice: Notice
    batch_id: str
    item: Item


def _told(conn: Connection, wanted: Wanted, standing: Sequence[_Stands]) -> list[_Told]:
    """What webhooks told of them and is not taken in yet."""
    hashes = _hashes(wanted, standing)
    places = [each.place for each in standing]
    batch_of = {(each.provider, each.contact_id): each.batch_id for each in places}
    contacts = {(each.provider, each.batch_id, each.contact_id) for each in places}
    if wanted.contact is not None:
        contacts.add(wanted.contact)
    found = []
    for arrived in inbox.telling(conn):
        notice = decode(Notice, arrived.told or "")
        item = notice.item
        if item is None:
            continue
        provider, contact_id = arrived.provider, item.contact.contact_id
        batch_id = arrived.batch_id or batch_of.get((provider, contact_id), "")
        if (provider, batch_id, contact_id) in contacts or item.contact.phone_hash in hashes:
            found.append(_Told(arrived, notice, batch_id, item))
    return found


def _reword(conn: Connection, made: Tombstones, told: _Told) -> set[str]:
    """A webhook tells of their stub; the ids that it told."""
    provider, item = told.arrived.provider, told.item
    calls = made.call_ids(provider, (call.call_id for call in item.calls))
    forget_calls(conn, provider, calls)
    stub = made.stub(provider, told.batch_id, item)
    inbox.reword(conn, told.arrived.id, encode(replace(told.notice, item=stub)))
    return {item.contact.contact_id, *calls}


def _texts(conn: Connection, words: Words) -> list[tuple[texts.Named, dict[str, str]]]:
    unnaming = Unnaming(words)
    some = texts.naming(conn, words.everything())
    found = ((named, texts.rewritten(named, unnaming)) for named in some)
    return [(named, new) for named, new in found if new]
