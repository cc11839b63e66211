"""Amounts, what a batch will still cost, and when an account runs dry."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.calendar import Calendar, permitted_after, permitted_between
from monitor.core.calls import Spent
from monitor.core.hours import parse_hours
from monitor.core.model import Counts
from monitor.core.money import (
    HORIZON,
    PRESENT,
    Amount,
    Course,
    at_risk,
    brief,
    completed,
    dialled,
    dry_at,
    forecast,
    left,
    parse_amount,
    spent_text,
)
from tests.builders import HOUR, MINUTE, NOON

USD = 1_000_000
OFFICE = Calendar(ZoneInfo("UTC"), (parse_hours("mon-fri 09:00-13:00"),))


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        pytest.param("50 USD", 50 * USD, id="whole"),
        pytest.param("0.09 USD", 90_000, id="cents"),
        pytest.param("0.000001 USD", 1, id="the least"),
        pytest.param("0 USD", 0, id="nothing"),
    ],
)
def test_amounts_are_read_as_rates_are(text: str, micros: int) -> None:
    assert parse_amount(text) == Amount(micros, "USD")


@pytest.mark.parametrize(
    "text",
    ["", "50", "USD 50", "50USD", "50 usd", "-1 USD", "1,000 USD", "1.0000001 USD", "1 USD "],
)
def test_what_is_no_amount_is_refused_with_what_would_be(text: str) -> None:
    with pytest.raises(ValueError, match='"50 USD"'):
        parse_amount(text)


@given(st.integers(0, 10**15))
def test_an_amount_is_read_back_exactly(micros: int) -> None:
    whole, part = divmod(micros, USD)

    assert parse_amount(f"{whole}.{part:06} EUR") == Amount(micros, "EUR")


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        pytest.param(74_400_000, "74 USD", id="whole units"),
        pytest.param(1_250_000_000, "1,250 USD", id="thousands"),
        pytest.param(9_990_000, "9.99 USD", id="cents below ten"),
        pytest.param(-31_000_000, "-31 USD", id="overdrawn"),
    ],
)
def test_amounts_are_said_in_brief(micros: int, text: str) -> None:
    assert brief(micros, "USD") == text


def test_who_is_left_are_those_who_wait_and_those_on_no_list_yet() -> None:
    tally = {
        "contacts": 60,
        "undialled": 20,
        "contact.pending": 20,
        "contact.retrying": 5,
        "contact.in_call": 3,
        "contact.completed": 32,
    }

    assert left(Counts(total=100), tally) == 65
    assert left(Counts(), tally) == 25
    assert dialled(tally) == 40
    assert completed(tally) == 32
    assert completed({"call.completed": 7}) == 7


def course(n: int, spent: float = 0, called: int = 0, **more: object) -> Course:
    costs = {"USD": round(spent * USD)} if spent else {}
    values: dict[str, object] = {"title": "Renewals", "left": n, "dialled": called}
    return Course(**values | {"spent": Spent(micros=costs)} | more)  # type: ignore[arg-type] # of a test


def test_a_batch_costs_what_its_people_have_cost_so_far() -> None:
    need = forecast([course(100, spent=20, called=40)], "USD")

    assert (need.micros, need.people, need.untold) == (50 * USD, 100, ())


def test_a_batch_that_has_hardly_begun_costs_what_the_one_before_it_did() -> None:
    young = course(100, spent=9, called=9, before={"USD": 0.5 * USD})

    assert forecast([young], "USD").micros == 50 * USD


def test_without_one_before_it_costs_what_the_others_do() -> None:
    need = forecast([course(100), course(0, spent=20, called=40)], "USD")

    assert (need.micros, need.untold) == (50 * USD, ())


def test_what_nothing_tells_of_is_named() -> None:
    assert forecast([course(100)], "USD").untold == ("Renewals",)
    assert forecast([course(0)], "USD").untold == ()


def test_another_currency_says_nothing() -> None:
    euro = Course(title="R", left=10, dialled=40, spent=Spent(micros={"EUR": 20 * USD}))

    assert forecast([euro], "USD").untold == ("R",)


def test_money_at_risk_is_said_in_words() -> None:
    assert at_risk(20 * USD, 40, 100, "USD") == (
        "the 100 people who are left would cost about 50 USD more"
    )
    assert at_risk(20 * USD, 40, 1, "USD") == (
        "the person who is left would cost about 0.50 USD more"
    )


@pytest.mark.parametrize(
    ("spent", "called", "waiting"),
    [
        pytest.param(0, 40, 100, id="nothing spent"),
        pytest.param(USD, 0, 100, id="nobody called"),
        pytest.param(USD, 40, 0, id="nobody waits"),
    ],
)
def test_where_nothing_is_at_risk_nothing_is_said(spent: int, called: int, waiting: int) -> None:
    assert at_risk(spent, called, waiting, "USD") is None


def test_what_was_spent_is_said_with_what_the_rest_will_cost() -> None:
    known = Spent(micros={"USD": 20 * USD}, estimated=True)
    several = Spent(micros={"USD": 20 * USD, "EUR": 5 * USD})

    assert spent_text(known, 40, 100) == (
        "20.00 USD spent (estimate); the 100 people who are left would cost about 50 USD more"
    )
    assert spent_text(known, 40, 0) == "20.00 USD spent (estimate)"
    assert spent_text(several, 40, 100) == "5.00 EUR + 20.00 USD spent"
    assert spent_text(Spent(micros={}), 40, 100) is None


def spending(an_hour: float) -> Course:
    lately = round(an_hour * USD * (PRESENT / HOUR))
    return course(10, lately=Spent(micros={"USD": lately}))


def test_an_account_is_dry_when_its_balance_is_spent_at_the_present_pace() -> None:
    assert dry_at(31 * USD, [spending(20), spending(11)], "USD", NOON, None) == NOON + HOUR


def test_an_account_that_is_empty_is_dry_now_and_one_that_nobody_spends_from_never() -> None:
    assert dry_at(0, [spending(20)], "USD", NOON, None) == NOON
    assert dry_at(31 * USD, [course(10)], "USD", NOON, None) is None
    assert dry_at(31 * USD, [spending(0.001)], "USD", NOON, None) is None


def test_nothing_is_spent_while_no_calls_may_be_made() -> None:
    # an hour is left of Wednesday's hours, and the second is that of Thursday
    assert dry_at(40 * USD, [spending(20)], "USD", NOON, OFFICE) == NOON + 22 * HOUR


@given(st.integers(0, 7 * 24 * 60), st.integers(1, 600))
def test_so_much_permitted_time_has_passed_and_not_a_moment_more(offset: int, length: int) -> None:
    start, wanted = NOON + offset * MINUTE, length * MINUTE
    at = permitted_after(OFFICE, start, wanted)

    assert isinstance(at, datetime)
    assert permitted_between(OFFICE, start, at) == wanted
    assert permitted_between(OFFICE, start, at - timedelta(seconds=1)) < wanted


def test_beyond_the_horizon_no_time_is_named() -> None:
    never = Calendar(ZoneInfo("UTC"), (parse_hours("2020-01-01 09:00-10:00"),))

    assert permitted_after(never, NOON, HOUR) is None
    assert permitted_after(OFFICE, NOON, HORIZON, HORIZON) is None
    assert permitted_after(None, NOON, HORIZON) == NOON + HORIZON
