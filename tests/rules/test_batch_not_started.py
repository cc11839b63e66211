from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.core.calendar import Calendar
from monitor.core.facts import BatchFacts
from monitor.core.hours import parse_hours
from monitor.core.model import BatchStatus
from monitor.core.rule import Clear, Holds, Unknown
from rules.batch_not_started import BatchNotStarted
from tests.builders import HOUR, MINUTE, NOON, SECOND, make_batch, make_facts

RULE = BatchNotStarted()
OFFICE = Calendar(ZoneInfo("UTC"), (parse_hours("daily 09:00-20:00"),))


def late_by(length: timedelta, **changes: Any) -> BatchFacts:
    batch = {"status": BatchStatus.SCHEDULED, "scheduled_at": NOON - length}
    values: dict[str, Any] = {"tally": {"contacts": 40, "contact.pending": 40}}
    return make_facts(batch=make_batch(**batch | changes.pop("batch", {})), **values | changes)


@pytest.mark.parametrize(
    ("late", "holds"),
    [
        pytest.param(-HOUR, False, id="to begin later"),
        pytest.param(15 * MINUTE - SECOND, False, id="just in time"),
        pytest.param(15 * MINUTE, True, id="at the limit"),
        pytest.param(5 * HOUR, True, id="long ago"),
    ],
)
def test_the_limit(late: timedelta, *, holds: bool) -> None:
    assert isinstance(RULE.evaluate(late_by(late)), Holds if holds else Clear)


def test_the_sentence_says_when_it_should_have_begun_and_who_waits() -> None:
    verdict = RULE.evaluate(late_by(20 * MINUTE))

    assert isinstance(verdict, Holds)
    finding = verdict.finding
    assert finding.summary == (
        "should have begun at 11:40, still pending after 20 min; 40 people wait"
    )
    assert (finding.value, finding.threshold, finding.unit) == (1_200, 900, "s")
    assert (finding.since, finding.waiting) == (NOON - 20 * MINUTE, 40)


def test_a_batch_without_a_start_may_be_meant_to_wait() -> None:
    facts = late_by(HOUR, batch={"scheduled_at": None, "created_at": NOON - HOUR})

    assert RULE.evaluate(facts) == Unknown("no start is planned")


@pytest.mark.parametrize(
    ("created", "kind"),
    [
        pytest.param(15 * MINUTE - SECOND, Clear, id="just in time"),
        pytest.param(15 * MINUTE, Holds, id="at the limit"),
    ],
)
def test_checks_that_begin_by_themselves_must_end(
    created: timedelta, kind: type[Holds | Clear]
) -> None:
    batch = {"scheduled_at": None, "preparing": True, "created_at": NOON - created}
    verdict = RULE.evaluate(late_by(HOUR, batch=batch))

    assert isinstance(verdict, kind)
    assert "still being prepared" in verdict.finding.summary


def test_hours_in_which_nobody_may_be_called_do_not_count() -> None:
    opening = NOON.replace(hour=9)
    planned = {"scheduled_at": opening - 9 * HOUR}

    def at(minutes: int) -> BatchFacts:
        return late_by(HOUR, batch=planned, now=opening + minutes * MINUTE, calendar=OFFICE)

    assert isinstance(RULE.evaluate(at(-1)), Unknown)
    assert isinstance(RULE.evaluate(at(14)), Clear)
    assert isinstance(RULE.evaluate(at(15)), Holds)


@pytest.mark.parametrize("status", [pytest.param(s, id=s) for s in BatchStatus])
def test_only_a_batch_that_has_not_begun_is_its_business(status: BatchStatus) -> None:
    verdict = RULE.evaluate(late_by(HOUR, batch={"status": status}))

    expected = {BatchStatus.SCHEDULED: Holds, BatchStatus.UNKNOWN: Unknown}
    assert isinstance(verdict, expected.get(status, Clear))
