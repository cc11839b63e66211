"""Spans of permitted time as they are written: "mon-fri 09:00-20:00", "2026-12-24 closed"."""

import re
from dataclasses import dataclass
from datetime import date, time


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
