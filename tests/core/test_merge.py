from datetime import UTC, datetime, timedelta
from functools import reduce
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.merge import merge_call, merge_contact, undated
from monitor.core.model import AnsweredBy, Call, CallStatus, Contact, ContactStatus, EndedBy
from tests.builders import MINUTE, NOON, make_call, make_contact

BOUNDED = settings(max_examples=60, deadline=None, derandomize=True)
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
    pushed = draw(st.booleans())
    cost = draw(st.none() | st.integers(0, 2)) if detail_at else None
    return Call(
        call_id="c1",
        contact_id="p1",
        status=draw(st.sampled_from(CallStatus)),
        answered_by=draw(st.none() | st.sampled_from(AnsweredBy)),
        attempt=draw(st.integers(0, 1)),
        duration_s=draw(st.none() | st.sampled_from([0.0, 12.5])),
        error_class=draw(st.sampled_from([None, "Call failed."])),
        seen_at=None if pushed else draw(SOMETIMES),
        ended_at=ended_at,
        ended_by=ended_by,
        cost_micros=cost,
        currency=None if cost is None else "USD",
        cost_estimated=cost is not None and draw(st.booleans()),
        hangup_by=draw(st.sampled_from([None, "user", "assistant"])) if detail_at else None,
        detail_at=None if pushed else detail_at,
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


TALKS = make_contact(status=ContactStatus.IN_CALL, last_attempt_at=NOON, seen_at=NOON)
OVER = make_contact(status=ContactStatus.COMPLETED, seen_at=NOON + MINUTE)


def test_a_view_that_leaves_out_the_last_attempt_is_of_the_one_that_is_known() -> None:
    assert merge_contact(TALKS, undated(TALKS, OVER)).status is ContactStatus.COMPLETED
    late = OVER._replace(status=ContactStatus.IN_CALL, seen_at=NOON + 2 * MINUTE)
    known = merge_contact(TALKS, undated(TALKS, OVER))
    assert merge_contact(known, undated(known, late)).status is ContactStatus.COMPLETED


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(OVER._replace(last_attempt_at=NOON - MINUTE), id="it tells another"),
        pytest.param(OVER._replace(attempts=1), id="of another attempt"),
        pytest.param(OVER._replace(seen_at=None), id="pushed"),
        pytest.param(OVER._replace(seen_at=NOON - MINUTE), id="older"),
    ],
)
def test_any_other_view_is_taken_as_it_is(seen: Contact) -> None:
    assert undated(TALKS, seen) == seen
    assert undated(TALKS._replace(last_attempt_at=None), OVER) == OVER


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


@BOUNDED
@given(st.lists(some_calls(), min_size=1, max_size=4))
def test_nothing_that_was_told_is_taken_back_by_what_leaves_it_out(views: list[Call]) -> None:
    merged = reduce(merge_call, views)
    level = [each for each in views if each.status.rank == merged.status.rank]

    for name in ("answered_by", "duration_s", "error_class"):
        told = {getattr(each, name) for each in level} - {None}
        assert getattr(merged, name) in (told or {None})
    for name in ("cost_micros", "hangup_by"):
        told = {getattr(each, name) for each in views} - {None}
        assert getattr(merged, name) in (told or {None})


@BOUNDED
@given(some_calls(), st.lists(some_calls(), max_size=3))
def test_what_was_pushed_never_overrules_an_end_that_was_asked_for(
    asked: Call, records: list[Call]
) -> None:
    asked = asked._replace(status=CallStatus.COMPLETED, seen_at=NOON)
    pushed = [each._replace(seen_at=None, detail_at=None) for each in records]

    for order in permutations([asked, *pushed]):
        merged = reduce(merge_call, order)
        assert (merged.status, merged.seen_at) == (CallStatus.COMPLETED, NOON)
        assert merged.answered_by is asked.answered_by or asked.answered_by is None


def test_a_view_that_leaves_out_who_answered_leaves_it_alone() -> None:
    told = make_call(answered_by=AnsweredBy.VOICEMAIL, error_class="busy", seen_at=NOON)
    partial = make_call(seen_at=NOON + MINUTE)
    corrected = make_call(answered_by=AnsweredBy.HUMAN, seen_at=NOON + MINUTE / 2)

    merged = merge_call(told, partial)

    assert (merged.answered_by, merged.error_class) == (AnsweredBy.VOICEMAIL, "busy")
    assert merge_call(merged, corrected).answered_by is AnsweredBy.HUMAN
    assert merge_call(merged, corrected) == merge_call(merge_call(told, corrected), partial)


def test_a_record_without_a_cost_leaves_the_known_cost_alone() -> None:
    told = make_call(cost_micros=9_000, currency="USD", seen_at=NOON, detail_at=NOON)
    guessed = make_call(cost_micros=1, currency="EUR", cost_estimated=True, detail_at=NOON + MINUTE)
    partial = make_call(hangup_by="user", seen_at=NOON, detail_at=NOON + 2 * MINUTE)

    merged = reduce(merge_call, (told, guessed, partial))

    assert (merged.cost_micros, merged.currency, merged.cost_estimated) == (9_000, "USD", False)
    assert merged.hangup_by == "user"


def test_a_pushed_view_of_a_person_goes_behind_one_that_was_asked_for() -> None:
    asked = make_contact(status=ContactStatus.FAILED, seen_at=NOON)
    pushed = make_contact(status=ContactStatus.COMPLETED)
    waits = make_contact(status=ContactStatus.IN_CALL, seen_at=NOON)

    assert merge_contact(asked, pushed) == merge_contact(pushed, asked) == asked
    assert merge_contact(waits, pushed) == merge_contact(pushed, waits) == pushed


def test_a_person_moves_back_to_waiting_with_the_next_attempt_only() -> None:
    failed = make_contact(status=ContactStatus.FAILED, attempts=1, seen_at=NOON)
    stale = make_contact(status=ContactStatus.DISPATCHED, attempts=1, seen_at=NOON + MINUTE)
    again = make_contact(status=ContactStatus.DISPATCHED, attempts=2, seen_at=NOON)

    assert merge_contact(failed, stale) == failed
    assert merge_contact(failed, again) == again
