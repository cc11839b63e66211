from datetime import timedelta
from typing import Any

import pytest

from monitor.core.facts import BatchFacts
from monitor.core.model import BatchStatus, Counts
from monitor.core.rule import Clear, Finding, Holds, Severity, Unknown
from monitor.core.stopping import StoppedBy
from rules.batch_failed import BatchFailed
from tests.builders import HOUR, MINUTE, NOON, SECOND, make_certainty, make_ended_facts

RULE = BatchFailed()
BY_ANN = StoppedBy(action="stop", who="ann", at=NOON)
HUNDRED: dict[str, Any] = {"batch": {"counts": Counts(total=100)}}


def held(facts: BatchFacts, rule: BatchFailed = RULE) -> Finding:
    verdict = rule.evaluate(facts)
    assert isinstance(verdict, Holds), verdict
    return verdict.finding


def undialled(n: int) -> dict[str, Any]:
    return {**HUNDRED, "tally": {"contacts": 100, "undialled": n}}


def test_it_tells_the_vendors_reason_and_who_was_never_dialled() -> None:
    batch = {
        "counts": Counts(total=412),
        "reason": "Entry # did not have a phone number.",
        "reason_code": "source_invalid",
    }
    tally = {"contacts": 412, "undialled": 389}

    finding = held(make_ended_facts(BatchStatus.FAILED, batch=batch, tally=tally))

    assert finding.summary == (
        "failed: Entry # did not have a phone number; 389 of 412 people were never dialled"
    )
    assert ("vendor's code", "source_invalid") in finding.details
    assert (finding.affected, finding.total) == (389, 412)
    assert finding.severity is Severity.CRITICAL


def test_a_code_stands_in_for_a_reason() -> None:
    facts = make_ended_facts(BatchStatus.PARTIAL, batch={"reason_code": "batch_early_exit"})

    assert held(facts).summary == "ended early (batch_early_exit)"


@pytest.mark.parametrize(
    ("status", "missed", "severity"),
    [
        pytest.param(BatchStatus.FAILED, 0, Severity.CRITICAL, id="failed"),
        pytest.param(BatchStatus.EXPIRED, 0, Severity.WARNING, id="expired"),
        pytest.param(BatchStatus.EXPIRED, 4, Severity.WARNING, id="expired, just below 5 %"),
        pytest.param(BatchStatus.EXPIRED, 5, Severity.CRITICAL, id="expired, 5 % undialled"),
        pytest.param(BatchStatus.PARTIAL, 4, Severity.WARNING, id="ended early, below"),
        pytest.param(BatchStatus.PARTIAL, 50, Severity.CRITICAL, id="ended early, half undialled"),
        pytest.param(BatchStatus.CANCELLED, 50, Severity.INFO, id="cancelled"),
    ],
)
def test_how_bad_it_is_goes_by_status_and_by_who_was_never_dialled(
    status: BatchStatus, missed: int, severity: Severity
) -> None:
    assert held(make_ended_facts(status, **undialled(missed))).severity is severity


def test_a_severity_of_your_own_leaves_the_others() -> None:
    rule = BatchFailed(severity_by_status={BatchStatus.EXPIRED: Severity.INFO})

    expired = make_ended_facts(BatchStatus.EXPIRED, **undialled(50))
    failed = make_ended_facts(BatchStatus.FAILED, **undialled(0))

    assert held(expired, rule).severity is Severity.INFO
    assert held(failed, rule).severity is Severity.CRITICAL


@pytest.mark.parametrize("status", [BatchStatus.CANCELLED, BatchStatus.PARTIAL])
def test_what_somebody_stopped_is_information_and_says_who(status: BatchStatus) -> None:
    rule = BatchFailed(severity_by_status={BatchStatus.CANCELLED: Severity.CRITICAL})

    finding = held(make_ended_facts(status, **undialled(50), stopped_by=BY_ANN), rule)

    assert finding.severity is Severity.INFO
    assert finding.summary == "stopped by ann; 50 of 100 people were never dialled"


@pytest.mark.parametrize("status", [BatchStatus.FAILED, BatchStatus.EXPIRED])
def test_what_failed_after_somebody_had_stopped_it_is_no_information(status: BatchStatus) -> None:
    finding = held(make_ended_facts(status, **undialled(50), stopped_by=BY_ANN))

    assert finding.severity is Severity.CRITICAL


def test_who_only_paused_it_is_not_blamed_for_its_end() -> None:
    paused = StoppedBy(action="pause", who="ann", at=NOON)

    finding = held(make_ended_facts(BatchStatus.FAILED, **undialled(50), stopped_by=paused))

    assert finding.severity is Severity.CRITICAL
    assert "ann" not in finding.summary


def test_nobody_listed_and_nobody_asked_for_is_not_called_undialled() -> None:
    finding = held(make_ended_facts(BatchStatus.EXPIRED))

    assert finding.summary == "expired before it was done"
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize(
    ("looked", "holds"),
    [
        pytest.param(timedelta(0), False, id="the first look"),
        pytest.param(timedelta(microseconds=1), True, id="any later look"),
    ],
)
def test_the_end_must_be_seen_twice(looked: timedelta, *, holds: bool) -> None:
    certainty = make_certainty(observed_at=NOON - MINUTE + looked)

    verdict = RULE.evaluate(make_ended_facts(BatchStatus.FAILED, certainty=certainty))

    assert isinstance(verdict, Holds) is holds
    assert holds or verdict == Unknown("a second look has not confirmed the end")


@pytest.mark.parametrize(
    ("ended", "holds"),
    [
        pytest.param(2 * MINUTE - SECOND, False, id="while it may still be read"),
        pytest.param(2 * MINUTE, True, id="after two minutes"),
    ],
)
def test_who_was_never_dialled_is_read_first_if_it_can_be(ended: timedelta, *, holds: bool) -> None:
    certainty = make_certainty(complete_at=NOON - HOUR)

    verdict = RULE.evaluate(make_ended_facts(BatchStatus.FAILED, ended=ended, certainty=certainty))

    assert isinstance(verdict, Holds) is holds
    if isinstance(verdict, Holds):
        assert verdict.finding.estimate
        assert "not known" in dict(verdict.finding.details)


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(BatchStatus.COMPLETED, id="completed"),
        pytest.param(BatchStatus.RUNNING, id="running"),
        pytest.param(BatchStatus.PAUSED, id="paused"),
        pytest.param(BatchStatus.SCHEDULED, id="not begun"),
    ],
)
def test_a_batch_that_did_not_fail_is_clear(status: BatchStatus) -> None:
    assert isinstance(RULE.evaluate(make_ended_facts(status)), Clear)


def test_a_status_that_nobody_knows_is_no_failure() -> None:
    assert isinstance(RULE.evaluate(make_ended_facts(BatchStatus.UNKNOWN)), Unknown)


def test_what_had_ended_before_the_first_look_is_never_reported() -> None:
    assert isinstance(RULE.evaluate(make_ended_facts(BatchStatus.FAILED, news=False)), Clear)


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        pytest.param({"undialled": 5}, "undialled is 5; it must lie between 0 and 1", id="percent"),
        pytest.param(
            {"severity_by_status": {BatchStatus.COMPLETED: Severity.INFO}},
            "completed is not failed or expired or partial or cancelled",
            id="a status that is no failure",
        ),
    ],
)
def test_parameters_that_cannot_be_meant_are_refused(parameters: Any, says: str) -> None:
    with pytest.raises(ValueError) as caught:
        BatchFailed(**parameters)

    assert says in str(caught.value)
