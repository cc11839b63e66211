"""What comes and goes: when it is one bout, when the bout is over."""

from datetime import datetime, timedelta

import pytest

from monitor.core.flapping import flapping, next_telling
from tests.builders import HOUR, MINUTE, NOON


def times(*minutes: int) -> list[datetime]:
    return [NOON + n * MINUTE for n in minutes]


@pytest.mark.parametrize(
    ("fired", "now", "fires"),
    [
        pytest.param((0, 10, 20), 25, None, id="three are none"),
        pytest.param((0, 10, 20, 30), 30, 4, id="the fourth in an hour"),
        pytest.param((0, 25, 50, 75), 80, None, id="four in more than an hour"),
        pytest.param((0, 10, 20, 60), 60, 4, id="an hour counts whole"),
        pytest.param((0, 10, 20, 30, 85), 90, 5, id="goes on while less than an hour is calm"),
        pytest.param((0, 10, 20, 30), 91, None, id="over after a calm hour"),
        pytest.param((0, 10, 20, 30, 100, 110), 115, None, id="a new one must earn its name"),
        pytest.param((0, 10, 20, 30, 100, 110, 120, 130), 131, 4, id="and then has it"),
    ],
)
def test_a_bout(fired: tuple[int, ...], now: int, fires: int | None) -> None:
    found = flapping(times(*reversed(fired)), NOON + now * MINUTE)

    assert (found.fires if found else None) == fires


def test_the_fourth_firing_is_the_one_that_is_told_as_flapping() -> None:
    found = flapping(times(0, 10, 20, 30, 40), NOON + 41 * MINUTE)

    assert found is not None
    assert (found.since, found.tipped_at) == (NOON, NOON + 30 * MINUTE)


def test_what_fired_days_ago_is_no_part_of_it() -> None:
    assert flapping(times(0, 10, 20, 30), NOON + 25 * HOUR) is None


@pytest.mark.parametrize("past", [timedelta(0), MINUTE, 59 * MINUTE], ids=str)
def test_what_came_and_went_is_told_at_the_next_full_hour(past: timedelta) -> None:
    assert next_telling(NOON + past) == NOON + HOUR
