"""How repeats get rarer."""

from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.core.decision import Told
from monitor.core.pacing import repeat_at
from monitor.core.route import Route
from monitor.core.rule import Severity
from tests.builders import HOUR, NOON

ROUTE = Route(name="1")


@pytest.mark.parametrize(
    ("route", "hours"),
    [
        pytest.param(ROUTE, [4, 8, 16, 24, 24], id="doubles up to a day"),
        pytest.param(replace(ROUTE, repeat_most=6 * HOUR), [4, 6, 6], id="up to what is set"),
        pytest.param(
            replace(ROUTE, repeat_interval=timedelta(days=2)), [48, 48], id="never below its start"
        ),
        pytest.param(
            replace(ROUTE, repeat_by={"critical": HOUR}), [1, 2, 4, 8, 16, 24], id="by severity"
        ),
    ],
)
def test_each_repeat_waits_twice_as_long(route: Route, hours: list[int]) -> None:
    waits = [
        (repeat_at(Told(told_at=NOON, repeats=n), route, Severity.CRITICAL) or NOON) - NOON
        for n in range(len(hours))
    ]

    assert [each / HOUR for each in waits] == hours


def test_it_never_overflows() -> None:
    told = Told(told_at=NOON, repeats=10_000)

    assert repeat_at(told, ROUTE, Severity.INFO) == NOON + 24 * HOUR
