"""Limits that history proposes."""

from typing import Any

import pytest

from monitor.config.expressions import read_condition
from monitor.core.money import Amount
from monitor.core.rule import Finding
from monitor.core.suggesting import ENOUGH, Measured, Peak, measured, parameter_of, peak_of, suggest
from rules.answer_rate_drop import AnswerRateDrop
from rules.batch_paused import BatchPaused
from rules.cost_overrun import CostOverrun
from rules.error_spike import ErrorSpike
from rules.expression import Expression
from tests.builders import HOUR, MINUTE

FORTY = Amount(40_000_000, "USD")


def peaks(*values: float, limit: float = 25.0, falls: bool = False, unit: str = "%") -> list[Peak]:
    return [Peak(value, limit, falls, unit) for value in values]


def test_limits_are_held_against_batches() -> None:
    found = suggest("error_spike", ErrorSpike(), peaks(*range(2, 42, 2)))

    assert (found.parameter, found.now, found.batches, found.reached) == (
        "threshold",
        "0.25",
        20,
        8,
    )
    assert [(each.text, each.batches) for each in found.choices] == [
        ("0.22", 10),
        ("0.32", 5),
        ("0.38", 2),
        ("0.4", 1),
    ]


def test_of_a_share_that_falls_the_lowest_are_the_worst() -> None:
    rule = AnswerRateDrop()
    values = [float(each) for each in range(10, 90, 4)]
    found = suggest("answer_rate_drop", rule, peaks(*values, limit=50.0, falls=True))

    assert found.reached == 11
    assert [each.batches for each in found.choices] == [10, 5, 2, 1]
    assert found.choices[-1].text == "0.1"


def test_nothing_is_proposed_from_a_few() -> None:
    few = suggest("error_spike", ErrorSpike(), peaks(*range(ENOUGH - 1)))
    none = suggest("error_spike", ErrorSpike(), [])

    assert few.why_not == f"{ENOUGH - 1} batches showed it a number, {ENOUGH} are needed"
    assert none.why_not == "it saw no number"
    assert not few.choices


def test_batches_with_a_limit_of_their_own_say_nothing_of_the_usual_one() -> None:
    others = peaks(*range(80, 90), limit=50.0)
    found = measured(ErrorSpike(), [*peaks(*range(2, 26, 2)), *others])

    assert isinstance(found, Measured)
    assert (found.limit, found.worst, len(found.values), found.reached()) == (25.0, 24, 12, 0)
    assert measured(ErrorSpike(), [*peaks(*range(6)), *others[:5]]) == (
        "6 batches stood beside one limit, 10 are needed"
    )


def test_a_row_of_calls_says_nothing_of_a_share() -> None:
    streak = Finding(summary="9 in a row", value=9, threshold=8)
    share = Finding(summary="4 %", value=4.0, threshold=25.0, unit="%")
    peak, other = peak_of(share), peak_of(streak)
    assert peak is not None
    assert other is not None
    peak.take(streak)
    found = measured(ErrorSpike(), [other, *peaks(*range(10)), peak])

    assert (peak.value, peak.limit) == (4.0, 25.0)
    assert isinstance(found, Measured)
    assert (found.parameter, found.unit, found.worst, len(found.values)) == (
        "threshold",
        "%",
        9.0,
        11,
    )


@pytest.mark.parametrize(
    ("text", "limit", "unit", "best"),
    [
        pytest.param(
            "open and failed_share > 0.4", 40.0, "%", '"open and failed_share > 0.2"', id="%"
        ),
        pytest.param("idle_minutes > 30", 1800.0, "s", '"idle_minutes > 0.333"', id="a time"),
        pytest.param("lines_free > 30", 30.0, "", '"lines_free > 20"', id="a count"),
    ],
)
def test_the_one_number_of_a_condition_is_a_limit(
    text: str, limit: float, unit: str, best: str
) -> None:
    rule = Expression(when=read_condition(text))
    found = suggest("mine", rule, peaks(*range(1, 21), limit=limit, unit=unit))

    assert (found.parameter, found.now, found.reached) == ("when", f'"{text}"', 0)
    assert (found.choices[-1].text, found.choices[-1].batches) == (best, 1)


def test_a_condition_of_more_numbers_has_no_one_limit() -> None:
    rule = Expression(when=read_condition("failed_share > 0.4 and finished >= 50"))

    assert suggest("mine", rule, peaks(*range(20), limit=40.0)).why_not == (
        "its limit is not one parameter of its own"
    )


def test_a_limit_that_is_no_one_parameter_is_not_proposed() -> None:
    found = suggest("error_spike", ErrorSpike(), peaks(*range(20), limit=17.3))

    assert found.why_not == "its limit is not one parameter of its own"


@pytest.mark.parametrize(
    ("rule", "limit", "unit", "name"),
    [
        pytest.param(ErrorSpike(), 25.0, "%", "threshold", id="a share"),
        pytest.param(BatchPaused(after=HOUR), 3600.0, "s", "after", id="a length"),
        pytest.param(
            CostOverrun(budget=Amount(40_000_000, "USD")), 40.0, "USD", "budget", id="sum"
        ),
        pytest.param(BatchPaused(after=HOUR), 60.0, "s", None, id="none of them"),
    ],
)
def test_the_parameter_of_a_limit(rule: Any, limit: float, unit: str, name: str | None) -> None:
    assert parameter_of(rule, limit, unit) == name


def test_lengths_and_sums_are_written_as_in_a_configuration() -> None:
    values = [float(each * 60) for each in range(1, 21)]
    found = suggest("p", BatchPaused(after=30 * MINUTE), peaks(*values, limit=1800.0, unit="s"))

    assert [each.text for each in found.choices] == ['"11m"', '"16m"', '"19m"', '"20m"']
    assert (found.now, found.reached) == ('"30m"', 0)


def test_a_finding_without_a_number_has_no_peak() -> None:
    assert peak_of(Finding(summary="x")) is None
    peak = peak_of(Finding(summary="x", value=3, threshold=5))
    assert peak is not None
    peak.take(Finding(summary="x", value=4, threshold=6))
    peak.take(Finding(summary="x", value=2, threshold=7))
    peak.take(Finding(summary="x"))
    assert (peak.value, peak.limit) == (4, 6)


def test_the_worst_of_what_must_not_fall_is_the_lowest() -> None:
    """Of a rule with numbers of both kinds, the kind that came first counts."""
    peak = peak_of(Finding(summary="x", value=3, threshold=5, falls=True))
    assert peak is not None
    peak.take(Finding(summary="x", value=2, threshold=6, falls=True))
    peak.take(Finding(summary="x", value=4, threshold=7, falls=True))
    peak.take(Finding(summary="x", value=1, threshold=8))
    assert (peak.value, peak.limit, peak.falls) == (2, 6, True)
