"""Which ends webhooks told, at each limit; and which webhooks count as refused."""

from datetime import timedelta
from typing import Any

import pytest

from monitor.core.hearing import (
    GRACE,
    LATE,
    REFUSED_MOST,
    Arrival,
    Delays,
    Heard,
    Refusals,
    Refused,
    heard,
)
from tests.builders import HOUR, MINUTE, NOON, SECOND

TICK = timedelta(microseconds=1)
NOW = NOON + 30 * MINUTE


def end(
    *,
    webhook: timedelta | None = None,
    poll: timedelta | None = None,
    ended: timedelta | None = None,
) -> Arrival:
    """Heard of so long after NOON."""
    first = min(each for each in (webhook, poll) if each is not None)
    return Arrival(
        first_at=NOON + first,
        webhook_at=None if webhook is None else NOON + webhook,
        poll_at=None if poll is None else NOON + poll,
        ended_at=None if ended is None else NOON + ended,
    )


BOTH = end(webhook=SECOND, poll=20 * SECOND)
MISSED = end(poll=20 * SECOND)
ALONE = end(webhook=SECOND)


def test_every_end_is_counted_by_who_told_of_it() -> None:
    found = heard([BOTH, BOTH, MISSED, ALONE, ALONE, ALONE], NOW)

    assert (found.both, found.missed, found.alone, found.late) == (2, 1, 3, 0)
    assert found.missed_share == pytest.approx(1 / 3)


def test_nothing_heard_of_is_no_share_and_no_delay() -> None:
    assert heard([], NOW) == Heard()
    assert (Heard().missed_share, Heard().late_share) == (0, 0)


@pytest.mark.parametrize(
    ("after", "missed"),
    [
        pytest.param(GRACE - TICK, 0, id="it may yet come"),
        pytest.param(GRACE, 1, id="it should have come"),
    ],
)
def test_what_a_poll_saw_a_moment_ago_is_not_missed(after: timedelta, missed: int) -> None:
    assert heard([end(poll=timedelta(0))], NOON + after).missed == missed


@pytest.mark.parametrize(
    ("arrival", "late"),
    [
        pytest.param(end(webhook=LATE, ended=timedelta(0)), 0, id="a webhook alone is never late"),
        pytest.param(end(webhook=LATE, poll=MINUTE, ended=timedelta(0)), 0, id="just in time"),
        pytest.param(end(webhook=LATE + TICK, poll=MINUTE, ended=timedelta(0)), 1, id="too late"),
        pytest.param(end(webhook=LATE + SECOND, poll=SECOND), 0, id="measured from the poll"),
        pytest.param(end(webhook=LATE + SECOND + TICK, poll=SECOND), 1, id="too late for the poll"),
        pytest.param(
            end(webhook=LATE + TICK, poll=timedelta(0), ended=MINUTE), 1, id="a clock ahead of ours"
        ),
    ],
)
def test_a_webhook_is_late_by_the_end_or_by_what_was_known_first(
    arrival: Arrival, late: int
) -> None:
    assert heard([arrival], NOW).late == late


def test_delays_run_from_the_end_that_the_vendor_tells() -> None:
    ends = [end(webhook=n * SECOND, poll=2 * n * SECOND, ended=timedelta(0)) for n in range(1, 101)]
    found = heard(ends, NOW)

    assert found.webhooks == Delays(p50_s=50, p95_s=95)
    assert found.polls == Delays(p50_s=100, p95_s=190)
    assert heard([MISSED], NOW).webhooks is None
    assert heard([ALONE], NOW).polls is None


def test_how_late_an_end_was_is_not_known_where_nobody_else_tells_of_it() -> None:
    """Neither the vendor says when it was, nor did it come twice: that is no delay of nothing."""
    found = heard([MISSED, ALONE], NOW)

    assert (found.missed, found.alone) == (1, 1)
    assert (found.webhooks, found.polls) == (None, None)
    assert heard([end(poll=SECOND, ended=SECOND)], NOW).polls is None
    assert heard([MISSED, BOTH], NOW).polls == Delays(p50_s=19, p95_s=19)


def test_misses_in_a_row_are_those_since_the_newest_webhook() -> None:
    before, after = end(poll=SECOND), end(poll=MINUTE)
    webhook = end(webhook=30 * SECOND)

    assert heard([before, before, webhook, after], NOW).in_a_row == 1
    assert heard([before, before], NOW).in_a_row == 2


BY_THE_NEXT, LATER = Delays(p50_s=30.0, p95_s=60.0), Delays(p50_s=30.0, p95_s=60.1)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        pytest.param({"both": 5}, 4, id="five matches"),
        pytest.param({"both": 4}, 1, id="too few to tell"),
        pytest.param({"both": 0, "alone": 90}, 1, id="what no poll has verified"),
        pytest.param({"both": 98, "missed": 2}, 4, id="two in a hundred missed"),
        pytest.param({"both": 97, "missed": 2}, 1, id="more than that"),
        pytest.param({"both": 100, "late": 10}, 4, id="one in ten late"),
        pytest.param({"both": 100, "late": 11}, 1, id="more than that late"),
        pytest.param({"both": 100, "late": 11, "webhooks": BY_THE_NEXT}, 2, id="late, but there"),
        pytest.param({"both": 100, "late": 11, "webhooks": LATER}, 1, id="later than the next"),
        pytest.param({"both": 97, "missed": 2, "webhooks": BY_THE_NEXT}, 1, id="late, and missed"),
        pytest.param({"both": 500, "missed": 3, "in_a_row": 2}, 4, id="two in a row"),
        pytest.param({"both": 500, "missed": 3, "in_a_row": 3}, 1, id="three in a row"),
    ],
)
def test_polls_are_fewer_where_webhooks_come_in_time_and_miss_little(
    counts: dict[str, Any], expected: int
) -> None:
    assert Heard(**counts).intervals(30 * SECOND) == expected


# Refusals


def test_refusals_in_a_row_end_with_a_good_one_and_their_times_stay() -> None:
    refusals = Refusals()
    refusals.refused(NOON, signed=True)
    refusals.refused(NOON + SECOND, signed=False)

    told = refusals.told()
    assert (told.in_a_row, told.unsigned, told.unsigned_at) == (1, 1, NOON + SECOND)
    assert (told.times, told.refused_at) == ((NOON,), NOON)

    refusals.accepted(NOON + 2 * SECOND)
    told = refusals.told()
    assert (told.in_a_row, told.unsigned, told.accepted_at) == (0, 0, NOON + 2 * SECOND)
    assert len(told.times) == 1


def test_what_came_before_this_process_counts_and_nothing_is_to_come() -> None:
    known = Refused(refused_at=NOON, accepted_at=NOON - MINUTE)

    assert known.since(NOON - SECOND, NOON, NOON + SECOND) == Refused(
        refused_at=NOON, accepted_at=NOON
    )
    assert Refused().since(NOON + HOUR, None, NOON) == Refused(refused_at=NOON)


def test_a_flood_of_refusals_takes_no_more_room_than_a_few() -> None:
    refusals = Refusals()
    for n in range(1_000):
        refusals.refused(NOON + n * SECOND, signed=True)

    told = refusals.told()
    assert len(told.times) == REFUSED_MOST
    assert told.times[-1] == NOON + 999 * SECOND
    assert told.in_a_row == 1_000
    # The first of the row is long forgotten, and when it came is not.
    assert told.in_a_row_since == NOON


def test_a_row_begins_anew_after_a_good_one() -> None:
    refusals = Refusals()
    for n in range(3):
        refusals.refused(NOON + n * SECOND, signed=True)
        refusals.refused(NOON + n * SECOND, signed=False)
    assert refusals.told().unsigned_since == NOON

    refusals.accepted(NOON + MINUTE)
    assert refusals.told().in_a_row_since is None
    assert refusals.told().unsigned_since is None

    refusals.refused(NOON + 2 * MINUTE, signed=True)
    assert refusals.told().in_a_row_since == NOON + 2 * MINUTE
