from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from monitor.core.facts import BatchFacts
from monitor.core.model import BatchStatus, Counts
from monitor.core.retries import HeldLine
from monitor.core.rule import Clear, Finding, Holds, Unknown
from rules.call_stuck import CallStuck
from tests.builders import (
    EVERYTHING,
    HOUR,
    MINUTE,
    NOON,
    SECOND,
    ListedRetries,
    make_batch,
    make_certainty,
    make_facts,
)

RULE = CallStuck()


def open_for(*ages: timedelta, live: int | None = None, **changes: Any) -> BatchFacts:
    lines = [HeldLine(contact_id=f"p{n}", since=NOON - age) for n, age in enumerate(ages)]
    counts = Counts(live=len(ages) if live is None else live, waiting=100)
    values: dict[str, Any] = {
        "batch": make_batch(counts=counts, concurrency=5),
        "retries": ListedRetries(lines=lines),
    }
    return make_facts(**values | changes)


def held(facts: BatchFacts, rule: CallStuck = RULE) -> Finding:
    verdict = rule.evaluate(facts)
    assert isinstance(verdict, Holds), verdict
    return verdict.finding


@pytest.mark.parametrize(
    ("age", "holds"),
    [
        pytest.param(35 * MINUTE - SECOND, False, id="just in time"),
        pytest.param(35 * MINUTE, True, id="at the limit"),
        pytest.param(9 * HOUR, True, id="for long"),
    ],
)
def test_the_limit(age: timedelta, *, holds: bool) -> None:
    assert isinstance(RULE.evaluate(open_for(age, MINUTE)), Holds if holds else Clear)


def test_the_sentence_says_how_many_lines_are_held_and_for_how_long() -> None:
    finding = held(open_for(2 * HOUR, 2 * HOUR, 36 * MINUTE, MINUTE))

    assert finding.summary == (
        "3 of 5 lines held by calls for 35 min or longer, the oldest for 2 h; 2 lines left to dial"
    )
    assert (finding.affected, finding.waiting, finding.evidence) == (3, 100, ("p0", "p1", "p2"))
    assert (finding.value, finding.threshold) == (7_200, 2_100)


def test_where_the_lines_are_not_told_calls_are_counted() -> None:
    facts = open_for(HOUR, batch=make_batch(counts=Counts(live=1)))

    assert held(facts).summary == "1 call open for 35 min or longer, the oldest for 1 h"


def test_who_may_have_hung_up_since_the_reading_does_not_count() -> None:
    def read(ago: timedelta) -> BatchFacts:
        return open_for(40 * MINUTE, certainty=make_certainty(read_at=NOON - ago))

    assert isinstance(RULE.evaluate(read(5 * MINUTE)), Holds)
    assert isinstance(RULE.evaluate(read(5 * MINUTE + SECOND)), Clear)


def test_what_was_never_read_says_nothing() -> None:
    facts = open_for(HOUR, certainty=make_certainty(swept_at=None))

    assert RULE.evaluate(facts) == Unknown("its people have not been read yet")


def test_no_more_are_stuck_than_the_vendor_counts_live() -> None:
    assert held(open_for(HOUR, HOUR, live=1)).affected == 1
    assert isinstance(RULE.evaluate(open_for(HOUR, live=0)), Clear)


def test_so_many_calls_can_be_asked_for() -> None:
    rule = CallStuck(min_calls=2)

    assert isinstance(rule.evaluate(open_for(HOUR, MINUTE)), Clear)
    assert held(open_for(HOUR, HOUR), rule).affected == 2


@pytest.mark.parametrize("status", [BatchStatus.PAUSED, BatchStatus.COMPLETED, BatchStatus.UNKNOWN])
def test_a_batch_that_does_not_dial_is_not_judged(status: BatchStatus) -> None:
    facts = open_for(HOUR)
    still = replace(facts, batch=replace(facts.batch, status=status))

    assert isinstance(RULE.evaluate(still), Unknown)


def test_a_vendor_that_shows_no_live_calls_is_not_judged() -> None:
    blind = replace(EVERYTHING, in_flight=False)

    assert RULE.evaluate(open_for(HOUR, capabilities=blind)) == Unknown(
        "cannot see calls under way at Graine"
    )


@pytest.mark.parametrize(
    ("parameters", "match"),
    [({"longest": timedelta(0)}, "longest is empty"), ({"min_calls": 0}, "min_calls is 0")],
)
def test_a_parameter_that_cannot_be_meant_is_refused(
    parameters: dict[str, Any], match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        CallStuck(**parameters)
