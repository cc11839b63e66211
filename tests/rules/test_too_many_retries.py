from datetime import timedelta
from typing import Any

import pytest

from monitor.core.facts import BatchFacts, EndedCall
from monitor.core.model import BatchStatus, Outcome, RetryPolicy
from monitor.core.rule import Clear, Finding, Holds, Unknown
from rules.too_many_retries import TooManyRetries
from tests.builders import MINUTE, NOON, SECOND, ListedCalls, make_batch, make_facts

RULE = TooManyRetries()


def called(*attempts: int, most: int | None = 3, ago: timedelta = MINUTE) -> BatchFacts:
    """Calls that ended so long ago, each the so-manieth retry of its person."""
    calls = [
        EndedCall(call_id=f"c{n}", ended_at=NOON - ago, outcome=Outcome.NO_ANSWER, attempt=attempt)
        for n, attempt in enumerate(attempts)
    ]
    policy = RetryPolicy(max_retries=most)
    return make_facts(
        batch=make_batch(retry=policy), calls=ListedCalls(calls), tally={"retries": len(calls)}
    )


def held(facts: BatchFacts, rule: TooManyRetries = RULE) -> Finding:
    verdict = rule.evaluate(facts)
    assert isinstance(verdict, Holds), verdict
    return verdict.finding


@pytest.mark.parametrize(
    ("attempts", "most", "kind"),
    [
        pytest.param((1, 2), 3, Clear, id="below"),
        pytest.param((3,), 3, Clear, id="the last that is allowed"),
        pytest.param((0, 4), 3, Holds, id="one too many"),
        pytest.param((3,), 1, Holds, id="one allowed, three made"),
        pytest.param((1,), 0, Holds, id="none allowed"),
        pytest.param((9,), None, Unknown, id="no policy known"),
        pytest.param((), 3, Clear, id="nobody was called again"),
    ],
)
def test_the_limit(
    attempts: tuple[int, ...], most: int | None, kind: type[Holds | Clear | Unknown]
) -> None:
    assert isinstance(RULE.evaluate(called(*attempts, most=most)), kind)


@pytest.mark.parametrize(
    ("ago", "kind"),
    [
        pytest.param(30 * MINUTE - SECOND, Holds, id="just inside the window"),
        pytest.param(30 * MINUTE, Unknown, id="the window has emptied"),
    ],
)
def test_a_window_that_empties_never_clears(ago: timedelta, kind: type[Holds | Unknown]) -> None:
    assert isinstance(RULE.evaluate(called(4, ago=ago)), kind)


def test_the_sentence_says_which_retry_and_how_many_are_allowed() -> None:
    finding = held(called(0, 3, 2, most=1))

    assert finding.summary == (
        "2 calls in 30 min beyond the retry policy: retry 3, where 1 is allowed"
    )
    assert (finding.value, finding.threshold, finding.n, finding.affected) == (3, 1, 3, 2)
    assert set(finding.evidence) == {"c1", "c2"}
    assert "no retry is allowed" in held(called(1, most=0)).summary


def test_a_limit_of_ones_own_takes_the_place_of_the_policy() -> None:
    assert isinstance(TooManyRetries(max_retries=5).evaluate(called(5, most=1)), Clear)
    assert held(called(2, most=None), TooManyRetries(max_retries=1)).threshold == 1


def test_so_many_calls_can_be_asked_for() -> None:
    rule = TooManyRetries(min_calls=2)

    assert isinstance(rule.evaluate(called(4)), Clear)
    assert held(called(4, 4), rule).affected == 2


def test_a_paused_batch_keeps_its_alert() -> None:
    facts = make_facts(batch=make_batch(status=BatchStatus.PAUSED))

    assert RULE.evaluate(facts) == Unknown("the batch is paused")


@pytest.mark.parametrize(
    ("parameters", "match"),
    [({"window": timedelta(0)}, "window is empty"), ({"min_calls": 0}, "min_calls is 0")],
)
def test_a_parameter_that_cannot_be_meant_is_refused(
    parameters: dict[str, Any], match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        TooManyRetries(**parameters)
