from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.core.calendar import Calendar
from monitor.core.drift import RetryTiming
from monitor.core.hours import parse_hours
from monitor.core.model import Outcome
from monitor.core.people import PersonCalls, PlacedCall
from tests.builders import HOUR, MINUTE, NOON

CHECK = RetryTiming(cooldown=30 * MINUTE, earlier=5 * MINUTE, later=HOUR)
OFFICE = Calendar(ZoneInfo("UTC"), (parse_hours("daily 09:00-20:00"),))


def call(attempt: int, at: timedelta, **changes: Any) -> PlacedCall:
    values: dict[str, Any] = {
        "at": NOON + at,
        "exact": True,
        "here": True,
        "provider": "renewals",
        "batch": "Renewals May",
        "call_id": f"c{attempt}",
        "attempt": attempt,
        "outcome": Outcome.NO_ANSWER,
        "ended_at": NOON + at,
    }
    return PlacedCall(**values | changes)


def person(*calls: PlacedCall) -> PersonCalls:
    return PersonCalls(phone=None, contact_id="p1", calls=calls)


def test_equal_checks_are_one() -> None:
    assert hash(CHECK) == hash(RetryTiming(cooldown=30 * MINUTE, earlier=5 * MINUTE, later=HOUR))


@pytest.mark.parametrize(
    "calls",
    [
        pytest.param((), id="no calls"),
        pytest.param((call(0, 0 * MINUTE),), id="one call"),
        pytest.param((call(0, 0 * MINUTE), call(1, 30 * MINUTE)), id="in time"),
        pytest.param((call(0, 0 * MINUTE), call(1, MINUTE, follow_up=True)), id="a follow-up"),
        pytest.param((call(0, 0 * MINUTE), call(1, MINUTE, here=False)), id="in another batch"),
        pytest.param((call(0, 0 * MINUTE), call(0, MINUTE)), id="no retry: called twice at first"),
        pytest.param((call(0, 0 * MINUTE), call(2, MINUTE)), id="one between was not seen"),
        pytest.param(
            (call(0, 0 * MINUTE, outcome=Outcome.COMPLETED), call(1, MINUTE)),
            id="after a conversation: another rule's business",
        ),
        pytest.param(
            (call(0, 0 * MINUTE, ended_at=NOON + HOUR), call(1, 2 * HOUR + 30 * MINUTE)),
            id="counted from the end of a long call",
        ),
    ],
)
def test_what_is_no_breach(calls: tuple[PlacedCall, ...]) -> None:
    assert CHECK(person(*calls)) is None


def test_the_newest_retry_out_of_time_counts() -> None:
    calls = (call(0, 0 * MINUTE), call(1, MINUTE), call(2, 2 * HOUR + MINUTE), call(3, 3 * HOUR))
    breach = CHECK(person(*calls))

    assert breach is not None
    assert (breach.at, breach.text) == (NOON + 2 * HOUR + MINUTE, "called again 1 h 30 min late")
    assert breach.evidence == ("c1", "c2")


def test_a_time_that_is_an_estimate_is_no_exact_breach() -> None:
    breach = CHECK(person(call(0, 0 * MINUTE, exact=False), call(1, MINUTE)))

    assert breach is not None
    assert (breach.text, breach.exact) == ("called again after 1 min, not 30 min", False)


def test_the_night_and_a_pause_delay_a_retry_by_right() -> None:
    evening = NOON.replace(hour=19, minute=45) - NOON
    morning = evening + 14 * HOUR
    night = person(call(0, evening), call(1, morning))
    pause = ((NOON + 10 * MINUTE, NOON + 4 * HOUR),)
    paused = person(call(0, 0 * MINUTE), call(1, 4 * HOUR + 10 * MINUTE))

    assert CHECK(night) is not None
    assert (
        RetryTiming(cooldown=30 * MINUTE, earlier=MINUTE, later=HOUR, calendar=OFFICE)(night)
        is None
    )
    assert CHECK(paused) is not None
    assert (
        RetryTiming(cooldown=30 * MINUTE, earlier=MINUTE, later=HOUR, pauses=pause)(paused) is None
    )
