"""When something is due: at times of day on a wall, on weekdays or dates, less the holidays.

A time that the clock skips in spring is due when it jumps; one that it shows twice in autumn
is due the first time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from monitor.core.hours import parse_hours

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
# What is due more rarely than this is not looked for.
LONGEST = 400


@dataclass(frozen=True, slots=True)
class Times:
    """One time of day on some weekdays (Monday is 0), or on dates, whatever holidays there are."""

    days: frozenset[int]
    at: time
    dates: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class Schedule:
    """The times of one zone, less the holidays (whole local days)."""

    times: tuple[Times, ...]
    zone: ZoneInfo
    holidays: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time at which it is due, and the span in which what comes belongs to it."""

    due: datetime
    start: datetime
    end: datetime | None  # None: nothing else is due within a year

    def covers(self, at: datetime) -> bool:
        """Whether what came then belongs here."""
        return self.start <= at and (self.end is None or at < self.end)


def parse_times(text: str) -> Times:
    """Read "mon-fri 09:00" or "2026-12-24 10:30"; ValueError says what would be right."""
    msg = f'{text!r} is no time at which something is due; write for example "mon-fri 09:00"'
    if text.count(":") != 1:
        raise ValueError(msg)
    try:
        hours = parse_hours(f"{text}-24:00")
    except ValueError as error:
        raise ValueError(msg) from error
    return Times(hours.days, hours.start, hours.dates)


def instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """When the clocks of the zone show this time on that day. See the module."""
    wall = datetime.combine(day, at)
    shown = wall.replace(tzinfo=zone).astimezone(UTC)
    if shown.astimezone(zone).replace(tzinfo=None) == wall:
        return shown
    # Skipped: the clock jumps somewhere between the two ways to read it.
    low, high = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), shown
    before = low.astimezone(zone).utcoffset()
    while high - low > _SECOND:
        middle = low + (high - low) // _SECOND // 2 * _SECOND
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high


def _due_on(schedule: Schedule, day: date) -> list[datetime]:
    found = {
        instant(day, each.at, schedule.zone)
        for each in schedule.times
        if (day in each.dates if each.dates else _is_usual(schedule, each, day))
    }
    return sorted(found)


def _is_usual(schedule: Schedule, times: Times, day: date) -> bool:
    return day.weekday() in times.days and day not in schedule.holidays


def _back_from(schedule: Schedule, at: datetime) -> Iterator[datetime]:
    """The times up to ``at``, the latest first."""
    today = at.astimezone(schedule.zone).date() + _DAY
    for n in range(LONGEST):
        yield from (due for due in reversed(_due_on(schedule, today - n * _DAY)) if due <= at)


def _on_from(schedule: Schedule, at: datetime) -> Iterator[datetime]:
    """The times after ``at``, the earliest first."""
    today = at.astimezone(schedule.zone).date() - _DAY
    for n in range(LONGEST):
        yield from (due for due in _due_on(schedule, today + n * _DAY) if due > at)


def next_due(schedule: Schedule, at: datetime) -> datetime | None:
    """The first time after ``at``; None where it is not due within a year."""
    return next(_on_from(schedule, at), None)


def occurrences(schedule: Schedule, early: timedelta, now: datetime) -> Iterator[Occurrence]:
    """The occurrence that ``now`` belongs to, and those before it, newest first.

    What comes up to ``early`` before a time belongs to it, but not what is nearer to the time
    before.
    """
    after = next_due(schedule, now)
    back = _back_from(schedule, now)
    before = next(back, None)
    end = None
    if after is not None:
        start = _start(before, after, early)
        if start <= now:
            further = next_due(schedule, after)
            yield Occurrence(after, start, _start(after, further, early) if further else None)
        end = start
    while before is not None:
        due, before = before, next(back, None)
        start = _start(before, due, early)
        yield Occurrence(due, start, end)
        end = start


def _start(before: datetime | None, due: datetime, early: timedelta) -> datetime:
    if before is None:
        return due - early
    return max(due - early, before + (due - before) / 2)
