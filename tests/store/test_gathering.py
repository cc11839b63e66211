"""Where rows of people stand is nobody's business but their writer's."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, Table, func, select

from monitor.core.model import ContactStatus
from monitor.ingest.looks import take_look
from monitor.store import gathering, pages, people, schema, snapshot
from monitor.store.snapshot import Person
from monitor.store.windows import StoredRetries
from tests.builders import MINUTE, NOON, make_batch, make_call, make_contact
from tests.stories import hurried

STATUSES = (
    ContactStatus.PENDING,
    ContactStatus.IN_CALL,
    ContactStatus.RETRYING,
    ContactStatus.COMPLETED,
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = hurried(tmp_path_factory.mktemp("gathering") / "offhook.db")
    yield made
    made.dispose()


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as conn, conn.begin() as transaction:
        yield conn
        transaction.rollback()


def a_person(key: str, status: ContactStatus, since: int, due: int | None = None) -> Person:
    """Somebody whose retry may be due so many minutes from noon."""
    contact = make_contact(
        contact_id=key,
        status=status,
        next_retry_at=None if due is None else NOON + due * MINUTE,
        seen_at=NOON,
    )
    call = make_call(call_id=f"c-{key}-{since}", contact_id=key)
    return Person(contact, schema.to_micros(NOON) + since, {call.call_id: call})


def a_batch(conn: Connection, name: str) -> int:
    return take_look(conn, make_batch(batch_id=name), baseline=True).id


def count(conn: Connection, table: Table) -> int:
    return conn.execute(select(func.count()).select_from(table)).scalar_one()


def write(conn: Connection, batch: int, persons: Sequence[Person], known: set[str]) -> None:
    rows = [snapshot.person_row(batch, person) for person in persons]
    snapshot.save_people(conn, rows, known)


def told(conn: Connection, batch: int) -> dict[str, Any]:
    """All that anybody asks of the people of a batch."""
    retries = StoredRetries(conn, batch)
    ids = [f"p{n}" for n in range(7)]
    return {
        "everybody": list(snapshot.every_person(conn, batch)),
        "counted": list(snapshot.every_one_counted(conn, batch)),
        "by id": snapshot.load_people(conn, batch, ids),
        "their ids": pages.contact_ids(conn, batch),
        "walked": [people.walk(conn, batch, after, 2) for after in ("", "p1", "p4")],
        "loaded": {key: each for (_, key), each in people.load(conn, {batch: ids}).items()},
        "retries": [
            (
                retries.overdue(NOON + at * MINUTE, 2),
                retries.overdue(NOON + at * MINUTE),
                retries.unscheduled(NOON + at * MINUTE),
                retries.scheduled_after(NOON + at * MINUTE),
                retries.held(NOON + at * MINUTE),
            )
            for at in (-2, 0, 2)
        ],
        "the last": retries.last_due(),
    }


MOVES = st.lists(
    st.lists(
        st.builds(
            a_person,
            st.integers(0, 6).map("p{}".format),
            st.sampled_from(STATUSES),
            st.integers(-150_000_000, 150_000_000),
            st.none() | st.integers(-3, 3),
        ),
        min_size=1,
        max_size=5,
        unique_by=lambda person: person.contact.contact_id,
    )
    | st.sets(st.integers(0, 6).map("p{}".format), min_size=1, max_size=3)
    | st.just("gather"),
    max_size=8,
)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(moves=MOVES)
def test_people_read_back_as_they_were_last_written(engine: Engine, moves: list[Any]) -> None:
    known: dict[str, Person] = {}
    with engine.connect() as conn, conn.begin() as transaction:
        batch, plain = a_batch(conn, "b1"), a_batch(conn, "b2")
        other = a_person("p0", ContactStatus.RETRYING, 0, -1)
        write(conn, plain, [other], set())
        write(conn, plain, [other], {"p0"})
        for move in moves:
            if move == "gather":
                gathering.gather(conn, batch, 2)
            elif isinstance(move, set):
                gone = [known.pop(key) for key in sorted(move & known.keys())]
                snapshot.drop_people(conn, batch, gone)
            else:
                write(conn, batch, move, set(known))
                known |= {person.contact.contact_id: person for person in move}
        snapshot.drop_people(conn, plain, [other])
        write(conn, plain, [*known.values()], set())

        assert told(conn, batch) == told(conn, plain)
        assert list(snapshot.every_person(conn, batch)) == [known[key] for key in sorted(known)]
        transaction.rollback()


def test_who_moved_is_written_beside_the_others(conn: Connection) -> None:
    batch = a_batch(conn, "b1")
    persons = [a_person(f"p{n}", ContactStatus.PENDING, 0) for n in range(5)]
    write(conn, batch, persons, set())
    before = conn.execute(select(schema.contacts)).all()

    write(conn, batch, [a_person("p3", ContactStatus.IN_CALL, 5)], {"p3"})

    assert conn.execute(select(schema.contacts)).all() == before
    assert count(conn, schema.moved_contacts) == 1


def test_once_they_are_many_they_are_gathered(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "MOST_APART", 3)
    batch, other = a_batch(conn, "b1"), a_batch(conn, "b2")
    persons = [a_person(f"p{n}", ContactStatus.PENDING, 0) for n in range(5)]
    moved = [a_person(f"p{n}", ContactStatus.IN_CALL, 5) for n in range(5)]
    for each in (batch, other):
        write(conn, each, persons, set())
        write(conn, each, moved[:3], {"p0", "p1", "p2"})
    gathering.gather_many(conn, batch)
    assert count(conn, schema.moved_contacts) == 6

    write(conn, batch, moved[3:], {"p3", "p4"})
    gathering.gather_many(conn, batch)

    assert count(conn, schema.moved_contacts) == 3  # those of the other batch
    assert list(snapshot.every_person(conn, batch)) == moved


def test_of_very_many_some_are_gathered_at_a_time(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "MOST_APART", 1)
    monkeypatch.setattr(gathering, "PIECE", 2)
    batch = a_batch(conn, "b1")
    moved = [a_person(f"p{n}", ContactStatus.IN_CALL, 5) for n in range(5)]
    write(conn, batch, [a_person(f"p{n}", ContactStatus.PENDING, 0) for n in range(5)], set())
    write(conn, batch, moved, {f"p{n}" for n in range(5)})

    for left in (3, 1, 1):
        gathering.gather_many(conn, batch)
        assert count(conn, schema.moved_contacts) == left
        assert list(snapshot.every_person(conn, batch)) == moved


def test_who_is_written_anew_stands_as_written(conn: Connection) -> None:
    batch = a_batch(conn, "b1")
    write(conn, batch, [a_person("p0", ContactStatus.PENDING, 0)], set())
    write(conn, batch, [a_person("p0", ContactStatus.IN_CALL, 5)], {"p0"})
    anew = a_person("p0", ContactStatus.COMPLETED, 9)

    write(conn, batch, [anew], set())

    assert list(snapshot.every_person(conn, batch)) == [anew]


def test_whoever_asks_for_people_finds_them_by_index(conn: Connection) -> None:
    asked: list[str] = []
    raw: Any = conn.connection.driver_connection
    batch = a_batch(conn, "b1")
    write(conn, batch, [a_person(f"p{n}", ContactStatus.RETRYING, 0, n) for n in range(5)], set())
    raw.set_trace_callback(asked.append)
    told(conn, batch)
    raw.set_trace_callback(None)

    assert len(asked) > 10
    for statement in asked:
        steps = [row.detail for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")]
        assert not [each for each in steps if each.startswith("SCAN") and "contacts" in each]
        searched = [each for each in steps if each.startswith("SEARCH")]
        assert len(searched) >= 3, statement
        if any(sign in statement for sign in ("<=", ">", " IN ", " DESC")):
            assert sum("batch=? AND" in each for each in searched) >= 3, (statement, searched)
