"""Calls that become known one after the other answer as a plain list of them would."""

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.calls import Field
from monitor.core.facts import EndedCall
from monitor.core.instants import to_micros
from monitor.core.model import Outcome
from monitor.core.past import KnownCalls
from monitor.core.pastcalls import PastCall
from tests.builders import MINUTE, NOON, SECOND, ListedCalls

seconds = st.integers(0, 40)
some_calls = st.lists(
    st.fixed_dictionaries(
        {
            "ended": seconds.map(lambda at: to_micros(NOON + at * SECOND)),
            "outcome": st.sampled_from(["completed", "failed", "busy"]),
            "error_class": st.sampled_from([None, "carrier block", "timeout"]),
            "contact_id": st.sampled_from(["p1", "p2", "p3"]),
            "duration_s": st.sampled_from([None, 5.0, 50.0]),
            "attempt": st.integers(0, 2),
            "transferred": st.sampled_from([None, True, False]),
            "cost_micros": st.sampled_from([None, 5, 70]),
            "cost_estimated": st.booleans(),
        }
    ),
    max_size=25,
)
spans = st.lists(st.tuples(seconds, seconds).map(sorted), min_size=1, max_size=4)
FAILED = frozenset({Outcome.FAILED, Outcome.BUSY})


def listed(known: list[PastCall]) -> ListedCalls:
    ordered = sorted(known, key=lambda each: (each.ended, each.call_id))
    reached = len({each.contact_id for each in known if each.outcome == "completed"})
    return ListedCalls([each.call for each in ordered], reached=reached)


def ids(found: tuple[EndedCall, ...]) -> list[str]:
    return sorted(each.call_id for each in found)


def ask(calls: KnownCalls, plain: ListedCalls, start: int, end: int) -> None:
    """Every question about a span has one answer."""
    span = (NOON + start * SECOND, NOON + end * SECOND)
    assert calls.window(*span) == plain.window(*span)
    for fields in ((Field.ERROR,), (Field.ATTEMPT, Field.OUTCOME), (Field.HOUR,)):
        assert calls.grouped(*span, *fields) == plain.grouped(*span, *fields)
    block = (Field.ERROR, "carrier block")
    assert calls.having(*span, *block) == plain.having(*span, *block)
    assert calls.transfers(*span) == plain.transfers(*span)
    than = timedelta(seconds=20)
    assert calls.answered_shorter(*span, than) == plain.answered_shorter(*span, than)
    assert calls.spent(*span) == plain.spent(*span)
    assert ids(calls.between(*span, 100)) == ids(plain.between(*span, 100))
    found = calls.evidence(*span, FAILED, 3)
    assert len(found) == len(plain.evidence(*span, FAILED, 3))
    assert calls.people_reached() == plain.people_reached()


@given(told=some_calls, spans=spans, gone=st.sets(st.integers(0, 24), max_size=3))
def test_every_question_is_answered_as_by_a_plain_list(
    told: list[dict[str, Any]], spans: list[list[int]], gone: set[int]
) -> None:
    """Asked again and again while calls come in, in any order, and some are corrected."""
    calls, known = KnownCalls(), list[PastCall]()
    for n, values in enumerate(told):
        call = PastCall(call_id=f"c{n:02}", **values)
        calls.add(call)
        known.append(call)
        if n % 5 == 0:
            ask(calls, listed(known), *spans[n % len(spans)])
    for n in sorted(gone & set(range(len(known)))):
        calls.drop(known[n].call_id, known[n].ended)
        known[n] = known[n]._replace(outcome="busy")
        calls.add(known[n])
        ask(calls, listed(known), *spans[0])
    together = KnownCalls.of(sorted(known, key=lambda each: (each.ended, each.call_id)))
    for start, end in spans:
        ask(calls, listed(known), start, end)
        ask(together, listed(known), start, end)


def test_a_call_whose_end_nobody_knows_is_in_no_window_and_never_the_last() -> None:
    calls = KnownCalls()
    calls.add(PastCall(0, "c1", "failed"))
    calls.add(PastCall(to_micros(NOON), "c2", "completed"))

    assert calls.window(NOON - MINUTE, NOON).n == 1
    assert [each.call_id for each in calls.last_ended(5)] == ["c2"]
    assert len(calls) == 2


def test_a_span_that_rolls_on_counts_what_comes_and_what_goes() -> None:
    calls = KnownCalls()
    for n in range(60):
        calls.add(PastCall(to_micros(NOON + n * SECOND), f"c{n}", "failed", attempt=n % 2))
        now = NOON + n * SECOND
        found = calls.grouped(now - 10 * SECOND, now, Field.ATTEMPT)
        assert sum(found.values()) == min(n + 1, 10)
