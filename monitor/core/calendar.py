"""When calls may be made, in wall-clock time of one zone.

``Calendar`` is what a vendor tells of its own hours, what ``[calendars.x]`` sets, or ALWAYS.

An instant is permitted when the clock on a wall of the zone shows a permitted time then.
So an hour that the clock skips in spring permits nothing, an hour that it repeats in autumn
counts each time it is shown, and hours that begin inside a skipped hour begin when it is
over. Holidays are taken away last and by the date on the wall: hours that began the evening
before a holiday end at its midnight, and those that begin on one go on after it. A date with
hours of its own has these and no others that begin on it, be it a holiday or not.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from monitor.core.hours import Hours
from monitor.core.instants import EPOCH, from_micros, to_micros


@dataclass(frozen=True, slots=True)
class Calendar:
    """The permitted time: the union of the hours, less the holidays (whole local days)."""

    zone: ZoneInfo
    hours: tuple[Hours, ...]
    holidays: frozenset[date] = frozenset()


def is_open(calendar: Calendar | None, at: datetime) -> bool:
    """Whether calls may be made at this instant; None is always."""
    if calendar is None:
        return True
    moment = to_micros(at)
    return any(start <= moment < end for start, end in _days(calendar).spans(moment // _DAY))


def permitted_between(calendar: Calendar | None, start: datetime, end: datetime) -> timedelta:
    """How much permitted time lies between two instants; zero when end is before start."""
    if end <= start:
        return timedelta(0)
    if calendar is None:
        return end - start
    first, last = to_micros(start), to_micros(end)
    days = _days(calendar)
    total = days.before(last) - days.before(first)
    total += sum(days.total(day) for day in range(first // _DAY, last // _DAY))
    return timedelta(microseconds=total)


def next_opening(calendar: Calendar | None, at: datetime) -> datetime | None:
    """The first instant at or after ``at`` at which calls may be made; None within 366 days."""
    if calendar is None:
        return at
    moment = to_micros(at)
    horizon = moment + 366 * _DAY
    for day in range(moment // _DAY, horizon // _DAY + 1):
        for start, end in _days(calendar).spans(day):
            if end > moment:
                opening = max(start, moment)
                return from_micros(opening) if opening <= horizon else None
    return None


def next_closing(calendar: Calendar | None, at: datetime) -> datetime | None:
    """The first instant at or after ``at`` at which no calls may be made; None within 366 days."""
    if calendar is None:
        return None
    moment = to_micros(at)
    horizon = moment + 366 * _DAY
    for day in range(moment // _DAY, horizon // _DAY + 1):
        for start, end in _days(calendar).spans(day):
            if start <= moment < end:
                moment = end
        if moment < (day + 1) * _DAY:
            return from_micros(moment)
    return None


def permitted_after(
    calendar: Calendar | None,
    start: datetime,
    length: timedelta,
    within: timedelta | None = None,
) -> datetime | None:
    """The instant at which so much permitted time has passed since ``start``.

    None beyond the hours that are known, and where no span of hours that begins ``within`` so
    long brings it.
    """
    at, left = start, length
    for _ in range(_SPANS):
        opening = next_opening(calendar, at)
        if opening is None or (within is not None and at - start > within):
            return None
        closing = next_closing(calendar, opening)
        if closing is None or closing - opening >= left:
            return opening + left
        left -= closing - opening
        at = closing
    return None


# Spans of hours that are looked through: a year of days with a lunch break each.
_SPANS = 800


_MICROSECOND = timedelta(microseconds=1)
_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_MOST_DAYS = 4_000  # kept of one calendar: eleven years, under a megabyte

Span = tuple[int, int]


class _Days:
    """The permitted spans of one calendar, day by UTC day, worked out once each.

    Instants are microseconds since 1970; days are counted from there too.
    """

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._special = frozenset(day for hours in calendar.hours for day in hours.dates)
        self._closed = calendar.holidays - self._special
        self._kept: dict[int, tuple[tuple[Span, ...], int]] = {}

    def spans(self, day: int) -> tuple[Span, ...]:
        """Permitted spans inside this UTC day, in order, none touching another."""
        return self._day(day)[0]

    def total(self, day: int) -> int:
        """Permitted microseconds of this UTC day."""
        return self._day(day)[1]

    def before(self, moment: int) -> int:
        """Permitted microseconds between the UTC midnight before ``moment`` and ``moment``."""
        return sum(
            min(end, moment) - start for start, end in self.spans(moment // _DAY) if start < moment
        )

    def _day(self, day: int) -> tuple[tuple[Span, ...], int]:
        known = self._kept.get(day)
        if known is None:
            if len(self._kept) >= _MOST_DAYS:
                self._kept.clear()
            spans = _union(self._pieces(day))
            known = self._kept[day] = (spans, sum(end - start for start, end in spans))
        return known

    def _pieces(self, day: int) -> Iterator[Span]:
        for start, end, offset in _offsets(self._calendar.zone, day):
            for span_start, span_end in self._wall(start + offset, end + offset):
                yield span_start - offset, span_end - offset

    def _wall(self, start: int, end: int) -> Iterator[Span]:
        """Permitted spans in a stretch of wall-clock time, which runs without a jump."""
        for day in range(start // _DAY, (end - 1) // _DAY + 1):
            if _date(day) in self._closed:
                continue
            for opens, closes in self._of_date(day):
                first, last = max(start, opens), min(end, closes)
                if first < last:
                    yield first, last

    def _of_date(self, day: int) -> Iterator[Span]:
        """Permitted spans of one date on the wall, what began the day before included."""
        midnight = day * _DAY
        for hours in self._calendar.hours:
            opens = _of_day(hours.start)
            closes = _DAY if hours.end is None else _of_day(hours.end)
            overnight = closes <= opens
            if self._begins(hours, day):
                yield midnight + opens, midnight + (_DAY if overnight else closes)
            if overnight and self._begins(hours, day - 1):
                yield midnight, midnight + closes

    def _begins(self, hours: Hours, day: int) -> bool:
        on = _date(day)
        return on in hours.dates if on in self._special else on.weekday() in hours.days


def _date(day: int) -> date:
    return EPOCH.date() + timedelta(days=day)


@lru_cache(maxsize=256)
def _days(calendar: Calendar) -> _Days:
    return _Days(calendar)


def _of_day(at: time) -> int:
    return ((at.hour * 60 + at.minute) * 60 + at.second) * _SECOND + at.microsecond


def _offsets(zone: ZoneInfo, day: int) -> Iterator[tuple[int, int, int]]:
    """The stretches of a UTC day during which the zone's offset stays, with that offset.

    No zone changes twice within one UTC day, so a day that begins and ends with the same
    offset keeps it throughout.
    """
    start, end = day * _DAY, (day + 1) * _DAY
    before, after = _offset(zone, start), _offset(zone, end - 1)
    if before == after:
        yield start, end, before
        return
    first = start // _SECOND
    change = first + bisect_left(
        range(first, end // _SECOND),
        x=True,
        key=lambda second: _offset(zone, second * _SECOND) != before,
    )
    yield start, change * _SECOND, before
    yield change * _SECOND, end, after


def _offset(zone: ZoneInfo, moment: int) -> int:
    offset = (from_micros(moment)).astimezone(zone).utcoffset()
    return 0 if offset is None else offset // _MICROSECOND


def _union(spans: Iterator[Span]) -> tuple[Span, ...]:
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return tuple(joined)
