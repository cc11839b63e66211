"""People and calls into the snapshot: counters, windows, changes, in any order and twice."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

from monitor.core.calls import Field
from monitor.core.model import (
    AnsweredBy,
    Call,
    CallStatus,
    Contact,
    ContactStatus,
    Counts,
    EndedBy,
    Item,
    Outcome,
    Sentiment,
)
from monitor.core.tally import recount, trimmed
from monitor.ingest.items import HISTORY_AFTER, Taken, take_items
from monitor.ingest.looks import take_look
from monitor.store import batches, changes, snapshot
from monitor.store.batches import BatchRow
from monitor.store.windows import StoredCalls
from tests.builders import HOUR, MINUTE, NOON, SECOND, make_batch, make_call, make_contact
from tests.stories import hurried


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = hurried(tmp_path_factory.mktemp("items") / "offhook.db")
    yield made
    made.dispose()


def begin(conn: Connection, batch_id: str = "b1", *, read: bool = True) -> BatchRow:
    """A batch; ``read``: its first reading came to its end at NOON."""
    row = take_look(conn, make_batch(batch_id=batch_id), baseline=False)
    if read:
        row = replace(row, swept_at=NOON, full_swept_at=NOON, listed_at=NOON, read_at=NOON)
        batches.save(conn, row)
    return row


def take(conn: Connection, batch: int, *items: Item, at: datetime = NOON + SECOND) -> Taken:
    return take_items(conn, batches.load(conn, batch), items, at)


def seen(person: str, status: ContactStatus, at: datetime = NOON, **more: Any) -> Contact:
    return make_contact(contact_id=person, status=status, seen_at=at, **more)


def call(key: str = "c1", at: datetime = NOON + SECOND, **more: Any) -> Call:
    """A call that ended, at a time that the vendor does not tell."""
    return make_call(**{"call_id": key, "seen_at": at, "ended_at": None, "ended_by": None} | more)


def stored(conn: Connection, batch: int, key: str = "c1") -> Call:
    (found,) = (each for each in snapshot.every_call(conn, batch) if each.call_id == key)
    return found


def words(conn: Connection, batch: int) -> list[tuple[str, str, str | None, str | None]]:
    found = changes.since(conn, batch, 1)  # the first is the batch itself
    return [(each.kind, each.subject, each.before, each.after) for each in found]


# When a call ended


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param(
            {"ended_at": NOON - HOUR, "ended_by": EndedBy.VENDOR},
            (NOON - HOUR, EndedBy.VENDOR),
            id="the vendor's time",
        ),
        pytest.param(
            {"ended_at": NOON - HOUR, "ended_by": EndedBy.DERIVED},
            (NOON - HOUR, EndedBy.DERIVED),
            id="start and duration",
        ),
        pytest.param({}, (NOON + SECOND, EndedBy.SEEN), id="first seen ended"),
        pytest.param({"status": CallStatus.RINGING}, (None, None), id="still open"),
        pytest.param(
            {"status": CallStatus.UNKNOWN, "raw_status": "weird"}, (None, None), id="unknown word"
        ),
    ],
)
def test_an_end_carries_how_it_is_known(
    conn: Connection, told: dict[str, Any], expected: tuple[datetime | None, EndedBy | None]
) -> None:
    row = begin(conn)
    take(conn, row.id, Item(make_contact(), (call(**told),)))

    found = stored(conn, row.id)
    assert (found.ended_at, found.ended_by) == expected


def window(conn: Connection, batch: int, end: datetime) -> int:
    return StoredCalls(conn, batch).window(end - 10 * MINUTE, end).n


def test_what_the_first_reading_finds_ended_is_in_no_window(conn: Connection) -> None:
    row = begin(conn, read=False)
    take(conn, row.id, Item(make_contact(), (call(),)))

    assert stored(conn, row.id).ended_by is EndedBy.HISTORY
    assert window(conn, row.id, NOON + SECOND) == 0


def test_what_the_first_reading_finds_with_a_time_is_in_its_window(conn: Connection) -> None:
    row = begin(conn, read=False)
    take(conn, row.id, Item(make_contact(), (make_call(ended_at=NOON - MINUTE),)))

    assert window(conn, row.id, NOON) == 1


def test_history_that_is_seen_again_stays_history(conn: Connection) -> None:
    row = begin(conn, read=False)
    take(conn, row.id, Item(make_contact(), (call(),)))
    batches.save(conn, replace(batches.load(conn, row.id), listed_at=NOON, swept_at=NOON))
    corrected = call(at=NOON + 2 * SECOND, answered_by=AnsweredBy.VOICEMAIL)
    take(conn, row.id, Item(make_contact(), (corrected,)), at=NOON + 2 * SECOND)

    found = stored(conn, row.id)
    assert (found.ended_by, found.ended_at) == (EndedBy.HISTORY, None)
    assert found.outcome is Outcome.VOICEMAIL


def test_history_whose_time_is_told_later_enters_its_window(conn: Connection) -> None:
    row = begin(conn, read=False)
    take(conn, row.id, Item(make_contact(), (call(),)))
    timed = make_call(ended_at=NOON - MINUTE, seen_at=NOON + MINUTE)
    take(conn, row.id, Item(make_contact(), (timed,)), at=NOON + MINUTE)

    assert window(conn, row.id, NOON) == 1


def test_after_a_long_gap_a_call_never_seen_has_ended_nobody_knows_when(conn: Connection) -> None:
    row = begin(conn)
    at = NOON + HISTORY_AFTER + SECOND
    live = call("c1", status=CallStatus.IN_PROGRESS)
    take(conn, row.id, Item(make_contact(), (live,)), at=NOON + SECOND)
    both = (call("c1", at), call("c2", at))
    take(conn, row.id, Item(make_contact(), both), at=at)

    assert stored(conn, row.id, "c2").ended_by is EndedBy.HISTORY


def test_readings_of_what_moved_keep_the_gap_short(conn: Connection) -> None:
    row = replace(begin(conn), listed_at=NOON + 9 * MINUTE)
    batches.save(conn, row)
    at = NOON + 9 * MINUTE + 30 * SECOND
    take(conn, row.id, Item(make_contact(), (call(at=at),)), at=at)

    assert stored(conn, row.id).ended_by is EndedBy.SEEN
    assert window(conn, row.id, at) == 1


def test_an_end_that_was_witnessed_is_the_earliest_look_at_it(conn: Connection) -> None:
    row = begin(conn)
    for n in (3, 1, 2):
        at = NOON + n * SECOND
        take(conn, row.id, Item(make_contact(), (call(at=at),)), at=at)

    assert stored(conn, row.id).ended_at == NOON + SECOND


# Changes


@pytest.mark.parametrize(
    ("status", "seen_at", "expected"),
    [
        pytest.param(CallStatus.QUEUED, NOON, 2 * MINUTE, id="it waited"),
        pytest.param(CallStatus.IN_PROGRESS, NOON + MINUTE, 2 * MINUTE, id="it went on later"),
        pytest.param(CallStatus.IN_PROGRESS, NOON, 20 * SECOND, id="it went on before that"),
    ],
)
def test_no_call_ended_before_it_was_seen_open(
    conn: Connection, status: CallStatus, seen_at: datetime, expected: timedelta
) -> None:
    row = begin(conn)
    person = seen("p1", ContactStatus.IN_CALL)
    open_call = call(at=seen_at, status=status, created_at=NOON, started_at=None)
    ended = call(
        at=NOON + 2 * MINUTE,
        created_at=NOON,
        started_at=None,
        ended_at=NOON + 20 * SECOND,  # as if it had begun when its row was made
        ended_by=EndedBy.DERIVED,
    )
    take(conn, row.id, Item(person, (open_call,)), at=seen_at)
    for _ in range(2):  # read once more, it is what it was
        take(conn, row.id, Item(person, (ended,)), at=NOON + 2 * MINUTE)

    assert stored(conn, row.id).ended_at == NOON + expected


def test_the_first_reading_is_one_change_and_not_one_a_person(conn: Connection) -> None:
    row = begin(conn, read=False)
    people = [Item(seen(f"p{n}", ContactStatus.COMPLETED), ()) for n in range(5)]
    taken = take(conn, row.id, *people)

    assert taken.moved
    assert words(conn, row.id) == []
    assert batches.load(conn, row.id).moved_at == NOON


def test_one_change_is_kept_for_each_thing_that_changed(conn: Connection) -> None:
    row = begin(conn)
    live = call(status=CallStatus.RINGING)
    take(conn, row.id, Item(seen("p1", ContactStatus.IN_CALL), (live,)))
    later = NOON + 2 * SECOND
    done = Item(seen("p1", ContactStatus.COMPLETED, later), (call(at=later),))
    take(conn, row.id, done, at=later)

    assert words(conn, row.id) == [
        ("contact", "p1", None, "in_call"),
        ("call", "c1", None, "ringing"),
        ("contact", "p1", "in_call", "completed"),
        ("call", "c1", "ringing", "completed"),
    ]


def test_what_is_seen_unchanged_writes_nothing(conn: Connection) -> None:
    row = begin(conn)
    item = Item(seen("p1", ContactStatus.COMPLETED), (call(),))
    take(conn, row.id, item)
    before = (batches.load(conn, row.id), words(conn, row.id))
    later = Item(seen("p1", ContactStatus.COMPLETED, NOON + MINUTE), (call(at=NOON + MINUTE),))
    taken = take(conn, row.id, later, at=NOON + MINUTE)

    assert not taken.moved
    assert (batches.load(conn, row.id), words(conn, row.id)) == before


def test_a_correction_moves_the_counters_and_says_so(conn: Connection) -> None:
    row = begin(conn)
    take(conn, row.id, Item(make_contact(), (call(),)))
    later = NOON + MINUTE
    fixed = call(at=later, answered_by=AnsweredBy.VOICEMAIL)
    take(conn, row.id, Item(make_contact(), (fixed,)), at=later)

    tally = trimmed(batches.load(conn, row.id).tally)
    assert (tally.get("call.completed"), tally.get("call.voicemail")) == (None, 1)
    assert words(conn, row.id)[-1] == ("call", "c1", "completed", "voicemail")


def test_a_cost_that_is_told_after_the_end_says_so_and_moves_nobody(conn: Connection) -> None:
    batch, person = begin(conn).id, seen("p1", ContactStatus.COMPLETED)
    take(conn, batch, Item(person, (call(detail_at=NOON),)))
    before = words(conn, batch)
    told: dict[str, Any] = {"cost_micros": 70_000, "currency": "USD"}

    taken = take(
        conn,
        batch,
        Item(person, (call(at=NOON + MINUTE, detail_at=NOON + MINUTE, **told),)),
        at=NOON + MINUTE,
    )

    assert words(conn, batch)[len(before) :] == [("cost", "c1", None, None)]
    assert taken.row.moved_at == NOON + SECOND


def test_a_status_keeps_since_when_it_was_first_seen(conn: Connection) -> None:
    row = begin(conn)
    for n, noise in ((1, 0), (2, 1), (3, 2)):
        person = seen("p1", ContactStatus.RETRYING, NOON + n * MINUTE, area=str(noise))
        take(conn, row.id, Item(person, ()), at=NOON + n * MINUTE)
    (kept,) = snapshot.load_contacts(conn, row.id, ["p1"]).values()

    assert kept[1] == int((NOON + MINUTE).timestamp() * 1_000_000)


def test_words_never_seen_are_handed_on(conn: Connection) -> None:
    row = begin(conn)
    odd = seen("p1", ContactStatus.UNKNOWN, raw_status="on_hold")
    odder = call(status=CallStatus.UNKNOWN, raw_status="warbling")
    taken = take(conn, row.id, Item(odd, (odder,)))

    assert taken.words == {("contact", "on_hold"), ("call", "warbling")}
    assert batches.load(conn, row.id).tally["calls.open"] == 1


def test_two_batches_do_not_share_people(conn: Connection) -> None:
    one, two = begin(conn, "b1"), begin(conn, "b2")
    item = Item(seen("p1", ContactStatus.COMPLETED), (call(),))
    take(conn, one.id, item)
    take(conn, two.id, item)

    for row in (one, two):
        assert len(list(snapshot.every_call(conn, row.id))) == 1
        assert batches.load(conn, row.id).tally["contacts"] == 1


# Counters are what a recount says, whatever is seen, in whatever order

STATUSES = st.sampled_from([*ContactStatus])
TIMES = st.integers(0, 5).map(lambda n: NOON + n * SECOND)


@st.composite
def contacts(draw: st.DrawFn, person: str) -> Contact:
    return Contact(
        contact_id=person,
        status=draw(STATUSES),
        attempts=draw(st.integers(0, 2)),
        follow_ups=draw(st.integers(0, 1)),
        last_attempt_at=draw(st.none() | TIMES),
        next_retry_at=draw(st.none() | TIMES),
        seen_at=draw(TIMES),
    )


@st.composite
def calls(draw: st.DrawFn, person: str) -> Call:
    status = draw(st.sampled_from([*CallStatus]))
    ended = draw(st.none() | TIMES) if status.terminal else None
    detailed = draw(st.booleans())
    return Call(
        call_id=f"{person}.{draw(st.integers(0, 2))}",
        contact_id=person,
        status=status,
        answered_by=draw(st.none() | st.sampled_from(AnsweredBy)),
        attempt=draw(st.integers(0, 1)),
        follow_up=draw(st.booleans()),
        duration_s=draw(st.sampled_from([None, 0.1, 12.5])),
        seen_at=draw(TIMES),
        ended_at=ended,
        ended_by=draw(st.sampled_from([EndedBy.VENDOR, EndedBy.DERIVED])) if ended else None,
        cost_micros=draw(st.sampled_from([None, 120_000])) if detailed else None,
        cost_estimated=detailed and draw(st.booleans()),
        sentiment=draw(st.sampled_from([None, *Sentiment])) if detailed else None,
        detail_at=draw(TIMES) if detailed else None,
    )


@st.composite
def items(draw: st.DrawFn) -> Item:
    person = draw(st.sampled_from(["p1", "p2", "p3"]))
    return Item(draw(contacts(person)), tuple(draw(st.lists(calls(person), max_size=3))))


CHUNKS = st.lists(st.lists(items(), max_size=5), max_size=6)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(chunks=CHUNKS)
def test_counters_are_a_recount(engine: Engine, chunks: list[list[Item]]) -> None:
    with engine.connect() as conn, conn.begin() as transaction:
        row = begin(conn)
        for n, chunk in enumerate(chunks):
            take(conn, row.id, *chunk, at=NOON + n * SECOND)
            _check(conn, row.id)
        transaction.rollback()


def _check(conn: Connection, batch: int) -> None:
    row = batches.load(conn, batch)
    kept = list(snapshot.every_call(conn, batch))
    assert trimmed(row.tally) == recount(snapshot.every_contact(conn, batch), kept)
    timed = [each for each in kept if each.ended_at is not None and each.outcome is not None]
    far = StoredCalls(conn, batch).window(NOON - HOUR, NOON + HOUR)
    assert far.n == len(timed)
    assert all(each.ended_by is not EndedBy.HISTORY for each in timed)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(views=st.lists(items(), max_size=6), seed=st.integers(0, 1_000))
def test_two_looks_at_one_person_end_the_same_in_any_order(
    engine: Engine, views: list[Item], seed: int
) -> None:
    chunk = [
        item
        for person in ("p1", "p2", "p3")
        for item in [each for each in views if each.contact.contact_id == person][:2]
    ]
    shuffled = chunk + chunk
    random.Random(seed).shuffle(shuffled)

    assert _taken(engine, chunk) == _taken(engine, shuffled)


def _taken(engine: Engine, seen_items: Sequence[Item]) -> tuple[Any, ...]:
    """What is known in the end, without the times of looking."""
    with engine.connect() as conn, conn.begin() as transaction:
        row = begin(conn)
        for item in seen_items:
            take(conn, row.id, item)
        people = [each._replace(seen_at=None) for each in snapshot.every_contact(conn, row.id)]
        kept = [
            each._replace(seen_at=None, detail_at=None)
            for each in snapshot.every_call(conn, row.id)
        ]
        tally = trimmed(batches.load(conn, row.id).tally)
        transaction.rollback()
    return sorted(map(repr, people)), sorted(map(repr, kept)), tally


def test_one_person_twice_in_a_chunk_counts_once(conn: Connection) -> None:
    row = begin(conn)
    early, late = NOON, NOON + SECOND
    take(
        conn,
        row.id,
        Item(seen("p1", ContactStatus.COMPLETED, late), (call(at=late),)),
        Item(
            seen("p1", ContactStatus.IN_CALL, early), (call(at=early, status=CallStatus.RINGING),)
        ),
    )

    assert trimmed(batches.load(conn, row.id).tally) == {
        "contacts": 1,
        "contact.completed": 1,
        "calls": 1,
        "call.completed": 1,
    }


def test_an_ended_call_never_opens_again(conn: Connection) -> None:
    row = begin(conn)
    take(conn, row.id, Item(make_contact(), (call(),)))
    back = call(at=NOON + HOUR, status=CallStatus.IN_PROGRESS)
    take(conn, row.id, Item(make_contact(), (back,)), at=NOON + HOUR)

    assert stored(conn, row.id).status is CallStatus.COMPLETED


def test_a_lot_of_people_at_once_are_all_found_again(conn: Connection) -> None:
    row = begin(conn)
    people = [Item(seen(f"p{n}", ContactStatus.PENDING), ()) for n in range(1_300)]
    take(conn, row.id, *people)
    taken = take(conn, row.id, *people)

    assert not taken.moved
    assert batches.load(conn, row.id).tally["contacts"] == 1_300


def test_times_are_kept_to_the_microsecond(conn: Connection) -> None:
    row = begin(conn)
    at = NOON + timedelta(microseconds=123_457)
    take(conn, row.id, Item(seen("p1", ContactStatus.RETRYING, next_retry_at=at), ()))

    (kept,) = snapshot.every_contact(conn, row.id)
    assert kept.next_retry_at == at


def test_a_time_that_is_told_no_more_moves_nobody(conn: Connection) -> None:
    row = begin(conn)
    call = make_call(created_at=NOON - MINUTE)
    take(conn, row.id, Item(make_contact(), (call,)))
    before = batches.load(conn, row.id)
    later = NOON + 10 * MINUTE
    seen = call._replace(created_at=None, seen_at=later)

    taken = take(conn, row.id, Item(make_contact(seen_at=later), (seen,)), at=later)

    assert taken.moved, "it is kept"
    assert taken.row.moved_at == before.moved_at


@pytest.mark.parametrize(
    ("counted", "complete_at", "moved_at"),
    [
        pytest.param({"finished": 1}, NOON, NOON + MINUTE, id="counted when it was unread"),
        pytest.param(
            {"by_status": {ContactStatus.COMPLETED: 1}}, NOON, NOON + MINUTE, id="among people"
        ),
        pytest.param({}, NOON, NOON + HOUR, id="never counted"),
        pytest.param({"finished": 0}, NOON, NOON + HOUR, id="not counted yet"),
        pytest.param({"finished": 1}, NOON + 2 * MINUTE, NOON + HOUR, id="all were read since"),
    ],
)
def test_what_the_counts_told_long_since_moves_nobody_now(
    conn: Connection, counted: dict[str, Any], complete_at: datetime, moved_at: datetime
) -> None:
    row = begin(conn)
    take(conn, row.id, Item(make_contact(), (call(status=CallStatus.QUEUED),)), at=NOON)
    counts = Counts(live=1, **counted)
    look = make_batch(batch_id="b1", seen_at=NOON + MINUTE, counts=counts)
    row = replace(take_look(conn, look, baseline=False), complete_at=complete_at)
    batches.save(conn, row)
    assert row.moved_at == NOON + MINUTE

    person = make_contact(status=ContactStatus.COMPLETED, seen_at=NOON + HOUR)
    taken = take(conn, row.id, Item(person, (call(at=NOON + HOUR),)), at=NOON + HOUR)

    assert taken.row.moved_at == moved_at


def test_where_somebody_is_stands_beside_their_ended_calls_whenever_it_is_told(
    conn: Connection,
) -> None:
    row = begin(conn)
    done = call(ended_at=NOON, ended_by=EndedBy.VENDOR)

    def told(**where: Any) -> Any:
        take(conn, row.id, Item(seen("p1", ContactStatus.COMPLETED, **where), (done,)))
        span = (NOON - MINUTE, NOON)
        return StoredCalls(conn, row.id).grouped(*span, Field.COUNTRY, Field.AREA)

    assert told() == {(None, None): 1}
    assert told(country="US", area="212", attempts=1) == {("US", "212"): 1}
