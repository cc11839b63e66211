"""When to try again."""

from datetime import timedelta

import pytest

from monitor.dispatcher.schedule import asked_delay, retry_delay


@pytest.mark.parametrize(
    ("kind", "minutes"),
    [
        pytest.param("slack", [2 / 60, 5 / 60, 0.25, 0.5, 1, 2, 5, 10, 10], id="chat"),
        pytest.param("email", [1, 5, 15, 30, 60, 60], id="mail"),
    ],
)
def test_the_schedule(kind: str, minutes: list[float]) -> None:
    delays = [retry_delay(kind, n + 1, 0.5) for n in range(len(minutes))]

    assert delays == [timedelta(minutes=each) for each in minutes]


def test_chance_spreads_by_a_fifth() -> None:
    assert retry_delay("slack", 5, 0.0) == timedelta(seconds=48)
    assert retry_delay("slack", 5, 1.0) == timedelta(seconds=72)


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [(0.0, 1), (-5.0, 1), (30.0, 30), (1e9, 3600), (float("nan"), 1), (float("inf"), 3600)],
    ids=str,
)
def test_what_is_asked_for_is_kept_within_reason(asked: float, seconds: int) -> None:
    assert asked_delay(asked) == timedelta(seconds=seconds)
