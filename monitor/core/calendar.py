"""When calls may be made, in wall-clock time of one zone.

``Calendar`` is what a vendor tells of its own hours, what ``[calendars.x]`` sets, or ALWAYS.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Hours:
    """One span of permitted time, on the weekdays it begins on (Monday is 0).

    ``end`` at or before ``start`` runs past midnight into the next day; ``end`` None is
    midnight at the end of the day.
    """

    days: frozenset[int]
    start: time
    end: time | None


@dataclass(frozen=True, slots=True)
class Calendar:
    """The permitted time: the union of the hours, less the holidays (whole local days)."""

    zone: ZoneInfo
    hours: tuple[Hours, ...]
    holidays: frozenset[date] = frozenset()


def is_open(calendar: Calendar | None, at: datetime) -> bool:
    """Whether calls may be made at this instant; None is always."""
    raise NotImplementedError


def permitted_between(calendar: Calendar | None, start: datetime, end: datetime) -> timedelta:
    """How much permitted time lies between two instants; zero when end is before start."""
    raise NotImplementedError


def next_opening(calendar: Calendar | None, at: datetime) -> datetime | None:
    """The first instant at or after ``at`` at which calls may be made; None within 366 days."""
    raise NotImplementedError
