"""Looking back at one batch: slots, rungs, bars."""

from datetime import timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from monitor.core.calendar import Calendar
from monitor.core.hours import parse_hours
from monitor.core.lookback import (
    MOST_SLOTS,
    Rung,
    per_completed,
    rungs,
    slot_length,
    slots,
    spark,
)
from monitor.core.model import Outcome
from tests.builders import HOUR, MINUTE, NOON, SECOND

TEN = timedelta(minutes=10)
AT_NOON = round(NOON.timestamp() / TEN.total_seconds())


def test_slots_have_no_gap_and_lose_no_call() -> None:
    counted: dict[tuple[int, str], int] = {
        (AT_NOON, Outcome.COMPLETED): 4,
        (AT_NOON, Outcome.BUSY): 1,
        (AT_NOON + 3, Outcome.ERROR): 2,
        (AT_NOON + 3, Outcome.FAILED): 1,
    }
    found = slots(counted, TEN, None)

    assert [slot.start for slot in found] == [NOON + n * TEN for n in range(4)]
    assert all(before.end == after.start for before, after in pairwise(found))
    assert [(slot.completed, slot.other, slot.failed) for slot in found] == [
        (4, 1, 0),
        (0, 0, 0),
        (0, 0, 0),
        (0, 0, 3),
    ]
    assert sum(slot.calls for slot in found) == sum(counted.values())


def test_pace_counts_permitted_time_alone() -> None:
    until_noon = Calendar(ZoneInfo("UTC"), (parse_hours("daily 08:00-12:05"),))
    first, second = slots(
        {(AT_NOON, Outcome.COMPLETED): 5, (AT_NOON + 1, Outcome.COMPLETED): 1}, TEN, until_noon
    )

    assert (first.permitted_s, first.per_hour) == (300, 60)
    assert (second.permitted_s, second.per_hour) == (0, None)


def test_no_calls_make_no_slots() -> None:
    assert slots({}, TEN, None) == ()


@given(length=some.integers(min_value=0, max_value=120 * 24 * 3600))
def test_few_slots_reach_over_any_life(length: int) -> None:
    step = slot_length(NOON, NOON + length * SECOND)

    assert length * SECOND / step < MOST_SLOTS - 1


@pytest.mark.parametrize(
    ("life", "expected"),
    [
        pytest.param(46 * MINUTE, MINUTE, id="a minute a bar"),
        pytest.param(47 * MINUTE, 2 * MINUTE, id="too long for that"),
        pytest.param(8 * HOUR, 15 * MINUTE, id="a day of work"),
    ],
)
def test_the_shortest_slots_that_are_few_enough(life: timedelta, expected: timedelta) -> None:
    assert slot_length(NOON, NOON + life) == expected


def test_the_ladder_has_a_rung_an_attempt() -> None:
    counted: dict[tuple[int, str], int] = {
        (0, Outcome.COMPLETED): 40,
        (0, Outcome.NO_ANSWER): 50,
        (0, Outcome.FAILED): 10,
        (2, Outcome.ERROR): 3,
    }
    assert rungs(counted) == (
        Rung(attempt=0, calls=100, completed=40, failed=10),
        Rung(attempt=2, calls=3, completed=0, failed=3),
    )
    assert rungs(counted)[0].answered == 0.4


@pytest.mark.parametrize(
    ("completed", "expected"),
    [pytest.param(4, {"USD": 250_000}, id="some"), pytest.param(0, {}, id="none completed")],
)
def test_what_one_completed_call_cost(completed: int, expected: dict[str, int]) -> None:
    assert per_completed({"USD": 1_000_000}, completed) == expected


def test_bars_go_from_nothing_to_the_highest() -> None:
    assert spark([0, 50, 100]) == "▁▅█"
    assert spark([0, 0]) == spark([]) == ""
