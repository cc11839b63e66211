"""What the configuration expects, and when it is next due: so that a wrong time is seen early."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from monitor.core.expectation import Expectation
from monitor.core.schedule import next_due
from monitor.core.wording import clock


def expected_lines(expected: Iterable[Expectation], now: datetime) -> Iterator[str]:
    """A line for each: "expects daily_reminders, next due Mon 09:00 (Europe/Berlin)"."""
    for each in expected:
        zone = each.schedule.zone
        due = next_due(each.schedule, now)
        words = (
            "which is not due within a year" if due is None else f"next due {clock(due, zone, now)}"
        )
        yield f"expects {each.name}, {words} ({zone.key})"


def expected_data(expected: Iterable[Expectation], now: datetime) -> dict[str, datetime | None]:
    """The same for programs: when each is next due, by name."""
    return {each.name: next_due(each.schedule, now) for each in expected}
