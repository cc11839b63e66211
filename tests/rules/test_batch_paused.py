from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.core.calendar import Calendar
from monitor.core.facts import BatchFacts
from monitor.core.hours import parse_hours
from monitor.core.model import BatchStatus
from monitor.core.rule import Clear, Holds, Unknown
from monitor.core.stopping import PAUSE, StoppedBy
from rules.batch_paused import BatchPaused
from tests.builders import HOUR, MINUTE, NOON, SECOND, make_batch, make_facts

RULE = BatchPaused()
OFFICE = Calendar(ZoneInfo("UTC"), (parse_hours("daily 09:00-20:00"),))


def paused_for(length: timedelta, **changes: Any) -> BatchFacts:
    values: dict[str, Any] = {
        "batch": make_batch(status=BatchStatus.PAUSED),
        "pauses": ((NOON - length, None),),
        "tally": {"contacts": 412, "contact.pending": 180, "contact.retrying": 20},
    }
    return make_facts(**values | changes)


@pytest.mark.parametrize(
    ("length", "holds"),
    [
        pytest.param(HOUR - SECOND, False, id="just in time"),
        pytest.param(HOUR, True, id="at the limit"),
        pytest.param(9 * HOUR, True, id="for long"),
    ],
)
def test_the_limit(length: timedelta, *, holds: bool) -> None:
    assert isinstance(RULE.evaluate(paused_for(length)), Holds if holds else Clear)


def test_the_sentence_says_since_when_and_who_waits() -> None:
    verdict = RULE.evaluate(paused_for(2 * HOUR))

    assert isinstance(verdict, Holds)
    finding = verdict.finding
    assert finding.summary == "paused since 10:00, 2 h of calling time; 200 people wait"
    assert (finding.value, finding.threshold, finding.unit) == (7_200, 3_600, "s")
    assert (finding.affected, finding.total) == (200, 412)


def test_whoever_paused_it_through_offhook_knows() -> None:
    ann = StoppedBy(action=PAUSE, who="ann", at=NOON - 2 * HOUR)

    assert RULE.evaluate(paused_for(2 * HOUR, stopped_by=ann)) == Unknown("paused by ann, 10:00")


def test_a_pause_costs_nothing_at_night() -> None:
    evening, opening = NOON.replace(hour=19, minute=50), NOON.replace(hour=9) + 24 * HOUR

    def at(minutes: int) -> BatchFacts:
        return paused_for(
            HOUR, now=opening + minutes * MINUTE, pauses=((evening, None),), calendar=OFFICE
        )

    assert isinstance(RULE.evaluate(at(-60)), Unknown)
    assert isinstance(RULE.evaluate(at(49)), Clear)
    assert isinstance(RULE.evaluate(at(50)), Holds)


def test_a_pause_in_which_nobody_is_left_harms_nobody() -> None:
    tally = {"contacts": 12, "contact.completed": 12}

    assert isinstance(RULE.evaluate(paused_for(9 * HOUR, tally=tally)), Clear)


def test_a_pause_whose_beginning_nobody_saw_is_not_judged() -> None:
    assert isinstance(RULE.evaluate(paused_for(HOUR, pauses=())), Unknown)


@pytest.mark.parametrize("status", [pytest.param(s, id=s) for s in BatchStatus])
def test_only_a_paused_batch_is_its_business(status: BatchStatus) -> None:
    verdict = RULE.evaluate(paused_for(HOUR, batch=make_batch(status=status)))

    expected = {BatchStatus.PAUSED: Holds, BatchStatus.UNKNOWN: Unknown}
    assert isinstance(verdict, expected.get(status, Clear))
