import time
from datetime import timedelta
from typing import Any

import pytest

from monitor.core.model import BatchStatus, Capabilities, Outcome
from monitor.core.people import PersonCalls, PlacedCall
from monitor.core.rule import Clear, Finding, Holds, Unknown, Verdict
from rules.too_many_attempts import TooManyAttempts
from tests.builders import (
    HOUR,
    MINUTE,
    NOON,
    SECOND,
    ListedCalls,
    ListedPeople,
    ended_calls,
    make_batch,
    make_facts,
    placed_call,
    somebody,
)

RULE = TooManyAttempts()
DAY = 24 * HOUR


def verdict(*calls: PlacedCall, rule: TooManyAttempts = RULE, **changes: Any) -> Verdict:
    return judged(somebody(*calls), rule=rule, **changes)


def judged(*persons: PersonCalls, rule: TooManyAttempts = RULE, **changes: Any) -> Verdict:
    whole = changes.pop("whole", True)
    return rule.evaluate(make_facts(persons=ListedPeople(persons, whole=whole), **changes))


def held(*persons: PersonCalls, **changes: Any) -> Finding:
    found = judged(*persons, **changes)
    assert isinstance(found, Holds), found
    return found.finding


def every(gap: timedelta, n: int, **changes: Any) -> list[PlacedCall]:
    """So many calls, the last of them now."""
    return [placed_call(NOON - gap * k, **changes) for k in range(n)]


def twice(gap: timedelta, *, first: Any = None, second: Any = None) -> list[PlacedCall]:
    return [placed_call(NOON - gap, **first or {}), placed_call(NOON, **second or {})]


TALKED = {"outcome": Outcome.COMPLETED}


@pytest.mark.parametrize(
    ("calls", "kind"),
    [
        pytest.param([], Clear, id="nobody was called"),
        pytest.param(every(HOUR, 4), Clear, id="as many as may be"),
        pytest.param(every(HOUR, 5), Holds, id="one more"),
        pytest.param(every(HOUR, 51), Holds, id="many more"),
        pytest.param(every(DAY / 4, 5), Clear, id="one more, the first a whole window ago"),
        pytest.param(every(DAY / 4 - SECOND, 5), Holds, id="one more, just within the window"),
        pytest.param(every(HOUR, 5, placed=False), Clear, id="in a queue nobody is called"),
        pytest.param(every(HOUR, 5, here=False, batch="B"), Clear, id="none of this batch's calls"),
        pytest.param(
            [*every(HOUR, 1), *every(HOUR, 5, here=False, batch="B")[1:]],
            Holds,
            id="this batch's is the one too many",
        ),
        pytest.param(
            [placed_call(NOON - 9 * HOUR), *every(HOUR, 4, here=False, batch="B")],
            Clear,
            id="another batch's is the one too many",
        ),
        pytest.param(twice(5 * MINUTE), Clear, id="as close as may be"),
        pytest.param(twice(5 * MINUTE - SECOND), Holds, id="closer"),
        pytest.param(twice(MINUTE, second={"attempt": 1}), Clear, id="the vendor's next attempt"),
        pytest.param(
            twice(MINUTE, first={"batch": "B", "here": False}, second={"attempt": 1}),
            Holds,
            id="an attempt after another batch's call",
        ),
        pytest.param(twice(MINUTE, first={"outcome": Outcome.FAILED}), Clear, id="after a failure"),
        pytest.param(
            twice(DAY, first=TALKED | {"ended_at": NOON - DAY}), Clear, id="a day after a talk"
        ),
        pytest.param(twice(DAY, first=TALKED), Holds, id="a day but a minute after a talk's end"),
        pytest.param(
            twice(HOUR, first=TALKED, second={"follow_up": True}), Clear, id="a follow-up"
        ),
        pytest.param(twice(HOUR, second=TALKED), Clear, id="the talk is the second"),
    ],
)
def test_the_limits(calls: list[PlacedCall], kind: type[Verdict]) -> None:
    assert isinstance(verdict(*calls), kind)


@pytest.mark.parametrize(
    ("off", "calls"),
    [
        pytest.param({"max_attempts": 0}, every(HOUR, 51), id="how many"),
        pytest.param({"min_gap": timedelta(0)}, twice(SECOND), id="how soon"),
        pytest.param({"after_success": timedelta(0)}, twice(HOUR, first=TALKED), id="after a talk"),
    ],
)
def test_each_limit_can_be_turned_off(off: dict[str, Any], calls: list[PlacedCall]) -> None:
    assert isinstance(verdict(*calls), Holds)
    assert isinstance(verdict(*calls, rule=TooManyAttempts(**off)), Clear)


def test_the_sentence_names_the_person_masked_and_the_batches_that_called() -> None:
    here = [placed_call(NOON - n * 10 * MINUTE, batch="Renewals A") for n in range(5)]
    there = [
        placed_call(NOON - 5 * MINUTE - n * 10 * MINUTE, here=False, batch="Renewals B")
        for n in range(4)
    ]

    finding = held(somebody(*here, *there))

    assert finding.summary == "••4821 got 9 calls in 40 min from Renewals A and Renewals B"
    assert finding.todo is not None
    assert finding.todo.startswith("Pause both batches;")
    assert (finding.affected, len(finding.evidence), finding.estimate) == (1, 3, False)


def test_of_many_the_gravest_is_named_and_all_are_counted() -> None:
    close = somebody(*twice(MINUTE), phone="••1111")
    often = somebody(*every(HOUR, 6), phone="••2222")

    finding = held(close, often)

    assert finding.summary == "2 people called too often; ••2222 got 6 calls in 5 h"
    assert finding.todo is not None
    assert finding.todo.startswith("Pause the batch;")


def test_after_a_conversation_it_says_so() -> None:
    finding = held(somebody(*twice(2 * HOUR, first=TALKED), phone=None))

    assert finding.summary == "one person was called again 1 h 59 min after a conversation"


def test_of_two_batches_it_says_which_called_and_which_had_talked() -> None:
    talk, call = twice(2 * HOUR, first=TALKED | {"here": False, "batch": "April"})
    long = talk._replace(ended_at=NOON)

    after = held(somebody(talk, call._replace(batch="May"))).summary
    assert after.endswith("was called again by May 1 h 59 min after a conversation with April")
    within = held(somebody(long, call._replace(batch="May", at=NOON - MINUTE))).summary
    assert within.endswith("was called by May during a conversation with April")


def test_times_that_are_estimates_are_marked() -> None:
    assert held(somebody(*every(HOUR, 5, exact=False))).estimate


def test_it_goes_on_for_an_hour_and_is_well_once_others_are_called() -> None:
    person = somebody(*every(HOUR, 5))
    over = NOON + HOUR
    calls = ListedCalls(ended_calls(Outcome.COMPLETED, last=NOON + HOUR / 2))
    paused = make_batch(status=BatchStatus.PAUSED)

    assert isinstance(judged(person, now=over - SECOND), Holds)
    assert isinstance(judged(person, now=over), Unknown)
    assert isinstance(judged(person, now=over, calls=calls), Clear)
    assert isinstance(judged(person, now=over, calls=calls, batch=paused), Unknown)


def test_nobody_is_cleared_before_everybody_was_looked_at() -> None:
    assert isinstance(judged(whole=False), Unknown)
    assert isinstance(judged(somebody(*every(HOUR, 5)), whole=False), Holds)


def test_without_single_calls_it_says_nothing() -> None:
    blind = Capabilities(contacts=True)

    assert isinstance(judged(somebody(*every(HOUR, 5)), capabilities=blind), Unknown)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"max_attempts": -1}, id="fewer than none"),
        pytest.param({"window": timedelta(0)}, id="an empty window"),
        pytest.param({"recent": timedelta(0)}, id="nothing is recent"),
    ],
)
def test_what_cannot_be_meant_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        TooManyAttempts(**wrong)


def test_a_number_of_thousands_of_calls_is_gone_through_once() -> None:
    calls = every(MINUTE / 10, 6_000)
    began = time.process_time()
    finding = held(somebody(*calls))

    # To compare each call with all before it took half a minute.
    assert time.process_time() - began < 2
    assert "got 6,000 calls" in finding.summary


@pytest.mark.parametrize(
    ("rule", "permitted"),
    [
        pytest.param(
            RULE, "4 calls in 1 d, 5 min apart, none for 1 d after a conversation", id="all"
        ),
        pytest.param(
            TooManyAttempts(max_attempts=1, min_gap=timedelta(0), after_success=timedelta(0)),
            "1 call in 1 d",
            id="the others turned off",
        ),
    ],
)
def test_what_is_permitted_stands_in_the_message(rule: TooManyAttempts, permitted: str) -> None:
    finding = held(somebody(*every(HOUR, 5)), rule=rule)

    assert finding.details == (("permitted", permitted),)
