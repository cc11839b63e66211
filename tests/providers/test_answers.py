from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import HttpError, NotFoundError, ProviderError
from monitor.http import Answer
from monitor.providers.answers import (
    flag,
    identity,
    micros,
    no_answer,
    number,
    parse_time,
    raw_word,
    read,
    reason,
    refusal,
    retry_after,
    seconds,
    whole,
    word,
)
from tests.loopback import NOW


def answer(status: int, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, headers=named, body=b"", sent_at=NOW)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, "auth"),
        (402, "payment"),
        (403, "forbidden"),
        (404, "not_found"),
        (410, "not_found"),
        (408, "timeout"),
        (429, "rate_limited"),
        (500, "server"),
        (503, "server"),
        (599, "server"),
        (201, "contract"),
        (204, "contract"),
        (302, "contract"),
        (307, "contract"),
        (400, "contract"),
        (422, "contract"),
    ],
    ids=str,
)
def test_each_status_has_its_kind_and_a_text_that_names_it(status: int, kind: str) -> None:
    error = refusal(answer(status))
    assert error is not None
    assert error.kind == kind
    assert error.text.startswith(str(status))


def test_200_is_the_only_status_that_may_be_read() -> None:
    assert refusal(answer(200)) is None


def test_an_unknown_id_is_its_own_error() -> None:
    assert isinstance(refusal(answer(404)), NotFoundError)


def test_a_refused_key_is_told_in_words() -> None:
    error = refusal(answer(401))
    assert error is not None
    assert error.text == "401 Unauthorized: the key is not accepted"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("30", 30.0, id="seconds"),
        pytest.param("0", 1.0, id="at-least-one-second"),
        pytest.param("99999999999999999999", 3600.0, id="at-most-one-hour"),
        pytest.param("Sun, 10 May 2026 12:01:30 GMT", 90.0, id="date"),
        pytest.param("Sun, 10 May 2026 11:00:00 GMT", 1.0, id="date-in-the-past"),
        pytest.param("Mon, 11 May 2026 12:00:00 GMT", 3600.0, id="date-far-away"),
        pytest.param("soon", None, id="not-a-time"),
        pytest.param("-5", None, id="negative"),
        pytest.param("٣", None, id="digits-of-another-script"),
        pytest.param("", None, id="empty"),
    ],
)
def test_retry_after_is_read_in_both_forms_and_kept_in_bounds(
    text: str, expected: float | None
) -> None:
    assert retry_after(answer(429, retry_after=text)) == expected


def test_an_error_carries_how_long_to_wait() -> None:
    error = refusal(answer(429, retry_after="7"))
    assert error is not None
    assert error.retry_after == 7.0


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("unreachable", "unreachable"),
        ("reset", "unreachable"),
        ("timeout", "timeout"),
        ("timeout_before", "timeout"),
        ("oversize", "oversize"),
        ("encoding", "garbage"),
    ],
)
def test_no_answer_at_all_is_a_provider_error(kind: str, expected: str) -> None:
    error = no_answer(HttpError(kind, "what happened", sent=True))
    assert (error.kind, error.text) == (expected, "what happened")


class Shape(msgspec.Struct):
    status: str


SHAPE: msgspec.json.Decoder[Shape] = msgspec.json.Decoder(Shape)
LIST: msgspec.json.Decoder[list[Shape]] = msgspec.json.Decoder(list[Shape])


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b" \n", id="blank"),
        pytest.param(b"<!doctype html><p>maintenance", id="html"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[]", id="list-for-object"),
        pytest.param(b'{"status": "comp', id="truncated"),
        pytest.param(b'{"error": "no"}', id="error-with-200"),
        pytest.param(b'{"status": 5}', id="mistyped"),
        pytest.param(b'{"status": "\xff"}', id="not-utf8"),
        pytest.param(b'{"status": "x"} trailing', id="trailing"),
        pytest.param(b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="nested"),
        pytest.param(b"OK", id="plain-text"),
    ],
)
def test_an_answer_that_is_not_as_documented_is_garbage(body: bytes) -> None:
    with pytest.raises(ProviderError) as caught:
        read(SHAPE, body, "a batch")
    assert caught.value.kind == "garbage"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(rb"\ud83d", "\ufffd", id="first-half"),
        pytest.param(rb"\uDE00", "\ufffd", id="second-half"),
        pytest.param(rb"\ud83d\ude00\ud83d", "\N{GRINNING FACE}\ufffd", id="whole-then-half"),
        pytest.param(rb"\\ud83d\ud83d", "\\ud83d\ufffd", id="backslash-then-half"),
    ],
)
def test_half_a_character_is_replaced_and_the_rest_is_read(text: bytes, expected: str) -> None:
    body = b'{"other": "\\ud83d", "status": "' + text + b'"}'
    assert read(SHAPE, body, "a batch").status == expected


def test_an_object_where_a_list_belongs_is_garbage() -> None:
    with pytest.raises(ProviderError, match="another shape"):
        read(LIST, b'{"status": "x"}', "a list")


@given(st.binary(max_size=200))
def test_no_bytes_whatever_raise_anything_else(body: bytes) -> None:
    try:
        read(LIST, body, "a list")
    except ProviderError as error:
        assert error.kind == "garbage"  # noqa: PT017 - any input may also be read


EXPECTED = datetime(2026, 5, 10, 9, 0, 0, 544773, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("2026-05-10T09:00:00.544773+00:00", EXPECTED, id="offset-microseconds"),
        pytest.param(
            "2026-05-10T09:00:00.544Z", EXPECTED.replace(microsecond=544000), id="z-milliseconds"
        ),
        pytest.param(
            "2026-05-10T09:00:00.46833+00:00", EXPECTED.replace(microsecond=468330), id="five"
        ),
        pytest.param("2026-05-10T09:00:00Z", EXPECTED.replace(microsecond=0), id="z"),
        pytest.param("2026-05-10 09:00:00+0000", EXPECTED.replace(microsecond=0), id="space"),
        pytest.param("2026-05-10T14:30:00+05:30", EXPECTED.replace(microsecond=0), id="zone"),
        pytest.param("1778403600", EXPECTED.replace(microsecond=0), id="epoch-seconds-text"),
        pytest.param("1778403600000", EXPECTED.replace(microsecond=0), id="epoch-ms-text"),
        pytest.param(1778403600, EXPECTED.replace(microsecond=0), id="epoch-seconds"),
        pytest.param(1778403600000, EXPECTED.replace(microsecond=0), id="epoch-ms"),
        pytest.param("2026-05-10T09:00:00", None, id="naive"),
        pytest.param("2026-05-10", None, id="date-only"),
        pytest.param("20260510", None, id="digits-that-are-no-epoch-near"),
        pytest.param("yesterday", None, id="words"),
        pytest.param("", None, id="empty"),
        pytest.param(None, None, id="null"),
        pytest.param([], None, id="list"),
        pytest.param({}, None, id="object"),
        pytest.param(0, None, id="zero"),
        pytest.param("0001-01-01T00:00:00Z", None, id="year-one"),
        pytest.param("0001-01-01T00:00:00+14:00", None, id="before-year-one"),
        pytest.param("9999-12-31T23:59:59-14:00", None, id="after-all-years"),
        pytest.param("2009-05-10T09:00:00Z", None, id="over-ten-years-ago"),
        pytest.param("2036-06-10T09:00:00Z", None, id="over-ten-years-ahead"),
        pytest.param("9" * 400, None, id="endless-digits"),
        pytest.param(10**400, None, id="endless-number"),
        pytest.param("²", None, id="superscript"),
        pytest.param(float("inf"), None, id="infinite"),
    ],
)
def test_times_are_read_in_every_documented_form(value: Any, expected: datetime | None) -> None:
    assert parse_time(value, NOW) == expected


@given(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers())
    )
)
def test_no_value_whatever_breaks_a_reader(value: Any) -> None:
    at = parse_time(value, NOW)
    assert at is None or abs(at - NOW) < timedelta(days=3654)
    for reader in (number, whole, micros, seconds):
        found = reader(value)
        assert found is None or found >= 0
    assert isinstance(flag(value), bool)
    assert word(value) is None or isinstance(word(value), str)
    assert reason(value) is None or isinstance(reason(value), str)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis adds the zone
def test_a_time_that_is_written_is_read_as_it_was(at: datetime) -> None:
    assert parse_time(at.isoformat(), NOW) == at


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3),
        ("3", 3),
        (3.0, 3),
        ("3.0", 3),
        (0, 0),
        (-1, None),
        (3.5, None),
        ("many", None),
        (True, None),
        (None, None),
        (10**30, None),
    ],
    ids=repr,
)
def test_counts_are_read_as_numbers_or_text(value: Any, expected: int | None) -> None:
    assert whole(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.12, 120_000),
        ("0.12", 120_000),
        (0.1, 100_000),
        ("0.000001", 1),
        (0.000001, 1),
        (1, 1_000_000),
        ("5.00", 5_000_000),
        (0, 0),
        (-1, None),
        ("NaN", None),
        ("1e50", None),
        (True, None),
        ("free", None),
    ],
    ids=repr,
)
def test_money_is_exact(value: Any, expected: int | None) -> None:
    assert micros(value) == expected


@given(st.integers(0, 10**12))
def test_every_amount_of_up_to_six_decimals_is_exact_as_a_float_and_as_text(amount: int) -> None:
    assert micros(amount / 1_000_000) == amount
    assert micros(f"{amount // 1_000_000}.{amount % 1_000_000:06}") == amount


def test_words_are_folded_to_one_spelling() -> None:
    assert {word("no-answer"), word("NO_ANSWER"), word(" No Answer ")} == {"no_answer"}


def test_free_text_keeps_no_digits_and_stays_short() -> None:
    assert reason("Cannot transfer to +12223334444 - gone") == "Cannot transfer to +# - gone"
    assert len(reason("x" * 100_000) or "") == 120
    assert raw_word("voicemail-5551234567") == "voicemail-#"


@pytest.mark.parametrize("value", [None, "", "a\nb", "x" * 201, 1.5, [], True], ids=repr)
def test_an_id_that_is_none_is_refused_without_being_quoted(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^an id is missing or mistyped$"):
        identity(value)


def test_an_id_that_is_a_number_is_taken_as_its_text() -> None:
    assert identity(17) == "17"
