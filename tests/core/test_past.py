"""The past answers as a plain list of what had ended by then would."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.facts import EndedCall
from monitor.core.model import Call, CallStatus, Outcome
from monitor.core.past import NobodyKnown, PastCall, PastCalls
from monitor.core.tally import recount
from tests.builders import MINUTE, NOON, SECOND, ListedCalls, make_call

_US = timedelta(microseconds=1)
EPOCH = NOON.replace(year=1970, month=1, day=1, hour=0)

seconds = st.integers(0, 30)
outcomes = st.sampled_from([Outcome.COMPLETED, Outcome.FAILED, Outcome.BUSY])
words = st.sampled_from([None, "carrier block", "timeout"])
calls = st.lists(st.tuples(seconds, outcomes, words, words), max_size=25)
FAILED = frozenset({Outcome.FAILED, Outcome.BUSY})


def laid_out(told: list[Any]) -> tuple[PastCalls, list[EndedCall]]:
    ended = [
        EndedCall(
            call_id=f"c{n:02}",
            ended_at=NOON + at * SECOND,
            outcome=outcome,
            error_class=error,
            from_number=number,
        )
        for n, (at, outcome, error, number) in enumerate(sorted(told, key=lambda each: each[0]))
    ]
    past = [
        PastCall(
            (each.ended_at - EPOCH) // _US,
            each.call_id,
            each.outcome.value,
            each.error_class,
            each.from_number,
        )
        for each in ended
    ]
    return PastCalls(past, reached=3), ended


@given(told=calls, now=seconds, start=seconds, end=seconds, n=st.integers(0, 5))
def test_it_knows_what_had_ended_by_then_and_nothing_else(
    told: list[Any], now: int, start: int, end: int, n: int
) -> None:
    past, ended = laid_out(told)
    at = NOON + now * SECOND
    then = past.until(at)
    listed = ListedCalls([each for each in ended if each.ended_at <= at], reached=3)
    span = (NOON + start * SECOND, NOON + end * SECOND)

    assert then.window(*span) == listed.window(*span)
    assert then.last_ended(n) == listed.last_ended(n)
    assert then.evidence(*span, FAILED, n) == listed.evidence(*span, FAILED, n)
    assert then.people_reached() == 3


@given(told=calls, now=seconds)
def test_its_counters_of_calls_are_a_recount(told: list[Any], now: int) -> None:
    past, ended = laid_out(told)
    place = past.place(NOON + now * SECOND)
    whole: list[Call] = [
        make_call(call_id=each.call_id, status=CallStatus(each.outcome.value))
        for each in ended[:place]
    ]

    assert {"calls": 0} | past.tally(place) == {"calls": 0} | recount((), whole)


def test_it_is_empty_where_nothing_was_called() -> None:
    past = PastCalls(())

    assert len(past) == 0
    assert past.until(NOON).window(NOON - MINUTE, NOON).n == 0
    assert past.until(NOON).last_ended(8) == ()


@pytest.mark.parametrize("question", ["overdue", "unscheduled"])
def test_nobody_is_known_to_have_waited(question: str) -> None:
    assert getattr(NobodyKnown(), question)(NOON).n == 0
    assert NobodyKnown().scheduled_after(NOON) == 0
