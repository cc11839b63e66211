"""Whose clock is wrong is told once."""

from datetime import timedelta

import pytest

from monitor.evaluation.skews import OURS, skewed
from tests.builders import HOUR, MINUTE, NOON, SECOND

RIGHT = timedelta(0)


@pytest.mark.parametrize(
    ("skews", "wrong"),
    [
        pytest.param({}, set(), id="nothing known"),
        pytest.param({"graine": [RIGHT]}, set(), id="right"),
        pytest.param({"graine": [MINUTE]}, set(), id="at the limit"),
        pytest.param({"graine": [MINUTE + SECOND]}, {"clock of graine"}, id="ahead"),
        pytest.param({"graine": [-HOUR]}, {"clock of graine"}, id="behind"),
        pytest.param({"graine": [HOUR], "bland": [RIGHT]}, {"clock of graine"}, id="one of two"),
        pytest.param({"graine": [HOUR], "bland": [2 * HOUR]}, {OURS}, id="all ahead"),
        pytest.param({"graine": [-HOUR], "bland": [-HOUR]}, {OURS}, id="all behind"),
        pytest.param(
            {"graine": [-HOUR], "bland": [HOUR]},
            {"clock of graine", "clock of bland"},
            id="both wrong, each in its way",
        ),
        pytest.param({"graine": [HOUR, RIGHT]}, set(), id="two accounts disagree"),
    ],
)
def test_who_is_wrong(skews: dict[str, list[timedelta]], wrong: set[str]) -> None:
    found = skewed(skews, NOON)

    assert {subject for subject, trouble in found.items() if trouble} == wrong
    assert set(found) == ({OURS} | {f"clock of {vendor}" for vendor in skews} if skews else set())


def test_it_says_who_differs_and_by_how_much() -> None:
    def summary(**skews: timedelta) -> list[str]:
        found = skewed({vendor: [skew] for vendor, skew in skews.items()}, NOON)
        return [trouble.summary for trouble in found.values() if trouble]

    assert summary(graine=3 * MINUTE) == [
        "the clock of graine is 3 min ahead of this machine's; either may be wrong"
    ]
    assert summary(graine=-3 * MINUTE, bland=RIGHT) == [
        "the clock of graine is 3 min behind this machine's, and the other vendors' clocks are not"
    ]
    assert summary(graine=5 * MINUTE, bland=3 * MINUTE) == [
        "this machine's clock is 3 min behind those of all 2 vendors"
    ]
