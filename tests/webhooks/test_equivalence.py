"""Histories of Bland batches, polled, told by webhooks, or both: a share of them, or 1,000."""

import os
from collections import Counter

import pytest

from monitor.core.model import BatchStatus
from monitor.simulator.world import World
from tests.webhooks.equivalence import (
    Ended,
    Mischief,
    Outcome,
    Owed,
    Told,
    Way,
    disagreements,
    meddled,
    run,
)
from tests.webhooks.many import over
from tests.webhooks.worlds import KEY, LONGEST, NAME, START, history

HISTORIES = 1_000
# Spikes, standstills, several kinds of end, and each mischief.
SHARE = (2, 3, 5, 6, 9)


@pytest.mark.parametrize("seed", SHARE)
async def test_however_it_is_learnt_the_same_is_told(seed: int) -> None:
    assert await disagreements(seed, meddled(seed)) == []


@pytest.mark.proof
def test_however_it_is_learnt_the_same_is_told_of_a_thousand(*, proof: bool) -> None:
    if not proof:
        pytest.skip("the whole proof: its share is the test above")
    assert over(range(HISTORIES), processes=os.cpu_count() or 1) == []


def test_a_share_tries_each_mischief_and_all_of_them_at_once() -> None:
    tried = {kinds for _, kinds in map(meddled, SHARE)}
    assert tried == {*((each,) for each in Mischief), tuple(Mischief)}


def test_histories_differ_and_nothing_in_them_is_in_doubt() -> None:
    ends: Counter[BatchStatus] = Counter()
    kinds: Counter[str] = Counter()
    for seed in range(60):
        drawn = history(seed)
        world = World(seed, START)
        account = world.account(NAME, "bland", KEY)
        drawn.open(account)
        world.advance(START + LONGEST)
        ends.update(batch.status for batch in account)
        kinds.update(type(each).__name__ for one in drawn.batches for each in one.incidents)
    wanted = {"COMPLETED", "FAILED", "PARTIAL", "CANCELLED"}
    assert {each.name for each in ends} == wanted
    assert set(kinds) == {"ErrorBurst", "DialStop", "End", "Cancel"}


async def test_the_same_history_is_always_the_same() -> None:
    assert await run(3, Way.BOTH, *Mischief) == await run(3, Way.BOTH, *Mischief)


def test_what_is_told_twice_or_not_at_all_is_a_disagreement() -> None:
    told = Told("batch_completed", "b1", 1, "info", "reported")
    owed = Owed("batch_completed", "b1", "reported", "message")
    once = Outcome(Counter([told]), Counter([owed]), Counter())
    twice = Outcome(Counter([told]), Counter([owed, owed]), Counter())

    assert once.differences(once) == []
    assert once.differences(twice) == ["has batch_completed b1 reported message"]
    assert twice.differences(once) == ["lacks batch_completed b1 reported message"]


def test_another_end_of_a_call_or_another_cost_is_a_disagreement() -> None:
    def ended(status: str, **costs: int) -> Outcome:
        calls = Counter([Ended("b1", "c1", status, None)])
        return Outcome(Counter(), Counter(), Counter(), calls=calls, costs=costs)

    assert ended("failed", c1=5).differences(ended("failed")) == []
    assert ended("failed", c1=5).differences(ended("failed", c1=6)) == ["has another cost of c1"]
    assert ended("failed").differences(ended("error")) == [
        "lacks b1 c1 failed None",
        "has b1 c1 error None",
    ]
