"""How often to look and how much to read, at each limit."""

from dataclasses import replace
from datetime import time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.calendar import Calendar
from monitor.core.hours import Hours
from monitor.core.model import BatchStatus, ContactStatus, Counts
from monitor.core.pace import (
    AT_ONCE,
    CONFIRM_AFTER,
    JITTER,
    LEAST,
    REREAD_EVERY,
    SETTLE_READ,
    URGENT,
    Reading,
    Watched,
    backoff,
    explained,
    lines,
    next_look,
    reading,
)
from monitor.core.tally import contact_key
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
WELL = MORE | {"steady": True, "borne_out": True, "read_at": NOON}


def uncounted(status: BatchStatus = BatchStatus.RUNNING, **counts: Any) -> dict[str, Any]:
    """A batch whose vendor lists no call under way, and how many there are is an estimate."""
    found = Counts(**counts, estimated=frozenset({"live"}))
    look = make_batch(status=status, counts=found)
    return {"look": look, "swept_counts": found, "late_changes": False}


ENDED = {"terminal_at": NOON - MINUTE}
BORNE_OUT = {"borne_out": True, "moved_at": NOON + REREAD_EVERY}
LINGERS = {"terminal_at": NOON, "lingers": True}
READ_AN_HOUR_ON = {"swept_at": NOON + HOUR, "complete_at": NOON + HOUR}


def unseen(lasts: timedelta) -> dict[str, Any]:
    """One that ended a minute ago, with calls that may go on so long and stand on no list."""
    found = uncounted(BatchStatus.COMPLETED, live=0, waiting=0)
    return ENDED | found | {"look": replace(found["look"], unseen_for=lasts)}


# A word that nobody knows: it may be over, though nothing says so.
ODD = {
    "look": replace(make_batch(status=BatchStatus.UNKNOWN), counts=COUNTS),
    "late_changes": False,
}
SCHEDULED = {
    "look": make_batch(
        status=BatchStatus.SCHEDULED, scheduled_at=NOON + HOUR + EVERY + 10 * SECOND
    ),
}
IDLE = Counts(total=100, live=0)
PAUSED = {"look": make_batch(status=BatchStatus.PAUSED, counts=IDLE)}
HANGING = {"look": make_batch(status=BatchStatus.PAUSED, counts=COUNTS)}
OPENS = time(NOON.hour + 1, NOON.minute + 1)
CLOSED = {
    "look": make_batch(
        counts=IDLE,
        calendar=Calendar(
            zone=ZoneInfo("UTC"), hours=(Hours(days=frozenset(range(7)), start=OPENS, end=None),)
        ),
    )
}


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
        pytest.param(
            {"overdue": True, "look": CLOSED["look"], "swept_counts": IDLE},
            NOTHING,
            Reading.NOTHING,
            id="a retry is due, but nobody may be called",
        ),
        pytest.param(WELL, 1.5 * EVERY - TICK, Reading.NOTHING, id="goes well, was read just now"),
        pytest.param(WELL, 1.5 * EVERY, Reading.HOT, id="goes well, not read with the last look"),
        pytest.param(WELL | {"read_at": None}, NOTHING, Reading.HOT, id="goes well, never read"),
        pytest.param(WELL | {"steady": False}, NOTHING, Reading.HOT, id="goes another way"),
        pytest.param(WELL | {"borne_out": False}, NOTHING, Reading.HOT, id="nothing bears it out"),
        pytest.param(WELL | {"pending": True}, NOTHING, Reading.HOT, id="well, about to fire"),
        pytest.param(WELL | {"doubted": True}, NOTHING, Reading.HOT, id="well, but doubted"),
        pytest.param(WELL | {"overdue": True}, NOTHING, Reading.NOTHING, id="well, retries due"),
        pytest.param(WELL | {"sweeping": True}, NOTHING, Reading.ALL, id="well, but cut off"),
        pytest.param(
            WELL | {"look": replace(CLOSED["look"], counts=MOVED)},
            NOTHING,
            Reading.HOT,
            id="somebody is called out of hours",
        ),
        pytest.param({"pending": True}, NOTHING, Reading.NOTHING, id="pending alone reads nothing"),
        pytest.param(ENDED, NOTHING, Reading.NOTHING, id="ended and read since"),
        pytest.param(ODD, SETTLE_READ - TICK, Reading.NOTHING, id="perhaps ended a moment ago"),
        pytest.param(ODD, SETTLE_READ, Reading.ALL, id="perhaps ended, and details came late"),
        pytest.param(
            ODD | {"swept_at": NOON + SETTLE_READ}, HOUR / 6, Reading.NOTHING, id="read since"
        ),
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
        pytest.param(LINGERS, 80 * MINUTE, Reading.ALL, id="lingers, and long not read"),
        pytest.param(LINGERS | READ_AN_HOUR_ON, 68 * MINUTE, Reading.NOTHING, id="lingers, read"),
        pytest.param(LINGERS | READ_AN_HOUR_ON, 70 * MINUTE, Reading.ALL, id="lingers, due again"),
        pytest.param({"late_changes": False}, REREAD_EVERY, Reading.NOTHING, id="seldom changes"),
        pytest.param({"late_changes": False}, HOUR / 2, Reading.ALL, id="seldom, but it is due"),
        pytest.param(
            {"moved_at": NOON - REREAD_EVERY}, REREAD_EVERY, Reading.NOTHING, id="long at rest"
        ),
        pytest.param({"moved_at": NOON - HOUR}, HOUR / 2, Reading.ALL, id="at rest, but due"),
        pytest.param(BORNE_OUT, REREAD_EVERY, Reading.NOTHING, id="counts bear it out"),
        pytest.param(
            BORNE_OUT | {"moved_at": NOON + HOUR / 2},
            HOUR / 2,
            Reading.ALL,
            id="borne out, but it is due",
        ),
        pytest.param(
            BORNE_OUT, 1.5 * REREAD_EVERY, Reading.ALL, id="borne out, but it stands still"
        ),
        pytest.param(
            ENDED | {"borne_out": True}, SETTLE_READ, Reading.ALL, id="ended, and borne out"
        ),
        pytest.param({"uncounted": True}, NOTHING, Reading.ALL, id="its counts are missing"),
        pytest.param(uncounted(live=3, waiting=4), NOTHING, Reading.HOT, id="calls end unseen"),
        pytest.param(uncounted(live=0, waiting=0), NOTHING, Reading.HOT, id="unseen calls may end"),
        pytest.param(uncounted(live=0, waiting=9), NOTHING, Reading.NOTHING, id="the queue tells"),
        pytest.param(
            uncounted(BatchStatus.PAUSED, live=0, waiting=0), NOTHING, Reading.NOTHING, id="paused"
        ),
        pytest.param(
            ENDED | uncounted(BatchStatus.COMPLETED, live=2, waiting=0),
            SETTLE_READ,
            Reading.HOT,
            id="ended, calls end unseen",
        ),
        pytest.param(
            ENDED | uncounted(BatchStatus.COMPLETED, live=0, waiting=0),
            4 * MINUTE - TICK,
            Reading.NOTHING,
            id="ended, hardly anything changes",
        ),
        pytest.param(
            ENDED | uncounted(BatchStatus.COMPLETED, live=0, waiting=0),
            4 * MINUTE,
            Reading.ALL,
            id="ended, read once more",
        ),
        pytest.param(
            unseen(10 * MINUTE), SETTLE_READ, Reading.HOT, id="ended, some may go on for longer"
        ),
        pytest.param(
            unseen(2 * MINUTE), MINUTE, Reading.ALL, id="ended, those that might are over now"
        ),
        pytest.param(
            unseen(MINUTE) | {"swept_at": NOON}, MINUTE, Reading.NOTHING, id="ended, read since"
        ),
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
        pytest.param({}, 10 * MINUTE, 2 * EVERY, id="quiet for ten minutes"),
        pytest.param({}, 10 * MINUTE + TICK, 4 * EVERY, id="quiet for longer"),
        pytest.param({}, HOUR, BLIND / 2, id="quiet for long, and yet never stale"),
        pytest.param(SCHEDULED, HOUR, EVERY + 10 * SECOND, id="quiet, but about to start"),
        pytest.param(SCHEDULED, HOUR + 41 * SECOND, BLIND / 2, id="should have started"),
        pytest.param(CLOSED, HOUR, MINUTE, id="quiet until hours begin"),
        pytest.param(CLOSED, 3 * MINUTE, BLIND / 2, id="closed, and quiet"),
        pytest.param(CLOSED, NOTHING, EVERY, id="closed, and moving nevertheless"),
        pytest.param(PAUSED, 3 * MINUTE, BLIND / 2, id="paused"),
        pytest.param(HANGING, 3 * MINUTE, 2 * EVERY, id="paused, and somebody still talks"),
        pytest.param({"overdue": True}, 3 * MINUTE, EVERY, id="quiet, but a retry is due"),
        pytest.param(CLOSED | {"overdue": True}, 3 * MINUTE, BLIND / 2, id="due, but closed"),
        pytest.param({"told": 4}, NOTHING, 4 * EVERY, id="moving, and webhooks tell"),
        pytest.param({"told": 2}, NOTHING, 2 * EVERY, id="moving, and webhooks tell late"),
        pytest.param({"told": 2}, 11 * MINUTE, 4 * EVERY, id="quiet, and they would late"),
        pytest.param({"told": 4}, 2 * MINUTE + TICK, 4 * EVERY, id="quiet, and they would"),
        pytest.param({"told": 4}, HOUR, BLIND / 2, id="quiet for long, and they would"),
        pytest.param(SCHEDULED | {"told": 4}, HOUR, EVERY + 10 * SECOND, id="told, but starts"),
        pytest.param({"told": 4, "overdue": True}, HOUR, 4 * EVERY, id="a retry would be told"),
        pytest.param({"told": 4, "doubted": True}, NOTHING, URGENT, id="told, but in doubt"),
        pytest.param({"told": 4, "pending": True}, HOUR, URGENT, id="told, but about to fire"),
        pytest.param({"told": 4, "terminal_at": NOON}, NOTHING, URGENT, id="told, and ended"),
        pytest.param({"pending": True}, HOUR, URGENT, id="an alert is about to fire"),
        pytest.param({"terminal_at": NOON}, NOTHING, URGENT, id="just ended"),
        pytest.param({"terminal_at": NOON}, 30 * SECOND - TICK, URGENT, id="to be confirmed"),
        pytest.param({"terminal_at": NOON}, 30 * SECOND, 15 * SECOND, id="ended half a minute ago"),
        pytest.param({"terminal_at": NOON}, 60 * SECOND, 60 * SECOND, id="ended a minute ago"),
        pytest.param({"terminal_at": NOON}, HOUR, 60 * SECOND, id="ended long ago"),
        pytest.param({"terminal_at": NOON, "pending": True}, HOUR, URGENT, id="ended and pending"),
        pytest.param(LINGERS, 3 * MINUTE, MINUTE, id="a word in it is not known"),
        pytest.param(LINGERS, HOUR, 15 * MINUTE, id="a word in it is not known for long"),
        pytest.param(LINGERS | {"pending": True}, HOUR, URGENT, id="lingers, and pending"),
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
    told=st.sampled_from((1, 2, 4)),
    chance=st.floats(0, 1),
)
def test_no_pace_is_so_slow_that_it_looks_like_blindness(
    poll_every: timedelta,
    blind_after: timedelta,
    moved: timedelta,
    ended: timedelta | None,
    pending: bool,
    overdue: bool,
    told: int,
    chance: float,
) -> None:
    batch = watched(
        moved_at=NOON - moved,
        terminal_at=None if ended is None else NOON - ended,
        pending=pending,
        overdue=overdue,
        told=told,
    )
    longest = next_look(batch, NOON, poll_every=poll_every, blind_after=blind_after)
    wait = next_look(batch, NOON, poll_every=poll_every, blind_after=blind_after, chance=chance)

    assert longest * (1 - JITTER) - TICK <= wait <= longest
    assert LEAST <= wait <= max(blind_after / 2, LEAST)
    if pending:
        assert wait <= URGENT


@given(status=st.sampled_from(BatchStatus), after=AGES)
def test_an_open_batch_is_never_left_unread_for_longer_than_the_limit(
    status: BatchStatus, after: timedelta
) -> None:
    look = replace(make_batch(status=status), counts=COUNTS)
    batch = watched(look=look, moved_at=NOON - SETTLE_READ)
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


BY_STATUS = {ContactStatus.PENDING: 80, ContactStatus.IN_CALL: 10, ContactStatus.COMPLETED: 10}


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        pytest.param(Counts(total=100, finished=10, live=90), 10, id="the queue among them"),
        pytest.param(Counts(total=100, finished=10, live=7), 7, id="fewer than do not wait"),
        pytest.param(Counts(total=100, finished=40, live=60), 0, id="more ended than was read"),
        pytest.param(Counts(total=100, live=10), 10, id="nobody says how many are finished"),
        pytest.param(Counts(total=100, finished=10), 0, id="nobody counts them"),
        pytest.param(
            Counts(total=100, finished=40, live=10, by_status=BY_STATUS), 10, id="counted apart"
        ),
    ],
)
def test_who_waits_by_the_lists_is_on_no_line(counts: Counts, expected: int) -> None:
    tally = {contact_key(ContactStatus.PENDING): 80, contact_key(ContactStatus.IN_CALL): 10}

    assert lines(replace(make_batch(), counts=counts), tally) == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        pytest.param("timeout", [30, 30, 60, 60, 60], id="what may pass soon"),
        pytest.param("auth", [10, 30, 60, 120, 240, 300, 300], id="what somebody must put right"),
    ],
)
def test_a_vendor_that_refuses_is_asked_less_often(kind: str, expected: list[int]) -> None:
    found = [backoff(n, kind, EVERY).total_seconds() for n in range(1, len(expected) + 1)]

    assert found == expected


@given(failures=st.integers(1, 10_000), poll_every=SPANS, kind=st.sampled_from(["auth", "timeout"]))
def test_a_vendor_is_never_given_up(failures: int, poll_every: timedelta, kind: str) -> None:
    wait = backoff(failures, kind, poll_every)

    assert LEAST <= wait <= max(5 * MINUTE, poll_every)
    assert wait >= min(poll_every, CONFIRM_AFTER if kind in AT_ONCE else MINUTE)


@pytest.mark.parametrize(
    ("read_after", "now_after", "expected"),
    [
        pytest.param(-MINUTE, MINUTE - TICK, Reading.NOTHING, id="read shortly before it moved"),
        pytest.param(-MINUTE, MINUTE, Reading.ANEW, id="read two minutes ago, and it moved"),
        pytest.param(SECOND, 5 * SECOND, Reading.NOTHING, id="read a moment ago"),
        pytest.param(SECOND, 6 * SECOND, Reading.ANEW, id="read once since"),
        pytest.param(MINUTE, 2 * MINUTE - TICK, Reading.NOTHING, id="a minute after the move"),
        pytest.param(MINUTE, 2 * MINUTE, Reading.ANEW, id="as long again"),
    ],
)
def test_what_is_contradicted_is_read_again_each_time_after_twice_as_long(
    read_after: timedelta, now_after: timedelta, expected: Reading
) -> None:
    read_at = NOON + read_after
    batch = watched(contradicted=True, full_swept_at=read_at, swept_at=read_at)

    found = reading(batch, NOON + now_after, full_every=FULL, poll_every=EVERY)
    assert found is expected


def test_what_is_doubted_is_looked_at_again_soon() -> None:
    batch = watched(doubted=True)

    assert next_look(batch, NOON, poll_every=EVERY, blind_after=BLIND) == URGENT
