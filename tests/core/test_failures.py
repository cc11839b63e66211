from datetime import timedelta

import pytest

from monitor.core.facts import Report, Window
from monitor.core.failures import accused, too_few, usual_share, window_finding
from monitor.core.model import Outcome
from monitor.core.tally import Tally
from tests.builders import (
    MINUTE,
    NOON,
    ListedCalls,
    ended_calls,
    make_facts,
    make_report,
)

FAILED = frozenset({Outcome.FAILED, Outcome.ERROR})
WINDOW = Window(
    start=NOON - 10 * MINUTE, end=NOON, outcomes={Outcome.FAILED: 19, Outcome.COMPLETED: 23}
)


@pytest.mark.parametrize(
    ("tally", "previous", "usual"),
    [
        pytest.param({"call.failed": 23, "call.completed": 119}, None, 0.04, id="this batch"),
        pytest.param({"call.failed": 19, "call.completed": 42}, None, None, id="too few before"),
        pytest.param(
            {}, make_report(outcomes={"failed": 10, "busy": 90}), 0.1, id="the last batch"
        ),
        pytest.param({}, make_report(outcomes={"failed": 9, "busy": 10}), None, id="a small one"),
    ],
)
def test_what_is_usual(tally: Tally, previous: Report | None, usual: float | None) -> None:
    facts = make_facts(tally=tally, previous=previous)

    assert usual_share(facts, WINDOW, FAILED, 20) == usual


def test_the_sentence_of_a_window() -> None:
    assert window_finding(WINDOW, 19, 0.25).summary == "19 of 42 calls failed in 10 min (45 %)"
    assert window_finding(WINDOW, 19, 0.25, 0.04).summary.endswith("(45 %, usually 4 %)")


def test_what_most_failures_share_is_in_the_sentence_and_the_rest_in_lines() -> None:
    calls = ended_calls(*[Outcome.FAILED] * 3, error_class="Call failed.", from_number="••4821")
    facts = make_facts(calls=ListedCalls(calls), tally={"contact.pending": 404})
    finding = window_finding(WINDOW, 19, 0.25)

    found = accused(facts, finding, NOON - MINUTE, FAILED)

    assert found.summary.endswith("(45 %), 3 with the same error: Call failed; 404 people wait")
    assert found.details == (
        ("commonest error", "Call failed. (3 of 3)"),
        ("commonest from-number", "••4821 (3 of 3)"),
    )
    assert found.evidence == ("c2", "c1", "c0")


def test_a_value_that_few_failures_share_explains_nothing() -> None:
    calls = (
        *ended_calls(Outcome.FAILED, error_class="a"),
        *ended_calls(*[Outcome.FAILED] * 4, last=NOON - timedelta(seconds=5)),
    )
    facts = make_facts(calls=ListedCalls(calls))

    found = accused(facts, window_finding(WINDOW, 19, 0.25), NOON - MINUTE, FAILED)

    assert found.summary == "19 of 42 calls failed in 10 min (45 %)"


def test_an_empty_window_says_since_when_in_the_zone_of_the_batch() -> None:
    empty = Window(start=NOON - 10 * MINUTE, end=NOON, outcomes={})
    facts = make_facts(default_zone="Europe/Berlin")
    last = ended_calls(Outcome.FAILED, last=NOON - 20 * MINUTE)

    assert too_few(facts, empty, last, 20) == "no calls since 13:40"
    assert too_few(facts, empty, (), 20) == "no calls yet"
    assert too_few(facts, WINDOW, last, 50) == "only 42 calls in 10 min, 50 are needed"
