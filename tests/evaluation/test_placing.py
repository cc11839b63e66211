"""Whoever plainly keeps a limit keeps it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.limits import Attempts, OptOuts
from monitor.core.localhours import LocalHours
from monitor.core.model import AnsweredBy, Call, CallStatus, EndedBy
from monitor.core.people import Check
from monitor.evaluation.placing import Known, breach, sift_of
from monitor.store.snapshot import Person
from tests.builders import MINUTE, NOON, make_call, make_contact

NAMES = {1: ("graine", "May"), 2: ("bland", "June")}
CHECKS: tuple[Check, ...] = (
    Attempts(),
    Attempts(most=2, window=timedelta(hours=1), min_gap=timedelta(0)),
    Attempts(most=0, after_success=timedelta(0)),
    OptOuts(("disposition=dnc",)),
    OptOuts(("outcome=voicemail", "batch_name=June")),
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


@settings(max_examples=150)
@given(somebody=st.lists(people(), max_size=6))
def test_among_many_nobody_who_breaks_a_limit_is_left_out(somebody: list[Known]) -> None:
    alone = [Known(1, each.contacts[:1]) for each in somebody]

    for check in CHECKS:
        left = sift_of(check)([(n, each.contacts[0][1]) for n, each in enumerate(alone)])

        asked = {n for n, _ in left}
        assert {n for n, each in enumerate(alone) if breach(check, NAMES, each)} <= asked


@pytest.mark.parametrize("check", CHECKS[:5], ids=repr)
def test_most_people_do_plainly(check: Check) -> None:
    first = make_call(call_id="c1", started_at=NOON, status=CallStatus.NO_ANSWER)
    again = make_call(call_id="c2", started_at=NOON + 30 * MINUTE, status=CallStatus.BUSY)
    person = Person(make_contact(seen_at=NOON), 0, {"c1": first, "c2": again})

    assert Known(1, [(1, person)]).plainly_keeps(check, NAMES)
