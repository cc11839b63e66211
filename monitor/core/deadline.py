"""By when a batch is to be done, and how much calling time is left until then."""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from functools import lru_cache
from math import ceil

from monitor.core.calendar import (
    Calendar,
    next_closing,
    next_opening,
    permitted_after,
    permitted_between,
)
from monitor.core.facts import BatchFacts
from monitor.core.progress import Forecast, people_left
from monitor.core.wording import clock, counted, people_text, span

# Hours that begin again so soon had a break: a batch goes on after lunch.
_BREAK = timedelta(hours=3)
_BREAKS = 4  # in one day
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """One limit: its moment (None: beyond all known hours), words, and the calling time left."""

    at: datetime | None
    words: str
    left: timedelta


def time_of_day(text: str) -> time:
    """Read "18:00"; ValueError says what would be right."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        msg = f'finish_by {text!r} is no time of day; write for example "18:00"'
        raise ValueError(msg)
    return time(int(match[1]), int(match[2]))


@lru_cache(maxsize=1024)
def first_at(wall: time, zone: tzinfo, start: datetime) -> datetime:
    """The first moment after ``start`` at which a wall of the zone shows this time."""
    local = start.astimezone(zone)
    for days in range(3):  # a spring night may not show it
        at = datetime.combine(local.date() + timedelta(days=days), wall, zone)
        if at > start:
            return at.astimezone(start.tzinfo)
    return start


def until_time(facts: BatchFacts, wall: time) -> Deadline | None:
    """By this time of day, the first after it began; None where it is not known when it did."""
    if facts.began_at is None:
        return None
    at = first_at(wall, facts.zone, facts.began_at)
    left = permitted_between(facts.calendar, facts.now, at)
    return Deadline(at=at, words=f"by {clock(at, facts.zone, facts.now)}", left=left)


def until_length(facts: BatchFacts, length: timedelta) -> Deadline | None:
    """In this calling time since it began; None where it is not known when it did."""
    if facts.began_at is None:
        return None
    spent = facts.dialling_between(facts.began_at, facts.now)
    left = max(length - spent, timedelta(0))
    at = permitted_after(facts.calendar, facts.now, left)
    return Deadline(at=at, words=f"within {span(length)} of calling time", left=left)


def closes_at(calendar: Calendar | None, now: datetime) -> datetime | None:
    """When the hours that are open now close, for longer than a break; None where none do."""
    first = closing = next_closing(calendar, now)
    for _ in range(_BREAKS):
        opening = closing and next_opening(calendar, closing)
        if closing is None or opening is None or opening - closing > _BREAK:
            return closing
        closing = next_closing(calendar, opening)
    return first


def until_closing(facts: BatchFacts) -> Deadline | None:
    """Before the calling window that is open now closes; None where none ever does."""
    at = closes_at(facts.calendar, facts.now)
    if at is None:
        return None
    words = f"before the calling window closes at {clock(at, facts.zone, facts.now)}"
    return Deadline(at=at, words=words, left=permitted_between(facts.calendar, facts.now, at))


def nearest(
    facts: BatchFacts, finish_by: str | None, length: timedelta | None, *, close: bool
) -> Deadline | None:
    """Of these limits that with the least calling time left; None where there is none."""
    found = (
        until_time(facts, time_of_day(finish_by)) if finish_by else None,
        until_length(facts, length) if length else None,
        until_closing(facts) if close else None,
    )
    return min((each for each in found if each), key=lambda each: each.left, default=None)


def retried_after(facts: BatchFacts, limit: Deadline) -> datetime | None:
    """When the last retry is planned, where that is too late."""
    last = None if limit.at is None else facts.retries.last_due()
    return last if last is not None and limit.at is not None and last > limit.at else None


def overdue_words(facts: BatchFacts, limit: Deadline, coming: Forecast | None) -> str:
    """For people: whether it will be done in time, why not, and what would do."""
    left = people_left(facts)
    if not limit.left:
        return f"is not done {limit.words}: {people_text(left)} left"
    if coming is not None and coming.needed > limit.left:
        text = f"will not be done {limit.words}: {_ahead(facts, coming)}"
        return f"{text}; {_would_do(facts, limit, coming)}"
    if last := retried_after(facts, limit):
        planned = clock(last, facts.zone, facts.now)
        return f"will not be done {limit.words}: a retry is planned for {planned}"
    ahead = f"{people_text(left)} left" if coming is None else _ahead(facts, coming)
    return f"to be done {limit.words}: {ahead}"


def _ahead(facts: BatchFacts, coming: Forecast) -> str:
    text = f"about {counted(coming.calls, 'call')} left at {coming.pace.per_hour:,.0f} an hour"
    if coming.done_at is None:
        return text
    return f"{text}, so until about {clock(coming.done_at, facts.zone, facts.now)}"


def _would_do(facts: BatchFacts, limit: Deadline, coming: Forecast) -> str:
    lines, times = facts.batch.concurrency, coming.needed / limit.left
    if lines:
        return f"{ceil(lines * times):,} lines instead of {lines:,} would do"
    return f"{times:.1f} times the pace would do"
