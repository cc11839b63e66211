"""Whoever plainly keeps a limit keeps it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.drift import RetryTiming
from monitor.core.limits import Attempts, OptOuts
from monitor.core.localhours import LocalHours
from monitor.core.model import AnsweredBy, Call, CallStatus, EndedBy
from monitor.core.people import Breach, Check, PlacedCall
from monitor.evaluation.accounts import Answers, People
from monitor.evaluation.placing import Known, Sift, breach, nobody, reached, sift_of, waiting
from monitor.store.snapshot import Person
from tests.builders import HOUR, MINUTE, NOON, make_call, make_contact

NAMES = {1: ("graine", "May"), 2: ("bland", "June")}
CHECKS: tuple[Check, ...] = (
    Attempts(),
    Attempts(most=2, window=timedelta(hours=1), min_gap=timedelta(0)),
    Attempts(most=0, after_success=timedelta(0)),
    OptOuts(("disposition=dnc",)),
    OptOuts(("outcome=voicemail", "batch_name=June")),
    OptOuts(("hangup=asked",)),
    OptOuts(("outcome=failed",)),
    LocalHours(("daily 08:00-18:30",)),
)

MINUTES = st.integers(-40, 40) | st.integers(-600, 600)


@st.composite
def calls(draw: st.DrawFn, number: int) -> Call:
    """Any call: queued or ended, with or without the vendor's own times."""
    made: datetime = NOON + draw(MINUTES) * MINUTE
    status = draw(st.sampled_from(list(CallStatus)))
    ended = made + draw(st.integers(0, 30)) * MINUTE if status.terminal else None
    values: dict[str, Any] = {
        "call_id": f"c{number}",
        "status": status,
        "created_at": draw(st.sampled_from([made, None])),
        "started_at": draw(st.sampled_from([made, made + MINUTE, None])),
        "ended_at": ended,
        "ended_by": ended and draw(st.sampled_from(list(EndedBy))),
        "duration_s": draw(st.sampled_from([None, 0.0, 40.0])),
        "answered_by": draw(st.sampled_from([None, *AnsweredBy])),
        "attempt": draw(st.integers(0, 2)),
        "follow_up": draw(st.booleans()),
        "disposition": draw(st.sampled_from([None, "sold", "dnc"])),
        "hangup_class": draw(st.sampled_from([None, "asked"])),
        "seen_at": made + 40 * MINUTE,
    }
    return make_call(**values)


@st.composite
def people(draw: st.DrawFn) -> Known:
    """Somebody on one list or on two, asked about as one of the first."""
    contacts = []
    for batch in draw(st.sampled_from([(1,), (1, 2), (1, 1)])):
        some = [draw(calls(batch * 10 + n)) for n in range(draw(st.integers(0, 3)))]
        contact = make_contact(country=draw(st.sampled_from([None, "IN", "US"])), seen_at=NOON)
        contacts.append((batch, Person(contact, 0, {each.call_id: each for each in some})))
    return Known(1, contacts)


@pytest.mark.parametrize("check", CHECKS, ids=repr)
@settings(max_examples=80)
@given(known=people())
def test_whoever_plainly_keeps_a_limit_breaks_it_nowhere(check: Check, known: Known) -> None:
    if known.plainly_keeps(check, NAMES):
        person = known.calls(NAMES)
        assert person is None or check(person) is None


TIMING = RetryTiming(cooldown=HOUR, earlier=5 * MINUTE, later=HOUR)
REFUSED = PlacedCall(
    NOON - HOUR, exact=True, here=False, provider="bland", batch="April", call_id="c0"
)._replace(disposition="dnc")


def said(check: Check, known: Known) -> Breach | None:
    """What a check says of all their calls, whoever they are."""
    person = known.calls(NAMES)
    found = None if person is None else check(person)
    return None if found is None or person is None else replace(found, phone=person.phone)


@settings(max_examples=120)
@given(
    twice=st.lists(st.tuples(people(), people()), max_size=6),
    refusals=st.sets(st.integers(0, 4)),
)
def test_asked_together_everybody_gets_the_answer_of_asking_each(
    twice: list[tuple[Known, Known]], refusals: set[int]
) -> None:
    of_all: list[tuple[Callable[[Known], Any], Callable[[Known], Any], Sift]] = [
        (waiting, waiting, nobody),
        (reached, reached, nobody),
    ]
    for check in (*CHECKS, TIMING):
        sift = sift_of(check, NAMES, 1)
        of_all.append((partial(breach, check, NAMES), partial(said, check), sift))

    for question, asked_each, sift in of_all:
        answers = Answers(question, NOON, sift)
        for time in (0, 1):
            some = People(1)
            expected: dict[str, Any] = {}
            for n, persons in enumerate(twice):
                known = replace(persons[time], refused=REFUSED if n in refusals else None)
                some.put(str(n), known.contacts, known.refused)
                found = asked_each(known)
                expected |= {} if found is None else {str(n): found}
            answers.take(some)

            assert answers.found == expected


def test_of_a_batch_without_people_nothing_is_asked() -> None:
    assert not sift_of(OptOuts(("disposition=dnc",)), {}, 0)([])


@pytest.mark.parametrize("check", CHECKS[:7], ids=repr)
def test_most_people_do_plainly(check: Check) -> None:
    first = make_call(call_id="c1", started_at=NOON, status=CallStatus.NO_ANSWER)
    again = make_call(call_id="c2", started_at=NOON + 30 * MINUTE, status=CallStatus.BUSY)
    person = Person(make_contact(seen_at=NOON), 0, {"c1": first, "c2": again})

    assert Known(1, [(1, person)]).plainly_keeps(check, NAMES)


@pytest.mark.parametrize(
    ("matcher", "values"),
    [
        pytest.param("disposition=dnc", {"disposition": "dnc"}, id="disposition"),
        pytest.param("hangup=asked", {"hangup_class": "asked"}, id="hangup"),
        pytest.param("outcome=voicemail", {"answered_by": AnsweredBy.VOICEMAIL}, id="who answered"),
        pytest.param("outcome=failed", {"status": CallStatus.FAILED}, id="status"),
    ],
)
def test_calls_that_differ_in_one_thing_are_told_apart(
    matcher: str, values: dict[str, Any]
) -> None:
    alike = [make_call(call_id=f"c{n}", started_at=NOON + n * 30 * MINUTE) for n in range(2)]
    other = [alike[0]._replace(**values), alike[1]]
    somebody = [
        (n, Person(make_contact(seen_at=NOON), 0, {each.call_id: each for each in some}))
        for n, some in enumerate((alike, other, alike))
    ]

    left = sift_of(OptOuts((matcher,)), NAMES, 1)(somebody)

    assert [n for n, _ in left] == [1]


@pytest.mark.parametrize("follow_up", [True, False], ids=["a follow-up", "another call"])
def test_after_a_conversation_only_a_follow_up_is_plain(follow_up: bool) -> None:
    talk = make_call(call_id="c1", started_at=NOON, status=CallStatus.COMPLETED)
    again = make_call(call_id="c2", started_at=NOON + HOUR, follow_up=follow_up)
    person = Person(make_contact(seen_at=NOON), 0, {"c1": talk, "c2": again})

    left = sift_of(Attempts(), NAMES, 1)([("somebody", person)])

    assert bool(left) is not follow_up
