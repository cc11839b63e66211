"""Records of calls that come late: they tell of the past, and are no sign of life now."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection

from monitor.core.model import EndedBy, Item
from monitor.ingest.ends import moved_at
from monitor.ingest.looks import take_look
from monitor.ingest.notices import take_notices
from monitor.store import batches, inbox
from tests.builders import MINUTE, NOON, SECOND, make_batch, make_call, make_contact
from tests.notices import record
from tests.stories import hurried


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    engine = hurried(tmp_path / "offhook.db")
    with engine.begin() as connection:
        row = take_look(connection, make_batch(seen_at=NOON - 10 * MINUTE), baseline=False)
        batches.save(connection, replace(row, listed_at=NOON - 10 * MINUTE))
        yield connection
    engine.dispose()


def moved(conn: Connection) -> datetime:
    row = batches.find(conn, "renewals", "b1")
    assert row is not None
    return row.moved_at


def test_a_batch_moved_when_its_call_ended_not_when_that_was_told(conn: Connection) -> None:
    ends = [NOON - 9 * MINUTE, NOON - 8 * MINUTE]
    told = [record(n, at=end) for n, end in enumerate(ends)]
    inbox.put(conn, [replace(each, received_at=NOON) for each in told])

    take_notices(conn, "renewals", inbox.waiting(conn, 10), NOON)

    assert moved(conn) == NOON - 8 * MINUTE


def test_what_the_vendor_does_not_time_moved_when_it_was_told() -> None:
    person = make_contact()
    untimed = make_call(call_id="c2", ended_at=None, ended_by=None)
    witnessed = make_call(call_id="c3", ended_by=EndedBy.SEEN)
    late = NOON + MINUTE

    assert moved_at(Item(person, ()), late) == late
    assert moved_at(Item(person, (make_call(), untimed)), late) == late
    assert moved_at(Item(person, (make_call(), witnessed)), late) == late
    assert moved_at(Item(person, (make_call(),)), late) == NOON


def test_a_vendor_whose_clock_is_ahead_moves_nothing_into_the_future() -> None:
    ahead = make_call(ended_at=NOON + MINUTE)

    assert moved_at(Item(make_contact(), (ahead,)), NOON + SECOND) == NOON + SECOND
