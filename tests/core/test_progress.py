from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.core.calendar import Calendar, permitted_after, permitted_between
from monitor.core.hours import parse_hours
from monitor.core.model import Counts, Outcome, RetryPolicy
from monitor.core.progress import (
    Pace,
    calls_each,
    conversations,
    forecast,
    kept,
    measured,
    people_left,
    slower,
)
from tests.builders import (
    HOUR,
    MINUTE,
    NOON,
    ListedCalls,
    ended_calls,
    make_batch,
    make_certainty,
    make_facts,
)

OFFICE = Calendar(
    ZoneInfo("UTC"), (parse_hours("daily 09:00-12:30"), parse_hours("daily 13:30-20:00"))
)


def test_who_is_listed_nowhere_yet_is_left_too() -> None:
    facts = make_facts(
        batch=make_batch(counts=Counts(total=500)),
        tally={"contacts": 100, "contact.pending": 10, "contact.in_call": 5, "contact.retrying": 5},
    )

    assert people_left(facts) == 420


@pytest.mark.parametrize(
    ("tally", "most", "each"),
    [
        pytest.param({"contacts": 9, "contact.pending": 9}, None, None, id="nobody is done"),
        pytest.param({"contacts": 9, "contact.skipped": 9}, None, None, id="all were skipped"),
        pytest.param({"contacts": 10, "call.completed": 10}, None, 1.0, id="one each"),
        pytest.param({"contacts": 10, "call.completed": 4}, None, 1.0, id="never less than one"),
        pytest.param(
            {"contacts": 100, "contact.retrying": 70, "call.busy": 70, "call.completed": 30},
            None,
            100 / 30,
            id="those who are called again count",
        ),
        pytest.param(
            {"contacts": 100, "contact.retrying": 70, "call.busy": 70, "call.completed": 30},
            2,
            3.0,
            id="no more than the policy allows",
        ),
    ],
)
def test_how_many_calls_a_person_takes(
    tally: dict[str, int], most: int | None, each: float | None
) -> None:
    policy = RetryPolicy(max_retries=most)

    assert calls_each(make_facts(tally=tally, batch=make_batch(retry=policy))) == each


def test_a_pace_is_of_this_run_and_of_calling_time_alone() -> None:
    calls = ListedCalls(ended_calls(*[Outcome.COMPLETED] * 60, gap=2 * MINUTE))
    began = make_facts(calls=calls, running_at=NOON - 30 * MINUTE)
    paused = make_facts(
        calls=calls, running_at=NOON - 5 * HOUR, pauses=((NOON - HOUR, NOON - 30 * MINUTE),)
    )

    assert measured(began, HOUR) == Pace(n=15, time=30 * MINUTE)
    assert measured(began, HOUR).per_hour == 30
    assert measured(paused, HOUR) == Pace(n=30, time=30 * MINUTE)
    assert conversations(paused, HOUR, back=HOUR) == Pace(n=30, time=HOUR)
    assert conversations(began, HOUR, back=HOUR) == Pace(n=0, time=timedelta(0))


def test_a_look_that_nobody_has_read_after_is_no_lack_of_calls() -> None:
    calls = ListedCalls(ended_calls(*[Outcome.COMPLETED] * 60, gap=2 * MINUTE))
    known: dict[str, Any] = {"calls": calls, "running_at": NOON - 5 * HOUR, "now": NOON + HOUR}
    seen = {"observed_at": NOON + HOUR, "swept_at": NOON}
    unread = make_facts(certainty=make_certainty(**seen), **known)
    still = make_facts(certainty=make_certainty(recounted=True, **seen), **known)

    assert measured(unread, HOUR) == Pace(n=30, time=HOUR)
    assert measured(still, HOUR) == Pace(n=0, time=HOUR)


def test_no_pace_foretells_nothing() -> None:
    facts = make_facts(tally={"contacts": 9, "contact.pending": 5, "call.completed": 4})

    assert forecast(facts, Pace(n=0, time=HOUR)) is None
    assert forecast(facts, Pace(n=0, time=timedelta(0))) is None


@pytest.mark.parametrize(
    ("length", "hours"),
    [
        pytest.param(timedelta(0), 0, id="at once"),
        pytest.param(30 * MINUTE, 0.5, id="before lunch"),
        pytest.param(HOUR, 2, id="over lunch"),
        pytest.param(7 * HOUR, 8, id="until closing"),
        pytest.param(8 * HOUR, 22, id="the next morning"),
        pytest.param(17 * HOUR, 32, id="the next evening"),
    ],
)
def test_when_so_much_calling_time_has_passed(length: timedelta, hours: float) -> None:
    at = permitted_after(OFFICE, NOON, length)

    assert at == NOON + hours * HOUR
    assert permitted_between(OFFICE, NOON, at) == length


def test_what_takes_longer_than_the_hours_that_are_known_has_no_end() -> None:
    assert permitted_after(None, NOON, HOUR) == NOON + HOUR
    assert permitted_after(OFFICE, NOON, 9_000 * HOUR) is None
    assert permitted_after(Calendar(ZoneInfo("UTC"), ()), NOON, HOUR) is None


@pytest.mark.parametrize(
    ("late", "early", "sure"),
    [
        pytest.param(100, 400, 0.0, id="as fast"),
        pytest.param(150, 400, 0.0, id="faster"),
        pytest.param(50, 400, 5.2, id="half, of many"),
        pytest.param(5, 40, 1.5, id="half, of few"),
    ],
)
def test_how_sure_it_is_that_one_pace_is_slower(late: int, early: int, sure: float) -> None:
    now, before = Pace(n=late, time=30 * MINUTE), Pace(n=early, time=2 * HOUR)

    assert slower(now, before) == pytest.approx(sure, abs=0.1)


def test_paces_of_no_time_are_not_compared() -> None:
    nothing = Pace(n=0, time=timedelta(0))

    assert slower(nothing, Pace(n=9, time=HOUR)) == slower(Pace(n=9, time=HOUR), nothing) == 0
    assert kept(Pace(n=9, time=HOUR), nothing) == 1
