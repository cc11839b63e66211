from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.duration import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("30s", 30, id="seconds"),
        pytest.param("5m", 300, id="minutes"),
        pytest.param("1h30m", 5_400, id="mixed"),
        pytest.param(" 2d ", 172_800, id="days, with spaces"),
        pytest.param("0s", 0, id="nothing"),
    ],
)
def test_durations_are_read_as_people_write_them(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("", "write for example", id="empty"),
        pytest.param("5", "write for example", id="no unit"),
        pytest.param("5 m", "write for example", id="a space inside"),
        pytest.param("30m1h", "write for example", id="small before large"),
        pytest.param("-5m", "write for example", id="negative"),
        pytest.param("1.5h", "write for example", id="a fraction"),
        pytest.param("5min", "write for example", id="another unit"),
        pytest.param("4000d", "longer than ten years", id="absurd"),
    ],
)
def test_what_is_no_duration_is_refused_with_an_example(text: str, says: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_duration(text)

    assert says in str(caught.value)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(0, 10 * 365 * 86_400))
def test_a_duration_written_in_full_reads_back(seconds: int) -> None:
    length = timedelta(seconds=seconds)

    assert parse_duration(format_duration(length, parts=4)) == length


def test_only_the_largest_units_are_written() -> None:
    assert format_duration(timedelta(days=1, hours=2, minutes=3)) == "1d2h"
    assert format_duration(timedelta(seconds=-1)) == "0s"
