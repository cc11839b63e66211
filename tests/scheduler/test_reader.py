"""What a list that fails, a batch that breaks and a refused request do to everything else."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from monitor.core.model import BatchStatus
from monitor.errors import NotFoundError, ProviderError
from monitor.evaluation.batches import BatchEvaluated
from monitor.scheduler.judge import Judge
from tests.builders import HOUR, MINUTE, NOON, SECOND
from tests.lookout import Lookout
from tests.stories import every_rule

BROKEN = ProviderError("server", "500 Internal Server Error")


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Lookout]:
    with capture_logs():  # rendering tracebacks takes longer than all the rest
        made = Lookout(tmp_path / "offhook.db", rules=every_rule(), threads=False)
        yield made
        made.store.close()


@pytest.mark.parametrize("status", [BatchStatus.COMPLETED, BatchStatus.FAILED], ids=str)
async def test_an_end_is_told_though_the_list_cannot_be_read(
    watch: Lookout, status: BatchStatus
) -> None:
    batch = watch.vendor.add(people=5)
    watch.vendor.add("b2", people=5)
    await watch.live_for(MINUTE)
    watch.vendor.refuse_pages["b1"] = BROKEN
    for person in batch.people:
        person.status = "completed"
    batch.status = status.value
    await watch.live_for(25 * MINUTE, every=30 * SECOND)

    told = [rule for rule, transition in await watch.owed() if transition == "reported"]
    assert told == [f"batch_{status.value}"]


async def test_a_row_that_cannot_be_read_silences_nothing_and_is_told(watch: Lookout) -> None:
    batch = watch.vendor.add(people=30)
    await watch.live_for(MINUTE)
    batch.people[3].bad = True
    batch.people[4].status = "completed"
    await watch.live_for(20 * MINUTE, every=30 * SECOND)

    alerts = await watch.alerts()
    assert alerts["self_list_unread"] == "firing"
    assert "provider_blind" not in alerts

    batch.people[3].bad = False
    batch.people[5].status = "completed"
    await watch.live_for(12 * MINUTE, every=30 * SECOND)
    assert (await watch.alerts())["self_list_unread"] == "resolved"


async def test_a_list_that_nobody_knows_is_one_trouble_and_no_storm(watch: Lookout) -> None:
    watch.vendor.add(people=5)
    await watch.live_for(MINUTE)
    watch.vendor.refuse_pages["b1"] = NotFoundError("404 Not Found: it is not known there")
    watch.vendor.batches["b1"].people[0].status = "completed"
    await watch.live_for(30 * MINUTE, every=30 * SECOND)

    # Nothing moves either, which is another matter.
    told = [each for each in await watch.owed() if each[0] != "batch_stalled"]
    assert told == [("self_list_unread", "fired")]


async def test_batches_that_are_all_unknown_are_not_passed_over(watch: Lookout) -> None:
    for name in ("b1", "b2"):
        watch.vendor.add(name, people=5)
    await watch.live_for(MINUTE)
    watch.vendor.batches.clear()
    await watch.live_for(20 * MINUTE, every=30 * SECOND)

    assert (await watch.alerts())["provider_blind"] == "firing"


async def test_a_refused_list_leaves_the_account_alone_for_as_long_as_was_asked(
    watch: Lookout,
) -> None:
    for n in range(8):
        watch.vendor.add(f"b{n}", people=5)
        busy = ProviderError("rate_limited", "429 Too Many Requests", retry_after=600)
        watch.vendor.refuse_pages[f"b{n}"] = busy
    first = await watch.poll()
    asked = await watch.poll_for(9 * MINUTE)

    assert [one for one in first if one.startswith("page")] != []
    assert len([one for one in first if one.startswith("page")]) <= 3
    assert asked == []


async def test_another_end_is_not_confirmed_by_the_first_one(watch: Lookout) -> None:
    batch = watch.vendor.add(people=5)
    await watch.live_for(MINUTE)
    for person in batch.people:
        person.status = "completed"
    for status in ("completed", "failed", "completed"):
        batch.status = status
        await watch.live_for(10 * SECOND)
    await watch.live_for(2 * MINUTE)

    assert {rule for rule, _ in await watch.owed()} == {"batch_completed"}


@dataclass
class BreakingJudge:
    """Judges, but for one batch, whose evaluation has a fault."""

    judge: Judge
    broken: int

    async def batch(self, batch: int) -> BatchEvaluated | None:
        if batch == self.broken:
            raise RuntimeError("a fault of ours")
        return await self.judge.batch(batch)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.judge, name)


async def test_a_batch_that_cannot_be_taken_in_keeps_no_other_waiting(watch: Lookout) -> None:
    for name in ("b1", "b2"):
        watch.vendor.add(name, people=5)
    await watch.poll()
    broken = (await watch.row("b1")).id
    watch.reader._judge = BreakingJudge(watch.judge, broken)  # type: ignore[assignment]  # judges alike
    faults = 0
    for _ in range(120):
        try:
            await watch.poll(SECOND)
        except RuntimeError:
            faults += 1

    assert (await watch.row("b2")).fresh_at > NOON + MINUTE
    assert 2 <= faults <= 12, "told each time, and not asked for each second"


async def test_after_the_clock_was_set_back_the_vendor_is_asked_at_once(watch: Lookout) -> None:
    watch.vendor.add(people=5)
    await watch.live_for(2 * MINUTE)
    watch.clock.set_wall(-HOUR)
    asked = await watch.poll_for(2 * MINUTE)

    assert any(one.startswith("look") for one in asked)
    assert (await watch.row()).fresh_at <= watch.clock.now()
