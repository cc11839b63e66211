"""What the headers of answers say: how old each is, and how far the server's clock is off."""

from datetime import datetime, timedelta
from email.utils import format_datetime

import pytest

from monitor.dates import Dates
from tests.builders import HOUR, MINUTE, NOON, SECOND

NOTHING = timedelta(0)
URL = "https://api.example.com/batches"


def ask(
    dates: Dates,
    at: datetime,
    *,
    date: datetime | str | None = None,
    age: str | None = None,
    took: timedelta = SECOND,
    url: str = URL,
) -> timedelta:
    """One answer; how much older than its question it is."""
    told = format_datetime(date) if isinstance(date, datetime) else date
    headers = {"date": told, "age": age}
    given = {name: value for name, value in headers.items() if value is not None}
    return dates.age(url, given, at, at + took)


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        pytest.param("0", NOTHING, id="made for it"),
        pytest.param("90", 90 * SECOND, id="kept for a while"),
        pytest.param(" 90 ", 90 * SECOND, id="with blanks"),
        pytest.param("9" * 400, 999_999_999 * SECOND, id="absurd"),
        pytest.param("-5", NOTHING, id="below nothing"),
        pytest.param("²", NOTHING, id="a digit of another kind"),
        pytest.param("soon", NOTHING, id="a word"),
    ],
)
def test_a_cache_says_how_old_its_answer_is(age: str, expected: timedelta) -> None:
    assert ask(Dates(), NOON, age=age) == expected


def test_an_answer_of_the_same_date_much_later_is_the_same_answer() -> None:
    dates = Dates()

    assert ask(dates, NOON, date=NOON) == NOTHING
    assert ask(dates, NOON + SECOND, date=NOON) == NOTHING, "told in whole seconds"
    assert ask(dates, NOON + 10 * MINUTE, date=NOON) == 10 * MINUTE
    assert ask(dates, NOON + 11 * MINUTE, date=NOON + 11 * MINUTE) == NOTHING


def test_each_address_has_answers_of_its_own() -> None:
    dates = Dates()
    ask(dates, NOON, date=NOON)

    assert ask(dates, NOON + MINUTE, date=NOON, url=f"{URL}/b1") == NOTHING


def test_a_clock_that_is_slow_ticks_all_the_same() -> None:
    dates = Dates()
    ages = [ask(dates, NOON + n * MINUTE, date=NOON - HOUR + n * MINUTE) for n in range(9)]

    assert set(ages) == {NOTHING}


@pytest.mark.parametrize(
    "date", ["", "yesterday", "Wed, 99 Jun 2026 12:00:00 GMT", "Wed, 10 Jun 99999 12:00:00 GMT"]
)
def test_a_date_that_is_none_says_nothing(date: str) -> None:
    dates = Dates()
    for n in range(5):
        assert ask(dates, NOON + n * MINUTE, date=date) == NOTHING
    assert dates.skew is None


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [
        pytest.param(NOTHING, NOTHING, id="right"),
        pytest.param(SECOND, NOTHING, id="within the exchange"),
        pytest.param(5 * MINUTE, 5 * MINUTE - SECOND, id="ahead"),
        pytest.param(-5 * MINUTE, -5 * MINUTE + SECOND, id="behind"),
    ],
)
def test_the_difference_is_the_least_that_the_answers_prove(
    ahead: timedelta, expected: timedelta
) -> None:
    dates = Dates()
    for n in range(5):
        at = NOON + n * MINUTE
        ask(dates, at, date=at + ahead)

    assert dates.skew == expected


def test_one_answer_that_was_long_on_its_way_proves_nothing() -> None:
    dates = Dates()
    for n in range(4):
        at = NOON + n * MINUTE
        ask(dates, at, date=at)
    ask(dates, NOON + HOUR, date=NOON + HOUR + 20 * SECOND, took=30 * SECOND)
    ask(dates, NOON + 2 * HOUR, date=NOON)

    assert dates.skew == NOTHING


def test_too_few_answers_say_nothing_of_the_clock() -> None:
    dates = Dates()
    for n in range(6):
        assert dates.skew is None
        at = NOON + n * 12 * SECOND
        ask(dates, at, date=at + HOUR)
    ask(dates, NOON + 3 * MINUTE, date=NOON + 3 * MINUTE + HOUR)

    assert dates.skew == HOUR - SECOND


def test_what_a_cache_gives_says_nothing_of_the_clock() -> None:
    dates = Dates()
    for n in range(9):
        ask(dates, NOON + n * MINUTE, date=NOON - HOUR, age=str(3600 + n * 60))

    assert dates.skew is None


def test_it_forgets_addresses_that_were_not_asked_for_long() -> None:
    dates = Dates()
    ask(dates, NOON, date=NOON)
    for n in range(3_000):
        ask(dates, NOON, date=NOON, url=f"{URL}/{n}")

    assert len(dates._first) <= 2_000


def test_however_much_one_poll_asks_a_skew_is_seen() -> None:
    dates = Dates()
    for poll in range(4):
        for question in range(8):
            at = NOON + poll * 30 * SECOND
            ask(dates, at, date=at + 10 * MINUTE, took=SECOND, url=f"{URL}/{question}")

    assert dates.skew == 10 * MINUTE - SECOND


def test_old_answers_and_new_ones_may_come_by_turns() -> None:
    dates = Dates()
    ask(dates, NOON, date=NOON)
    ask(dates, NOON + MINUTE, date=NOON + MINUTE)

    assert ask(dates, NOON + 2 * MINUTE, date=NOON) == 2 * MINUTE
    assert ask(dates, NOON + 3 * MINUTE, date=NOON + 3 * MINUTE) == NOTHING
    assert ask(dates, NOON + 4 * MINUTE, date=NOON + MINUTE) == 3 * MINUTE
