"""Calendars beside two oracles: a clock on the wall, read minute by minute, and systemd's.

The first knows nothing of spans or offsets: it asks what the clock shows at an instant and
whether that is a permitted time of that date. The second gives the instants at which hours
begin, and agrees but for one thing, which is a decision of ours: hours that begin inside an
hour that the clock skips begin when it is over; systemd leaves that day out, and whoever may
call from half past two would not be told of a batch that stands still all night.
"""

import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import pytest

from monitor.core.calendar import Calendar, is_open, next_opening, permitted_between
from monitor.core.hours import Hours, parse_hours
from tests.builders import HOUR, MINUTE

FIRST, LAST = datetime(2021, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
# A change of an hour, in both hemispheres; of half an hour; at midnight; in the month of the
# moon; and none.
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Africa/Casablanca",
    "Asia/Kolkata",
)
HOURS = {
    "office": ("mon-fri 09:00-20:00", "sat 10:00-16:00"),
    "nights": ("daily 22:00-06:00",),
    "inside a change": ("daily 02:15-02:45", "sat,sun 00:10-00:20"),
    "weekend nights": ("sat 23:30-00:30", "sun 01:30-03:30"),
    "whole days": ("daily 00:00-24:00",),
    "the clock round": ("mon-fri 18:00-17:59",),
}
SYSTEMD = shutil.which("systemd-analyze")


@lru_cache
def changes(zone: str) -> list[datetime]:
    """The minutes at which the zone's clock is put forward or back."""
    found, clock = [], ZoneInfo(zone)
    day = FIRST
    while day < LAST:
        if _offset(day, clock) != _offset(day + 24 * HOUR, clock):
            minutes = (day + n * MINUTE for n in range(24 * 60))
            found += [at for at in minutes if _offset(at, clock) != _offset(at + MINUTE, clock)]
        day += 24 * HOUR
    return [at + MINUTE for at in found]


def _offset(at: datetime, clock: ZoneInfo) -> timedelta | None:
    return at.astimezone(clock).utcoffset()


def calendar_of(zone: str, name: str) -> Calendar:
    """With holidays, and dates of their own, on and around the days of changes."""
    clock = ZoneInfo(zone)
    days = [at.astimezone(clock).date() for at in changes(zone)] or [date(2026, 3, 29)]
    holidays = frozenset(day + timedelta(days=n % 3 - 1) for n, day in enumerate(days[::2]))
    own = ",".join(str(day + timedelta(days=n % 3 - 1)) for n, day in enumerate(days[::3]))
    texts = (*HOURS[name], f"{own} 01:45-05:00", f"{own} 23:00-02:30")
    return Calendar(clock, tuple(map(parse_hours, texts)), holidays)


@dataclass
class Wall:
    """The first oracle."""

    calendar: Calendar

    def shows_permitted(self, at: datetime) -> bool:
        shown = at.astimezone(self.calendar.zone)
        today = shown.date()
        if today in self.calendar.holidays and not self._own(today):
            return False
        minute = shown.hour * 60 + shown.minute
        return any(self._minute_in(hours, today, minute) for hours in self.calendar.hours)

    def _own(self, day: date) -> bool:
        return any(day in hours.dates for hours in self.calendar.hours)

    def _on(self, hours: Hours, day: date) -> bool:
        if self._own(day):
            return day in hours.dates
        return day.weekday() in hours.days

    def _minute_in(self, hours: Hours, today: date, minute: int) -> bool:
        start = hours.start.hour * 60 + hours.start.minute
        end = 24 * 60 if hours.end is None else hours.end.hour * 60 + hours.end.minute
        if start < end:
            return self._on(hours, today) and start <= minute < end
        if minute >= start:
            return self._on(hours, today)
        return minute < end and self._on(hours, today - timedelta(days=1))


CASES = [pytest.param(zone, name, id=f"{zone}, {name}") for zone in ZONES for name in HOURS]


def around(zone: str, reach: timedelta) -> Iterator[list[datetime]]:
    for change in changes(zone) or [datetime(2026, 3, 29, 1, tzinfo=UTC)]:
        first = change - reach
        yield [first + n * MINUTE for n in range(2 * (reach // MINUTE) + 1)]


def check_minutes(calendar: Calendar, minutes: list[datetime]) -> None:
    """Open or not, the sum of it, and the next opening, all of one stretch of minutes."""
    wall = Wall(calendar)
    truth = [wall.shows_permitted(at) for at in minutes]
    assert [is_open(calendar, at) for at in minutes] == truth
    first, n = minutes[0], 0
    opening: datetime | None = None
    for at, is_permitted in zip(minutes[1:], truth, strict=False):
        n += is_permitted
        assert permitted_between(calendar, first, at) == n * MINUTE, at
    for at, is_permitted in zip(reversed(minutes), reversed(truth), strict=True):
        opening = at if is_permitted else opening
        if opening is not None:
            assert next_opening(calendar, at) == opening


@pytest.mark.parametrize(("zone", "name"), CASES)
def test_every_change_of_the_clock_in_ten_years(zone: str, name: str, proof: bool) -> None:
    calendar = calendar_of(zone, name)
    stretches = list(around(zone, 30 * HOUR if proof else 3 * HOUR))

    for minutes in stretches:
        check_minutes(calendar, minutes)


@pytest.mark.parametrize("zone", ZONES)
def test_any_instant_of_ten_years(zone: str, proof: bool) -> None:
    dice = random.Random(zone)
    for name in HOURS:
        calendar = calendar_of(zone, name)
        wall = Wall(calendar)
        for _ in range(60_000 if proof else 400):
            at = FIRST + dice.random() * (LAST - FIRST)
            assert is_open(calendar, at) == wall.shows_permitted(at), at


def test_the_zones_change_their_clocks_as_often_as_they_should() -> None:
    assert {zone: len(changes(zone)) for zone in ZONES} == {
        "Europe/Berlin": 20,
        "America/New_York": 20,
        "Australia/Lord_Howe": 20,
        "America/Santiago": 20,
        "Africa/Casablanca": 21,
        "Asia/Kolkata": 0,
    }


DAYS = 5  # around a change
STARTS = ("09:00-13:00", "00:00-04:00", "02:30-06:30", "23:45-03:45")


@pytest.mark.parametrize("zone", ZONES)
def test_hours_begin_when_systemd_says_so(zone: str, proof: bool) -> None:
    if not SYSTEMD:
        pytest.skip("systemd-analyze is not installed here")
    near = [at - 60 * HOUR for at in changes(zone)[0 if proof else -2 :]] or [FIRST]
    for hours in STARTS:
        for base in near:
            calendar = Calendar(ZoneInfo(zone), (parse_hours(f"daily {hours}"),))
            theirs = told_by_systemd(f"*-*-* {hours[:5]}:00 {zone}", base, DAYS)
            assert len(theirs) == DAYS
            ours = openings(calendar, base, theirs[-1])
            assert sorted(set(ours) - set(theirs)) == skipped(zone, hours[:5], base, theirs[-1])
            assert set(theirs) <= set(ours)


def openings(calendar: Calendar, base: datetime, last: datetime) -> list[datetime]:
    """The first one of each day: none of these hours is as long as six."""
    found: list[datetime] = []
    at = next_opening(calendar, base)
    if at == base:  # in the middle of them
        at = next_opening(calendar, base + 6 * HOUR)
    while at is not None and at <= last:
        found.append(at)
        at = next_opening(calendar, at + 6 * HOUR)
    return found


def told_by_systemd(expression: str, base: datetime, most: int) -> list[datetime]:
    before = f"{base - timedelta(seconds=1):%Y-%m-%d %H:%M:%S} UTC"
    ran = subprocess.run(
        [str(SYSTEMD), "calendar", f"--iterations={most}", f"--base-time={before}", expression],
        env={"TZ": "UTC", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = re.findall(r"(?:elapse|Iter. #\d+): \w+ ([-\d]+ [:\d]+) UTC", ran.stdout)
    return [datetime.fromisoformat(f"{each}+00:00") for each in found]


def skipped(zone: str, start: str, base: datetime, last: datetime) -> list[datetime]:
    """The ends of the hours that the clock skips and in which these begin: systemd leaves such
    a day out."""
    found = []
    for change in changes(zone):
        before = (change - MINUTE).astimezone(ZoneInfo(zone)).replace(tzinfo=None) + MINUTE
        after = change.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        begins = datetime.combine(after, datetime.strptime(start, "%H:%M").time())  # noqa: DTZ007 - of a wall
        if before <= begins < after and base < change <= last:
            found.append(change)
    return found
