"""What decides who hears of an alert, copied as it stood."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, update

from monitor.store import alerts
from monitor.store.asof import copy_as_of
from monitor.store.engine import open_engine
from monitor.store.schema import conversations
from tests.builders import HOUR, MINUTE, NOON
from tests.delivering import make_alert, resolved, routing, tell_all


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    yield from opened(tmp_path / "now.db")


@pytest.fixture
def then(tmp_path: Path) -> Iterator[Connection]:
    yield from opened(tmp_path / "then.db")


def opened(path: Path) -> Iterator[Connection]:
    engine = open_engine(path, create=True)
    with engine.begin() as conn:
        yield conn
    engine.dispose()


def test_of_what_overlaps_as_a_clock_was_set_back_the_newest_was_open(
    conn: Connection, then: Connection
) -> None:
    first = make_alert()
    second = make_alert(episode=2, since=NOON + 10 * MINUTE)
    tell_all(conn, first, to=routing("hook"))
    alerts.save(conn, [resolved(first, after=HOUR)])
    conn.execute(update(conversations).values(closed_at=NOON + HOUR))
    tell_all(conn, second, now=second.since, to=routing("hook"))

    copy_as_of(conn, then, NOON + 30 * MINUTE, second.key)

    assert [each.key for each in alerts.load_all_open(then)] == [second.key]
    talks = select(conversations.c.id).where(conversations.c.closed_at.is_(None))
    assert then.execute(talks).scalars().all() == [2]
