"""Outcomes over time: equally long slots that count every call once."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import Connection, Engine, insert

from monitor.core.model import Outcome
from monitor.ingest.looks import take_look
from monitor.store import series
from monitor.store.schema import calls, to_micros
from tests.builders import HOUR, MINUTE, NOON, SECOND, make_batch
from tests.stories import hurried


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = hurried(tmp_path_factory.mktemp("series") / "offhook.db")
    yield made
    made.dispose()


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as made:
        yield made
        made.rollback()


def ended(conn: Connection, *ends: tuple[datetime, Outcome]) -> tuple[str, str]:
    """A batch whose calls ended so."""
    row = take_look(conn, make_batch(batch_id="b1"), baseline=False)
    rows = [
        {
            "batch": row.id,
            "ended_at": to_micros(at),
            "contact_id": f"p{n}",
            "call_id": f"c{n}",
            "outcome": outcome.value,
        }
        for n, (at, outcome) in enumerate(ends)
    ]
    conn.execute(insert(calls), rows)
    return row.look.provider, "b1"


def test_slots_follow_one_another_and_count_every_call_once(conn: Connection) -> None:
    outcomes = [*Outcome] * 6
    batch = ended(conn, *((NOON - 7 * n * MINUTE, each) for n, each in enumerate(outcomes)))
    found = series.load(conn, *batch, NOON)

    starts = [slot[0] for slot in found]
    assert {b - a for a, b in pairwise(starts)} == {600}
    assert len(found) <= series.MOST_SLOTS
    of = Counter(outcomes)
    assert [sum(slot[kind] for slot in found) for kind in (1, 2, 3)] == [
        of[Outcome.COMPLETED],
        of.total() - of[Outcome.COMPLETED] - of[Outcome.FAILED] - of[Outcome.ERROR],
        of[Outcome.FAILED] + of[Outcome.ERROR],
    ]


@pytest.mark.parametrize(
    "reach", [3 * MINUTE, 39 * MINUTE, 41 * MINUTE, 5 * HOUR, 23 * HOUR], ids=str
)
def test_there_are_never_too_many_slots(conn: Connection, reach: timedelta) -> None:
    some = [(NOON - reach * n / 99, Outcome.COMPLETED) for n in range(100)]
    found = series.load(conn, *ended(conn, *some), NOON)

    assert 1 < len(found) <= series.MOST_SLOTS
    assert sum(slot[1] for slot in found) == 100


def test_what_is_old_is_later_or_has_no_time_is_left_out(conn: Connection) -> None:
    some = [(NOON - n * MINUTE, Outcome.FAILED) for n in range(6)]
    others = [NOON - 25 * HOUR, NOON + SECOND, datetime(1970, 1, 1, tzinfo=NOON.tzinfo)]
    batch = ended(conn, *some, *((at, Outcome.COMPLETED) for at in others))

    assert [sum(slot[1:]) for slot in series.load(conn, *batch, NOON)] == [1] * 6


def test_of_a_large_batch_only_the_newest_calls_are_read(conn: Connection) -> None:
    some = [(NOON - n * SECOND, Outcome.COMPLETED) for n in range(series.NEWEST + 500)]
    found = series.load(conn, *ended(conn, *some), NOON)

    # All slots but the last, which has begun just now, are whole.
    assert {slot[1] for slot in found[:-1]} == {found[1][0] - found[0][0]}
    assert sum(slot[1] for slot in found) <= series.NEWEST


@pytest.mark.parametrize(
    ("seconds", "length", "slots"),
    [
        pytest.param(400, 60, 8, id="minutes"),
        pytest.param(240, 30, 9, id="half minutes"),
        pytest.param(60, 10, 7, id="ten seconds"),
        pytest.param(40, 5, 9, id="five seconds"),
        pytest.param(6, 5, 6, id="a few, after the quiet before them"),
        pytest.param(0, 5, 6, id="all at once"),
    ],
)
def test_a_young_batch_is_shown_in_short_slots(
    conn: Connection, seconds: int, length: int, slots: int
) -> None:
    some = [(NOON - n * seconds * SECOND / 7, Outcome.FAILED) for n in range(8)]
    found = series.load(conn, *ended(conn, *some), NOON)

    assert {later[0] - slot[0] for slot, later in pairwise(found)} == {length}
    assert (len(found), sum(slot[3] for slot in found)) == (slots, 8)
    assert found[-1][0] == int(NOON.timestamp())


def test_of_few_calls_or_of_no_batch_there_is_nothing_to_see(conn: Connection) -> None:
    some = [(NOON - n * MINUTE, Outcome.FAILED) for n in range(series.FEWEST - 1)]

    assert series.load(conn, *ended(conn, *some), NOON) == ()
    assert series.load(conn, "nobody", "b1", NOON) == ()
