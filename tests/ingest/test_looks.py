"""One look at one batch: what it moves, what is old, and when an ended batch runs again."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection

from monitor.core.calendar import Calendar
from monitor.core.hours import parse_hours
from monitor.core.instants import to_micros
from monitor.core.model import Batch, BatchStatus, Counts
from monitor.ingest.looks import take_look
from monitor.store import batches, changes
from monitor.store.advancing import touched
from monitor.store.batches import BatchRow
from monitor.store.coding import decode
from tests.builders import HOUR, MINUTE, NOON, SECOND, make_batch

TERMINAL = [status for status in BatchStatus if status.terminal]
OPEN = [status for status in BatchStatus if not status.terminal]


def look(at: timedelta = timedelta(0), **changes: Any) -> Batch:
    return make_batch(seen_at=NOON + at, **changes)


def take(conn: Connection, at: timedelta = timedelta(0), **changes: Any) -> BatchRow:
    """A look, and the row as it is kept."""
    row = take_look(conn, look(at, **changes), baseline=False)
    assert batches.load(conn, row.id) == row
    return row


def words(conn: Connection, row: BatchRow) -> list[tuple[str, str | None, str | None]]:
    return [(each.kind, each.before, each.after) for each in changes.since(conn, row.id, 0)]


@pytest.mark.parametrize("baseline", [True, False], ids=["baseline", "later"])
@pytest.mark.parametrize("status", BatchStatus)
def test_only_what_had_ended_at_the_baseline_is_no_news(
    conn: Connection, status: BatchStatus, baseline: bool
) -> None:
    row = take_look(conn, look(status=status), baseline=baseline)

    known = baseline and status.terminal
    assert (row.news, row.open) == (not known, not known)
    assert row.terminal_at == (NOON if status.terminal else None)
    assert row.run == 1
    assert words(conn, row) == [("baseline" if baseline else "batch", None, status.value)]


def test_a_batch_that_began_and_ended_between_two_looks_is_news(conn: Connection) -> None:
    row = take(conn, status=BatchStatus.COMPLETED)

    assert (row.news, row.open, row.terminal_at, row.terminal_again_at) == (True, True, NOON, None)


def test_the_same_look_again_changes_nothing_but_how_fresh_it_is(conn: Connection) -> None:
    first = take(conn)
    again = take(conn, MINUTE)

    assert again.fresh_at == NOON + MINUTE
    assert (again.moved_at, again.seq) == (NOON, first.seq)


@pytest.mark.parametrize(
    ("known", "late"),
    [
        pytest.param({}, {"at": -SECOND}, id="asked before, answered after"),
        pytest.param(
            {"version": NOON}, {"at": MINUTE, "version": NOON - SECOND}, id="a cached answer"
        ),
    ],
)
def test_an_old_answer_changes_nothing(
    conn: Connection, known: dict[str, Any], late: dict[str, Any]
) -> None:
    first = take(conn, status=BatchStatus.COMPLETED, **known)
    after = take(conn, late.pop("at"), status=BatchStatus.RUNNING, **late)

    assert replace(after, failure=None) == first


def test_an_answer_of_the_same_version_is_fresh(conn: Connection) -> None:
    take(conn, version=NOON)

    assert take(conn, MINUTE, version=NOON).fresh_at == NOON + MINUTE


def test_what_only_other_answers_tell_is_kept(conn: Connection) -> None:
    take(conn, name="Renewals May", campaign="c1", concurrency=10, timezone="Europe/Berlin")
    row = take(conn, MINUTE, name=None)

    assert (row.look.name, row.look.campaign) == ("Renewals May", "c1")
    assert (row.look.concurrency, row.look.timezone) == (10, "Europe/Berlin")


def test_pausing_and_resuming_are_moves(conn: Connection) -> None:
    take(conn)
    paused = take(conn, MINUTE, status=BatchStatus.PAUSED)
    resumed = take(conn, 2 * MINUTE)

    assert (paused.moved_at, paused.resumed_at) == (NOON + MINUTE, None)
    assert (resumed.moved_at, resumed.resumed_at) == (NOON + 2 * MINUTE,) * 2
    assert resumed.idle_at == NOON + MINUTE
    assert words(conn, resumed)[1:] == [
        ("batch", "running", "paused"),
        ("batch", "paused", "running"),
    ]


def test_counts_that_move_are_a_move_and_kept_for_looking_back(conn: Connection) -> None:
    first = take(conn, counts=Counts(total=10, live=1))
    row = take(conn, MINUTE, counts=Counts(total=10, live=2))
    again = take(conn, 2 * MINUTE, counts=Counts(total=10, live=2))

    assert (row.moved_at, again.seq) == (NOON + MINUTE, row.seq)
    (kept,) = changes.since(conn, row.id, first.seq)
    assert kept.kind == changes.COUNTS
    assert decode(Counts, kept.after or "") == row.look.counts


def moves(conn: Connection, *at: timedelta, **more: Any) -> BatchRow:
    """Counts that move at these times."""
    for n, when in enumerate(at):
        row = take(conn, when, counts=Counts(live=n), **more)
    return row


def test_the_usual_gap_follows_slowly(conn: Connection) -> None:
    assert moves(conn, 0 * SECOND, 10 * SECOND).typical_gap_s == 10
    assert moves(conn, 30 * SECOND).typical_gap_s == pytest.approx(11)


def test_one_long_gap_hides_no_stall_after_it(conn: Connection) -> None:
    row = moves(conn, 0 * SECOND, 20 * SECOND, 12 * HOUR)

    assert row.typical_gap_s == pytest.approx(20 + 0.1 * (200 - 20))


def test_closed_hours_are_no_gap(conn: Connection) -> None:
    hours = Calendar(zone=ZoneInfo("UTC"), hours=(parse_hours("mon-fri 09:00-13:00"),))
    row = moves(conn, 0 * SECOND, 20 * HOUR + 59 * MINUTE, calendar=hours)
    after = moves(conn, 21 * HOUR + 30 * SECOND, calendar=hours)

    assert row.typical_gap_s == 3600
    assert after.typical_gap_s == pytest.approx(3600 + 0.1 * (30 - 3600))


def test_a_pause_is_no_gap(conn: Connection) -> None:
    moves(conn, 0 * SECOND, 20 * SECOND)
    take(conn, 40 * SECOND, status=BatchStatus.PAUSED, counts=Counts(live=1))
    take(conn, 2 * HOUR, status=BatchStatus.PAUSED, counts=Counts(live=0))
    row = take(conn, 3 * HOUR, counts=Counts(live=0))

    assert row.typical_gap_s == pytest.approx(20)
    assert row.moved_at == NOON + 3 * HOUR


def test_waiting_to_begin_is_no_gap(conn: Connection) -> None:
    take(conn, status=BatchStatus.SCHEDULED)
    row = take(conn, 3 * HOUR)

    assert (row.typical_gap_s, row.moved_at) == (None, NOON + 3 * HOUR)


def test_what_one_poll_sees_twice_is_one_move(conn: Connection) -> None:
    row = moves(conn, 0 * SECOND, 20 * SECOND)

    assert touched(row, NOON + 22 * SECOND).typical_gap_s == row.typical_gap_s


def test_what_moved_before_the_last_move_does_not_turn_the_clock_back(conn: Connection) -> None:
    row = take(conn)

    assert touched(row, NOON - MINUTE) == row
    assert touched(row, NOON + MINUTE).moved_at == NOON + MINUTE


@pytest.mark.parametrize("status", TERMINAL)
def test_the_end_is_kept_as_first_seen_and_as_last_confirmed(
    conn: Connection, status: BatchStatus
) -> None:
    take(conn)
    ended = take(conn, MINUTE, status=status)
    again = take(conn, 2 * MINUTE, status=status)
    third = take(conn, 3 * MINUTE, status=status)

    assert (ended.terminal_at, ended.terminal_again_at) == (NOON + MINUTE, None)
    assert (ended.seen_open_at, third.seen_open_at) == (NOON, NOON)
    assert (again.terminal_at, again.terminal_again_at) == (NOON + MINUTE, NOON + 2 * MINUTE)
    assert (third.terminal_at, third.terminal_again_at) == (NOON + MINUTE, NOON + 3 * MINUTE)
    assert (third.moved_at, third.run) == (NOON + MINUTE, 1)


def test_an_end_that_becomes_another_end_is_the_same_run(conn: Connection) -> None:
    take(conn, status=BatchStatus.COMPLETED)
    row = take(conn, MINUTE, status=BatchStatus.PARTIAL)

    assert (row.run, row.terminal_at) == (1, NOON + MINUTE)
    assert row.terminal_again_at is None, "another word does not confirm the first one"
    assert row.look.status is BatchStatus.PARTIAL
    assert words(conn, row)[-1] == ("batch", "completed", "partial")


REOPENING = [status for status in OPEN if status is not BatchStatus.UNKNOWN]


@pytest.mark.parametrize("status", REOPENING)
def test_an_ended_batch_runs_again_once_two_looks_agree(
    conn: Connection, status: BatchStatus
) -> None:
    ended = take(conn, status=BatchStatus.COMPLETED)
    once = take(conn, MINUTE, status=status)
    twice = take(conn, 2 * MINUTE, status=status)

    assert (once.run, once.look, once.terminal_at) == (1, ended.look, NOON)
    assert (once.reopening_at, once.due_at) == (NOON + MINUTE,) * 2
    assert (twice.run, twice.news, twice.open) == (2, True, True)
    assert (twice.terminal_at, twice.terminal_again_at, twice.reported_at) == (None, None, None)
    assert twice.resumed_at == NOON + 2 * MINUTE
    assert words(conn, twice)[-2:] == [
        ("batch", "completed", "reopened"),
        ("batch", "completed", status.value),
    ]


def test_a_batch_of_the_baseline_that_runs_again_is_news(conn: Connection) -> None:
    take_look(conn, look(status=BatchStatus.COMPLETED), baseline=True)
    take(conn, MINUTE)
    row = take(conn, 2 * MINUTE)

    assert (row.run, row.news, row.open) == (2, True, True)


@pytest.mark.parametrize(
    "second",
    [
        pytest.param({"at": MINUTE}, id="the same look twice"),
        pytest.param({"at": MINUTE - SECOND}, id="one asked earlier"),
    ],
)
def test_one_look_does_not_confirm_itself(conn: Connection, second: dict[str, Any]) -> None:
    take(conn, status=BatchStatus.COMPLETED)
    take(conn, MINUTE)
    row = take(conn, second["at"])

    assert (row.run, row.look.status) == (1, BatchStatus.COMPLETED)


def test_an_end_seen_again_in_between_takes_the_first_sign_back(conn: Connection) -> None:
    take(conn, status=BatchStatus.COMPLETED)
    take(conn, MINUTE)
    ended = take(conn, 2 * MINUTE, status=BatchStatus.COMPLETED)
    again = take(conn, 3 * MINUTE)

    assert ended.reopening_at is None
    assert again.run == 1


def test_a_word_that_nobody_knows_neither_ends_nor_reopens(conn: Connection) -> None:
    take(conn)
    open_ = take(conn, MINUTE, status=BatchStatus.UNKNOWN, raw_status="weird")
    ended = take(conn, 2 * MINUTE, status=BatchStatus.FAILED)
    take(conn, 3 * MINUTE, status=BatchStatus.UNKNOWN, raw_status="weird")
    after = take(conn, 4 * MINUTE, status=BatchStatus.UNKNOWN, raw_status="weird")

    assert (open_.terminal_at, open_.moved_at) == (None, NOON + MINUTE)
    assert words(conn, open_)[1] == ("batch", "running", "unknown: weird")
    assert (after.run, after.terminal_at) == (1, ended.terminal_at)
    assert after.fresh_at == NOON + 4 * MINUTE


def test_each_run_may_end(conn: Connection) -> None:
    for run in range(3):
        start = run * HOUR
        take(conn, start)
        take(conn, start + MINUTE)
        row = take(conn, start + 2 * MINUTE, status=BatchStatus.COMPLETED)

        assert (row.run, row.terminal_at) == (run + 1, NOON + start + 2 * MINUTE)


def test_batches_of_two_providers_with_one_id_are_two(conn: Connection) -> None:
    ours = take(conn)
    theirs = take(conn, provider="other")

    assert ours.id != theirs.id


def test_a_good_look_forgets_the_refused_ones(conn: Connection) -> None:
    row = take(conn)
    batches.save(conn, BatchRow(**{**_fields(row), "failure": "timeout"}))

    assert take(conn, MINUTE).failure is None


def _fields(row: BatchRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


FIRST = Counts(total=10, finished=6)
FEWER = Counts(total=10, finished=4)


def test_counts_that_fall_are_believed_when_a_second_look_says_so(conn: Connection) -> None:
    take(conn, counts=FIRST)
    doubted = take(conn, MINUTE, counts=FEWER)
    assert (doubted.look.counts, doubted.fresh_at, doubted.falling_at) == (
        FIRST,
        NOON,
        NOON + MINUTE,
    )

    again = take(conn, 2 * MINUTE, counts=FEWER)
    assert (again.look.counts, again.fresh_at, again.falling_at) == (FEWER, NOON + 2 * MINUTE, None)
    assert again.fallen_from == FIRST
    further = take(conn, 3 * MINUTE, counts=Counts(total=10, finished=5))
    assert further.fallen_from == FIRST
    assert take(conn, 4 * MINUTE, counts=FIRST).fallen_from is None


def test_counts_that_fall_once_were_an_old_answer(conn: Connection) -> None:
    take(conn, counts=FIRST)
    take(conn, MINUTE, counts=FEWER)
    row = take(conn, 2 * MINUTE, counts=FIRST)
    assert (row.falling_at, row.fallen_from, row.fresh_at) == (None, None, NOON + 2 * MINUTE)

    assert take(conn, 3 * MINUTE, counts=FEWER).look.counts == FIRST, "and is so again"


@pytest.mark.parametrize(
    "counts",
    [
        pytest.param(Counts(total=10, finished=6, live=0, waiting=1), id="lines and who waits"),
        pytest.param(Counts(total=10), id="a count that is not told this time"),
        pytest.param(Counts(total=12, finished=6), id="more people"),
    ],
)
def test_what_goes_up_and_down_is_believed_at_once(conn: Connection, counts: Counts) -> None:
    take(conn, counts=Counts(total=10, finished=6, live=5, waiting=3, failed=2, succeeded=4))

    assert take(conn, MINUTE, counts=counts).look.counts == counts


def test_a_newer_version_explains_counts_that_fall(conn: Connection) -> None:
    take(conn, counts=FIRST, version=NOON)
    row = take(conn, MINUTE, counts=FEWER, version=NOON + SECOND)

    assert (row.look.counts, row.fallen_from) == (FEWER, None)


def test_a_version_far_in_the_future_is_none(conn: Connection) -> None:
    take(conn, version=NOON + 24 * HOUR)
    row = take(conn, MINUTE, version=NOON + MINUTE, status=BatchStatus.PAUSED)

    assert row.look.status is BatchStatus.PAUSED


def test_a_batch_that_ran_again_begins_its_counts_anew(conn: Connection) -> None:
    take(conn, counts=FIRST, status=BatchStatus.COMPLETED)
    take(conn, MINUTE, counts=FEWER)
    row = take(conn, 2 * MINUTE, counts=FEWER)

    assert (row.run, row.look.counts, row.fallen_from) == (2, FEWER, None)


@pytest.mark.parametrize("pruned", [False, True], ids=["kept", "pruned"])
def test_a_batch_that_had_vanished_is_watched_again(conn: Connection, pruned: bool) -> None:
    row = replace(take(conn), gone_at=NOON, gone_again_at=NOON, gone_times=9, open=False)
    batches.save(conn, replace(row, pruned=pruned, tally={"contacts": 3}, listed_at=NOON))
    back = take(conn, MINUTE)

    assert (back.open, back.gone_at, back.gone_again_at, back.gone_times) == (True, None, None, 0)
    assert (back.pruned, back.tally) == (False, {} if pruned else {"contacts": 3})
    assert back.listed_at == (None if pruned else NOON)


def test_when_it_was_first_seen_dialling_and_when_it_was_paused_is_kept(conn: Connection) -> None:
    planned = take(conn, status=BatchStatus.SCHEDULED)
    began = take(conn, MINUTE)
    paused = take(conn, 2 * MINUTE, status=BatchStatus.PAUSED)
    resumed = take(conn, 3 * MINUTE)

    assert planned.running_at is None
    assert [each.running_at for each in (began, paused, resumed)] == [NOON + MINUTE] * 3
    assert paused.pauses == ((NOON + 2 * MINUTE, None),)
    assert resumed.pauses == ((NOON + 2 * MINUTE, NOON + 3 * MINUTE),)


def test_a_batch_first_seen_paused_is_paused_since_then(conn: Connection) -> None:
    row = take(conn, status=BatchStatus.PAUSED)

    assert (row.running_at, row.pauses) == (None, ((NOON, None),))


def test_the_time_between_two_runs_is_no_time_of_calling(conn: Connection) -> None:
    take(conn)
    take(conn, MINUTE, status=BatchStatus.COMPLETED)
    take(conn, HOUR)
    again = take(conn, HOUR + MINUTE)

    assert (again.run, again.running_at) == (2, NOON + HOUR + MINUTE)
    assert again.pauses == ((NOON + MINUTE, NOON + HOUR + MINUTE),)


@pytest.mark.parametrize(
    ("gap", "told"),
    [
        pytest.param(3 * MINUTE, [], id="as slowly as it is looked at"),
        pytest.param(
            3 * MINUTE + SECOND, [("unseen", str(to_micros(NOON)), None)], id="after more than that"
        ),
    ],
)
def test_it_is_kept_that_nobody_looked_for_long(
    conn: Connection, gap: timedelta, told: list[tuple[str, str | None, str | None]]
) -> None:
    first = take(conn)

    row = take(conn, gap)

    assert words(conn, row)[first.seq :] == told


@pytest.mark.parametrize(
    ("away", "finished", "begun"),
    [
        pytest.param(HOUR, 14, HOUR, id="more ended than were open: it had been resumed"),
        pytest.param(HOUR, 13, timedelta(0), id="the calls of its pause's beginning ended"),
        pytest.param(MINUTE, 14, timedelta(0), id="watched all the while"),
    ],
)
def test_a_pause_in_which_people_were_called_unseen_is_another(
    conn: Connection, away: timedelta, finished: int, begun: timedelta
) -> None:
    take(conn, timedelta(0), status=BatchStatus.PAUSED, counts=Counts(finished=10, live=3))

    later = take(conn, away, status=BatchStatus.PAUSED, counts=Counts(finished=finished, live=0))

    assert later.pauses[-1] == (NOON + begun, None)
