from datetime import timedelta
from typing import Any

import pytest

from monitor.core.baseline import Counted, Usual
from monitor.core.calls import Peer
from monitor.core.facts import Report, Window
from monitor.core.failures import accused, case_of, too_few, usual_share, window_finding
from monitor.core.model import Outcome
from monitor.core.tally import Tally
from tests.builders import (
    MINUTE,
    NOON,
    ListedCalls,
    ListedPeers,
    ended_calls,
    make_facts,
    make_report,
)

FAILED = frozenset({Outcome.FAILED, Outcome.ERROR})
WINDOW = Window(
    start=NOON - 10 * MINUTE, end=NOON, outcomes={Outcome.FAILED: 19, Outcome.COMPLETED: 23}
)


@pytest.mark.parametrize(
    ("tally", "previous", "found"),
    [
        pytest.param({"call.failed": 23, "call.completed": 119}, None, (4, 100), id="this batch"),
        pytest.param({"call.failed": 19, "call.completed": 42}, None, None, id="too few before"),
        pytest.param(
            {}, make_report(outcomes={"failed": 10, "busy": 90}), (10, 100), id="the last batch"
        ),
        pytest.param({}, make_report(outcomes={"failed": 9, "busy": 10}), None, id="a small one"),
    ],
)
def test_what_is_usual(tally: Tally, previous: Report | None, found: Any) -> None:
    usual = usual_share(make_facts(tally=tally, previous=previous), WINDOW, FAILED, 20)

    assert (None if usual is None else usual.seen) == found


def test_the_sentence_of_a_window() -> None:
    assert window_finding(WINDOW, 19, 0.25).summary == "19 of 42 calls failed in 10 min (45 %)"
    usual = Usual(seen=Counted(4, 100), where="earlier in this batch")

    found = window_finding(WINDOW, 19, 0.25, usual)

    assert found.summary.endswith("(45 %, usually 4 %, n 100)")
    assert found.details == (
        ("share", "45 % of 42 calls, 31 % to 60 % at 95 % confidence"),
        ("usual", "4 % of 100 calls, 2 % to 10 % at 95 % confidence (earlier in this batch)"),
    )
    never = Usual(seen=Counted(0, 310), where="the 3 batches before")
    assert window_finding(WINDOW, 19, 0.25, never).summary.endswith("(45 %, usually none, n 310)")


CASE = case_of(FAILED)


def test_what_most_failures_share_is_in_the_sentence_and_the_rest_in_lines() -> None:
    calls = ended_calls(*[Outcome.FAILED] * 3, error_class="Call failed.", hangup="carrier")
    facts = make_facts(calls=ListedCalls(calls), tally={"contact.pending": 404})
    finding = window_finding(WINDOW, 19, 0.25)

    found = accused(facts, finding, NOON - MINUTE, CASE)

    assert found.summary.endswith("(45 %), 3 with the same error: Call failed; 404 people wait")
    assert found.details[1:] == (
        ("same error", "Call failed (3 of 3 failed calls)"),
        ("same hang-up reason", "carrier (3 of 3 failed calls)"),
    )
    assert found.evidence == ("c2", "c1", "c0")


def test_a_value_that_few_failures_share_explains_nothing() -> None:
    calls = (
        *ended_calls(Outcome.FAILED, error_class="a"),
        *ended_calls(*[Outcome.FAILED] * 4, last=NOON - timedelta(seconds=5)),
    )
    facts = make_facts(calls=ListedCalls(calls))

    found = accused(facts, window_finding(WINDOW, 19, 0.25), NOON - MINUTE, CASE)

    assert found.summary == "19 of 42 calls failed in 10 min (45 %)"


def test_where_failures_stand_out_is_named_with_its_numbers() -> None:
    calls = (
        *ended_calls(*[Outcome.FAILED] * 17, from_number="••0134"),
        *ended_calls(*[Outcome.FAILED] * 2, from_number="••0135"),
        *ended_calls(*[Outcome.COMPLETED] * 2, from_number="••0134"),
        *ended_calls(*[Outcome.COMPLETED] * 21, from_number="••0135"),
    )
    facts = make_facts(calls=ListedCalls(calls))

    found = accused(facts, window_finding(WINDOW, 19, 0.25), NOON - MINUTE, CASE)

    assert found.summary.endswith("(45 %), 17 of 19 from ••0134 (2 of 23 others)")
    assert found.details[1] == (
        "same from-number",
        "from ••0134 (17 of 19 failed calls, 2 of 23 others, 10.3 times as often)",
    )


def test_how_it_goes_elsewhere_is_told_by_provider() -> None:
    def peer(provider: str, *outcomes: Outcome) -> Peer:
        return Peer(
            batch_id="b2",
            title="Another",
            provider=provider,
            calls=ListedCalls(ended_calls(*outcomes)),
            start=NOON - MINUTE,
            end=NOON,
        )

    some = (
        peer("renewals", Outcome.FAILED, Outcome.COMPLETED),
        peer("renewals", *[Outcome.COMPLETED] * 2),
        peer("surveys", Outcome.COMPLETED),
        peer("idle"),
    )
    facts = make_facts(peers=ListedPeers(open_=some))

    found = accused(facts, window_finding(WINDOW, 19, 0.25), NOON - MINUTE, CASE)

    assert found.details[1:] == (
        ("other batches now", "1 of 4 calls failed (25 %)"),
        ("batches at surveys now", "0 of 1 call failed (0 %)"),
    )


def test_an_empty_window_says_since_when_in_the_zone_of_the_batch() -> None:
    empty = Window(start=NOON - 10 * MINUTE, end=NOON, outcomes={})
    before = ended_calls(Outcome.FAILED, last=NOON - 20 * MINUTE)
    called = make_facts(default_zone="Europe/Berlin", calls=ListedCalls(before))

    assert too_few(called, empty, 20) == "no calls since 13:40"
    assert too_few(make_facts(), empty, 20) == "no calls yet"
    assert too_few(called, WINDOW, 50) == "only 42 calls in 10 min, 50 are needed"
