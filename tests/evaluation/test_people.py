"""The account of people says what asking about everybody anew would say."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

from monitor.core.limits import Attempts, OptOuts
from monitor.core.localhours import LocalHours
from monitor.core.model import (
    AnsweredBy,
    BatchStatus,
    Call,
    CallStatus,
    Contact,
    ContactStatus,
    EndedBy,
    Item,
)
from monitor.core.people import LONG_AGO, Breaches, Overlap, PersonCalls, PlacedCall
from monitor.evaluation.accounts import PeopleMemo
from monitor.evaluation.people import StoredPeople
from monitor.ingest.items import take_items
from monitor.ingest.looks import take_look
from monitor.ingest.sweeps import drop_vanished
from monitor.store import batches, people
from monitor.store.lately import lately
from tests.builders import HOUR, MINUTE, NOON, make_batch, make_call, make_contact, make_refusal
from tests.stories import hurried

ATTEMPTS, HOURS = Attempts(), LocalHours(("daily 08:00-21:00",))
OPT_OUTS = OptOuts(("disposition=dnc",))
PLACES = (("renewals", "a"), ("renewals", "b"), ("surveys", "c"))
Answers = tuple[Breaches, Breaches, Breaches, Overlap, Overlap]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = hurried(tmp_path / "offhook.db")
    yield engine
    engine.dispose()


def batch_of(conn: Connection, provider: str, batch_id: str) -> int:
    look = make_batch(provider=provider, batch_id=batch_id, name=f"List {batch_id}")
    return take_look(conn, look, baseline=False).id


def person(n: int, **changes: object) -> Contact:
    number = bytes([n]) * 16
    values = {"phone_hash": number, "phone": f"••{n:04}", "country": "IN", "seen_at": NOON}
    return make_contact(contact_id=f"p{n}", **values | changes)


def called(n: int, at: datetime, k: int = 0, **changes: object) -> Call:
    values: dict[str, object] = {
        "call_id": f"c{n}-{k}",
        "contact_id": f"p{n}",
        "started_at": at,
        "ended_at": at + MINUTE,
        "seen_at": at + MINUTE,
        "detail_at": at + MINUTE,
    }
    return make_call(**values | changes)


def take(conn: Connection, batch: int, *items: Item, at: datetime = NOON) -> None:
    take_items(conn, batches.load(conn, batch), items, at)


def log_of(conn: Connection, batch: int, memo: PeopleMemo, now: datetime = NOON) -> StoredPeople:
    return StoredPeople(conn, batches.load(conn, batch), memo, now)


def asked(conn: Connection, batch: int, memo: PeopleMemo, now: datetime = NOON) -> Answers:
    log = log_of(conn, batch, memo, now)
    return (
        log.breaches(ATTEMPTS, LONG_AGO),
        log.breaches(HOURS, NOON - 12 * HOUR),
        log.breaches(OPT_OUTS, LONG_AGO),
        log.in_other_open_batches(),
        log.reached_before(NOON - 6 * HOUR),
    )


def anew(conn: Connection, batch: int) -> Answers:
    return asked(conn, batch, PeopleMemo(10**6))


TIMES = st.integers(min_value=-40, max_value=0).map(lambda n: NOON + n * 20 * MINUTE)
CALLS = st.builds(
    lambda k, at, status, told, disposition, by: {
        "k": k,
        "at": at,
        "status": status,
        "started_at": at if told else None,
        "created_at": at,
        "disposition": disposition,
        "answered_by": by,
    },
    st.integers(0, 3),
    TIMES,
    st.sampled_from([*CallStatus]),
    st.booleans(),
    st.sampled_from([None, None, "dnc", "sold"]),
    st.sampled_from([None, AnsweredBy.VOICEMAIL]),
)
ITEMS = st.tuples(
    st.integers(0, 3),  # who
    st.sampled_from([*ContactStatus]),
    st.sampled_from([None, "number", "another"]),
    st.lists(CALLS, max_size=2),
)
STEPS: st.SearchStrategy[Any] = st.one_of(
    st.tuples(st.just("take"), st.sampled_from(PLACES), st.lists(ITEMS, min_size=1, max_size=3)),
    st.tuples(st.just("other"), st.sampled_from(PLACES), st.lists(ITEMS, min_size=1, max_size=3)),
    st.tuples(st.just("undo"), st.sampled_from(PLACES), st.lists(ITEMS, min_size=1, max_size=3)),
    st.tuples(st.just("ask"), st.sampled_from(PLACES), st.just([])),
    st.tuples(st.just("drop"), st.sampled_from(PLACES), st.just([])),
    st.tuples(st.just("end"), st.sampled_from(PLACES), st.just([])),
)


Made = tuple[int, ContactStatus, str | None, list[dict[str, Any]]]
Step = tuple[str, tuple[str, str], list[Made]]


def item_of(
    step: int, who: int, status: ContactStatus, number: str | None, calls: list[dict[str, Any]]
) -> Item:
    seen = NOON + step * MINUTE
    # The number of a contact is another than its id says for some, and missing for others.
    hashes = {None: None, "number": bytes([who]) * 16, "another": bytes([who // 2 + 9]) * 16}
    contact = person(who, status=status, phone_hash=hashes[number], seen_at=seen)
    made = []
    for call in calls:
        values = dict(call)
        k, at = values.pop("k"), values.pop("at")
        ends = values["status"].terminal
        values["ended_at"] = at + MINUTE if ends else None
        values["ended_by"] = EndedBy.VENDOR if ends else None
        made.append(called(who, at, k, **values)._replace(seen_at=seen, detail_at=seen))
    return Item(contact, tuple({call.call_id: call for call in made}.values()))


def _ringing(k: int) -> dict[str, Any]:
    return {"k": k, "at": NOON, "status": CallStatus.RINGING, "created_at": NOON}


GOT_A_NUMBER: list[Step] = [
    ("take", PLACES[0], [(1, ContactStatus.PENDING, None, [_ringing(0), _ringing(1)])]),
    ("ask", PLACES[0], []),
    ("take", PLACES[0], [(1, ContactStatus.PENDING, "number", [])]),
]


@settings(max_examples=60)
@given(steps=st.lists(STEPS, min_size=4, max_size=18), several=st.sampled_from([1, 100]))
@example(steps=GOT_A_NUMBER, several=1)
def test_the_account_says_what_asking_anew_says_in_whatever_order_it_learns(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step], several: int
) -> None:
    engine = hurried(tmp_path_factory.mktemp("people") / "offhook.db")
    memo = PeopleMemo(piece=2, several=several)
    with engine.begin() as conn:
        ids = {place: batch_of(conn, *place) for place in PLACES}
    for number, step in enumerate(steps):
        with engine.connect() as conn:
            go(conn, ids, memo, number, step)
    with engine.begin() as conn:
        for batch in ids.values():
            for _ in range(10):
                told = asked(conn, batch, memo)
                if all(each.whole for each in told):
                    break
            assert told == anew(conn, batch)
    engine.dispose()


def go(
    conn: Connection, ids: dict[tuple[str, str], int], memo: PeopleMemo, number: int, step: Step
) -> None:
    """One step in one transaction; what is to be undone is asked about before it is."""
    word, place, items = step
    at = NOON + number * MINUTE
    with conn.begin() as transaction:
        if word in {"take", "undo", "other"}:
            take(conn, ids[place], *(item_of(number, *each) for each in items), at=at)
        if word == "other":  # a process of which nothing is remembered here
            for move in people.moves_from(conn, 0):
                lately(conn).take(move)
        elif word == "drop":
            drop_vanished(conn, ids[place], ["p0", "p1"], at)
        elif word == "end":
            row = batches.load(conn, ids[place])
            look = replace(row.look, status=BatchStatus.COMPLETED)
            batches.save(conn, replace(row, look=look), "status")
        if word not in {"take", "other"}:
            asked(conn, ids[place], memo, at)
        if word == "undo":
            transaction.rollback()


def test_of_many_who_move_at_once_nobody_is_passed_over(engine: Engine) -> None:
    memo = PeopleMemo()
    with engine.begin() as conn:
        batch = batch_of(conn, *PLACES[0])
        take(conn, batch, *(Item(person(n)) for n in range(200)))
        assert log_of(conn, batch, memo).breaches(OPT_OUTS, LONG_AGO).n == 0  # walked past all

        again = [
            (called(n, NOON, disposition="dnc"), called(n, NOON + HOUR, k=1)) for n in range(200)
        ]
        take(conn, batch, *(Item(person(n, attempts=2), calls) for n, calls in enumerate(again)))
        found = log_of(conn, batch, memo).breaches(OPT_OUTS, LONG_AGO)

    assert (found.n, found.whole) == (200, True)


def test_a_call_elsewhere_that_is_learned_late_is_told_where_the_limit_was_broken(
    engine: Engine,
) -> None:
    memo = PeopleMemo()
    with engine.begin() as conn:
        here, there = (batch_of(conn, *place) for place in PLACES[1:])
        take(conn, here, Item(person(1), (called(1, NOON),)))
        assert not asked(conn, here, memo)[0].n
        assert not asked(conn, there, memo)[0].n

        take(conn, there, Item(person(1), (called(1, NOON - MINUTE, 7),)))

        found = asked(conn, here, memo)[0]
        assert not asked(conn, there, memo)[0].n
    assert (found.n, found.gravest[0].phone) == (1, "••0001")
    assert (
        found.gravest[0].text == "was called again by List b 0 s after a conversation with List c"
    )


def test_whoever_moves_to_another_list_is_told_of_there_alone(engine: Engine) -> None:
    memo, early = PeopleMemo(), NOON - 10 * HOUR
    with engine.begin() as conn:
        here, there = (batch_of(conn, *place) for place in PLACES[:2])
        take(conn, here, Item(person(1), (called(1, early),)))
        found = [asked(conn, each, memo)[1].n for each in (here, there)]
        assert found == [1, 0]

        drop_vanished(conn, here, ["p1"], NOON)
        take(conn, there, Item(person(1), (called(1, early, 7),)))
        found = [asked(conn, each, memo)[1].n for each in (here, there)]
        assert found == [0, 1]


def test_whoever_broke_a_limit_and_keeps_it_since_is_not_told_of_any_more(engine: Engine) -> None:
    memo = PeopleMemo()
    with engine.begin() as conn:
        batch = batch_of(conn, *PLACES[0])
        take(conn, batch, Item(person(1), (called(1, NOON - 10 * HOUR),)))
        assert asked(conn, batch, memo)[1].n == 1

        later = called(1, NOON)._replace(seen_at=NOON + HOUR, detail_at=NOON + HOUR)
        take(conn, batch, Item(person(1, seen_at=NOON + HOUR), (later,)), at=NOON + HOUR)
        assert not asked(conn, batch, memo)[1].n


def test_whoever_asked_not_to_be_called_in_a_forgotten_batch_is_told_of_with_one_call(
    engine: Engine,
) -> None:
    memo = PeopleMemo()
    refusal = make_refusal(NOON - HOUR)
    with engine.begin() as conn:
        batch = batch_of(conn, *PLACES[0])
        people.keep_opt_outs(conn, {people.person_key(person(1)) or b"": refusal})
        assert not asked(conn, batch, memo)[2].n

        take(conn, batch, Item(person(1), (called(1, NOON),)))
        assert asked(conn, batch, memo)[2].n == 1


def test_without_a_number_nobody_is_known_in_another_batch(engine: Engine) -> None:
    memo = PeopleMemo()
    with engine.begin() as conn:
        here, there = (batch_of(conn, *place) for place in PLACES[:2])
        for batch, at in ((here, NOON), (there, NOON - MINUTE)):
            take(conn, batch, Item(person(1, phone_hash=None), (called(1, at),)))

        assert not asked(conn, here, memo)[0].n

        take(conn, here, Item(person(1, phone_hash=None), (called(1, NOON + MINUTE, 1),)))
        assert asked(conn, here, memo)[0].n == 1


def test_a_large_batch_is_read_bit_by_bit_and_says_so(engine: Engine) -> None:
    memo = PeopleMemo(piece=10)
    with engine.begin() as conn:
        batch = batch_of(conn, *PLACES[0])
        items = [Item(person(n), (called(n, NOON), called(n, NOON, 1))) for n in range(250)]
        take(conn, batch, *items)

        told = [log_of(conn, batch, memo).breaches(ATTEMPTS, LONG_AGO) for _ in range(3)]

    assert [(each.n, each.whole) for each in told] == [(100, False), (200, False), (250, True)]


def test_what_nobody_asks_any_more_is_forgotten(engine: Engine) -> None:
    memo = PeopleMemo()
    with engine.begin() as conn:
        batch = batch_of(conn, *PLACES[0])
        take(conn, batch, Item(person(1), (called(1, NOON),)))
        asked(conn, batch, memo)
        log_of(conn, batch, memo, NOON + 2 * HOUR).breaches(ATTEMPTS, LONG_AGO)

        assert list(memo.account(conn, batch, NOON + 2 * HOUR).answers) == [ATTEMPTS]


@pytest.mark.parametrize(
    ("call", "exact", "at", "until"),
    [
        pytest.param({"started_at": NOON}, True, NOON, None, id="the vendor's own start"),
        pytest.param(
            {"ended_at": NOON, "duration_s": 60.0}, False, NOON - MINUTE, None, id="end and length"
        ),
        pytest.param(
            {"created_at": NOON - HOUR, "ended_at": NOON, "duration_s": 60.0},
            False,
            NOON - MINUTE,
            None,
            id="a record made long before",
        ),
        pytest.param(
            {"created_at": NOON - HOUR, "ended_at": NOON, "ended_by": EndedBy.SEEN},
            False,
            NOON - HOUR,
            NOON,
            id="an end that was only seen",
        ),
        pytest.param(
            {"created_at": NOON - HOUR, "ended_at": NOON, "ended_by": EndedBy.DERIVED},
            False,
            NOON - HOUR,
            None,
            id="an end reckoned from the record",
        ),
        pytest.param(
            {"ended_at": None, "ended_by": EndedBy.HISTORY}, False, LONG_AGO, None, id="nothing"
        ),
    ],
)
def test_when_a_call_was_placed(
    engine: Engine, call: dict[str, object], *, exact: bool, at: datetime, until: datetime | None
) -> None:
    seen: list[PlacedCall] = []

    class Looks:
        def __call__(self, person: PersonCalls) -> None:
            seen.extend(person.calls)

    values = {"started_at": None, "duration_s": None, "detail_at": None} | call
    with engine.begin() as conn:
        batch = batch_of(conn, *PLACES[0])
        take(conn, batch, Item(person(1), (make_call(contact_id="p1", seen_at=NOON, **values),)))
        log_of(conn, batch, PeopleMemo()).breaches(Looks(), LONG_AGO)

    assert [(each.exact, each.at, each.until) for each in seen] == [(exact, at, until)]
    assert seen[0].zones == ("Asia/Calcutta",)
