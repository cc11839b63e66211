"""Whoever has the same short id, or an id that is also a batch's, is left as they are."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import Connection, select

from monitor.core.erasing import is_stub
from monitor.core.message import Message
from monitor.core.model import CallStatus, Contact, ContactStatus, Item
from monitor.ingest.erasing import Wanted, erase
from monitor.ingest.forgotten import honoured
from monitor.ingest.items import take_items
from monitor.ingest.looks import take_look
from monitor.ingest.notices import take_item, take_notices
from monitor.ingest.sweeps import drop_vanished
from monitor.providers.facts import Proof
from monitor.providers.notices import Notice
from monitor.providers.phones import Phones
from monitor.store import batches, changes, inbox, snapshot
from monitor.store.batches import BatchRow
from monitor.store.coding import decode, encode
from monitor.store.retention import prune
from monitor.store.schema import alert_events, alerts, arrivals, outbox
from monitor.store.schema import inbox as webhooks
from tests.builders import MINUTE, NOON, make_batch, make_call, make_contact
from tests.delivering import SPIKE, make_alert, make_subject, tell_all
from tests.notices import arrived

PHONES = Phones(b"the key of this installation")
NUMBER = "+14155550123"


def contact(contact_id: str, number: str | None = None) -> Contact:
    told = PHONES.read(number)
    return make_contact(
        contact_id=contact_id,
        status=ContactStatus.COMPLETED,
        phone_hash=told.hash,
        phone=told.masked,
    )


def item(contact_id: str, call_id: str, number: str | None = None) -> Item:
    call = make_call(
        call_id=call_id, contact_id=contact_id, status=CallStatus.COMPLETED, ended_at=NOON
    )
    return Item(contact(contact_id, number), (call,))


def begin(conn: Connection, *batch_ids: str) -> None:
    for batch_id in batch_ids:
        row = take_look(conn, make_batch(batch_id=batch_id), baseline=False)
        batches.save(conn, replace(row, listed_at=NOON, swept_at=NOON), "listed_at", "swept_at")


def found(conn: Connection, batch_id: str) -> BatchRow:
    row = batches.find(conn, "renewals", batch_id)
    assert row is not None
    return row


def read(conn: Connection, batch_id: str, *items: Item) -> None:
    take_items(conn, found(conn, batch_id), items, NOON + MINUTE)


def wanted(number: str = NUMBER) -> Wanted:
    told = PHONES.read(number)
    assert told.hash is not None
    assert told.masked is not None
    return Wanted(numbers=frozenset({told.hash}), masked=frozenset({told.masked}))


def ids(conn: Connection, batch_id: str) -> set[str]:
    return {each.contact_id for each in snapshot.every_contact(conn, found(conn, batch_id).id)}


def subjects(conn: Connection, batch_id: str, kind: str) -> list[str]:
    rows = changes.since(conn, found(conn, batch_id).id, 0)
    return [each.subject for each in rows if each.kind == kind]


def tell_of(
    conn: Connection, batch_id: str, *evidence: str, summary: str = "7 of 12 calls failed"
) -> None:
    finding = replace(SPIKE, summary=summary, evidence=evidence)
    subject = make_subject(id=batch_id, title=batch_id)
    alert = make_alert(f"about {batch_id}", finding=finding, subject=subject)
    tell_all(conn, alert)
    event = {
        "alert_key": alert.key,
        "at": NOON,
        "after": alert.state,
        "reason": alert.reason,
        "severity": alert.severity,
        "evidence": encode(evidence),
        "summary": finding.summary,
    }
    conn.execute(alert_events.insert().values(event))


def test_another_contact_of_the_same_id_keeps_the_changes_and_the_evidence(
    conn: Connection,
) -> None:
    begin(conn, "b1", "b2")
    read(conn, "b1", item("7", "70", NUMBER))
    read(conn, "b2", item("9", "71", NUMBER), item("7", "72", "+14155550199"))
    tell_of(conn, "b1", "7", "9", "70")
    tell_of(conn, "b2", "7", "9", "70")

    erase(conn, wanted(), NOON)

    assert "7" in ids(conn, "b2")
    assert "7" in subjects(conn, "b2", "contact")
    assert "9" not in subjects(conn, "b2", "contact")
    evidence = {
        batch_id: decode(tuple[str, ...], text)
        for batch_id, text in conn.execute(
            select(alerts.c.subject_id, alert_events.c.evidence).join(alerts)
        )
    }
    assert [is_stub(each) for each in evidence["b1"]] == [True, False, True]
    assert [is_stub(each) for each in evidence["b2"]] == [False, True, False]
    messages = [decode(Message, each) for each in conn.execute(select(outbox.c.message)).scalars()]
    for each in messages:
        assert each.evidence == evidence[each.batch]
        assert each.sentence == f"{each.batch}: 7 of 12 calls failed"


def test_a_call_with_the_id_of_a_contact_keeps_its_change(conn: Connection) -> None:
    begin(conn, "b1")
    read(conn, "b1", item("7", "70", NUMBER), item("8", "7", "+14155550199"))

    erase(conn, wanted(), NOON)

    assert "7" in subjects(conn, "b1", "call")
    assert "7" not in subjects(conn, "b1", "contact")


def test_a_contact_that_the_list_shows_no_more_leaves_no_change_either(conn: Connection) -> None:
    begin(conn, "b1")
    read(conn, "b1", item("7", "70"), item("8", "71"))
    drop_vanished(conn, found(conn, "b1").id, ["7"], NOON + MINUTE)

    erase(conn, Wanted(contact=("renewals", "b1", "7")), NOON + MINUTE)

    told = subjects(conn, "b1", "contact")
    assert [is_stub(each) for each in told] == [True, False, True]


def test_what_a_webhook_tells_of_another_contact_of_the_same_id_is_taken_in(
    conn: Connection,
) -> None:
    begin(conn, "b1", "b2")
    read(conn, "b1", item("7", "70", NUMBER))
    read(conn, "b2", item("7", "72", "+14155550199"))
    later = item("7", "73", "+14155550199")
    notice = Notice(event="call", proves=Proof.CALL, batch_id="b2", item=later)
    inbox.put(conn, [arrived("call", "b2", "73", encode(notice))])

    erase(conn, wanted(), NOON)
    take_notices(conn, "renewals", inbox.waiting(conn, 9), NOON)

    (person,) = snapshot.every_person(conn, found(conn, "b2").id)
    assert (person.contact.contact_id, set(person.calls)) == ("7", {"72", "73"})


@pytest.mark.parametrize("contact_id", ["renewals", "btc-2026-11", "error_spike", "7"])
def test_an_id_that_is_also_a_batchs_or_a_rules_is_only_the_contacts(
    conn: Connection, contact_id: str
) -> None:
    begin(conn, contact_id, "btc-2026-11")
    read(conn, contact_id, item(contact_id, "call_1", NUMBER))
    tell_of(conn, contact_id, contact_id)
    looks = {row.id: row.look for row in batches.load_open(conn, "renewals")}
    before = conn.execute(select(alerts.c.key, alerts.c.fingerprint, alerts.c.subject)).all()

    erase(conn, wanted(), NOON)

    assert {row.id: row.look for row in batches.load_open(conn, "renewals")} == looks
    assert (
        conn.execute(select(alerts.c.key, alerts.c.fingerprint, alerts.c.subject)).all() == before
    )
    (_, *messages) = [
        decode(Message, each) for each in conn.execute(select(outbox.c.message)).scalars()
    ]
    assert all(each.batch == each.labels["batch"] == contact_id for each in messages)
    assert all(is_stub(name) for each in messages for name in each.evidence)


@pytest.mark.parametrize(
    "name", ['con "7"/50%', "con\\7-üß", "••[con]{7}", "123456789012", "c" * 300, "a  b\tcd 17"]
)
def test_ids_of_any_letters_go(conn: Connection, name: str) -> None:
    begin(conn, "b1")
    read(conn, "b1", item(name, f"{name}.1", NUMBER))
    tell_of(conn, "b1", name, f"{name}.1")

    erase(conn, wanted(), NOON)

    for column in (alerts.c.finding, alert_events.c.evidence, outbox.c.message):
        for text in conn.execute(select(column)).scalars():
            value = json.loads(text)
            told = value["evidence"] if isinstance(value, dict) else value
            assert [is_stub(each) for each in told] == [True, True]
    assert all(map(is_stub, ids(conn, "b1")))


def test_a_call_that_is_being_asked_about_is_asked_for_by_nobodys_id(conn: Connection) -> None:
    begin(conn, "b1")
    read(conn, "b1", item("con_1", "call_1", NUMBER))
    inbox.put(conn, [arrived("call_status", None, "call_1")])
    take_notices(conn, "renewals", inbox.waiting(conn, 9), NOON)

    erase(conn, wanted(), NOON)
    inbox.readopt(conn)  # another process takes it up
    taken = take_notices(conn, "renewals", inbox.waiting(conn, 9), NOON)

    assert (dict(taken.calls), len(taken.something)) == ({}, 1)


def test_when_a_call_was_heard_of_that_no_list_shows_is_forgotten_too(conn: Connection) -> None:
    told = item("con_1", "call_1", NUMBER)
    notice = Notice(event="call", proves=Proof.CALL, batch_id="b1", item=told)
    inbox.put(conn, [arrived("call", "b1", "call_1", encode(notice))])
    take_notices(conn, "renewals", inbox.waiting(conn, 9), NOON)  # its batch was never seen
    assert "call_1" in repr(conn.execute(select(arrivals)).all())

    words = erase(conn, wanted(), NOON).words

    assert "call_1" not in repr(conn.execute(select(arrivals)).all())
    assert {b"con_1", b"call_1"} <= words


@pytest.mark.parametrize("way", ["asked for", "listed"])
def test_when_a_call_was_heard_of_is_forgotten_once_it_is_known_whose_it_is(
    conn: Connection, way: str
) -> None:
    begin(conn, "b1")
    erase(conn, wanted(), NOON)
    ended = Notice(event="dial", proves=Proof.CALL_STATUS, call_id="call_1", ended=True)
    inbox.put(conn, [arrived("call_status", None, "call_1", encode(ended))])
    take_notices(conn, "renewals", inbox.waiting(conn, 9), NOON)

    told = item("con_1", "call_1", NUMBER)
    if way == "asked for":
        take_item(conn, found(conn, "b1"), told, NOON + MINUTE)
    else:
        honoured(conn, "renewals", "b1", [told], NOON + MINUTE)

    (heard,) = conn.execute(select(arrivals)).all()
    assert (is_stub(heard.subject), heard.webhook_at) == (True, NOON)
    assert conn.execute(select(webhooks.c.call_id)).scalars().all() == [None]


@pytest.mark.parametrize(("named", "after"), [("••0123", "[erased]"), ("••0199", "call_1")])
def test_beside_a_number_no_id_stays_of_a_batch_whose_people_are_forgotten(
    conn: Connection, named: str, after: str
) -> None:
    begin(conn, "b1")
    read(conn, "b1", item("con_1", "call_1", NUMBER))
    tell_of(conn, "b1", "call_1", summary=f"{named} got 9 calls in 40 min")
    ended = replace(found(conn, "b1"), open=False, terminal_at=NOON)
    batches.save(conn, ended, "open", "terminal_at")
    while prune(conn, NOON + MINUTE):
        pass
    assert found(conn, "b1").pruned

    erase(conn, wanted(), NOON)

    for column in (alerts.c.finding, outbox.c.message):
        told = [json.loads(text)["evidence"] for text in conn.execute(select(column)).scalars()]
        assert all(each == [after] for each in told)
        assert told
    assert conn.execute(select(alert_events.c.evidence)).scalars().all() == [encode([after])]
