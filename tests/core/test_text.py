import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.text import clip, masked, masked_phone, one_line, titled


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        pytest.param("Call +1 555 0100 failed", "Call +# # # failed", id="a number in pieces"),
        pytest.param("SIP 608\nblocked", "SIP # blocked", id="two lines"),
        pytest.param("٠١٢ called", "# called", id="digits of another script"),
        pytest.param("a\u202eb\u200bc", "a b c", id="characters that steer direction"),
        pytest.param(
            "Refused by <j.doe@mail.example.com>, ask ops@example.com",
            "Refused by <@>, ask @",
            id="e-mail addresses",
        ),
        pytest.param("x" * 200, "x" * 119 + "…", id="too long"),
    ],
)
def test_foreign_text_is_made_safe(text: str, safe: str) -> None:
    assert masked(text) == safe


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.text(max_size=300))
def test_masked_text_has_no_digit_no_second_line_and_an_end(text: str) -> None:
    safe = masked(text)

    assert not any(character.isdecimal() for character in safe)
    assert len(safe) <= 120
    assert len(safe.splitlines()) <= 1
    assert masked(safe) == safe


def test_spaces_are_folded() -> None:
    assert one_line("  a \t b\r\n c ") == "a b c"


def test_clipping_leaves_short_text_alone() -> None:
    assert clip("abc", 3) == "abc"
    assert clip("abcd", 3) == "ab…"
    assert clip("abcd", 0) == "…"


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        pytest.param("+49 30 1234821", "••4821", id="a number"),
        pytest.param("110", "••", id="too short to hide anything"),
        pytest.param("", "••", id="none"),
    ],
)
def test_of_a_phone_number_only_the_end_is_shown(number: str, shown: str) -> None:
    assert masked_phone(number) == shown


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(st.sampled_from("aZ9 .\t\n\x00\x7f\xa0é\u200b"), max_size=8))
def test_a_clean_text_is_left_as_it_is_and_any_other_is_cleaned_in_the_same_way(text: str) -> None:
    strange = one_line(f"é{text}é")  # which is no text of the usual kind

    assert f"é {one_line(text)} é".split() == f"é {strange[1:-1]} é".split()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        pytest.param("Callback +491701234567", "Callback ••4567", id="a number"),
        pytest.param("+1 (212) 555-0100, May", "••0100, May", id="a number in pieces"),
        pytest.param("+1 415\u2011555\u20110100 May", "••0100 May", id="hyphens that hold"),
        pytest.param("\uff0b14155550100", "••0100", id="a wide plus"),
        pytest.param("+1/415/555/0100", "••0100", id="strokes"),
        pytest.param("tel +(1) 415 5550100", "tel ••0100", id="a bracket first"),
        pytest.param("List of jo@mail.example.com", "List of ••@mail.example.com", id="an address"),
        pytest.param("Test@Home 5 @ 6", "Test@Home 5 @ 6", id="no address"),
        pytest.param("Renewals 20260523-0800", "Renewals 20260523-0800", id="a date"),
        pytest.param("A+B 12 + 34", "A+B 12 + 34", id="a plus"),
        pytest.param("May\n renewals", "May renewals", id="two lines"),
        pytest.param("x" * 200, "x" * 119 + "…", id="too long"),
    ],
)
def test_a_name_shows_no_phone_number_and_no_address(name: str, shown: str) -> None:
    assert titled(name) == shown
