from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.calendar import Calendar, permitted_between
from monitor.core.hours import parse_hours
from monitor.core.idle import Pauses, dialling_between, ended, paused_since, seen
from monitor.core.model import BatchStatus
from tests.builders import HOUR, MINUTE, NOON

OFFICE = Calendar(ZoneInfo("UTC"), (parse_hours("daily 09:00-20:00"),))
MOMENTS = st.integers(-60, 60).map(lambda n: NOON + n * 5 * MINUTE)


def test_a_pause_lasts_from_the_look_that_shows_it_to_the_one_that_does_not() -> None:
    paused = seen((), BatchStatus.PAUSED, NOON)
    longer = seen(paused, BatchStatus.PAUSED, NOON + MINUTE)

    assert longer == ((NOON, None),)
    assert paused_since(longer) == NOON
    assert seen(longer, BatchStatus.RUNNING, NOON + HOUR) == ((NOON, NOON + HOUR),)
    assert paused_since(seen(longer, BatchStatus.COMPLETED, NOON + HOUR)) is None


def test_the_time_between_two_runs_is_one_too() -> None:
    assert ended((), NOON, NOON + HOUR) == ((NOON, NOON + HOUR),)
    assert ended(((NOON - HOUR, None),), NOON, NOON + HOUR) == (
        (NOON - HOUR, NOON),
        (NOON, NOON + HOUR),
    )


def test_only_the_newest_are_kept() -> None:
    pauses: Pauses = ()
    for n in range(100):
        pauses = seen(pauses, BatchStatus.PAUSED, NOON + 2 * n * MINUTE)
        pauses = seen(pauses, BatchStatus.RUNNING, NOON + (2 * n + 1) * MINUTE)

    assert len(pauses) == 32
    assert pauses[-1] == (NOON + 198 * MINUTE, NOON + 199 * MINUTE)


@pytest.mark.parametrize(
    ("pauses", "minutes"),
    [
        pytest.param((), 120, id="none"),
        pytest.param(((NOON - 9 * HOUR, NOON - 8 * HOUR),), 120, id="before"),
        pytest.param(((NOON - HOUR, NOON - 30 * MINUTE),), 90, id="within"),
        pytest.param(((NOON - 3 * HOUR, NOON - HOUR),), 60, id="from before"),
        pytest.param(((NOON - HOUR, None),), 60, id="goes on"),
        pytest.param(((NOON - 3 * HOUR, None),), 0, id="all of it"),
        pytest.param(
            ((NOON - HOUR, NOON - 30 * MINUTE), (NOON - 45 * MINUTE, NOON - 15 * MINUTE)),
            75,
            id="two that overlap",
        ),
    ],
)
def test_pauses_are_no_time_in_which_calls_can_be_made(pauses: Pauses, minutes: int) -> None:
    assert dialling_between(None, pauses, NOON - 2 * HOUR, NOON) == minutes * MINUTE


def test_a_pause_outside_the_hours_takes_nothing_away() -> None:
    night = ((NOON.replace(hour=20), NOON.replace(hour=9) + 24 * HOUR),)
    end = NOON + 24 * HOUR

    assert dialling_between(OFFICE, night, NOON, end) == permitted_between(OFFICE, NOON, end)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(MOMENTS, max_size=8), MOMENTS, MOMENTS, st.sampled_from([None, OFFICE]))
def test_it_is_never_more_than_is_permitted_nor_less_than_nothing(
    turns: list[datetime], start: datetime, end: datetime, calendar: Calendar | None
) -> None:
    pauses: Pauses = ()
    for n, at in enumerate(sorted(turns)):
        status = BatchStatus.RUNNING if n % 2 else BatchStatus.PAUSED
        pauses = seen(pauses, status, at)
    whole = permitted_between(calendar, start, end)
    used = dialling_between(calendar, pauses, start, end)
    still = sum(
        (
            permitted_between(calendar, max(first, start), min(last or end, end))
            for first, last in pauses
        ),
        start=0 * MINUTE,
    )

    assert used == whole - still
    assert used >= 0 * MINUTE
