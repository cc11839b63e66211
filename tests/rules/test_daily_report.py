from dataclasses import replace
from datetime import UTC, time
from typing import Any

import pytest

from monitor.core.day import BatchDay, DayFacts, GivenUp
from monitor.core.model import BatchStatus
from monitor.core.rule import Clear, Finding, Holds, Severity
from rules.daily_report import SHOWN, DailyReport
from tests.builders import HOUR, NOON, make_facts

RULE = DailyReport()


def ended(title: str = "Renewals", **changes: Any) -> BatchDay:
    values: dict[str, Any] = {
        "provider": "renewals",
        "batch_id": title.lower(),
        "title": title,
        "status": BatchStatus.COMPLETED,
        "people": 412,
        "finished": 412,
        "reached": 206,
        "spent": {"USD": 12_300_000},
    }
    return BatchDay(**values | changes)


def running(title: str = "Survey", **changes: Any) -> BatchDay:
    more = {"status": BatchStatus.RUNNING, "finished": 120, "reached": None, "spent": {}}
    return ended(title, **more | changes)


def day(*batches: BatchDay, **alerts: int) -> DayFacts:
    return DayFacts(
        now=NOON, start=NOON - 24 * HOUR, end=NOON, zone=UTC, batches=batches, alerts=alerts
    )


def test_what_was_given_up_is_listed_also_on_a_day_on_which_nothing_was() -> None:
    lost = GivenUp(receiver="ops", n=2, oldest=NOON - HOUR, key="abc123")
    quiet = replace(day(), given_up=(lost, replace(lost, receiver="boss", n=1)))

    finding = told(quiet)

    assert finding.summary == "no batch ended; no alert fired; 3 messages were given up"
    assert finding.details == (
        (
            "not sent to ops",
            "2 messages, the oldest of 11:00: offhook deliveries replay abc123",
        ),
        ("not sent to boss", "1 message of 11:00: offhook deliveries replay abc123"),
    )


def told(facts: DayFacts) -> Finding:
    verdict = RULE.evaluate(facts)
    assert isinstance(verdict, Holds)
    return verdict.finding


def test_the_day_in_one_sentence_and_a_line_a_batch() -> None:
    finding = told(day(ended(), running(), error_spike=2, batch_stalled=1))

    assert finding.summary == (
        "1 batch ended, 1 still open; 206 of 412 people reached; 12.30 USD spent; 3 alerts fired"
    )
    assert finding.details == (
        ("Renewals", "completed, 206 of 412 people reached (50 %), 12.30 USD"),
        ("Survey", "running, 120 of 412 people done"),
        ("alerts", "error_spike 2, batch_stalled 1"),
    )
    assert finding.todo is None
    assert not finding.estimate


@pytest.mark.parametrize(
    "batch",
    [
        pytest.param(ended(status=BatchStatus.FAILED), id="it failed"),
        pytest.param(ended(never_dialled=1), id="somebody was never dialled"),
    ],
)
def test_what_went_wrong_is_what_to_look_at_first(batch: BatchDay) -> None:
    assert told(day(running(), ended("Good"), batch)).todo == "Look first at Renewals."


def test_an_estimate_is_marked_wherever_it_stands() -> None:
    finding = told(day(ended(estimated=True)))

    assert "12.30 USD (estimate) spent" in finding.summary
    assert finding.details[0][1].endswith("12.30 USD (estimate)")
    assert finding.estimate


def test_more_batches_than_anybody_reads_are_counted() -> None:
    lines = told(day(*(ended(f"B{n}") for n in range(SHOWN + 1)))).details

    assert len(lines) == SHOWN + 1
    assert lines[-1] == ("and", "1 more: offhook batches")
    assert len(told(day(*(ended(f"B{n}") for n in range(SHOWN)))).details) == SHOWN


def test_a_day_without_anything_is_not_told() -> None:
    assert isinstance(RULE.evaluate(day()), Clear)
    assert isinstance(RULE.evaluate(day(error_spike=1)), Holds)


@pytest.mark.parametrize(
    "text", ["18", "24:00", "18:60", "6:5", "evening", "-1:30", "1٨:00", "18:00 "]
)
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^at is "):
        DailyReport(at=text)


def test_a_time_of_day() -> None:
    assert DailyReport(at="07:30").time == time(7, 30)


def test_what_it_is() -> None:
    assert (RULE.severity, RULE.one_shot, RULE.written_only) == (Severity.INFO, True, True)
    with pytest.raises(TypeError, match="about days"):
        RULE.evaluate(make_facts())


def test_a_day_on_which_none_ended_says_so() -> None:
    assert told(day(running())).summary == "no batch ended, 1 still open; no alert fired"
