import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.stats import difference, share, wilson, wilson_lower


@pytest.mark.parametrize(
    ("part", "whole", "confidence", "bound"),
    [
        pytest.param(19, 42, 0.95, 0.312_234, id="19 of 42"),
        pytest.param(5, 20, 0.95, 0.111_862, id="5 of 20"),
        pytest.param(8, 8, 0.95, 0.675_592, id="all of few"),
        pytest.param(0, 8, 0.95, 0.0, id="none"),
        pytest.param(1, 2, 0.95, 0.094_531, id="one of two"),
        pytest.param(5, 20, 0.0, 0.25, id="no confidence asked"),
        pytest.param(0, 0, 0.95, 0.0, id="nothing of nothing"),
    ],
)
def test_the_wilson_bound_is_the_known_one(
    part: int, whole: int, confidence: float, bound: float
) -> None:
    assert wilson_lower(part, whole, confidence) == pytest.approx(bound, abs=2e-6)


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [
        # Newcombe 1998, Interval estimation for the single proportion, table I, method 3.
        pytest.param(81, 263, 0.2553, 0.3662, id="81 of 263"),
        pytest.param(15, 148, 0.0624, 0.1605, id="15 of 148"),
        pytest.param(0, 20, 0.0, 0.1611, id="none of 20"),
        pytest.param(1, 29, 0.0061, 0.1718, id="1 of 29"),
    ],
)
def test_the_interval_of_one_share_is_the_published_one(
    part: int, whole: int, low: float, high: float
) -> None:
    assert wilson(part, whole, 0.95) == pytest.approx((low, high), abs=6e-5)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        # Newcombe 1998, Interval estimation for the difference between independent
        # proportions, table II, method 10.
        pytest.param((56, 70), (48, 80), 0.0524, 0.3339, id="56 of 70, 48 of 80"),
        pytest.param((9, 10), (3, 10), 0.1705, 0.8090, id="9 of 10, 3 of 10"),
        pytest.param((6, 7), (2, 7), 0.0582, 0.8062, id="6 of 7, 2 of 7"),
        pytest.param((5, 56), (0, 29), -0.0381, 0.1926, id="5 of 56, none of 29"),
        pytest.param((0, 10), (0, 20), -0.1611, 0.2775, id="none of either"),
        pytest.param((10, 10), (0, 20), 0.6791, 1.0, id="all, and none"),
        pytest.param((10, 10), (0, 10), 0.6075, 1.0, id="all of 10, none of 10"),
    ],
)
def test_the_interval_of_a_difference_is_the_published_one(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    assert difference(*first, *second, 0.95) == pytest.approx((low, high), abs=6e-5)


counts = st.tuples(st.integers(0, 300), st.integers(1, 300)).map(lambda c: (min(c), c[1]))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(first=counts, second=counts, confidence=st.floats(0.5, 0.999))
def test_a_difference_lies_within_its_interval_and_turns_round_with_it(
    first: tuple[int, int], second: tuple[int, int], confidence: float
) -> None:
    low, high = difference(*first, *second, confidence)
    back_low, back_high = difference(*second, *first, confidence)

    assert -1 <= low <= share(*first) - share(*second) <= high <= 1
    assert (low, high) == pytest.approx((-back_high, -back_low), abs=1e-12)
    wider = difference(*first, *second, 0.9999)
    assert wider.low <= low + 1e-12
    assert wider.high >= high - 1e-12


@settings(max_examples=100, deadline=None, derandomize=True)
@given(first=counts, confidence=st.floats(0, 0.999))
def test_an_interval_is_that_of_its_complement_turned_round(
    first: tuple[int, int], confidence: float
) -> None:
    part, whole = first
    low, high = wilson(part, whole, confidence)

    assert 0 <= low <= share(part, whole) + 1e-12
    assert share(part, whole) - 1e-12 <= high <= 1
    other = wilson(whole - part, whole, confidence)
    assert (1 - other.high, 1 - other.low) == pytest.approx((low, high), abs=1e-12)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(1, 500), st.integers(0, 500), st.floats(0, 0.999))
def test_the_bound_lies_below_the_share_and_rises_with_the_sample(
    whole: int, part: int, confidence: float
) -> None:
    part = min(part, whole)
    bound = wilson_lower(part, whole, confidence)

    assert 0 <= bound <= share(part, whole) + 1e-12
    assert wilson_lower(part * 10, whole * 10, confidence) >= bound - 1e-12


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(1, 500), st.integers(1, 500))
def test_at_the_bound_the_seen_share_is_just_within_two_deviations(whole: int, part: int) -> None:
    seen = share(min(part, whole), whole)
    bound = wilson_lower(min(part, whole), whole, 0.95)

    deviation = (bound * (1 - bound) / whole) ** 0.5
    assert (seen - bound) == pytest.approx(1.959964 * deviation, rel=1e-5, abs=1e-9)


def test_nothing_of_nothing_is_no_share() -> None:
    assert share(0, 0) == 0
    assert share(1, 4) == 0.25
    assert wilson(0, 0, 0.95) == (0, 1)
    assert difference(3, 10, 0, 0, 0.95).low < 0 < difference(3, 10, 0, 0, 0.95).high
