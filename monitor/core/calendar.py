"""When calls may be made, in wall-clock time of one zone.

``Calendar`` is what a vendor tells of its own hours, what ``[calendars.x]`` sets, or ALWAYS.

An instant is permitted when the clock on a wall of the zone shows a permitted time then.
So an hour that the clock skips in spring permits nothing, an hour that it repeats in autumn
counts each time it is shown, and hours that begin inside a skipped hour begin when it is
over. Holidays are taken away last and by the date on the wall: hours that began the evening
before a holiday end at its midnight, and those that begin on one go on after it. A date with
hours of its own has these and no others that begin on it, be it a holiday or not.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Hours:
    """One span of permitted time, on the weekdays it begins on (Monday is 0), or on dates.

    ``end`` at or before ``start`` runs past midnight into the next day; ``end`` None is
    midnight at the end of the day.
    """

    days: frozenset[int]
    start: time
    end: time | None
    dates: frozenset[date] = frozenset()


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
    moment = _micros(at)
    return any(start <= moment < end for start, end in _days(calendar).spans(moment // _DAY))


def permitted_between(calendar: Calendar | None, start: datetime, end: datetime) -> timedelta:
    """How much permitted time lies between two instants; zero when end is before start."""
    if end <= start:
        return timedelta(0)
    if calendar is None:
        return end - start
    first, last = _micros(start), _micros(end)
    days = _days(calendar)
    total = days.before(last) - days.before(first)
    total += sum(days.total(day) for day in range(first // _DAY, last // _DAY))
    return timedelta(microseconds=total)


def next_opening(calendar: Calendar | None, at: datetime) -> datetime | None:
    """The first instant at or after ``at`` at which calls may be made; None within 366 days."""
    if calendar is None:
        return at
    moment = _micros(at)
    horizon = moment + 366 * _DAY
    for day in range(moment // _DAY, horizon // _DAY + 1):
        for start, end in _days(calendar).spans(day):
            if end > moment:
                opening = max(start, moment)
                return _EPOCH + timedelta(microseconds=opening) if opening <= horizon else None
    return None


def next_closing(calendar: Calendar | None, at: datetime) -> datetime | None:
    """The first instant at or after ``at`` at which no calls may be made; None within 366 days."""
    if calendar is None:
        return None
    moment = _micros(at)
    horizon = moment + 366 * _DAY
    for day in range(moment // _DAY, horizon // _DAY + 1):
        for start, end in _days(calendar).spans(day):
            if start <= moment < end:
                moment = end
        if moment < (day + 1) * _DAY:
            return _EPOCH + timedelta(microseconds=moment)
    return None


def parse_hours(text: str) -> Hours:
    """Read "mon-fri 09:00-20:00" and its kin; ValueError says what would be right.

    Days are "daily", single ones ("mon,wed"), ranges ("mon-fri") or a mix, or else dates
    ("2026-12-24,2026-12-31"); the time after the dash may be "24:00", or lie at or before the
    first one to run past midnight.
    """
    match = _HOURS.fullmatch(text.strip().lower())
    if not match:
        msg = f'{text!r} are no hours; write for example "mon-fri 09:00-20:00"'
        raise ValueError(msg)
    start = _time(match["start"], text)
    end = None if match["end"] == "24:00" else _time(match["end"], text)
    if start == end:
        msg = f'{text!r} begins and ends at the same time; a whole day is "00:00-24:00"'
        raise ValueError(msg)
    if _DATE.match(match["days"]):
        return Hours(frozenset(), start, end, _dates(match["days"], text))
    return Hours(_weekdays(match["days"], text), start, end)


def parse_closed(text: str) -> frozenset[date]:
    """The dates of "2026-12-24,2026-12-31 closed"; none when the text is about hours."""
    days, _, word = text.strip().lower().rpartition(" ")
    return _dates(days, text) if word == "closed" else frozenset()


_HOURS = re.compile(
    r"(?P<days>[^\s:]+(?:\s*,\s*[^\s:]+)*)\s+"
    r"(?P<start>[0-9]{1,2}:[0-9]{2})\s*-\s*(?P<end>[0-9]{1,2}:[0-9]{2})"
)
_DATE = re.compile(r"[0-9]{4}-")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _time(text: str, whole: str) -> time:
    hour, minute = (int(part) for part in text.split(":"))
    if hour > 23 or minute > 59:
        msg = f"{whole!r}: {text} is not a time of day"
        raise ValueError(msg)
    return time(hour, minute)


def _weekdays(text: str, whole: str) -> frozenset[int]:
    if text == "daily":
        return frozenset(range(7))
    days: set[int] = set()
    for part in text.split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        for word in (first, last) if dash else (first,):
            if word not in _WEEKDAYS:
                msg = (
                    f'{whole!r}: {word!r} is not a day; days are "daily" or {", ".join(_WEEKDAYS)}'
                )
                raise ValueError(msg)
        begin = _WEEKDAYS.index(first)
        length = (_WEEKDAYS.index(last) - begin) % 7 if dash else 0
        days.update((begin + step) % 7 for step in range(length + 1))
    return frozenset(days)


def _dates(text: str, whole: str) -> frozenset[date]:
    try:
        return frozenset(date.fromisoformat(part.strip()) for part in text.split(","))
    except ValueError as error:
        msg = f'{whole!r}: {text!r} is no date; write for example "2026-12-24 09:00-12:00"'
        raise ValueError(msg) from error


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_MOST_DAYS = 4_000  # kept of one calendar: eleven years, under a megabyte

Span = tuple[int, int]


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


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
    return _EPOCH.date() + timedelta(days=day)


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
    offset = (_EPOCH + timedelta(microseconds=moment)).astimezone(zone).utcoffset()
    return 0 if offset is None else offset // _MICROSECOND


def _union(spans: Iterator[Span]) -> tuple[Span, ...]:
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return tuple(joined)
