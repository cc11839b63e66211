from dataclasses import replace
from typing import Any

import pytest

from monitor.core.facts import BatchFacts
from monitor.core.model import BatchStatus, RetryPolicy
from monitor.core.rule import Clear, Finding, Holds, Unknown
from rules.retries_exhausted import RetriesExhausted
from tests.builders import EVERYTHING, make_batch, make_facts

RULE = RetriesExhausted()


def given_up(
    n: int, done: int = 100, after: int = 3, most: int | None = 3, **changes: Any
) -> BatchFacts:
    """So many people out of retries, of so many who are done; 50 more wait."""
    tally = {
        "contacts": done + 50,
        "contact.pending": 40,
        "contact.skipped": 10,
        "contact.exhausted": n,
        "contact.completed": done - n,
        f"exhausted.{after}": n,
    }
    batch = make_batch(retry=RetryPolicy(max_retries=most))
    return make_facts(**{"tally": tally, "batch": batch} | changes)


def held(facts: BatchFacts, rule: RetriesExhausted = RULE) -> Finding:
    verdict = rule.evaluate(facts)
    assert isinstance(verdict, Holds), verdict
    return verdict.finding


@pytest.mark.parametrize(
    ("n", "done", "kind"),
    [
        pytest.param(0, 100, Clear, id="nobody"),
        pytest.param(74, 100, Clear, id="just under the share"),
        pytest.param(75, 100, Holds, id="at the share"),
        pytest.param(100, 100, Holds, id="everybody"),
        pytest.param(19, 19, Unknown, id="too few are done"),
        pytest.param(15, 20, Holds, id="enough are done"),
    ],
)
def test_the_share(n: int, done: int, kind: type[Holds | Clear | Unknown]) -> None:
    assert isinstance(RULE.evaluate(given_up(n, done)), kind)


def test_the_sentence_says_how_many_of_those_who_are_done() -> None:
    finding = held(given_up(80))

    assert finding.summary == "80 of 100 people done are out of retries (80 %)"
    assert (finding.value, finding.threshold, finding.unit, finding.n) == (80.0, 75.0, "%", 100)
    assert (finding.affected, finding.total) == (80, 150)


def test_without_a_ladder_none_is_used_up() -> None:
    assert isinstance(RULE.evaluate(given_up(100, after=0, most=None)), Clear)
    assert isinstance(RULE.evaluate(given_up(100, after=0, most=0)), Clear)
    assert held(given_up(100, after=0)).summary.startswith("100 people given up before")


@pytest.mark.parametrize(
    ("n", "holds"),
    [pytest.param(29, False, id="under"), pytest.param(30, True, id="at the count")],
)
def test_a_count_can_be_set(n: int, *, holds: bool) -> None:
    rule = RetriesExhausted(count=30)

    assert isinstance(rule.evaluate(given_up(n, 1_000)), Holds if holds else Clear)


@pytest.mark.parametrize(
    ("n", "after", "most", "kind"),
    [
        pytest.param(4, 1, 3, Clear, id="too few, too early"),
        pytest.param(5, 1, 3, Holds, id="enough, too early"),
        pytest.param(5, 2, 3, Holds, id="one retry short"),
        pytest.param(5, 3, 3, Clear, id="as the policy says"),
        pytest.param(5, 4, 3, Clear, id="more than it says: another rule's business"),
        pytest.param(5, 0, None, Clear, id="no policy known"),
    ],
)
def test_too_early(n: int, after: int, most: int | None, kind: type[Holds | Clear]) -> None:
    assert isinstance(RULE.evaluate(given_up(n, 100, after, most)), kind)


def test_the_sentence_says_after_how_many_of_how_many_retries() -> None:
    finding = held(given_up(6, after=1))

    assert finding.summary == (
        "6 people given up before their retries were used up: after 1 of 3 retries at the least"
    )
    assert (finding.value, finding.threshold) == (6, 5)


def test_early_can_be_turned_off() -> None:
    assert isinstance(RetriesExhausted(early=0).evaluate(given_up(6, after=1)), Clear)


def test_a_batch_that_has_ended_is_not_judged() -> None:
    ended = make_batch(status=BatchStatus.COMPLETED)

    assert RULE.evaluate(given_up(100, batch=ended)) == Unknown("the batch has ended")


def test_a_vendor_that_shows_no_retries_is_not_judged() -> None:
    blind = replace(EVERYTHING, retries=False)

    assert RULE.evaluate(given_up(80, capabilities=blind)) == Unknown(
        "cannot see retries at Graine"
    )


@pytest.mark.parametrize(
    ("parameters", "match"),
    [({"share": 0}, "share is 0"), ({"min_contacts": 0}, "min_contacts is 0")],
)
def test_a_parameter_that_cannot_be_meant_is_refused(
    parameters: dict[str, Any], match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        RetriesExhausted(**parameters)
