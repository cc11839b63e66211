"""The same thing has the same name everywhere and always; other things have others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.identity import alert_key, delivery_key, fingerprint, group_key

WORDS = st.text(max_size=6)


def test_names_are_the_same_on_every_machine_and_in_every_release() -> None:
    print_ = fingerprint("renewals", "error_spike", "batch:b1")

    assert print_ == "7531d8849bd4c17b27d14db7"
    assert alert_key(print_, 1) == "e1221bd8515a3d61d96aca74"
    assert delivery_key("k", "ops", "fired", "root") == "608a18eb06fb949248c254d9"
    assert group_key("ops", (("batch", "b1"),)) == "222017f5950bab86ad5383ce"


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param(("other", "error_spike", "batch:b1"), id="provider"),
        pytest.param(("renewals", "other", "batch:b1"), id="rule"),
        pytest.param(("renewals", "error_spike", "batch:b2"), id="subject"),
    ],
)
def test_another_provider_rule_or_subject_is_another_condition(
    parts: tuple[str, str, str],
) -> None:
    assert fingerprint(*parts) != fingerprint("renewals", "error_spike", "batch:b1")


@given(left=st.tuples(WORDS, WORDS, WORDS), right=st.tuples(WORDS, WORDS, WORDS))
def test_no_two_conditions_share_a_name_by_how_their_words_are_cut(
    left: tuple[str, str, str], right: tuple[str, str, str]
) -> None:
    assert (fingerprint(*left) == fingerprint(*right)) is (left == right)


def test_words_that_only_together_are_alike_stay_apart() -> None:
    assert fingerprint("a", "bc", "d") != fingerprint("ab", "c", "d")
    assert alert_key("f", 11) != alert_key("f1", 1)
    assert delivery_key("k", "ops", "repeat-1", "root") != delivery_key(
        "k", "ops", "repeat-", "1root"
    )


def test_names_of_different_kinds_never_meet() -> None:
    assert len({fingerprint("a", "b", "c"), group_key("a", ()), alert_key("a", 1)}) == 3
