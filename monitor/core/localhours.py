"""Calls at hours at which nobody may be called, by the clock on the person's own wall."""

from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo

from monitor.core.calendar import Calendar, is_open
from monitor.core.hours import Hours, parse_closed, parse_hours
from monitor.core.people import LONG_AGO, Breach, PersonCalls, PlacedCall


@dataclass(frozen=True, slots=True)
class LocalHours:
    """A call outside ``hours`` in every zone that the person may be in.

    The hours are written as in a calendar ("mon-fri 08:00-21:00", "2026-12-25 closed"). A
    call whose start is an estimate lies outside only if it does so from the earliest to the
    latest moment at which it may have been placed, as far as both ends tell.
    """

    hours: tuple[str, ...]

    def __call__(self, person: PersonCalls) -> Breach | None:
        """See Check."""
        outside = [call for call in person.calls if call.here and self.forbids(call)]
        if not outside:
            return None
        last = outside[-1]
        when = last.at.astimezone(ZoneInfo(last.zones[0]))
        return Breach(
            at=last.at,
            text=f"was called at {when:%H:%M} their time",
            weight=len(outside),
            exact=any(call.exact for call in outside),
            kind=_kind(self.hours, when),
            evidence=tuple(call.call_id for call in outside[:-4:-1]),
            batches=(last.batch,),
        )

    def forbids(self, call: PlacedCall) -> bool:
        """Whether a call was placed where the hours forbid it; not where nobody can tell."""
        if not call.placed or self.permit(call.at, call.zones):
            return False
        last = call.until
        return last is None or not _permitted(self.hours, call.zones, minute_of(last))

    def permit(self, at: datetime, zones: tuple[str, ...]) -> bool:
        """Whether a call at this moment lies within, or nobody can tell."""
        return not zones or at == LONG_AGO or _permitted(self.hours, zones, minute_of(at))


def read_hours(texts: tuple[str, ...]) -> tuple[tuple[Hours, ...], frozenset[date]]:
    """The permitted hours, and the dates on which there are none; ValueError for people."""
    spans: list[Hours] = []
    closed: frozenset[date] = frozenset()
    for text in texts:
        if days := parse_closed(text):
            closed |= days
        else:
            spans.append(parse_hours(text))
    if not spans:
        msg = 'permits no call at all; write for example ["daily 08:00-21:00"]'
        raise ValueError(msg)
    return tuple(spans), closed


def minute_of(at: datetime) -> int:
    """The minute of a moment: hours, and the offsets of zones, begin and end with one."""
    since = at - LONG_AGO
    return since.days * 1440 + since.seconds // 60


@lru_cache(maxsize=65_536)
def _permitted(hours: tuple[str, ...], zones: tuple[str, ...], minute: int) -> bool:
    at = datetime.fromtimestamp(minute * 60, LONG_AGO.tzinfo)
    return any(is_open(_calendar(hours, zone), at) for zone in zones)


@lru_cache(maxsize=1024)
def _calendar(hours: tuple[str, ...], zone: str) -> Calendar:
    spans, closed = read_hours(hours)
    return Calendar(ZoneInfo(zone), spans, closed)


def _kind(hours: tuple[str, ...], when: datetime) -> str:
    """How it lies outside the hours of its day: before the first, after the last."""
    spans, closed = read_hours(hours)
    day, at = when.date(), when.time()
    today = [each for each in spans if day in each.dates or day.weekday() in each.days]
    if day in closed or not today:
        return "on a closed day"
    first = min(each.start for each in today)
    last = max((each.end for each in today if each.end), default=time.max)
    if at < first:
        return f"before {first:%H:%M}"
    overnight = any(each.end is None or each.end <= each.start for each in today)
    return f"after {last:%H:%M}" if at >= last and not overnight else "outside the hours"
