"""Questions about calls and retries: the database answers as a plain list would."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from monitor.core.calls import Field
from monitor.core.model import (
    Call,
    CallStatus,
    Contact,
    ContactStatus,
    EndedBy,
    Item,
    Outcome,
    Sentiment,
)
from monitor.ingest.items import take_items
from monitor.ingest.looks import take_look
from monitor.store import batches
from monitor.store.windows import StoredCalls, StoredRetries
from tests.builders import (
    HOUR,
    MINUTE,
    NOON,
    SECOND,
    ListedCalls,
    ListedRetries,
    make_batch,
    make_call,
    make_contact,
)
from tests.stories import hurried

BAD = frozenset({Outcome.FAILED, Outcome.ERROR})


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = hurried(tmp_path_factory.mktemp("windows") / "offhook.db")
    yield made
    made.dispose()


def filled(conn: Connection, items: list[Item], batch_id: str = "b1") -> int:
    """A batch of these people and calls, first read a second before NOON."""
    row = take_look(conn, make_batch(batch_id=batch_id), baseline=False)
    row = replace(row, listed_at=NOON - SECOND, swept_at=NOON - SECOND)
    batches.save(conn, row)
    take_items(conn, row, items, NOON)
    return row.id


MOMENTS = st.integers(0, 8).map(lambda n: NOON - n * MINUTE)
WORDS = st.sampled_from([None, "carrier block #", "timeout"])


@st.composite
def people(draw: st.DrawFn) -> list[Item]:
    found = []
    for n in range(draw(st.integers(0, 6))):
        key = f"p{n}"
        status = draw(st.sampled_from([*ContactStatus]))
        retry = draw(st.none() | st.integers(-3, 3).map(lambda n: NOON + n * MINUTE))
        contact = make_contact(
            contact_id=key,
            status=status,
            next_retry_at=retry,
            country=draw(st.sampled_from([None, "IN"])),
            area=draw(st.sampled_from([None, "212"])),
            seen_at=NOON,
        )
        calls = [_call(draw, key, i) for i in range(draw(st.integers(0, 3)))]
        found.append(Item(contact, tuple(calls)))
    return found


def _call(draw: st.DrawFn, person: str, n: int) -> Call:
    status = draw(st.sampled_from([*CallStatus]))
    return make_call(
        call_id=f"{person}.{n}",
        contact_id=person,
        status=status,
        ended_at=draw(MOMENTS) if status.terminal else None,
        ended_by=EndedBy.VENDOR if status.terminal else None,
        error_class=draw(WORDS),
        from_number=draw(st.sampled_from([None, "+1 … 01", "+1 … 02"])),
        seen_at=NOON,
        **{name: draw(value) for name, value in DETAILS.items()},
        detail_at=NOON,
    )


DETAILS: dict[str, st.SearchStrategy[Any]] = {
    "duration_s": st.sampled_from([None, 8.0, 15.0, 90.5]),
    "hangup_class": WORDS,
    "disposition": WORDS,
    "agent_version": st.sampled_from([None, "v3", "v4"]),
    "attempt": st.integers(0, 2),
    "sentiment": st.sampled_from([None, *Sentiment]),
    "transferred": st.sampled_from([None, True, False]),
    "cost_micros": st.sampled_from([None, 0, 90_000]),
    "currency": st.sampled_from([None, "USD", "EUR"]),
    "cost_estimated": st.booleans(),
}
FIELDS = st.lists(st.sampled_from([*Field]), min_size=1, max_size=3, unique=True)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(items=people(), length=st.integers(0, 9), fields=FIELDS, most=st.integers(1, 9))
def test_calls_are_counted_as_a_plain_list_would(
    engine: Engine, items: list[Item], length: int, fields: list[Field], most: int
) -> None:
    span = (NOON - length * MINUTE, NOON)
    whole = {item.contact.contact_id: item.contact for item in items}
    listed = ListedCalls.of((call for item in items for call in item.calls), whole)
    with engine.connect() as conn, conn.begin() as transaction:
        stored = StoredCalls(conn, filled(conn, items))
        for _ in range(2):  # the second time from memory
            assert stored.grouped(*span, *fields) == listed.grouped(*span, *fields)
            assert stored.spent(*span) == listed.spent(*span)
            assert stored.transfers(*span) == listed.transfers(*span)
            for field, value in {
                (each, call.value(each)) for each in fields for call in listed.ended
            }:
                if value is not None:
                    asked = (*span, field, value)
                    assert stored.having(*asked) == listed.having(*asked)
            for than in (15 * SECOND, MINUTE):
                assert stored.answered_shorter(*span, than) == listed.answered_shorter(*span, than)
            ours, theirs = stored.between(*span, 99), listed.between(*span, 99)
            assert sorted(ours) == sorted(theirs)
            assert _times(stored.between(*span, most)) == _times(theirs[:most])
        transaction.rollback()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(items=people(), start=MOMENTS, length=st.integers(0, 9))
def test_windows_answer_as_a_plain_list_would(
    engine: Engine, items: list[Item], start: object, length: int
) -> None:
    begin = NOON - length * MINUTE
    listed = ListedCalls.of(call for item in items for call in item.calls)
    with engine.connect() as conn, conn.begin() as transaction:
        filled(conn, [Item(make_contact(), (make_call(),))], "other")
        stored = StoredCalls(conn, filled(conn, items))
        assert stored.window(begin, NOON) == listed.window(begin, NOON)
        assert _times(stored.last_ended(4)) == _times(listed.last_ended(4))
        assert len(stored.evidence(begin, NOON, BAD, 3)) == len(
            listed.evidence(begin, NOON, BAD, 3)
        )
        assert set(stored.evidence(begin, NOON, BAD, 99)) == set(
            listed.evidence(begin, NOON, BAD, 99)
        )
        assert stored.people_reached() == listed.reached
        transaction.rollback()


def _times(calls: object) -> list[object]:
    return [call.ended_at for call in calls]  # type: ignore[attr-defined]  # a tuple of calls


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    items=people(),
    at=st.integers(-4, 4),
    most=st.sampled_from([1, 2, 100]),
    others=st.lists(st.integers(-4, 4), max_size=3),
)
def test_retries_answer_as_a_plain_list_would(
    engine: Engine, items: list[Item], at: int, most: int, others: list[int]
) -> None:
    moment = NOON + at * MINUTE
    contacts: list[Contact] = [item.contact for item in items]
    listed = ListedRetries.of(contacts, {each.contact_id: NOON for each in contacts})
    with engine.connect() as conn, conn.begin() as transaction:
        stored = StoredRetries(conn, filled(conn, items))
        for ask in ("overdue", "unscheduled"):
            for other in others:  # what was asked before, of whatever moment, changes nothing
                getattr(stored, ask)(NOON + other * MINUTE, 3)
            ours, theirs = (getattr(each, ask)(moment, most) for each in (stored, listed))
            assert ours.n == theirs.n
            assert [one.since for one in ours.oldest] == [one.since for one in theirs.oldest]
        assert stored.scheduled_after(moment, most) == listed.scheduled_after(moment, most)
        assert stored.last_due() == listed.last_due()
        ours, theirs = stored.held(moment, most), listed.held(moment, most)
        assert (ours.n, [each.since for each in ours.oldest]) == (
            theirs.n,
            [each.since for each in theirs.oldest],
        )
        transaction.rollback()


def test_a_window_begins_after_its_start_and_ends_with_its_end(engine: Engine) -> None:
    with engine.connect() as conn, conn.begin() as transaction:
        calls = tuple(
            make_call(call_id=f"c{n}", ended_at=NOON - n * MINUTE, ended_by=EndedBy.VENDOR)
            for n in range(3)
        )
        stored = StoredCalls(conn, filled(conn, [Item(make_contact(), calls)]))

        assert stored.window(NOON - 2 * MINUTE, NOON).n == 2
        assert stored.window(NOON - 2 * MINUTE, NOON - timedelta(microseconds=1)).n == 1
        assert stored.window(NOON - 2 * MINUTE, NOON).last_ended_at == NOON
        assert stored.window(NOON, NOON + HOUR).last_ended_at is None
        transaction.rollback()


def test_windows_cost_what_lies_in_them(engine: Engine) -> None:
    queries = {
        "a window": "SELECT outcome, count(*), max(ended_at) FROM calls WHERE batch = 1"
        " AND ended_at > 5 AND ended_at <= 9 GROUP BY outcome",
        "one by one": "SELECT call_id FROM calls WHERE batch = 1 AND ended_at > 5"
        " AND ended_at <= 9 ORDER BY ended_at DESC LIMIT 8",
        "counted": "SELECT hangup, count(*) FROM calls WHERE batch = 1"
        " AND ended_at > 5 AND ended_at <= 9 GROUP BY hangup",
        "transfers": "SELECT count(*), sum(transferred) FROM calls WHERE batch = 1"
        " AND ended_at > 5 AND ended_at <= 9 AND transferred IS NOT NULL",
        "the last": "SELECT call_id FROM calls WHERE batch = 1 AND ended_at > 0"
        " ORDER BY ended_at DESC LIMIT 8",
        "late retries": "SELECT contact_id FROM contacts WHERE batch = 1"
        " AND retry_at <= 9 ORDER BY retry_at",
        "lost people": "SELECT contact_id FROM contacts WHERE batch = 1"
        " AND unscheduled_since <= 9 ORDER BY unscheduled_since",
    }
    with engine.connect() as conn:
        for name, query in queries.items():
            plan = " ".join(
                str(row[3]) for row in conn.execute(text(f"EXPLAIN QUERY PLAN {query}"))
            )
            assert "SCAN" not in plan, (name, plan)
            assert "batch=? AND" in plan, (name, plan)
