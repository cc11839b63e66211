"""When ends were heard of: the first time of each way stays, and a day is kept."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from monitor.core.hearing import Arrival, Lately
from monitor.store import arrivals, providers
from monitor.store.providers import ProviderRow
from monitor.store.schema import arrivals as table
from monitor.store.webhook_views import load_webhooks
from tests.builders import HOUR, MINUTE, NOON, SECOND
from tests.stories import hurried


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    engine = hurried(tmp_path / "offhook.db")
    with engine.begin() as connection:
        for name in ("sales", "other"):
            providers.save(connection, ProviderRow(name=name, vendor="bland"))
        yield connection
    engine.dispose()


def known(conn: Connection) -> list[Arrival]:
    return list(arrivals.recent(conn, "sales", NOON - HOUR))


def webhook(conn: Connection, after: timedelta, *subjects: str) -> None:
    arrivals.note_webhook(conn, "sales", [(each, NOON + after, NOON) for each in subjects])


def poll(conn: Connection, after: timedelta, *subjects: str) -> None:
    arrivals.note_poll(conn, "sales", [(each, NOON + after, None) for each in subjects])


@pytest.mark.parametrize("order", ["webhook first", "poll first"])
def test_both_ways_are_one_row_in_whichever_order_they_come(conn: Connection, order: str) -> None:
    steps = [(webhook, SECOND), (poll, MINUTE)]
    for way, after in steps if order == "webhook first" else reversed(steps):
        way(conn, after, "c1")

    (row,) = known(conn)
    assert row == Arrival(
        first_at=NOON + SECOND,
        webhook_at=NOON + SECOND,
        poll_at=NOON + MINUTE,
        ended_at=NOON,
    )


def test_what_is_told_again_keeps_its_first_time(conn: Connection) -> None:
    for after in (SECOND, MINUTE, 2 * MINUTE):
        webhook(conn, after, "c1", "c1")
        poll(conn, after, "c2")

    assert {(each.webhook_at, each.poll_at) for each in known(conn)} == {
        (NOON + SECOND, None),
        (None, NOON + SECOND),
    }


def test_under_another_name_a_call_is_still_one_row(conn: Connection) -> None:
    webhook(conn, SECOND, "c1")
    poll(conn, MINUTE, "c2")
    arrivals.note_poll(conn, "other", [("c1", NOON + MINUTE, None)])

    for _ in range(2):
        arrivals.rename(conn, "sales", {"c1": "c2", "unheard of": "c3"})

    assert known(conn) == [Arrival(NOON + SECOND, NOON + SECOND, NOON + MINUTE, NOON)]
    (other,) = arrivals.recent(conn, "other", NOON)
    assert other.poll_at == NOON + MINUTE


def test_nothing_to_note_writes_nothing(conn: Connection) -> None:
    webhook(conn, SECOND)

    assert known(conn) == []


def test_only_the_newest_of_the_provider_are_told(conn: Connection) -> None:
    for n in range(9):
        poll(conn, n * SECOND, f"c{n}")
    arrivals.note_poll(conn, "other", [("c1", NOON + MINUTE, None)])

    found = arrivals.recent(conn, "sales", NOON + 2 * SECOND, most=3)
    assert [each.first_at for each in found] == [NOON + n * SECOND for n in (8, 7, 6)]
    assert len(arrivals.recent(conn, "sales", NOON + 2 * SECOND)) == 7


def test_what_was_missed_is_counted_after_one_moment_and_up_to_another(conn: Connection) -> None:
    for n in range(6):
        poll(conn, n * MINUTE, f"c{n}")
    webhook(conn, 3 * MINUTE, "c3")

    def missed(since: int | None, until: int, most: int = 100) -> tuple[object, ...]:
        after = None if since is None else NOON + since * MINUTE
        return arrivals.missed(conn, "sales", after, NOON + until * MINUTE, most)

    assert missed(None, 9) == (5, NOON, NOON + 5 * MINUTE)
    assert missed(0, 4) == (3, NOON + MINUTE, NOON + 4 * MINUTE)
    assert missed(None, 9, most=2) == (2, NOON, NOON + MINUTE)
    assert missed(5, 9) == (0, None, None)


def test_a_day_is_kept_and_the_rest_goes_piece_by_piece(conn: Connection) -> None:
    poll(conn, timedelta(0), *(f"old{n}" for n in range(5_003)))
    poll(conn, MINUTE, "new")
    arrivals.note_poll(conn, "other", [("old", NOON, None)])

    gone = [arrivals.prune(conn, NOON + MINUTE) for _ in range(3)]

    assert gone == [5_000, 4, 0]
    assert conn.execute(select(func.count()).select_from(table)).scalar_one() == 1


def test_when_the_last_webhook_came_never_goes_back(conn: Connection) -> None:
    for after in (SECOND, MINUTE, 2 * SECOND):
        providers.save_webhook(conn, "sales", NOON + after)

    row = providers.load(conn, "sales", "bland")
    assert row.webhook_at == NOON + MINUTE

    providers.save(conn, providers.heard(row, NOON))
    assert providers.load(conn, "sales", "bland").webhook_at == NOON + MINUTE


def test_the_figures_are_those_of_the_last_hours(conn: Connection) -> None:
    poll(conn, -7 * HOUR, "long ago")
    for n in range(4):
        webhook(conn, SECOND, f"c{n}")
        poll(conn, 31 * SECOND, f"c{n}", f"missed{n}")
    providers.save_webhook(conn, "sales", NOON + SECOND)

    found = load_webhooks(conn, {"sales": True, "other": True}, NOON + 10 * MINUTE)

    told = found["sales"]
    assert (told.both, told.missed, told.alone, told.late) == (4, 4, 0, 0)
    assert (told.missed_share, told.late_share) == (0.5, 0)
    assert told.heard_at == NOON + SECOND
    assert told.webhook_delays is not None
    assert told.webhook_delays.p95_s == 1
    nothing = found["other"]
    assert (nothing.heard_at, nothing.missed_share, nothing.late_share) == (None, None, None)


def test_what_polls_saw_of_late_is_counted_beside_what_no_webhook_told(conn: Connection) -> None:
    for n in range(8):
        poll(conn, n * MINUTE, f"c{n}")
    webhook(conn, 3 * MINUTE, "c3", "told by a webhook alone")
    arrivals.note_poll(conn, "other", [("c1", NOON + MINUTE, None)])

    def lately(since: int, until: int, most: int = 100) -> Lately:
        return arrivals.lately(conn, "sales", NOON + since * MINUTE, NOON + until * MINUTE, most)

    assert lately(2, 6) == Lately(
        ends=5, missed=4, missed_since=NOON + 2 * MINUTE, missed_until=NOON + 6 * MINUTE
    )
    assert (lately(0, 9).ends, lately(3, 3).missed_share) == (8, 0)
    assert lately(0, 9, most=2).missed_since == NOON + 6 * MINUTE
    assert lately(20, 30) == Lately()


def test_when_the_last_was_refused_is_kept_and_never_goes_back(conn: Connection) -> None:
    for after in (SECOND, MINUTE, 2 * SECOND):
        providers.save_refusal(conn, "sales", NOON + after)

    row = providers.load(conn, "sales", "bland")
    assert (row.refused_at, row.webhook_at) == (NOON + MINUTE, None)
