from dataclasses import replace
from typing import Any

import pytest

from monitor.core.calls import EndedCall
from monitor.core.model import BatchStatus, Outcome
from monitor.core.rule import Clear, Finding, Holds, Unknown, Verdict
from monitor.core.words import UNDELIVERED
from rules.transfers_failing import TransfersFailing
from tests.builders import (
    EVERYTHING,
    HOUR,
    MINUTE,
    NOON,
    ListedCalls,
    ended_calls,
    make_batch,
    make_facts,
)

RULE = TransfersFailing()
DONE = Outcome.COMPLETED


def tried(failed: int, n: int, **changes: Any) -> tuple[EndedCall, ...]:
    """So many transfers, of which so many failed, among calls in which nobody tried."""
    calls = ended_calls(*[DONE] * n, **changes)
    others = ended_calls(*[DONE] * 20, **changes)
    some = (call._replace(transferred=place >= failed) for place, call in enumerate(calls))
    return (*some, *others)


def judged(*calls: EndedCall, rule: TransfersFailing = RULE, **changes: Any) -> Verdict:
    return rule.evaluate(make_facts(calls=ListedCalls(calls), **changes))


def held(*calls: EndedCall, **changes: Any) -> Finding:
    verdict = judged(*calls, **changes)
    assert isinstance(verdict, Holds), verdict
    return verdict.finding


def test_the_sentence_says_how_many() -> None:
    finding = held(*tried(5, 7))

    assert finding.summary == "5 of 7 transfers failed in 1 h (71 %)"
    assert (finding.value, finding.threshold, finding.n) == (71.4, 20, 7)
    assert finding.evidence == ("c4", "c3", "c2")


@pytest.mark.parametrize(
    ("failed", "n", "kind"),
    [
        pytest.param(3, 3, Holds, id="the first three"),
        pytest.param(2, 2, Unknown, id="the first two"),
        pytest.param(3, 5, Holds, id="three of five"),
        pytest.param(2, 5, Unknown, id="two are few, whatever their share"),
        pytest.param(5, 15, Unknown, id="it may be chance"),
        pytest.param(6, 15, Holds, id="six of fifteen"),
        pytest.param(40, 200, Holds, id="at the limit"),
        pytest.param(39, 200, Unknown, id="just below"),
        pytest.param(31, 200, Clear, id="well below"),
        pytest.param(0, 5, Clear, id="all well"),
    ],
)
def test_the_limits(failed: int, n: int, kind: type[Verdict]) -> None:
    assert isinstance(judged(*tried(failed, n)), kind)


def test_old_transfers_do_not_count() -> None:
    verdict = judged(*tried(5, 7, last=NOON - 61 * MINUTE))

    assert isinstance(verdict, Unknown)
    assert verdict.reason == "only 0 transfers, 3 are needed"


def undelivered(failed: int, n: int) -> tuple[EndedCall, ...]:
    calls = ended_calls(*[DONE] * n)
    return tuple(
        call._replace(error_class=UNDELIVERED if place < failed else None)
        for place, call in enumerate(calls)
    )


@pytest.mark.parametrize(
    ("failed", "n", "kind"),
    [
        pytest.param(4, 6, Holds, id="most of them"),
        pytest.param(2, 60, Clear, id="two of many"),
        pytest.param(40, 200, Holds, id="at the limit"),
        pytest.param(39, 200, Unknown, id="just below"),
    ],
)
def test_what_is_not_delivered_after_calls_counts_as_well(
    failed: int, n: int, kind: type[Verdict]
) -> None:
    handed = [call for call in tried(0, 10) if call.transferred]
    other = tuple(call._replace(outcome=Outcome.FAILED) for call in handed)

    assert isinstance(judged(*undelivered(failed, n), *other), kind)
    alone = judged(*undelivered(failed, n))
    assert isinstance(alone, Holds if kind is Holds else Unknown)


def test_the_sentence_of_deliveries() -> None:
    finding = held(*undelivered(12, 30))

    assert finding.summary == "12 of 30 deliveries after a call failed in 1 h (40 %)"


def test_where_deliveries_are_not_told_they_say_nothing() -> None:
    told = replace(EVERYTHING, deliveries=False)

    assert not isinstance(judged(*undelivered(12, 30), capabilities=told), Holds)


def test_where_failed_transfers_are_not_told_it_says_so() -> None:
    told = replace(EVERYTHING, transfers=False)

    assert judged(*tried(5, 7), capabilities=told) == Unknown("cannot see transfers at Graine")


def test_a_paused_batch_is_not_judged() -> None:
    batch = make_batch(status=BatchStatus.PAUSED)

    assert isinstance(judged(*tried(5, 7), batch=batch), Unknown)


def test_a_window_that_empties_never_looks_like_recovery() -> None:
    assert isinstance(judged(*tried(0, 9, last=NOON - 2 * HOUR)), Unknown)


def test_no_failures_at_all_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match="min_failed is 0"):
        TransfersFailing(min_failed=0)
