"""When something is due: weekdays, dates, holidays, and clocks that are changed."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.calendar import Calendar, next_opening
from monitor.core.hours import parse_hours
from monitor.core.schedule import Occurrence, Schedule, Times, instant, occurrences, parse_times
from tests.builders import HOUR, MINUTE, NOON, SECOND

BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)


def schedule(
    *texts: str, zone: ZoneInfo = BERLIN, holidays: frozenset[date] = frozenset()
) -> Schedule:
    return Schedule(tuple(parse_times(text) for text in texts), zone, holidays)


def due(found: Schedule, now: datetime, n: int = 3, early: timedelta = HOUR) -> list[str]:
    some = islice(occurrences(found, early, now), n)
    return [f"{each.due.astimezone(found.zone):%a %d %b %H:%M}" for each in some]


@pytest.mark.parametrize(
    ("text", "days", "at"),
    [
        pytest.param("mon-fri 09:00", {0, 1, 2, 3, 4}, time(9), id="a range"),
        pytest.param("daily 0:30", set(range(7)), time(0, 30), id="daily"),
        pytest.param("sat,sun 23:59", {5, 6}, time(23, 59), id="single days"),
    ],
)
def test_times_are_read_as_hours_are(text: str, days: set[int], at: time) -> None:
    times = parse_times(text)

    assert times == Times(frozenset(days), at)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "09:00",
        "mon-fri",
        "mon-fri 9",
        "mon-fri 25:00",
        "mon-fri 09:00-10:00",
        "fun 09:00",
        "2026-13-01 09:00",
        "mon 09:00 09:30",
        "mon 24:00",
    ],
)
def test_what_is_no_time_is_refused_with_what_would_be(text: str) -> None:
    with pytest.raises(ValueError, match='"mon-fri 09:00"'):
        parse_times(text)


def test_the_last_time_is_found_and_those_before_it() -> None:
    # NOON is a Wednesday, 14:00 in Berlin
    assert due(schedule("mon-fri 09:00"), NOON, 4) == [
        *("Wed 10 Jun 09:00", "Tue 09 Jun 09:00", "Mon 08 Jun 09:00", "Fri 05 Jun 09:00"),
    ]


def test_several_times_are_one_after_the_other() -> None:
    found = schedule("mon-fri 09:00", "wed 15:30", "2026-06-07 08:00")

    assert due(found, NOON, 4) == [
        *("Wed 10 Jun 09:00", "Tue 09 Jun 09:00", "Mon 08 Jun 09:00", "Sun 07 Jun 08:00"),
    ]
    assert due(found, NOON + 2 * HOUR, 1) == ["Wed 10 Jun 15:30"]


def test_holidays_are_left_out_and_a_date_of_its_own_is_not() -> None:
    off = frozenset({date(2026, 6, 9), date(2026, 6, 8)})

    assert due(schedule("daily 09:00", holidays=off), NOON, 2) == [
        "Wed 10 Jun 09:00",
        "Sun 07 Jun 09:00",
    ]
    own = schedule("daily 09:00", "2026-06-08 11:00", holidays=off)
    assert due(own, NOON, 2) == ["Wed 10 Jun 09:00", "Mon 08 Jun 11:00"]


def test_what_comes_a_little_before_belongs_to_the_time_that_is_near() -> None:
    found = schedule("daily 09:00")
    at = datetime(2026, 6, 11, 7, tzinfo=UTC)  # 09:00 in Berlin

    assert due(found, at - HOUR - SECOND, 1) == ["Wed 10 Jun 09:00"]
    assert due(found, at - HOUR, 1) == ["Thu 11 Jun 09:00"]
    assert due(found, at, 1) == ["Thu 11 Jun 09:00"]


def test_each_span_ends_where_the_next_begins() -> None:
    spans = list(islice(occurrences(schedule("daily 09:00"), HOUR, NOON), 3))

    assert [each.end for each in spans[1:]] == [each.start for each in spans[:-1]]
    assert spans[0] == Occurrence(NOON - 5 * HOUR, NOON - 6 * HOUR, NOON + 18 * HOUR)
    assert spans[0].covers(NOON - 6 * HOUR)
    assert not spans[0].covers(NOON + 18 * HOUR)


def test_of_times_that_are_near_each_other_the_middle_parts_them() -> None:
    found = schedule("daily 09:00", "daily 09:30")
    nine = datetime(2026, 6, 10, 7, tzinfo=UTC)

    assert due(found, nine + 14 * MINUTE, 1) == ["Wed 10 Jun 09:00"]
    assert due(found, nine + 15 * MINUTE, 1) == ["Wed 10 Jun 09:30"]


def test_what_is_due_once_is_due_until_nothing_else_is() -> None:
    (only,) = occurrences(schedule("2026-06-10 09:00"), HOUR, NOON)

    assert only.end is None
    assert only.covers(NOON + 300 * DAY)
    assert list(occurrences(schedule("2026-06-11 09:00"), HOUR, NOON)) == []
    assert list(occurrences(schedule("2020-01-01 09:00"), HOUR, NOON)) == []


@pytest.mark.parametrize(
    ("day", "at", "utc"),
    [
        pytest.param(date(2026, 3, 28), time(2, 30), "2026-03-28 01:30", id="the day before"),
        pytest.param(date(2026, 3, 29), time(2, 30), "2026-03-29 01:00", id="a skipped time"),
        pytest.param(date(2026, 3, 29), time(2), "2026-03-29 01:00", id="the first one skipped"),
        pytest.param(date(2026, 3, 29), time(3), "2026-03-29 01:00", id="the first one after"),
        pytest.param(date(2026, 10, 25), time(2, 30), "2026-10-25 00:30", id="a time shown twice"),
        pytest.param(date(2026, 10, 25), time(9), "2026-10-25 08:00", id="winter"),
    ],
)
def test_clocks_that_are_changed(day: date, at: time, utc: str) -> None:
    assert f"{instant(day, at, BERLIN):%Y-%m-%d %H:%M}" == utc


def test_a_day_whose_midnight_is_skipped_begins_later() -> None:
    assert instant(date(2026, 4, 24), time(0), ZoneInfo("Africa/Cairo")) == datetime(
        2026, 4, 23, 22, tzinfo=UTC
    )


ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC")


@given(
    st.sampled_from(ZONES),
    st.dates(date(2024, 1, 1), date(2030, 12, 31)),
    st.integers(1, 22 * 60),
)
def test_it_is_due_when_hours_that_begin_then_begin(zone: str, day: date, minute: int) -> None:
    at = time(*divmod(minute, 60))
    opens = Calendar(ZoneInfo(zone), (parse_hours(f"{day} {at:%H:%M}-24:00"),))
    midnight = datetime.combine(day, time(), tzinfo=UTC) - DAY

    assert instant(day, at, ZoneInfo(zone)) == next_opening(opens, midnight)


@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(2025, 1, 1), datetime(2029, 1, 1)),  # noqa: DTZ001 - the zone is set below
    st.sampled_from(["daily 02:30", "mon-fri 09:00", "sat 23:30", "daily 00:15"]),
    st.integers(0, 48),
)
def test_every_instant_belongs_to_the_newest_that_has_begun(
    zone: str, at: datetime, text: str, hours: int
) -> None:
    now = at.replace(tzinfo=UTC)
    found = list(islice(occurrences(schedule(text, zone=ZoneInfo(zone)), hours * HOUR, now), 4))

    assert found[0].covers(now)
    for newer, older in pairwise(found):
        assert older.due < newer.due
        assert older.end == newer.start <= newer.due
        assert older.due <= newer.start
