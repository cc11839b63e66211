import time as clock
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.calendar import Calendar, is_open, next_opening, permitted_between
from monitor.core.hours import Hours, parse_hours

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
NEVER_SHOWN = timedelta(0)


def calendar(zone: str, *hours: str, holidays: tuple[date, ...] = ()) -> Calendar:
    return Calendar(ZoneInfo(zone), tuple(parse_hours(text) for text in hours), frozenset(holidays))


OFFICE = calendar("Europe/Berlin", "mon-fri 09:00-20:00", "sat 10:00-16:00")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def local(zone: str, text: str, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        pytest.param("2026-06-10T06:59:59.999999", False, id="a moment before the start"),
        pytest.param("2026-06-10T07:00", True, id="at the start"),
        pytest.param("2026-06-10T17:59:59.999999", True, id="the last moment"),
        pytest.param("2026-06-10T18:00", False, id="at the end"),
        pytest.param("2026-06-13T08:00", True, id="saturday has its own hours"),
        pytest.param("2026-06-13T07:30", False, id="saturday begins later"),
        pytest.param("2026-06-14T10:00", False, id="sunday"),
        pytest.param("2026-01-14T08:00", True, id="in winter the same wall clock is later"),
        pytest.param("2026-01-14T07:59", False, id="in winter the summer start is too early"),
    ],
)
def test_hours_are_read_on_the_wall_of_the_zone(at: str, *, opens: bool) -> None:
    assert is_open(OFFICE, utc(at)) is opens


def test_no_calendar_is_always_open() -> None:
    at = utc("2026-06-14T03:00")

    assert is_open(None, at)
    assert permitted_between(None, at, at + HOUR) == HOUR
    assert next_opening(None, at) == at


def test_hours_past_midnight_belong_to_the_day_they_begin_on() -> None:
    night = calendar("Europe/Berlin", "fri 22:00-02:00")

    assert is_open(night, local("Europe/Berlin", "2026-06-12T23:30"))
    assert is_open(night, local("Europe/Berlin", "2026-06-13T01:59"))
    assert not is_open(night, local("Europe/Berlin", "2026-06-13T02:00"))
    assert not is_open(night, local("Europe/Berlin", "2026-06-12T01:00"))
    assert not is_open(night, local("Europe/Berlin", "2026-06-13T22:30"))


def test_hours_that_overlap_count_once() -> None:
    twice = calendar("UTC", "daily 09:00-12:00", "daily 11:00-13:00", "daily 12:00-12:30")

    day = permitted_between(twice, utc("2026-06-10T00:00"), utc("2026-06-11T00:00"))

    assert day == 4 * HOUR


def test_a_holiday_is_the_whole_date_on_the_wall_and_nothing_more() -> None:
    holiday = calendar("Europe/Berlin", "daily 22:00-02:00", holidays=(date(2026, 12, 25),))

    assert is_open(holiday, local("Europe/Berlin", "2026-12-24T23:59"))
    assert not is_open(holiday, local("Europe/Berlin", "2026-12-25T00:00"))
    assert not is_open(holiday, local("Europe/Berlin", "2026-12-25T23:59"))
    assert is_open(holiday, local("Europe/Berlin", "2026-12-26T01:00"))


def test_end_before_start_is_no_time() -> None:
    at = utc("2026-06-10T12:00")

    assert permitted_between(OFFICE, at, at) == NEVER_SHOWN
    assert permitted_between(OFFICE, at, at - HOUR) == NEVER_SHOWN
    assert permitted_between(None, at, at - HOUR) == NEVER_SHOWN


@pytest.mark.parametrize(
    ("zone", "hours", "day", "permitted"),
    [
        pytest.param("Europe/Berlin", "daily 00:00-24:00", "2026-03-29", 23 * HOUR, id="spring"),
        pytest.param("Europe/Berlin", "daily 00:00-24:00", "2026-10-25", 25 * HOUR, id="autumn"),
        pytest.param("Europe/Berlin", "daily 02:00-03:00", "2026-03-29", 0 * HOUR, id="skipped"),
        pytest.param("Europe/Berlin", "daily 02:30-04:00", "2026-03-29", HOUR, id="begins skipped"),
        pytest.param("Europe/Berlin", "daily 02:00-03:00", "2026-10-25", 2 * HOUR, id="doubled"),
        pytest.param("Europe/Berlin", "daily 09:00-20:00", "2026-03-29", 11 * HOUR, id="office"),
        pytest.param(
            "Australia/Lord_Howe", "daily 00:00-24:00", "2026-10-04", 23.5 * HOUR, id="half an hour"
        ),
        pytest.param(
            "America/Santiago", "daily 00:00-24:00", "2026-09-06", 23 * HOUR, id="no midnight"
        ),
        pytest.param(
            "America/Havana", "daily 00:00-01:00", "2026-11-01", 2 * HOUR, id="midnight twice"
        ),
    ],
)
def test_a_day_on_which_the_clock_changes(
    zone: str, hours: str, day: str, permitted: timedelta
) -> None:
    middle = local(zone, f"{day}T12:00")
    start, end = (
        datetime.combine(on, time(0), ZoneInfo(zone)).astimezone(UTC)
        for on in (date.fromisoformat(day), date.fromisoformat(day) + timedelta(days=1))
    )

    assert start < middle < end
    assert permitted_between(calendar(zone, hours), start, end) == permitted


CHANGES = [
    pytest.param("Europe/Berlin", "2026-03-29", id="Berlin spring"),
    pytest.param("Europe/Berlin", "2026-10-25", id="Berlin autumn"),
    pytest.param("America/New_York", "2026-03-08", id="New York spring"),
    pytest.param("America/New_York", "2026-11-01", id="New York autumn"),
    pytest.param("Australia/Lord_Howe", "2026-04-05", id="Lord Howe autumn, half an hour"),
    pytest.param("Australia/Lord_Howe", "2026-10-04", id="Lord Howe spring, half an hour"),
    pytest.param("America/Santiago", "2026-04-05", id="Santiago autumn, back over midnight"),
    pytest.param("America/Santiago", "2026-09-06", id="Santiago spring, at midnight"),
    pytest.param("America/Havana", "2026-11-01", id="Havana autumn, midnight twice"),
    pytest.param("Asia/Kolkata", "2026-03-29", id="Kolkata, no change"),
    pytest.param("Pacific/Apia", "2011-12-30", id="Apia, a day that never was"),
    pytest.param("America/St_Johns", "2010-11-07", id="St John's autumn, a minute past midnight"),
]
HOURS = ("mon-fri 22:30-02:15", "daily 09:00-12:00", "sat,sun 00:00-01:30", "sun 02:10-02:50")


def shown(zone: ZoneInfo, at: datetime, hours: tuple[Hours, ...]) -> bool:
    """The oracle: what the clock on the wall shows, minute by minute, in so many words."""
    wall = at.astimezone(zone)
    minute = wall.hour * 60 + wall.minute
    for one in hours:
        start = one.start.hour * 60 + one.start.minute
        end = 24 * 60 if one.end is None else one.end.hour * 60 + one.end.minute
        today, yesterday = wall.weekday() in one.days, (wall.weekday() - 1) % 7 in one.days
        if start < end:
            if today and start <= minute < end:
                return True
        elif (today and minute >= start) or (yesterday and minute < end):
            return True
    return False


@pytest.mark.parametrize(("zone", "day"), CHANGES)
def test_permitted_time_is_what_the_wall_clock_showed(zone: str, day: str) -> None:
    known = calendar(zone, *HOURS)
    start = utc(f"{day}T00:00") - 18 * HOUR
    minutes = [start + n * MINUTE for n in range(60 * 60)]
    expected = [shown(known.zone, at, known.hours) for at in minutes]

    assert [is_open(known, at) for at in minutes] == expected
    assert permitted_between(known, start, minutes[-1] + MINUTE) == sum(expected) * MINUTE
    for n in range(0, len(minutes), 97):
        assert permitted_between(known, minutes[n], minutes[-1]) == sum(expected[n:-1]) * MINUTE


@pytest.mark.parametrize(("zone", "day"), CHANGES)
def test_the_next_opening_is_the_first_open_minute(zone: str, day: str) -> None:
    known = calendar(zone, *HOURS)
    start = utc(f"{day}T00:00") - 12 * HOUR
    minutes = [start + n * MINUTE for n in range(48 * 60)]
    openings = [at for at in minutes if shown(known.zone, at, known.hours)]

    for at in minutes[: 24 * 60 : 41]:
        expected = next(opening for opening in openings if opening >= at)
        assert next_opening(known, at) == expected


def test_the_next_opening_skips_holidays_and_weekends() -> None:
    office = calendar(
        "Europe/Berlin", "mon-fri 09:00-20:00", holidays=(date(2026, 12, 25), date(2026, 12, 28))
    )

    opening = next_opening(office, local("Europe/Berlin", "2026-12-24T20:00"))

    assert opening == local("Europe/Berlin", "2026-12-29T09:00")


def test_a_calendar_that_never_opens_has_no_next_opening() -> None:
    at = utc("2026-06-10T12:00")

    assert next_opening(calendar("UTC"), at) is None
    assert permitted_between(calendar("UTC"), at, at + 1_000 * HOUR) == NEVER_SHOWN


def test_an_opening_more_than_366_days_away_is_none() -> None:
    start = date(2026, 6, 1)
    closed = tuple(start + timedelta(days=n) for n in range(400))

    assert (
        next_opening(calendar("UTC", "daily 09:00-10:00", holidays=closed), utc("2026-06-01T00:00"))
        is None
    )


ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago"]
)
TIMES = st.times()
HOURS_STRATEGY = st.builds(
    Hours, st.frozensets(st.integers(0, 6)), TIMES, st.one_of(st.none(), TIMES)
)
CALENDARS = st.builds(
    Calendar,
    ZONES.map(ZoneInfo),
    st.lists(HOURS_STRATEGY, max_size=3).map(tuple),
    st.frozensets(st.dates(date(2026, 3, 1), date(2026, 4, 30)), max_size=5),
)
INSTANTS = st.integers(0, 60 * 86_400 * 1_000_000).map(
    lambda n: datetime(2026, 3, 1, tzinfo=UTC) + timedelta(microseconds=n)
)
BOUNDED = settings(max_examples=60, deadline=None, derandomize=True)


@BOUNDED
@given(CALENDARS, st.lists(INSTANTS, min_size=3, max_size=3).map(sorted))
def test_permitted_time_adds_up(known: Calendar, at: list[datetime]) -> None:
    first, middle, last = at

    whole = permitted_between(known, first, last)

    assert whole == permitted_between(known, first, middle) + permitted_between(known, middle, last)
    assert timedelta(0) <= whole <= last - first


@BOUNDED
@given(CALENDARS, INSTANTS)
def test_nothing_is_permitted_before_the_next_opening(known: Calendar, at: datetime) -> None:
    opening = next_opening(known, at)

    if opening is None:
        assert not permitted_between(known, at, at + timedelta(days=366))
        return
    assert is_open(known, opening)
    assert permitted_between(known, at, opening) == timedelta(0)
    assert (opening == at) is is_open(known, at)


def test_weeks_cost_far_less_than_a_millisecond_a_day() -> None:
    start = utc("2026-03-01T00:00")
    end = start + timedelta(days=60)
    office = calendar("Europe/Paris", "mon-fri 09:00-20:00", "sat 10:00-16:00")

    began = clock.perf_counter()
    permitted_between(office, start, end)
    first = clock.perf_counter() - began
    began = clock.perf_counter()
    for _ in range(100):
        permitted_between(office, start, end)
    again = (clock.perf_counter() - began) / 100

    assert first < 0.030  # half a millisecond a day, on a machine that is busy
    assert again < 0.003


WORKDAYS = frozenset(range(5))
EVERY_DAY = frozenset(range(7))


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        pytest.param("mon-fri 09:00-20:00", Hours(WORKDAYS, time(9), time(20)), id="a range"),
        pytest.param("sat 10:00-16:00", Hours(frozenset({5}), time(10), time(16)), id="one day"),
        pytest.param("daily 08:00-21:00", Hours(EVERY_DAY, time(8), time(21)), id="every day"),
        pytest.param(
            "mon,wed 22:00-02:00", Hours(frozenset({0, 2}), time(22), time(2)), id="past midnight"
        ),
        pytest.param("daily 00:00-24:00", Hours(EVERY_DAY, time(0), None), id="to the day's end"),
        pytest.param(
            "fri-mon, wed 9:00 - 17:30",
            Hours(frozenset({4, 5, 6, 0, 2}), time(9), time(17, 30)),
            id="over the weekend, with spaces",
        ),
        pytest.param(
            "  SAT 10:00-16:00 ", Hours(frozenset({5}), time(10), time(16)), id="capitals"
        ),
    ],
)
def test_hours_are_read_as_people_write_them(text: str, hours: Hours) -> None:
    assert parse_hours(text) == hours


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("", "write for example", id="empty"),
        pytest.param("09:00-20:00", "write for example", id="no days"),
        pytest.param("mon-fri", "write for example", id="no times"),
        pytest.param("mon-fri 9-20", "write for example", id="no minutes"),
        pytest.param("mon 9am-5pm", "write for example", id="twelve hours"),
        pytest.param("mon-fry 09:00-20:00", "'fry' is not a day", id="misspelt day"),
        pytest.param("montag 09:00-20:00", "'montag' is not a day", id="another language"),
        pytest.param("mon,,tue 09:00-20:00", "'' is not a day", id="nothing between commas"),
        pytest.param("mon 25:00-26:00", "25:00 is not a time of day", id="no such hour"),
        pytest.param("mon 09:60-10:00", "09:60 is not a time of day", id="no such minute"),
        pytest.param("mon 24:00-10:00", "24:00 is not a time of day", id="24:00 begins nothing"),
        pytest.param("mon 09:00-09:00", "a whole day is", id="begins as it ends"),
    ],
)
def test_hours_that_cannot_be_read_say_what_would_be_right(text: str, says: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_hours(text)

    assert says in str(caught.value)
