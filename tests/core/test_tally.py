from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.model import AnsweredBy, Call, CallStatus, Contact, ContactStatus, Sentiment
from monitor.core.tally import (
    UNDIALLED,
    Tally,
    count_call,
    count_contact,
    exhausted_after,
    move_contact,
    people,
    recount,
    trimmed,
)
from tests.builders import NOON, make_call, make_contact

WHEN = st.sampled_from([None, datetime(2026, 6, 10, tzinfo=UTC)])
CONTACTS = st.builds(
    Contact,
    contact_id=st.sampled_from(["p1", "p2", "p3"]),
    status=st.sampled_from(ContactStatus),
    attempts=st.integers(0, 2),
    follow_ups=st.integers(0, 2),
    last_attempt_at=WHEN,
)
CALLS = st.builds(
    Call,
    call_id=st.sampled_from(["c1", "c2", "c3", "c4"]),
    contact_id=st.just("p1"),
    status=st.sampled_from(CallStatus),
    answered_by=st.none() | st.sampled_from(AnsweredBy),
    attempt=st.integers(0, 2),
    follow_up=st.booleans(),
    duration_s=st.none() | st.floats(0, 3_600),
    cost_micros=st.none() | st.integers(0, 10_000_000),
    currency=st.sampled_from([None, "USD", "INR"]),
    cost_estimated=st.booleans(),
    sentiment=st.none() | st.sampled_from(Sentiment),
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(CONTACTS | CALLS, max_size=30))
def test_counters_moved_by_old_and_new_are_what_a_recount_gives(seen: list[Contact | Call]) -> None:
    tally: Tally = {}
    contacts: dict[str, Contact] = {}
    calls: dict[str, Call] = {}
    for item in seen:
        if isinstance(item, Contact):
            if old := contacts.get(item.contact_id):
                move_contact(tally, old, item)
            else:
                count_contact(tally, item, 1)
            contacts[item.contact_id] = item
        else:
            if known := calls.get(item.call_id):
                count_call(tally, known, -1)
            count_call(tally, item, 1)
            calls[item.call_id] = item

    assert trimmed(tally) == recount(contacts.values(), calls.values())


def test_what_is_counted_of_people_and_calls() -> None:
    contacts = [
        make_contact(status=ContactStatus.COMPLETED, attempts=1, last_attempt_at=NOON),
        make_contact(contact_id="p2", follow_ups=2, last_attempt_at=NOON),
    ]
    calls = [
        make_call(duration_s=12.3456, cost_micros=120_000, currency="USD"),
        make_call(call_id="c2", attempt=1, status=CallStatus.FAILED, cost_estimated=True),
        make_call(call_id="c3", status=CallStatus.IN_PROGRESS),
        make_call(call_id="c4", answered_by=AnsweredBy.VOICEMAIL, sentiment=Sentiment.NEUTRAL),
    ]

    assert recount(contacts, calls) == {
        "contacts": 2,
        "contact.completed": 1,
        "contact.pending": 1,
        "follow_ups": 2,
        "calls": 4,
        "calls.open": 1,
        "retries": 1,
        "call.completed": 1,
        "call.failed": 1,
        "call.voicemail": 1,
        "talk_ms": 12_346,
        "cost.USD": 120_000,
        "sentiment.neutral": 1,
    }


@pytest.mark.parametrize(
    ("contact", "n"),
    [
        pytest.param(make_contact(), 1, id="waits for the first call"),
        pytest.param(make_contact(status=ContactStatus.SKIPPED), 1, id="skipped before any"),
        pytest.param(make_contact(last_attempt_at=NOON), 0, id="waits again after one"),
        pytest.param(make_contact(status=ContactStatus.SKIPPED, attempts=1), 0, id="skipped later"),
        pytest.param(make_contact(status=ContactStatus.DISPATCHED), 0, id="being dialled"),
        pytest.param(make_contact(status=ContactStatus.UNKNOWN), 0, id="who knows"),
    ],
)
def test_who_was_never_dialled(contact: Contact, n: int) -> None:
    assert recount([contact], []).get(UNDIALLED, 0) == n


def test_people_in_several_statuses_add_up() -> None:
    tally = recount([make_contact(), make_contact(status=ContactStatus.BUSY)], [])

    assert people(tally, ContactStatus.PENDING, ContactStatus.BUSY, ContactStatus.FAILED) == 2


def test_who_was_given_up_is_counted_by_retries() -> None:
    given_up = [
        make_contact(status=ContactStatus.EXHAUSTED, attempts=attempts) for attempts in (1, 3, 3)
    ]
    tally = recount([*given_up, make_contact(status=ContactStatus.FAILED, attempts=3)], [])

    assert exhausted_after(tally) == {1: 1, 3: 2}

    move_contact(tally, given_up[0], make_contact(status=ContactStatus.RETRYING, attempts=1))
    assert exhausted_after(tally) == {3: 2}
