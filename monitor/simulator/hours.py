"""A campaign's working hours as the vendor keeps them.

Kept apart from the product's own calendar on purpose: a fault there must not be mirrored in
the world that it is tested against.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
OFFICE = dict.fromkeys(WEEKDAYS[:5], ("09:00", "20:00"))


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingHours:
    """Spans within one day ("HH:MM", 24 h) by weekday; a weekday that is not named is closed."""

    zone: str
    days: Mapping[str, tuple[str, str]] = field(default_factory=lambda: OFFICE)

    def next_open(self, at: float) -> float:
        """The first instant at or after ``at`` (seconds since 1970) that is permitted."""
        zone = ZoneInfo(self.zone)
        local = datetime.fromtimestamp(at, UTC).astimezone(zone)
        for ahead in range(9):
            day = local.date() + timedelta(days=ahead)
            span = self.days.get(WEEKDAYS[day.weekday()])
            if span is None:
                continue
            opens, closes = (
                datetime.combine(day, time.fromisoformat(text), zone).timestamp() for text in span
            )
            if at < closes:
                return max(at, opens)
        msg = f"working hours in {self.zone} name no weekday"
        raise ValueError(msg)
