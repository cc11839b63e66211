"""Dates with hours of their own."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from monitor.core.calendar import Calendar, is_open, next_opening, permitted_between
from monitor.core.hours import Hours, parse_closed, parse_hours

BERLIN = ZoneInfo("Europe/Berlin")
EVE = date(2026, 12, 24)  # a Thursday
OFFICE = Calendar(
    BERLIN,
    tuple(map(parse_hours, ("mon-fri 09:00-20:00", "2026-12-24,2026-12-31 08:00-12:00"))),
    frozenset({date(2026, 12, 25), date(2026, 12, 31)}),
)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 12, day, hour, minute, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        pytest.param(at(23, 19), True, id="the day before is a usual one"),
        pytest.param(at(24, 8), True, id="its own hours"),
        pytest.param(at(24, 12), False, id="and none of its weekday"),
        pytest.param(at(25, 10), False, id="a holiday"),
        pytest.param(at(31, 9), True, id="a holiday with hours of its own"),
        pytest.param(at(31, 13), False, id="is open for these alone"),
    ],
)
def test_a_date_with_hours_of_its_own_has_no_others(moment: datetime, expected: bool) -> None:
    assert is_open(OFFICE, moment) is expected


def test_what_is_permitted_and_what_comes_next_follow() -> None:
    assert permitted_between(OFFICE, at(24, 0), at(26, 0)) == timedelta(hours=4)
    assert next_opening(OFFICE, at(24, 13)) == at(28, 9)


def test_the_night_before_goes_on_into_such_a_date() -> None:
    nights = Calendar(
        BERLIN, tuple(map(parse_hours, ("daily 22:00-03:00", "2026-12-24 23:00-01:00")))
    )

    assert is_open(nights, at(24, 2))
    assert not is_open(nights, at(24, 22))
    assert is_open(nights, at(25, 0, 30))
    assert not is_open(nights, at(25, 1, 30))
    assert is_open(nights, at(25, 22))


def test_dates_are_read() -> None:
    assert parse_hours("2026-12-24, 2026-12-31 9:00-24:00") == Hours(
        frozenset(), time(9), None, frozenset({EVE, date(2026, 12, 31)})
    )
    assert parse_closed("2026-12-24 closed") == {EVE}
    assert parse_closed("mon-fri 09:00-20:00") == frozenset()


@pytest.mark.parametrize(
    "text", ["2026-13-01 09:00-12:00", "2026-12-24,mon 09:00-12:00", "2026-12 09:00-12:00"]
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no date; write for example"):
        parse_hours(text)


def test_only_dates_can_be_closed() -> None:
    with pytest.raises(ValueError, match="'mon closed': 'mon' is no date"):
        parse_closed("mon closed")
