"""The rows of webhooks: kept once, taken in order, quarantined alone, forgotten late."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, select

from monitor.store import inbox
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
    inbox.quarantine(conn, [other.id], "it cannot be taken in", NOON)

    assert inbox.unreadable(conn, "sales") == 2
    assert inbox.unreadable(conn, "other") == 0


@pytest.mark.parametrize("proves", ["hint", "call"])
def test_what_nobody_could_be_asked_about_is_new_when_it_comes_again(
    conn: Connection, proves: str
) -> None:
    inbox.put(conn, [replace(ONE, proves=proves)])
    inbox.asked(conn, [1])
    inbox.unanswered(conn, [1], "the vendor does not know the batch", NOON)
    assert inbox.unreadable(conn, "sales") == 0
    assert [each.why for each in inbox.quarantined(conn)] == ["the vendor does not know the batch"]

    assert inbox.put(conn, [replace(ONE, proves=proves)]) == [True]
    (again,) = inbox.waiting(conn, 9)
    assert again.told == ONE.told
    assert inbox.quarantined(conn) == ()


def test_what_cannot_be_read_is_a_repetition_when_it_comes_again(conn: Connection) -> None:
    poison = replace(ONE, poison="it is not a JSON object", told=None)

    assert inbox.put(conn, [poison]) == [True]
    assert inbox.put(conn, [poison]) == [False]
    assert inbox.waiting(conn, 9) == []


def test_only_what_was_taken_in_long_ago_is_forgotten(conn: Connection) -> None:
    young = replace(ONE, unique_key=b"young", received_at=NOON + HOUR)
    inbox.put(conn, [*some(3), young])
    waiting = inbox.waiting(conn, 9)
    inbox.done(conn, [waiting[0].id, waiting[3].id], NOON)

    assert inbox.prune(conn, NOON + timedelta(minutes=1)) == 1
    assert [each.id for each in inbox.waiting(conn, 9)] == [waiting[1].id, waiting[2].id]
    assert inbox.put(conn, [young]) == [False]


@pytest.mark.parametrize("asked", [True, False], ids=["asked about", "answered"])
def test_a_hint_in_the_same_words_is_new_once_the_first_was_asked_about(
    conn: Connection, asked: bool
) -> None:
    hint = replace(ONE, proves="hint", told=None)
    assert inbox.put(conn, [hint, hint]) == [True, False]
    (first,) = inbox.waiting(conn, 9)
    inbox.asked(conn, [first.id])
    if not asked:
        inbox.answered(conn, [first.id], NOON)

    assert inbox.put(conn, [replace(hint, received_at=NOON + HOUR)]) == [True]
    inbox.answered(conn, [first.id], NOON)

    (again,) = inbox.waiting(conn, 9)
    assert (again.id, again.received_at) == (first.id, NOON + HOUR)


def test_since_when_the_first_waits_that_nobody_took_up(conn: Connection) -> None:
    assert inbox.oldest_new(conn) is None
    inbox.put(conn, [replace(each, received_at=NOON + HOUR) for each in some(2)])
    inbox.asked(conn, [inbox.waiting(conn, 1)[0].id])

    assert inbox.oldest_new(conn) == NOON + HOUR


def test_what_is_set_aside_can_be_seen_by_its_digest_the_newest_first(conn: Connection) -> None:
    inbox.put(conn, some(3))
    rows = [each.id for each in inbox.waiting(conn, 9)]
    inbox.asked(conn, rows[:1])
    inbox.unanswered(conn, rows[:1], "the vendor does not know the batch", NOON)
    inbox.quarantine(conn, rows[1:2], "it cannot be taken in", NOON)

    found = inbox.quarantined(conn, limit=1)

    assert [(each.provider, each.why) for each in found] == [("sales", "it cannot be taken in")]
    assert found[0].digest == (b"d" * 32).hex()
    assert len(inbox.quarantined(conn)) == 2
