import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.stats import share, wilson_lower


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
