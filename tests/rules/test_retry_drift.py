from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from monitor.core.facts import BatchFacts, EndedCall
from monitor.core.model import BatchStatus, Outcome, RetryPolicy
from monitor.core.people import Breaches, Check, NobodyCalled, PersonCalls, PlacedCall
from monitor.core.rule import Clear, Finding, Holds, Unknown
from rules.retry_drift import RetryDrift
from tests.builders import EVERYTHING, HOUR, MINUTE, NOON, ListedCalls, make_batch, make_facts

RULE = RetryDrift()
COOLDOWN = 30 * MINUTE
FIXED = RetryPolicy(max_retries=3, cooldown_s=1_800, grows=False)


@dataclass(frozen=True)
class Called(NobodyCalled):
    """People known by plain lists of their calls."""

    people: Sequence[PersonCalls] = ()
    whole: bool = True

    def breaches(self, check: Check, since: datetime) -> Breaches:
        found = [breach for each in self.people if (breach := check(each)) and breach.at > since]
        found.sort(key=lambda each: -each.weight)
        return Breaches(
            n=len(found),
            whole=self.whole,
            gravest=tuple(found[:3]),
            exact=sum(each.exact for each in found),
            first_at=min((each.at for each in found), default=None),
        )


def again(n: int, gap: timedelta, *, outcome: Outcome = Outcome.BUSY) -> PersonCalls:
    """Somebody called a minute ago, so long after the call before, which took no time."""
    last = NOON - MINUTE
    calls = tuple(
        PlacedCall(
            at=at,
            exact=True,
            here=True,
            provider="renewals",
            batch="Renewals May",
            call_id=f"p{n}.{attempt}",
            attempt=attempt,
            outcome=outcome,
            ended_at=at,
        )
        for attempt, at in enumerate((last - gap, last))
    )
    return PersonCalls(phone=None, contact_id=f"p{n}", calls=calls)


def retried(*gaps: timedelta, on_time: int = 0, **changes: Any) -> BatchFacts:
    everybody = [again(n, gap) for n, gap in enumerate((*gaps, *[COOLDOWN] * on_time))]
    ended = [
        EndedCall(call_id=f"e{n}", ended_at=NOON - MINUTE, outcome=Outcome.BUSY, attempt=1)
        for n in range(len(everybody))
    ]
    values: dict[str, Any] = {
        "batch": make_batch(retry=FIXED),
        "calls": ListedCalls(ended),
        "persons": Called(everybody),
        "tally": {"retries": len(ended), "contacts": 100},
    }
    return make_facts(**values | changes)


def held(facts: BatchFacts) -> Finding:
    verdict = RULE.evaluate(facts)
    assert isinstance(verdict, Holds), verdict
    return verdict.finding


@pytest.mark.parametrize(
    ("gap", "holds"),
    [
        pytest.param(30 * MINUTE, False, id="as the policy says"),
        pytest.param(25 * MINUTE, False, id="a little early"),
        pytest.param(24 * MINUTE, True, id="too early"),
        pytest.param(90 * MINUTE, False, id="an hour late"),
        pytest.param(91 * MINUTE, True, id="too late"),
    ],
)
def test_the_limits(gap: timedelta, *, holds: bool) -> None:
    assert isinstance(RULE.evaluate(retried(*[gap] * 5)), Holds if holds else Clear)


@pytest.mark.parametrize(
    ("off", "on_time", "kind"),
    [
        pytest.param(4, 1, Clear, id="too few people"),
        pytest.param(5, 20, Holds, id="enough, at the share"),
        pytest.param(5, 21, Clear, id="under the share"),
        pytest.param(4, 0, Unknown, id="too few retries to tell"),
    ],
)
def test_how_many_it_takes(off: int, on_time: int, kind: type[Holds | Clear | Unknown]) -> None:
    facts = retried(*[4 * MINUTE] * off, on_time=on_time)

    assert isinstance(RULE.evaluate(facts), kind)


def test_the_sentence_names_the_gravest() -> None:
    finding = held(retried(*[20 * MINUTE] * 5, 4 * MINUTE, on_time=4))

    assert finding.summary == (
        "6 people not called again when the policy says; "
        "one was called again after 4 min, not 30 min"
    )
    assert (finding.value, finding.threshold, finding.n, finding.affected) == (60.0, 20.0, 10, 6)
    assert finding.evidence == ("p5.0", "p5.1")
    assert "one was called again 1 h 30 min late" in held(retried(*[2 * HOUR] * 5)).summary


def test_people_of_whom_not_all_were_looked_at_clear_nothing() -> None:
    some = Called([again(n, COOLDOWN) for n in range(5)], whole=False)

    assert isinstance(RULE.evaluate(retried(*[COOLDOWN] * 5, persons=some)), Unknown)


@pytest.mark.parametrize("grows", [True, None], ids=["waits grow", "not told"])
def test_where_waits_may_grow_nothing_is_too_late(grows: bool | None) -> None:
    batch = make_batch(retry=replace(FIXED, grows=grows))

    assert isinstance(RULE.evaluate(retried(*[9 * HOUR] * 5, batch=batch)), Clear)
    assert isinstance(RULE.evaluate(retried(*[MINUTE] * 5, batch=batch)), Holds)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"batch": make_batch()}, id="no policy"),
        pytest.param({"batch": make_batch(retry=RetryPolicy(max_retries=3))}, id="no cooldown"),
        pytest.param(
            {"batch": make_batch(retry=FIXED, status=BatchStatus.PAUSED)}, id="it is paused"
        ),
        pytest.param({"capabilities": replace(EVERYTHING, retries=False)}, id="cannot be seen"),
    ],
)
def test_what_is_not_known_is_not_judged(changes: dict[str, Any]) -> None:
    assert isinstance(RULE.evaluate(retried(*[MINUTE] * 5, **changes)), Unknown)


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"window": timedelta(0)}, "window is empty"),
        ({"min_contacts": 0}, "min_contacts is 0"),
        ({"share": 0}, "share is 0"),
    ],
)
def test_a_parameter_that_cannot_be_meant_is_refused(
    parameters: dict[str, Any], match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        RetryDrift(**parameters)
