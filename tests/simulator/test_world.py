"""The world is the same for the same seed, its counts add up, and its log tells the truth."""

import itertools
import math
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.model import BatchStatus, ContactStatus, Outcome
from monitor.simulator import state as s
from monitor.simulator.hours import WorkingHours
from monitor.simulator.script import (
    Cancel,
    DialStop,
    End,
    ErrorBurst,
    Incident,
    Mix,
    Pause,
    Plan,
    Reopen,
    Resume,
    RetriesStall,
)
from monitor.simulator.truth import What
from monitor.simulator.world import RunningBatch, World

START = datetime(2026, 5, 10, 9, tzinfo=UTC)
PLAN = Plan(name="Renewals May", contacts=60, max_retries=2, cooldown=120.0, talk=(10.0, 60.0))


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def story(seed: int, steps: list[float], *incidents: Incident, plan: Plan = PLAN) -> RunningBatch:
    world = World(seed, START)
    batch = world.account("renewals", "graine", "key").open(plan, *incidents)
    for step in steps:
        world.advance(after(step))
    return batch


def fingerprint(batch: RunningBatch) -> tuple[object, ...]:
    return (bytes(batch.people.stage), list(batch.calls.ended), tuple(batch.truth.entries))


def test_one_seed_makes_one_world() -> None:
    assert fingerprint(story(1, [3000])) == fingerprint(story(1, [3000]))
    assert fingerprint(story(1, [3000])) != fingerprint(story(2, [3000]))


@settings(max_examples=15, derandomize=True, deadline=None)
@given(st.lists(st.floats(0, 2000), max_size=20))
def test_how_finely_it_is_advanced_changes_nothing(steps: list[float]) -> None:
    incidents = (ErrorBurst(after=100, lasts=200), Pause(after=500), Resume(after=700))
    fine = story(3, [*sorted(steps), 2000], *incidents)
    coarse = story(3, [2000], *incidents)

    assert fingerprint(fine) == fingerprint(coarse)


@pytest.mark.parametrize("seconds", [0, 1, 17, 90, 500, 4000])
def test_counts_equal_a_recount_at_any_time(seconds: float) -> None:
    batch = story(5, [seconds])
    stages = batch.people.stage

    assert batch.people.counts == [stages.count(stage) for stage in range(len(s.STAGES))]
    assert batch.live == sum(stages.count(stage) for stage in s.LIVE)
    assert sum(batch.people.counts) == PLAN.contacts


@pytest.mark.parametrize("seconds", [0, 40, 333, 4000])
def test_the_truth_knows_the_counts_of_every_past_moment(seconds: float) -> None:
    then = story(5, [seconds])
    later = story(5, [9000])

    told = later.truth.contacts(later.batch_id, after(seconds))

    assert told == Counter(s.STAGES[stage] for stage in then.people.stage)
    assert later.truth.status(later.batch_id, after(seconds)) is then.status
    ended = [row for row in range(len(then.calls)) if then.calls.ended[row]]
    assert later.truth.calls(later.batch_id, after(seconds)) == Counter(
        s.ENDS[then.calls.end[row]] for row in ended
    )


def test_a_batch_runs_to_its_end_and_nobody_is_tried_too_often() -> None:
    batch = story(5, [9000])
    calls = batch.calls
    chains = [calls.chain(last) for last in batch.people.last_call]

    assert batch.status is BatchStatus.COMPLETED
    assert not batch.people.number((*s.WAITING, *s.LIVE))
    assert max(map(len, chains)) == PLAN.max_retries + 1
    gaps = [calls.started[b] - calls.ended[a] for c in chains for a, b in itertools.pairwise(c)]
    assert gaps
    assert min(gaps) >= PLAN.cooldown


def test_never_more_lines_than_allowed() -> None:
    world = World(9, START)
    batch = world.account("renewals", "graine", "key").open(PLAN)

    for second in range(600):
        world.advance(after(second))
        assert batch.live <= PLAN.concurrency


def test_a_burst_fails_its_share_with_one_error_and_passes() -> None:
    plan = Plan(name="x", contacts=2000, concurrency=50, talk=(5.0, 9.0), mix=Mix(failed=0.0))
    batch = story(5, [400], ErrorBurst(after=50, lasts=50, share=0.7, error="block"), plan=plan)

    def share(low: float, high: float) -> float:
        rows = [n for n, t in enumerate(batch.calls.started) if low <= t - batch.created < high]
        return sum(batch.calls.end[n] == s.BROKEN for n in rows) / len(rows)

    assert share(0, 50) == 0
    assert 0.6 < share(51, 100) < 0.8
    assert share(101, 200) == 0
    assert batch.errors == [None, None, "block"]


def test_stalled_retries_pass_their_time_while_lines_are_free_and_then_go_on() -> None:
    plan = Plan(
        name="x", contacts=20, max_retries=3, cooldown=30.0, talk=(5.0, 9.0), mix=Mix(no_answer=0.8)
    )
    incident = RetriesStall(after=10, lasts=500)
    stalled = story(5, [400], incident, plan=plan)
    late = [t for t in stalled.people.next_at.values() if t < stalled.agenda.now - 100]
    over = story(5, [400, 3000], incident, plan=plan)

    assert late
    assert stalled.live == 0
    assert stalled.status is BatchStatus.RUNNING
    assert over.status is BatchStatus.COMPLETED
    assert [e.note for e in over.truth.incidents()] == ["RetriesStall", "RetriesStall"]


def test_a_batch_that_stops_dialling_says_that_it_runs() -> None:
    batch = story(5, [1000], DialStop(after=20))

    assert batch.status is BatchStatus.RUNNING
    assert batch.live == 0
    assert batch.people.counts[s.PENDING]


@pytest.mark.parametrize(
    ("incident", "status"),
    [
        pytest.param(End(after=50, code="source_invalid"), BatchStatus.FAILED, id="fails"),
        pytest.param(End(after=50, status=BatchStatus.PARTIAL), BatchStatus.PARTIAL, id="partial"),
        pytest.param(Cancel(after=50), BatchStatus.CANCELLED, id="is cancelled"),
        pytest.param(Pause(after=50), BatchStatus.PAUSED, id="is paused"),
    ],
)
def test_an_early_end_is_kept(incident: Incident, status: BatchStatus) -> None:
    batch = story(5, [9000], incident)

    assert batch.status is status
    assert batch.live == 0
    waiting = batch.people.number(s.WAITING)
    assert (waiting == 0) is (status is BatchStatus.CANCELLED)
    assert len(batch.truth.ends()) == status.terminal


def test_pause_keeps_retries_and_resume_goes_on() -> None:
    batch = story(5, [9000], Pause(after=60), Resume(after=2000))
    starts = [t - batch.created for t in batch.calls.started]

    assert not [t for t in starts if 60 < t < 2000]
    assert batch.status is BatchStatus.COMPLETED


def test_a_reopened_batch_is_a_new_run() -> None:
    batch = story(5, [9000, 9100], Reopen(after=9050, contacts=7))

    assert (batch.run, batch.status) == (2, BatchStatus.RUNNING)
    assert len(batch.people) == PLAN.contacts + 7


def test_a_batch_without_a_time_waits_for_somebody_to_start_it() -> None:
    batch = story(5, [9000], plan=Plan(name="x", contacts=20, starts_after=math.inf))
    assert (batch.status, len(batch.calls)) == (BatchStatus.SCHEDULED, 0)

    batch.begin()
    batch.agenda.run(after(18_000).timestamp())
    batch.begin()

    assert [moment.status for moment in batch.history] == [
        BatchStatus.SCHEDULED,
        BatchStatus.RUNNING,
        BatchStatus.COMPLETED,
    ]


def test_nobody_is_called_outside_working_hours() -> None:
    hours = WorkingHours(zone="Asia/Kolkata", days={"monday": ("09:00", "10:00")})
    plan = Plan(name="x", contacts=90, concurrency=1, hours=hours)
    world = World(5, START)  # a Sunday
    batch = world.account("renewals", "graine", "key").open(plan)

    world.advance(after(3 * 86_400))

    starts = [datetime.fromtimestamp(t, UTC) for t in batch.calls.started]
    assert min(starts) == datetime(2026, 5, 11, 3, 30, tzinfo=UTC)
    assert max(starts) < datetime(2026, 5, 11, 4, 30, tzinfo=UTC)
    assert batch.status is BatchStatus.RUNNING


def test_a_head_start_is_counted_and_ends_before_the_opening() -> None:
    batch = story(5, [0], plan=Plan(name="x", contacts=500, head_start=0.4, max_retries=2))
    told = batch.truth.contacts(batch.batch_id, START)

    assert batch.cursor == 200 + batch.live
    assert told[ContactStatus.PENDING] == 300 - batch.live
    assert told[ContactStatus.COMPLETED] == batch.people.counts[s.COMPLETED] > 0
    assert batch.truth.calls(batch.batch_id, START)[Outcome.COMPLETED] > 0
    assert max(batch.calls.ended) <= batch.created


def test_the_log_is_in_order_and_can_do_without_people() -> None:
    times = [entry.t for entry in story(5, [9000]).truth.entries]
    world = World(5, START, detail=False)
    world.account("renewals", "graine", "key").open(PLAN)
    world.advance(after(9000))

    assert times == sorted(times)
    assert {e.what for e in world.truth.entries} == {What.BATCH, What.CONTACT}
    assert len(world.truth.entries) == 3


def test_a_large_world_is_cheap_to_hold() -> None:
    world = World(5, START, detail=False)
    account = world.account("renewals", "graine", "key")
    plan = Plan(name="x", contacts=5000, concurrency=40, pace=0.6, talk=(5.0, 40.0))
    for _ in range(10):
        account.open(plan)

    done = world.advance(after(60))

    moved = sum(len(batch.calls) for batch in account)
    assert 800 < moved < 1100
    assert done < 5 * moved
