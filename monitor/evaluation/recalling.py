"""The people of a batch as they stood at its first moment, and what moved about them since.

Whoever stands in other batches, too, brings along what moved there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection

from monitor.core.model import Contact
from monitor.core.pastmoves import Change, Past
from monitor.core.people import PlacedCall
from monitor.evaluation.pastpersons import PastPersons, Stands
from monitor.providers.zones import zones_of
from monitor.store import history, people, snapshot
from monitor.store.batches import BatchRow
from monitor.store.history import Elsewhere
from monitor.store.lately import Key
from monitor.store.people import Place, person_key

# How somebody or a call stood when they first moved, None: they were new; by their ids.
First = Mapping[str, str | None]


class _Kept(NamedTuple):
    """One contact: whose it is, and how it is stored where that alone is worth knowing."""

    number: bytes | None
    contact_id: str
    called: bool
    value: bytes | None


@dataclass(slots=True)
class _Others:
    """Those of the people who stand in one other batch."""

    stands: list[Stands] = field(default_factory=list)
    subjects: set[str] = field(default_factory=set)

    def add(self, stands: Stands) -> None:
        """One more."""
        self.stands.append(stands)
        self.subjects.add(stands.now.contact.contact_id)
        self.subjects.update(stands.now.calls)


def persons_of(conn: Connection, row: BatchRow, past: Past) -> PastPersons:
    """The people of a batch at its first moment."""
    begun = past.moments[0].at
    kept = list(_kept(conn, row.id))
    refused = _refused(conn, kept)
    found = PastPersons(batch=row.id, refused=refused, now=begun)
    own: list[Stands] = []
    others: dict[int, _Others] = {}
    for key, stands in _worth_knowing(conn, row.id, kept, refused):
        found.put(key, stands)
        for each in stands:
            if each.batch == row.id:
                own.append(each)
            else:
                others.setdefault(each.batch, _Others()).add(each)
    found.names = people.names_of(conn, [row.id, *others])
    events = [Elsewhere(begun, row.id, list(_beginning(own, *_first_of(past))))] if own else []
    for batch, some in others.items():
        events += _elsewhere(conn, batch, some)
    for event in events:
        if event.at <= begun:
            found.meet(event)
    found.elsewhere = sorted((each for each in events if each.at > begun), key=_at)
    return found


def nobody(past: Past) -> PastPersons:
    """Of a batch whose people are asked about by no rule."""
    return PastPersons(batch=0, now=past.moments[0].at)


def _at(event: Elsewhere) -> float:
    return event.at.timestamp()


def _kept(conn: Connection, batch: int) -> Iterator[_Kept]:
    for contact, calls, value in snapshot.every_one_counted(conn, batch):
        tells = calls > 1 or (calls and _has_zones(contact))
        yield _Kept(person_key(contact), contact.contact_id, calls > 0, value if tells else None)


def _refused(conn: Connection, kept: Sequence[_Kept]) -> Mapping[bytes, PlacedCall]:
    """Those of the people who asked not to be called, in a batch that is forgotten."""
    if not people.any_opted_out(conn):
        return {}
    return people.opted_out(conn, [each.number for each in kept if each.number is not None])


def _worth_knowing(
    conn: Connection, batch: int, kept: Sequence[_Kept], refused: Mapping[bytes, PlacedCall]
) -> Iterator[tuple[Key, list[Stands]]]:
    """Those whom a rule could find wronged: called, or to be called, more than once; or at home."""
    several = _several(conn, [each.number for each in kept if each.number is not None])
    known = people.load(conn, _by_batch(several.values()))
    for key, places in several.items():
        yield key, [Stands(at[0], known[at]) for at in places if at in known]
    alone = [each for each in kept if each.number not in several]
    wronged = [each.contact_id for each in alone if each.called and each.number in refused]
    again = people.load(conn, {batch: wronged})
    for each in alone:
        person = again.get((batch, each.contact_id))
        if person is None and each.value is not None:
            person = snapshot.person_of(each.value)
        if person is not None:
            yield each.number or each.contact_id, [Stands(batch, person)]


def _several(conn: Connection, keys: Sequence[bytes]) -> dict[bytes, list[Place]]:
    """Who of these stands in several places, and where."""
    return {key: at for key, at in people.places(conn, keys).items() if len(at) > 1}


def _by_batch(places: Iterable[list[Place]]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for at in places:
        for batch, contact_id in at:
            found.setdefault(batch, []).append(contact_id)
    return found


def _has_zones(contact: Contact) -> bool:
    return bool(zones_of(contact.timezone, contact.country, contact.area))


def _elsewhere(conn: Connection, batch: int, others: _Others) -> Iterator[Elsewhere]:
    """What moved in another batch, its beginning first."""
    events = list(history.elsewhere(conn, batch, others.subjects))
    if not events:
        return
    first: dict[str, dict[str, str | None]] = {"contact": {}, "call": {}}
    for event in events:
        for kind, subject, before, _ in event.changes:
            if kind in first:
                first[kind].setdefault(subject, before)
    known = _beginning(others.stands, first["contact"], first["call"])
    yield Elsewhere(events[0].at, batch, list(known))
    yield from events


def _first_of(past: Past) -> tuple[First, First]:
    persons: dict[str, str | None] = {}
    for moment in past.moments:
        for _, contact_id, before, _ in moment.people:
            persons.setdefault(contact_id, before)
    return persons, {call_id: past.stood.get(call_id) for call_id in past.told}


def _beginning(stands: Iterable[Stands], persons: First, calls: First) -> Iterator[Change]:
    """What was known before anything moved."""
    for each in stands:
        contact, _, made = each.now
        word = persons.get(contact.contact_id, str(contact.status))
        if word is not None:
            yield "contact", contact.contact_id, None, word
        for call_id, call in made.items():
            word = calls.get(call_id, str(call.outcome or call.status))
            if word is not None:
                yield "call", call_id, None, word
