"""Erased means gone: from every table and every byte of the file, now and ever after."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, select, update

from monitor.core.erasing import is_stub
from monitor.core.message import Message
from monitor.core.model import CallStatus, ContactStatus, Item
from monitor.core.people import PlacedCall
from monitor.core.tally import Tally, count_call, count_contact, trimmed
from monitor.core.unnaming import NOBODY
from monitor.evaluation.accounts import PeopleMemo
from monitor.evaluation.people import StoredPeople
from monitor.ingest.erasing import Traces, Wanted, erase, traces
from monitor.ingest.forgotten import honoured
from monitor.ingest.items import take_items
from monitor.ingest.looks import take_look
from monitor.ingest.notices import take_item, take_notices
from monitor.providers.facts import Proof
from monitor.providers.notices import Notice
from monitor.providers.phones import Phones
from monitor.store import arrivals, batches, changes, inbox, people, schema, snapshot
from monitor.store.batches import BatchRow
from monitor.store.coding import decode, encode
from monitor.store.engine import open_engine
from monitor.store.inbox import Arrived
from monitor.store.schema import alerts, calls, outbox
from monitor.store.windows import StoredCalls
from monitor.store.wiping import wiped
from monitor.store.writer import Priority
from tests.builders import HOUR, MINUTE, NOON, SECOND, make_batch, make_call, make_contact
from tests.delivering import SPIKE, make_alert, tell_all
from tests.fakes import CallRow, Person
from tests.lookout import Lookout
from tests.notices import arrived

KEY = b"the key of this installation"
PHONES = Phones(KEY)


class Subject:
    """Somebody with a number of their own, who was called twice in one batch."""

    def __init__(self, n: int, batch_id: str = "b1") -> None:
        self.number = f"+1415555{n:04}"
        told = PHONES.read(self.number)
        assert told.hash is not None
        assert told.masked is not None
        self.hash, self.masked = told.hash, told.masked
        self.contact_id = f"con_{batch_id}_{n:04}x"
        self.call_ids = [f"call_{batch_id}_{n:04}_{i}x" for i in range(2)]
        self.contact = make_contact(
            contact_id=self.contact_id,
            status=ContactStatus.COMPLETED,
            attempts=1,
            phone_hash=told.hash,
            phone=told.masked,
            country=told.country,
            area=told.area,
        )

    def item(self, calls: int = 2) -> Item:
        words = (CallStatus.FAILED, CallStatus.COMPLETED)
        made = (
            make_call(
                call_id=call_id, contact_id=self.contact_id, status=word, ended_at=NOON - i * MINUTE
            )
            for i, (call_id, word) in enumerate(zip(self.call_ids, words, strict=True))
        )
        return Item(self.contact, tuple(made)[:calls])

    @property
    def wanted(self) -> Wanted:
        return Wanted(numbers=frozenset({self.hash}), masked=frozenset({self.masked}))

    @property
    def traces(self) -> list[bytes]:
        """Everything they could be known by."""
        words = [self.number, self.masked, self.contact_id, *self.call_ids, self.hash.hex()]
        return [*(word.encode() for word in words), self.hash[:8]]


def read(conn: Connection, batch_id: str, items: Sequence[Item]) -> None:
    """Take in what a list shows."""
    row = found(conn, batch_id)
    when = NOON + MINUTE
    take_items(conn, row, honoured(conn, "renewals", batch_id, items, when), when)


def found(conn: Connection, batch_id: str = "b1") -> BatchRow:
    row = batches.find(conn, "renewals", batch_id)
    assert row is not None
    return row


def begin(conn: Connection, *batch_ids: str) -> None:
    for batch_id in batch_ids:
        row = take_look(conn, make_batch(batch_id=batch_id), baseline=False)
        batches.save(conn, replace(row, listed_at=NOON, swept_at=NOON), "listed_at", "swept_at")


def told(subject: Subject, batch_id: str | None = "b1") -> Arrived:
    """A webhook with the whole of their last call."""
    item = subject.item()
    notice = Notice(event="call", proves=Proof.CALL, batch_id=batch_id, item=item)
    return arrived("call", batch_id, item.calls[0].call_id, encode(notice))


def accuse(conn: Connection, subject: Subject) -> None:
    """An alert that fires, and whose message names them, was sent."""
    finding = replace(
        SPIKE,
        summary=f"{subject.masked} got 9 calls in 40 min",
        evidence=(*subject.call_ids, subject.contact_id),
    )
    tell_all(conn, make_alert(f"about {subject.contact_id[-5:]}", finding=finding))


def recount(conn: Connection, row: BatchRow) -> dict[str, int]:
    tally: Tally = {}
    for person in snapshot.every_person(conn, row.id):
        count_contact(tally, person.contact, 1)
        for call in person.calls.values():
            count_call(tally, call, 1)
    return dict(trimmed(tally))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_engine(tmp_path / "offhook.db", create=True)
    yield made
    made.dispose()


def bytes_of(directory: Path) -> bytes:
    return b"".join(file.read_bytes() for file in directory.iterdir() if file.is_file())


def test_a_hundred_people_leave_no_byte_in_the_file_or_its_journal(
    engine: Engine, tmp_path: Path
) -> None:
    everybody = [Subject(n) for n in range(120)]
    again = [Subject(n, "b2") for n in range(120)]
    gone = random.Random(7).sample(range(120), 100)
    with engine.begin() as conn:
        begin(conn, "b1", "b2")
        read(conn, "b1", [each.item(1) for each in everybody])
    with engine.begin() as conn:  # and then they were called once more
        read(conn, "b1", [each.item() for each in everybody])
        read(conn, "b2", [each.item() for each in again])
        inbox.put(conn, [told(everybody[n]) for n in gone[:20]])
        ends = [(each.call_ids[0], NOON, NOON) for each in everybody]
        arrivals.note_webhook(conn, "renewals", ends)
        for n in gone[:5]:
            accuse(conn, everybody[n])
        kept = PlacedCall(NOON, True, True, "renewals", "b1", everybody[gone[0]].call_ids[0])
        people.keep_opt_outs(conn, {everybody[gone[0]].hash[:8]: kept})
    before = bytes_of(tmp_path)
    lost = [everybody[n] for n in gone] + [again[n] for n in gone]
    assert all(each.contact_id.encode() in before for each in lost), "or nothing is proven"

    words: set[bytes] = set()
    for n in gone:
        with engine.begin() as conn:
            words |= erase(conn, everybody[n].wanted, NOON).words

    assert wiped(engine, tmp_path / "offhook.db", words)
    after = bytes_of(tmp_path)
    assert [word for each in lost for word in each.traces if word in after] == []
    stays = [each for n, each in enumerate(everybody) if n not in gone]
    assert all(each.contact_id.encode() in after for each in stays)


def test_the_numbers_of_the_batch_stay_as_they_were(conn: Connection) -> None:
    begin(conn, "b1")
    subject, other = Subject(1), Subject(2)
    read(conn, "b1", [subject.item(), other.item()])
    tally = dict(trimmed(found(conn).tally))
    window = StoredCalls(conn, found(conn).id).window(NOON - HOUR, NOON + SECOND)
    moves = [each.kind for each in changes.since(conn, found(conn).id, 0)]

    done = erase(conn, subject.wanted, NOON)

    row = found(conn)
    assert [(each.contact_id, each.calls) for each in done.places] == [(subject.contact_id, 2)]
    assert dict(trimmed(row.tally)) == tally == recount(conn, row)
    assert [each.kind for each in changes.since(conn, row.id, 0)] == moves
    assert StoredCalls(conn, row.id).window(NOON - HOUR, NOON + SECOND).n == window.n == 4
    stub, stays = sorted(
        (each.contact for each in snapshot.every_person(conn, row.id)),
        key=lambda contact: contact.contact_id == other.contact_id,
    )
    assert is_stub(stub.contact_id)
    assert stays == other.item().contact
    rows = conn.execute(select(calls.c.call_id, calls.c.contact_id)).all()
    assert sum(is_stub(row.call_id) and is_stub(row.contact_id) for row in rows) == 2


def test_whoever_is_read_again_is_forgotten_again(conn: Connection) -> None:
    begin(conn, "b1", "b2")
    subject = Subject(1)
    read(conn, "b1", [subject.item(1)])
    erase(conn, subject.wanted, NOON)
    read(conn, "b1", [subject.item(2), Subject(2).item()])  # one call more since
    elsewhere = Subject(1, "b2")
    read(conn, "b2", [elsewhere.item()])  # a campaign that begins later

    for batch_id, people_of in (("b1", 2), ("b2", 1)):
        row = found(conn, batch_id)
        somebody = list(snapshot.every_person(conn, row.id))
        assert len(somebody) == people_of
        (stub,) = [each for each in somebody if is_stub(each.contact.contact_id)]
        assert (len(stub.calls), stub.contact.phone_hash) == (2, None)
        assert dict(trimmed(row.tally)) == recount(conn, row)
    assert people.places(conn, [subject.hash[:8]]) == {}
    without = elsewhere.item()
    nameless = without.contact._replace(phone_hash=None, phone=None)
    read(conn, "b2", [Item(nameless, without.calls)])
    assert len(list(snapshot.every_person(conn, found(conn, "b2").id))) == 1


def test_somebody_without_a_number_is_named_by_the_contact(conn: Connection) -> None:
    begin(conn, "b1", "b2")
    lone = Item(make_contact(contact_id="7"), (make_call(call_id="70", contact_id="7"),))
    for batch_id in ("b1", "b2"):
        read(conn, batch_id, [lone])
    erase(conn, Wanted(contact=("renewals", "b1", "7")), NOON)
    for batch_id in ("b1", "b2"):
        read(conn, batch_id, [lone])

    names = {
        batch_id: [
            is_stub(each.contact.contact_id)
            for each in snapshot.every_person(conn, found(conn, batch_id).id)
        ]
        for batch_id in ("b1", "b2")
    }
    assert names == {"b1": [True], "b2": [False]}


def test_a_contact_with_a_number_is_erased_wherever_the_number_stands(conn: Connection) -> None:
    begin(conn, "b1", "b2")
    here, there = Subject(1, "b1"), Subject(1, "b2")
    read(conn, "b1", [here.item()])
    read(conn, "b2", [there.item()])

    done = erase(conn, Wanted(contact=("renewals", "b1", here.contact_id)), NOON)

    assert {each.batch_id for each in done.places} == {"b1", "b2"}
    assert people.places(conn, [here.hash[:8]]) == {}


@pytest.mark.parametrize("named", [True, False], ids=["with its batch", "without"])
def test_a_webhook_on_its_way_tells_of_the_stub(conn: Connection, named: bool) -> None:
    begin(conn, "b1")
    subject = Subject(1)
    read(conn, "b1", [subject.item(1)])
    inbox.put(conn, [told(subject, "b1" if named else None)])
    erase(conn, subject.wanted, NOON)

    assert subject.contact_id not in (inbox.waiting(conn, 1)[0].told or "")
    take_notices(conn, "renewals", inbox.waiting(conn, 9), NOON)
    (stub,) = snapshot.every_person(conn, found(conn).id)
    assert len(stub.calls) == 2
    assert all(map(is_stub, stub.calls))


@pytest.mark.parametrize("named", [True, False], ids=["with its batch", "without"])
def test_a_webhook_that_comes_later_is_of_nobody(conn: Connection, named: bool) -> None:
    begin(conn, "b1")
    subject = Subject(1)
    read(conn, "b1", [subject.item(1)])
    erase(conn, subject.wanted, NOON)
    inbox.put(conn, [told(subject, "b1" if named else None)])
    take_notices(conn, "renewals", inbox.waiting(conn, 9), NOON)

    (stub,) = snapshot.every_person(conn, found(conn).id)
    assert len(stub.calls) == 2
    everything = repr(
        [conn.execute(select(each)).all() for each in (schema.inbox, schema.arrivals)]
    )
    assert not any(word.decode(errors="ignore") in everything for word in subject.traces[:6])


def test_a_call_that_was_asked_for_is_of_nobody(conn: Connection) -> None:
    begin(conn, "b1")
    subject = Subject(1)
    read(conn, "b1", [subject.item(1)])
    erase(conn, subject.wanted, NOON)
    inbox.put(conn, [arrived("call_status", "b1", subject.call_ids[1])])
    take_item(conn, found(conn), subject.item(), NOON)

    (stub,) = snapshot.every_person(conn, found(conn).id)
    assert len(stub.calls) == 2
    assert [each.call_id for each in inbox.waiting(conn, 9)] == [None]


def test_alerts_and_messages_keep_everything_but_the_name(conn: Connection) -> None:
    begin(conn, "b1")
    subject, other = Subject(1), Subject(2)
    read(conn, "b1", [subject.item(), other.item()])
    accuse(conn, subject)
    accuse(conn, other)
    conn.execute(update(outbox).where(outbox.c.receiver == "hook").values(sent_at=NOON))
    shown = traces(conn, subject.wanted)
    untouched = conn.execute(select(alerts).where(alerts.c.instance.contains("0002x"))).all()

    done = erase(conn, subject.wanted, NOON)

    assert shown == replace(done, words=frozenset())
    assert {each.receiver for each in done.sent} == {"hook"}
    assert (
        conn.execute(select(alerts).where(alerts.c.instance.contains("0002x"))).all() == untouched
    )
    rows = conn.execute(select(outbox.c.message)).scalars().all()
    messages = [decode(Message, each) for each in rows]
    mine = [each for each in messages if NOBODY in each.sentence]
    assert len(mine) == 3
    assert all("got 9 calls in 40 min" in each.sentence for each in mine)
    assert all(all(map(is_stub, each.evidence)) for each in mine)


def test_nothing_is_known_of_a_stranger_who_is_kept_out_from_now_on(conn: Connection) -> None:
    begin(conn, "b1")
    stranger = Subject(3)
    read(conn, "b1", [Subject(1).item()])

    assert not erase(conn, stranger.wanted, NOON)
    again = erase(conn, stranger.wanted, NOON)
    assert replace(again, words=frozenset()) == Traces(places=(), texts=0, webhooks=0, sent=())
    read(conn, "b1", [stranger.item()])
    assert people.places(conn, [stranger.hash[:8]]) == {}


def test_what_a_process_remembers_of_people_is_asked_anew(conn: Connection) -> None:
    begin(conn, "b1", "b2")
    here, there = Subject(1, "b1"), Subject(1, "b2")
    waits = here.contact._replace(status=ContactStatus.PENDING)
    read(conn, "b2", [Item(there.contact._replace(status=ContactStatus.PENDING))])
    read(conn, "b1", [Item(waits)])
    memo = PeopleMemo()

    def shared() -> tuple[int, tuple[str, ...]]:
        log = StoredPeople(conn, found(conn), memo, NOON)
        overlap = log.in_other_open_batches()
        return overlap.n, overlap.evidence

    assert shared() == (1, (here.contact_id,))
    erase(conn, here.wanted, NOON)
    assert shared() == (0, ())


def test_who_came_first_while_another_was_erased_is_asked_about(conn: Connection) -> None:
    begin(conn, "b1", "b2")
    memo = PeopleMemo()

    def shared() -> int:
        return StoredPeople(conn, found(conn), memo, NOON).in_other_open_batches().n

    assert shared() == 0  # of nobody, as nobody was ever read
    for batch_id in ("b1", "b2"):
        waits = Subject(1, batch_id).contact._replace(status=ContactStatus.PENDING)
        read(conn, batch_id, [Item(waits), Subject(2, batch_id).item()])
    erase(conn, Subject(2).wanted, NOON)

    assert shared() == 1


async def test_a_stub_stands_on_the_list_that_shows_the_person(tmp_path: Path) -> None:
    at = Lookout(tmp_path / "offhook.db", threads=False)
    batch = at.vendor.add("b1", people=12)
    batch.people[3] = Person(
        id="p003", status="completed", calls=[CallRow(id="c3", ended=NOON - MINUTE)]
    )
    await at.poll()
    await at.store.write(
        Priority.INGEST, lambda conn: erase(conn, Wanted(contact=("renewals", "b1", "p003")), NOON)
    )

    for _ in range(3):  # each a whole reading: whoever is missing from two has vanished
        await at.poll(after=7 * HOUR)
    known = await at.people()
    assert len(known) == 12
    assert sum(map(is_stub, known)) == 1
    assert (await at.row()).complete_at is not None
    at.store.close()
