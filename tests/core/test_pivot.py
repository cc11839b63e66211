from datetime import timedelta
from typing import Any

import pytest

from monitor.core.calls import EndedCall, Field
from monitor.core.model import Outcome
from monitor.core.pivot import how_text, line, pivot, place_text, where_text
from tests.builders import HOUR, MINUTE, NOON, ended_calls

BAD, GOOD = Outcome.FAILED, Outcome.COMPLETED


def failed(call: EndedCall) -> bool:
    return call.outcome is BAD


def some(outcome: Outcome, n: int, **changes: Any) -> tuple[EndedCall, ...]:
    return ended_calls(*[outcome] * n, **changes)


def test_nothing_is_in_common_where_nothing_is_known() -> None:
    assert pivot((*some(BAD, 9), *some(GOOD, 9)), failed) == (None, None, (), ("c0", "c1", "c2"))
    assert pivot((), failed) == (None, None, (), ())


@pytest.mark.parametrize(
    ("wrong", "right", "told"),
    [
        pytest.param((10, 10), (0, 20), True, id="all, and none of the others"),
        pytest.param((8, 10), (3, 20), True, id="most, and few"),
        pytest.param((5, 10), (0, 20), True, id="half of them"),
        pytest.param((4, 10), (0, 20), False, id="less than half explains little"),
        pytest.param((8, 10), (14, 20), False, id="nearly as many of the others"),
        pytest.param((4, 4), (0, 20), False, id="too few to say"),
        pytest.param((10, 10), (0, 0), False, id="no others to stand apart from"),
        pytest.param((10, 10), (20, 20), False, id="everybody"),
    ],
)
def test_where_calls_fail_is_told_once_it_surely_stands_apart(
    wrong: tuple[int, int], right: tuple[int, int], *, told: bool
) -> None:
    calls = (
        *some(BAD, wrong[0], from_number="••01"),
        *some(BAD, wrong[1] - wrong[0], from_number="••02"),
        *some(GOOD, right[0], from_number="••01"),
        *some(GOOD, right[1] - right[0], from_number="••02"),
    )

    found = pivot(calls, failed).where

    assert (found is not None) is told
    if found is not None:
        assert (found.value, found.wrong, found.of_wrong) == ("••01", *wrong)
        assert (found.right, found.of_right) == right


def test_the_surest_comes_first_and_the_others_follow_once_a_field() -> None:
    calls = (
        *some(BAD, 12, agent_version="v4", country="US", error_class="no route", hangup="carrier"),
        *some(GOOD, 20, agent_version="v3", country="US"),
        *some(GOOD, 10, agent_version="v3", country="MX"),
    )

    found = pivot(calls, failed)

    assert found.how is not None
    assert (found.how.field, found.how.value) == (Field.ERROR, "no route")
    assert found.where is not None
    assert (found.where.field, found.where.value, found.where.lift) == (
        Field.AGENT_VERSION,
        "v4",
        None,
    )
    assert [one.field for one in found.others] == [Field.HANGUP]


def test_what_a_rule_goes_by_explains_nothing() -> None:
    calls = (*some(BAD, 9, hangup="silence", from_number="••1"), *some(GOOD, 9, from_number="••2"))

    found = pivot(calls, failed, {Field.HANGUP, Field.FROM_NUMBER})

    assert (found.how, found.where) == (None, None)


def test_an_error_that_the_others_have_as_often_explains_nothing() -> None:
    calls = (*some(BAD, 9, error_class="slow"), *some(GOOD, 9, error_class="slow"))

    assert pivot(calls, failed).how is None


@pytest.mark.parametrize(
    ("gap", "told"),
    [
        pytest.param(MINUTE, False, id="within an hour"),
        pytest.param(8 * MINUTE, True, id="over three hours"),
    ],
)
def test_the_hour_is_told_only_of_a_long_span(gap: timedelta, *, told: bool) -> None:
    hour = NOON - HOUR
    calls = (
        *some(BAD, 10, last=hour + 9 * MINUTE, gap=MINUTE),
        *some(GOOD, 30, last=hour - 5 * MINUTE, gap=gap),
    )

    found = pivot(calls, failed).where

    assert (found is not None) is told
    if found is not None:
        assert (found.field, found.value) == (Field.HOUR, 11)


def test_evidence_is_of_the_calls_that_share_it() -> None:
    calls = [
        EndedCall(call_id=f"c{n}", ended_at=NOON, outcome=BAD, area="212" if n % 2 else "313")
        for n in range(20)
    ]
    calls += [call._replace(outcome=GOOD, area="415") for call in calls]
    mostly = [call._replace(area="212") if n > 3 else call for n, call in enumerate(calls[:20])]

    found = pivot([*mostly, *calls[20:]], failed)

    assert found.where is not None
    assert found.where.value == "212"
    assert found.evidence == ("c1", "c3", "c4")


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        pytest.param(Field.FROM_NUMBER, "••0134", "from ••0134", id="number"),
        pytest.param(Field.AGENT_VERSION, "v4", "with agent version v4", id="version"),
        pytest.param(Field.ATTEMPT, 0, "on the first attempt", id="first"),
        pytest.param(Field.ATTEMPT, 4, "on attempt 5", id="fifth"),
        pytest.param(Field.COUNTRY, "MX", "to MX", id="country"),
        pytest.param(Field.AREA, "212", "to area 212", id="area"),
        pytest.param(Field.HOUR, 14, "between 14:00 and 15:00", id="hour"),
    ],
)
def test_each_place_has_its_words(field: Field, value: Any, text: str) -> None:
    assert place_text(field, value, NOON.tzinfo, NOON) == text  # type: ignore[arg-type]  # UTC


def test_the_numbers_stand_beside_it() -> None:
    calls = (
        *some(BAD, 17, from_number="••0134", error_class="Call failed."),
        *some(BAD, 2, from_number="••0135"),
        *some(GOOD, 2, from_number="••0134"),
        *some(GOOD, 21, from_number="••0135"),
    )
    found = pivot(calls, failed)
    assert found.how is not None
    assert found.where is not None
    zone = NOON.tzinfo
    assert zone is not None

    assert how_text(found.how) == "17 with the same error: Call failed"
    assert where_text(found.where, zone, NOON) == "17 of 19 from ••0134 (2 of 23 others)"
    assert line(found.how, "failed calls", zone, NOON) == (
        "same error",
        "Call failed (17 of 19 failed calls, 0 of 23 others)",
    )
    assert line(found.where, "failed calls", zone, NOON) == (
        "same from-number",
        "from ••0134 (17 of 19 failed calls, 2 of 23 others, 10.3 times as often)",
    )
