"""Which batches' details are forgotten."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, select

from monitor.core.limits import OptOuts
from monitor.core.model import Item
from monitor.evaluation.accounts import PeopleMemo
from monitor.evaluation.people import StoredPeople
from monitor.evaluation.refusing import refusals
from monitor.ingest.items import take_items
from monitor.ingest.looks import take_look
from monitor.store import batches, people, retention, schema
from monitor.store.lately import KEY
from rules.called_after_opt_out import CalledAfterOptOut
from tests.builders import HOUR, NOON, SECOND, make_batch, make_call, make_contact
from tests.stories import make_context, run


@pytest.mark.parametrize(
    ("changes", "forgotten"),
    [
        pytest.param({"open": False, "terminal_at": NOON - SECOND}, True, id="ended long ago"),
        pytest.param({"open": False, "terminal_at": NOON}, False, id="ended not long enough ago"),
        pytest.param({"open": True, "terminal_at": NOON - HOUR}, False, id="still watched"),
        pytest.param({"open": False, "gone_at": NOON - SECOND}, True, id="vanished and given up"),
        pytest.param(
            {"open": False, "gone_at": NOON - HOUR, "terminal_at": NOON},
            False,
            id="ended, then gone",
        ),
        pytest.param({"open": False}, False, id="never ended"),
    ],
)
def test_what_is_forgotten(conn: Connection, changes: dict[str, Any], forgotten: bool) -> None:
    row = replace(take_look(conn, make_batch(), baseline=False), **changes)
    batches.save(conn, row)
    retention.prune(conn, NOON)

    assert batches.load(conn, row.id).pruned is forgotten


def test_whose_contacts_were_whose_is_forgotten_but_not_who_asked_not_to_be_called(
    conn: Connection,
) -> None:
    people_of = {n: make_contact(contact_id=f"p{n}", phone_hash=bytes([n]) * 16) for n in range(3)}
    said = {0: "dnc", 1: "sold", 2: None}
    row = take_look(conn, make_batch(name="Renewals May"), baseline=False)
    items = [
        Item(
            contact,
            (make_call(call_id=f"c{n}", contact_id=f"p{n}", disposition=said[n]),),
        )
        for n, contact in people_of.items()
    ]
    take_items(conn, row, [Item(item.contact) for item in items], NOON)
    take_items(conn, batches.load(conn, row.id), items, NOON)  # and then they were called
    row = batches.load(conn, row.id)
    batches.save(conn, replace(row, open=False, terminal_at=NOON - SECOND))
    keys = [bytes([n]) * KEY for n in range(3)]
    assert set(people.places(conn, keys)) == set(keys)
    context = make_context(run(CalledAfterOptOut(opt_out=("disposition=dnc",))))

    while retention.prune(conn, NOON, piece=2, refusal=refusals(context.instances)):
        everybody, apart = (
            set(conn.execute(select(table.c.contact_id)).scalars())
            for table in (schema.contacts, schema.moved_contacts)
        )
        assert apart == everybody, "who is forgotten is so in one go"

    kept = people.opted_out(conn, keys)
    assert people.places(conn, keys) == {}
    for table in (schema.contacts, schema.moved_contacts):
        assert not conn.execute(select(table)).all()
    assert {key: (call.call_id, call.batch) for key, call in kept.items()} == {
        keys[0]: ("c0", "Renewals May")
    }
    another = take_look(conn, make_batch(batch_id="b2"), baseline=False)
    call = make_call(call_id="d0", contact_id="p0", started_at=NOON + HOUR, detail_at=NOON)
    take_items(conn, another, [Item(people_of[0], (call,))], NOON + HOUR)
    log = StoredPeople(conn, batches.load(conn, another.id), PeopleMemo(), NOON + HOUR)
    assert log.breaches(OptOuts(("disposition=dnc",)), NOON).n == 1


def test_who_moved_is_forgotten_after_a_while_but_for_the_newest(conn: Connection) -> None:
    row = take_look(conn, make_batch(), baseline=False)
    for n in range(3):
        items = [Item(make_contact(contact_id=f"p{n}"))]
        take_items(conn, batches.load(conn, row.id), items, NOON + n * HOUR)

    assert people.forget_moves(conn, NOON + HOUR) == 1
    assert people.forget_moves(conn, NOON + 9 * HOUR) == 1
    assert [move.ids for move in people.moves_from(conn, 0)] == [["p2"]]
