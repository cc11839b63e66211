"""The rows of webhooks: kept once, taken in order, quarantined alone, forgotten late."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from monitor.store import inbox
from monitor.store.engine import open_engine
from monitor.store.inbox import Arrived
from monitor.store.schema import inbox as table
from tests.builders import HOUR, NOON

ONE = Arrived(
    provider="sales",
    unique_key=b"1",
    received_at=NOON,
    event="post-call record",
    proves="call",
    digest=b"d" * 32,
    batch_id="b1",
    call_id="c1",
    told='{"as": "told"}',
)


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    with open_engine(tmp_path / "offhook.db", create=True).begin() as conn:
        yield conn


def some(n: int) -> list[Arrived]:
    return [replace(ONE, unique_key=b"%d" % i, call_id=f"c{i}") for i in range(n)]


def test_what_comes_twice_is_kept_once_also_within_one_commit(conn: Connection) -> None:
    assert inbox.put(conn, [ONE, replace(ONE, unique_key=b"2"), ONE]) == [True, True, False]
    assert inbox.put(conn, [ONE]) == [False]


def test_what_is_kept_comes_back_in_order_as_it_was(conn: Connection) -> None:
    inbox.put(conn, some(5))

    waiting = inbox.waiting(conn, 3)

    assert [each.call_id for each in waiting] == ["c0", "c1", "c2"]
    assert replace(waiting[0], id=0) == replace(ONE, unique_key=b"0", call_id="c0")


def test_what_is_taken_in_is_not_given_out_again_and_its_text_is_dropped(conn: Connection) -> None:
    inbox.put(conn, some(3))
    first, *others = inbox.waiting(conn, 9)

    inbox.done(conn, [first.id], NOON)

    assert inbox.waiting(conn, 9) == others
    assert conn.execute(select(table.c.told).where(table.c.id == first.id)).scalar() is None
    assert inbox.put(conn, [replace(ONE, unique_key=b"0")]) == [False]


def test_what_is_asked_about_is_new_again_after_a_restart(conn: Connection) -> None:
    inbox.put(conn, some(2))
    waiting = inbox.waiting(conn, 9)
    inbox.asked(conn, [each.id for each in waiting])
    assert inbox.waiting(conn, 9) == []

    inbox.readopt(conn)

    assert inbox.waiting(conn, 9) == waiting


def test_poison_is_counted_and_never_given_out(conn: Connection) -> None:
    poison = replace(ONE, unique_key=b"p", poison="it is not a JSON object", told=None)
    inbox.put(conn, [poison, *some(2)[1:]])
    (other,) = inbox.waiting(conn, 9)
    assert other.call_id == "c1"
    inbox.quarantine(conn, [other.id], "the vendor does not know its batch", NOON)

    standing = inbox.standing(conn, "sales")

    assert (standing.received, standing.waiting, standing.poison) == (2, 0, 2)
    assert standing.last_at == NOON
    assert inbox.standing(conn, "other").last_at is None


def test_only_what_was_taken_in_long_ago_is_forgotten(conn: Connection) -> None:
    young = replace(ONE, unique_key=b"young", received_at=NOON + HOUR)
    inbox.put(conn, [*some(3), young])
    waiting = inbox.waiting(conn, 9)
    inbox.done(conn, [waiting[0].id, waiting[3].id], NOON)

    assert inbox.prune(conn, NOON + timedelta(minutes=1)) == 1
    assert [each.id for each in inbox.waiting(conn, 9)] == [waiting[1].id, waiting[2].id]
    assert inbox.put(conn, [young]) == [False]
