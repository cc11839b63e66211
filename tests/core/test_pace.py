"""How often to look and how much to read, at each limit."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.model import BatchStatus, Counts
from monitor.core.pace import (
    LEAST,
    REREAD_EVERY,
    SETTLE_READ,
    URGENT,
    Reading,
    Watched,
    backoff,
    explained,
    next_look,
    reading,
)
from tests.builders import HOUR, MINUTE, NOON, SECOND, make_batch

NOTHING = timedelta(0)
TICK = timedelta(microseconds=1)
FULL = 6 * HOUR
EVERY = 30 * SECOND
BLIND = 5 * MINUTE
COUNTS = Counts(total=100, live=4)
MOVED = Counts(total=100, live=5)


def watched(**changes: Any) -> Watched:
    """Read to the full a moment ago, and nothing has moved since."""
    values: dict[str, Any] = {
        "look": make_batch(counts=COUNTS),
        "moved_at": NOON,
        "swept_at": NOON,
        "full_swept_at": NOON,
        "complete_at": NOON,
        "swept_counts": COUNTS,
    }
    return Watched(**values | changes)


MORE = {"look": make_batch(counts=MOVED)}
ENDED = {"terminal_at": NOON - MINUTE}


@pytest.mark.parametrize(
    ("changes", "after", "expected"),
    [
        pytest.param(
            {"full_swept_at": None, "swept_at": None}, NOTHING, Reading.ANEW, id="never read"
        ),
        pytest.param({"full_swept_at": NOON - FULL}, NOTHING, Reading.ANEW, id="full sweep is due"),
        pytest.param(
            {"full_swept_at": NOON - FULL + TICK}, NOTHING, Reading.NOTHING, id="not yet due"
        ),
        pytest.param({"sweeping": True}, NOTHING, Reading.ALL, id="a sweep was cut off"),
        pytest.param({"swept_at": None}, NOTHING, Reading.ALL, id="never read without a gap"),
        pytest.param({}, REREAD_EVERY, Reading.ALL, id="reading again is due"),
        pytest.param({}, REREAD_EVERY - TICK, Reading.NOTHING, id="reading again is not yet due"),
        pytest.param({}, NOTHING, Reading.NOTHING, id="nothing moved"),
        pytest.param(MORE, NOTHING, Reading.HOT, id="counts moved"),
        pytest.param({"swept_counts": None}, NOTHING, Reading.HOT, id="never read for counts"),
        pytest.param({"overdue": True}, NOTHING, Reading.HOT, id="a retry is due"),
        pytest.param({"pending": True}, NOTHING, Reading.NOTHING, id="pending alone reads nothing"),
        pytest.param(ENDED, NOTHING, Reading.NOTHING, id="ended and read since"),
        pytest.param(
            ENDED | {"complete_at": NOON - MINUTE}, NOTHING, Reading.NOTHING, id="read just then"
        ),
        pytest.param(
            ENDED | {"complete_at": NOON - MINUTE - TICK},
            NOTHING,
            Reading.ALL,
            id="ended after it was read",
        ),
        pytest.param(
            ENDED | {"complete_at": None}, NOTHING, Reading.ALL, id="ended, never complete"
        ),
        pytest.param(ENDED | {"agrees": False}, NOTHING, Reading.ALL, id="ended, counts disagree"),
        pytest.param(ENDED, SETTLE_READ, Reading.ALL, id="ended, late results are due"),
        pytest.param(ENDED, SETTLE_READ - TICK, Reading.NOTHING, id="ended, late results not yet"),
    ],
)
def test_as_much_is_read_as_moved(
    changes: dict[str, Any], after: timedelta, expected: Reading
) -> None:
    found = reading(watched(**changes), NOON + after, full_every=FULL, poll_every=EVERY)

    assert found is expected


@pytest.mark.parametrize(
    ("changes", "after", "expected"),
    [
        pytest.param({}, NOTHING, EVERY, id="moving"),
        pytest.param({}, 2 * MINUTE, EVERY, id="moved two minutes ago"),
        pytest.param({}, 2 * MINUTE + TICK, 2 * EVERY, id="quiet"),
        pytest.param({"overdue": True}, 3 * MINUTE, EVERY, id="quiet, but a retry is due"),
        pytest.param({"pending": True}, HOUR, URGENT, id="an alert is about to fire"),
        pytest.param({"terminal_at": NOON}, NOTHING, URGENT, id="just ended"),
        pytest.param({"terminal_at": NOON}, 30 * SECOND - TICK, URGENT, id="to be confirmed"),
        pytest.param({"terminal_at": NOON}, 30 * SECOND, 15 * SECOND, id="ended half a minute ago"),
        pytest.param({"terminal_at": NOON}, 60 * SECOND, 60 * SECOND, id="ended a minute ago"),
        pytest.param({"terminal_at": NOON}, HOUR, 60 * SECOND, id="ended long ago"),
        pytest.param({"terminal_at": NOON, "pending": True}, HOUR, URGENT, id="ended and pending"),
    ],
)
def test_the_next_look_comes_as_soon_as_it_matters(
    changes: dict[str, Any], after: timedelta, expected: timedelta
) -> None:
    found = next_look(watched(**changes), NOON + after, poll_every=EVERY, blind_after=BLIND)

    assert found == expected


SPANS = st.timedeltas(min_value=SECOND, max_value=2 * HOUR)
AGES = st.timedeltas(min_value=NOTHING, max_value=48 * HOUR)


@given(
    poll_every=SPANS,
    blind_after=SPANS,
    moved=AGES,
    ended=st.none() | AGES,
    pending=st.booleans(),
    overdue=st.booleans(),
)
def test_no_pace_is_so_slow_that_it_looks_like_blindness(
    poll_every: timedelta,
    blind_after: timedelta,
    moved: timedelta,
    ended: timedelta | None,
    pending: bool,
    overdue: bool,
) -> None:
    batch = watched(
        moved_at=NOON - moved,
        terminal_at=None if ended is None else NOON - ended,
        pending=pending,
        overdue=overdue,
    )
    wait = next_look(batch, NOON, poll_every=poll_every, blind_after=blind_after)

    assert LEAST <= wait <= max(blind_after / 2, LEAST)
    if pending:
        assert wait <= URGENT


@given(status=st.sampled_from(BatchStatus), after=AGES)
def test_an_open_batch_is_never_left_unread_for_longer_than_the_limit(
    status: BatchStatus, after: timedelta
) -> None:
    batch = watched(look=replace(make_batch(status=status), counts=COUNTS))
    found = reading(batch, NOON + after, full_every=FULL, poll_every=EVERY)

    assert (found is Reading.NOTHING) is (after < REREAD_EVERY)


@pytest.mark.parametrize(
    ("differences", "live", "expected"),
    [
        pytest.param((), 0, True, id="none"),
        pytest.param((4,), 0, True, id="a few, as happens while reading"),
        pytest.param((5,), 0, False, id="more than a few"),
        pytest.param((2, 3), 0, False, id="more than a few in all"),
        pytest.param((10, 10), 10, True, id="as many as are moving"),
        pytest.param((10, 11), 10, False, id="more than are moving"),
    ],
)
def test_what_moved_while_reading_explains_a_difference(
    differences: tuple[int, ...], live: int, expected: bool
) -> None:
    assert explained(differences, live) is expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        pytest.param("timeout", [30, 30, 60, 60, 60], id="what may pass soon"),
        pytest.param("auth", [30, 30, 60, 120, 240, 300, 300], id="what somebody must put right"),
    ],
)
def test_a_vendor_that_refuses_is_asked_less_often(kind: str, expected: list[int]) -> None:
    found = [backoff(n, kind, EVERY).total_seconds() for n in range(1, len(expected) + 1)]

    assert found == expected


@given(failures=st.integers(1, 10_000), poll_every=SPANS, kind=st.sampled_from(["auth", "timeout"]))
def test_a_vendor_is_never_given_up(failures: int, poll_every: timedelta, kind: str) -> None:
    wait = backoff(failures, kind, poll_every)

    assert LEAST <= wait <= max(5 * MINUTE, poll_every)
    assert wait >= min(poll_every, MINUTE)
