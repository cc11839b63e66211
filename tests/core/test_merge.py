from datetime import UTC, datetime, timedelta
from functools import reduce
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.merge import merge_call, merge_contact
from monitor.core.model import AnsweredBy, Call, CallStatus, Contact, ContactStatus, EndedBy
from tests.builders import MINUTE, NOON, make_call, make_contact

BOUNDED = settings(max_examples=150, deadline=None, derandomize=True)
TIMES = st.integers(0, 5).map(lambda n: datetime(2026, 6, 10, tzinfo=UTC) + timedelta(hours=n))
SOMETIMES = st.none() | TIMES
ENDS = st.sampled_from([(None, None), (None, EndedBy.HISTORY)]) | st.tuples(
    TIMES, st.sampled_from([EndedBy.SEEN, EndedBy.DERIVED, EndedBy.VENDOR])
)
CONTACTS = st.builds(
    Contact,
    contact_id=st.just("p1"),
    status=st.sampled_from(ContactStatus),
    attempts=st.integers(0, 2),
    follow_ups=st.integers(0, 1),
    last_attempt_at=SOMETIMES,
    next_retry_at=SOMETIMES,
    seen_at=SOMETIMES,
)


@st.composite
def some_calls(draw: st.DrawFn) -> Call:
    ended_at, ended_by = draw(ENDS)
    detail_at = draw(SOMETIMES)
    cost = draw(st.none() | st.integers(0, 2)) if detail_at else None
    return Call(
        call_id="c1",
        contact_id="p1",
        status=draw(st.sampled_from(CallStatus)),
        answered_by=draw(st.none() | st.sampled_from(AnsweredBy)),
        attempt=draw(st.integers(0, 1)),
        duration_s=draw(st.none() | st.sampled_from([0.0, 12.5])),
        error_class=draw(st.sampled_from([None, "Call failed."])),
        seen_at=draw(SOMETIMES),
        ended_at=ended_at,
        ended_by=ended_by,
        cost_micros=cost,
        detail_at=detail_at,
    )


@BOUNDED
@given(st.lists(some_calls(), min_size=3, max_size=3))
def test_calls_merge_the_same_in_any_order(views: list[Call]) -> None:
    assert len({reduce(merge_call, order) for order in permutations(views)}) == 1


@BOUNDED
@given(some_calls(), some_calls(), some_calls())
def test_calls_merge_the_same_in_any_grouping(a: Call, b: Call, c: Call) -> None:
    assert merge_call(merge_call(a, b), c) == merge_call(a, merge_call(b, c))


@BOUNDED
@given(some_calls(), some_calls())
def test_a_call_seen_again_changes_nothing(a: Call, b: Call) -> None:
    merged = merge_call(a, b)

    assert merge_call(a, a) == a
    assert merge_call(merged, a) == merge_call(merged, b) == merged


@BOUNDED
@given(st.lists(CONTACTS, min_size=3, max_size=3))
def test_contacts_merge_the_same_in_any_order(views: list[Contact]) -> None:
    assert len({reduce(merge_contact, order) for order in permutations(views)}) == 1


@BOUNDED
@given(CONTACTS, CONTACTS, CONTACTS)
def test_contacts_merge_the_same_in_any_grouping(a: Contact, b: Contact, c: Contact) -> None:
    assert merge_contact(merge_contact(a, b), c) == merge_contact(a, merge_contact(b, c))
    assert merge_contact(a, a) == a


def test_an_ended_call_stays_ended_whatever_comes_late() -> None:
    ended = make_call(status=CallStatus.FAILED, seen_at=NOON)
    late = make_call(
        status=CallStatus.IN_PROGRESS, seen_at=NOON + MINUTE, ended_at=None, ended_by=None
    )

    assert merge_call(ended, late) == merge_call(late, ended) == ended


def test_of_two_ends_the_later_seen_corrects_the_earlier() -> None:
    first = make_call(answered_by=None, seen_at=NOON)
    corrected = make_call(answered_by=AnsweredBy.VOICEMAIL, seen_at=NOON + MINUTE)

    assert merge_call(corrected, first).answered_by is AnsweredBy.VOICEMAIL


def test_a_vendors_end_beats_the_moment_we_saw_it() -> None:
    seen = make_call(ended_at=NOON + MINUTE, ended_by=EndedBy.SEEN, seen_at=NOON + MINUTE)
    told = make_call(ended_at=NOON, ended_by=EndedBy.VENDOR, seen_at=NOON)

    merged = merge_call(told, seen)

    assert (merged.ended_at, merged.ended_by) == (NOON, EndedBy.VENDOR)


def test_of_two_moments_at_which_we_saw_an_end_the_first_counts() -> None:
    first = make_call(ended_at=NOON, ended_by=EndedBy.SEEN, seen_at=NOON)
    again = make_call(ended_at=NOON + MINUTE, ended_by=EndedBy.SEEN, seen_at=NOON + MINUTE)

    assert merge_call(first, again).ended_at == NOON


def test_an_answer_without_details_leaves_them_alone() -> None:
    detailed = make_call(cost_micros=120_000, currency="USD", seen_at=NOON, detail_at=NOON)
    row = make_call(seen_at=NOON + MINUTE)

    merged = merge_call(detailed, row)

    assert (merged.cost_micros, merged.detail_at, merged.seen_at) == (
        120_000,
        NOON,
        NOON + MINUTE,
    )


def test_a_person_moves_back_to_waiting_with_the_next_attempt_only() -> None:
    failed = make_contact(status=ContactStatus.FAILED, attempts=1, seen_at=NOON)
    stale = make_contact(status=ContactStatus.DISPATCHED, attempts=1, seen_at=NOON + MINUTE)
    again = make_contact(status=ContactStatus.DISPATCHED, attempts=2, seen_at=NOON)

    assert merge_contact(failed, stale) == failed
    assert merge_contact(failed, again) == again
