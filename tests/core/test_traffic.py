"""Counting requests over a sliding hour."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.traffic import HOUR_S, Count


def test_what_came_of_each_request_is_counted() -> None:
    count = Count(100.0)
    count.add(100.0, received=10)
    count.add(101.0, received=20, waited_s=1.5, error="server")
    count.add(102.0, not_modified=True)
    found = count.total(160.0)

    assert (found.seconds, found.requests, found.received) == (60.0, 3, 30)
    assert (found.not_modified, found.waited_s, dict(found.errors)) == (1, 1.5, {"server": 1})
    assert count.hour(160.0) == found


def test_an_hour_later_only_the_sum_remembers() -> None:
    count = Count(0.0)
    count.add(0.0, error="timeout")
    count.add(1800.0)
    found = count.hour(HOUR_S + 1)

    assert (found.seconds, found.requests, dict(found.errors)) == (HOUR_S, 1, {})
    assert dict(count.total(HOUR_S + 1).errors) == {"timeout": 1}


@given(gaps=st.lists(st.floats(0, 900, allow_nan=False), max_size=80))
def test_the_hour_is_right_to_a_minute(gaps: list[float]) -> None:
    count, now, times = Count(0.0), 0.0, []
    for gap in gaps:
        now += gap
        times.append(now)
        count.add(now)
    found = count.hour(now).requests

    assert sum(now - at < HOUR_S - 60 for at in times) <= found
    assert found <= sum(now - at <= HOUR_S for at in times)
    assert count.total(now).requests == len(times)
