"""Jobs at the simulated Vogent, watched from their first row to their report."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from monitor.core.model import ContactStatus, Outcome
from monitor.http import HttpClient
from monitor.providers.vogent import Vogent, VogentSettings
from monitor.simulator import state as s
from monitor.simulator.answers import Manners
from monitor.simulator.people import american_number
from monitor.simulator.script import Mix, Plan
from monitor.simulator.serving import serve
from monitor.simulator.vogent import vogent_app
from monitor.simulator.wire import Fault, Wire
from monitor.simulator.world import RunningBatch, World
from monitor.store import snapshot
from monitor.store.batches import BatchRow
from monitor.store.schema import alerts
from rules.batch_completed import BatchCompleted
from tests.builders import HOUR, MINUTE, SECOND
from tests.clocks import ManualClock
from tests.lookout import Lookout
from tests.simulator.hand import START
from tests.stories import run

MIX = Mix(no_answer=0.2, busy=0.1, voicemail=0.2, failed=0.1, error=0.05)
PLAN = Plan(name="Reminders", contacts=60, talk=(9.0, 60.0), mix=MIX)
Order = Literal["created", "newest", "changed"]


class Watched(Vogent):
    """The adapter, in the place of the vendor in memory that Lookout expects."""

    def told(self, *kinds: str) -> list[str]:
        del kinds
        return []


@dataclass
class Watch:
    """One job, and Offhook watching it."""

    world: World
    job: RunningBatch
    wire: Wire
    at: Lookout

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.job.agenda.now, UTC)

    async def pass_for(self, time: timedelta, every: timedelta = 10 * SECOND) -> None:
        for _ in range(int(time / every)):
            self.world.advance(self.at.clock.now() + every)
            await self.at.poll(every)
            await self.at.judge.everything()

    async def row(self) -> BatchRow:
        return await self.at.row(self.job.batch_id)

    async def outcomes(self) -> Counter[Outcome]:
        row = await self.row()
        calls = await self.at.store.read(lambda conn: list(snapshot.every_call(conn, row.id)))
        return Counter(call.outcome for call in calls if call.outcome)

    def truth(self) -> Counter[Outcome]:
        return self.world.truth.calls(self.job.batch_id, self.now)

    def live(self) -> int:
        people = self.world.truth.contacts(self.job.batch_id, self.now)
        return people[ContactStatus.DISPATCHED] + people[ContactStatus.IN_CALL]


@asynccontextmanager
async def watching(
    path: Path, manners: Manners, *, seed: int = 7, plan: Plan = PLAN, after: float = 0.0
) -> AsyncIterator[Watch]:
    """The job is opened, runs for ``after`` seconds, and is watched from then on."""
    world = World(seed, START)
    account = world.account("renewals", "vogent", "vogent-key")
    job = account.open(plan)
    clock = ManualClock(START + timedelta(seconds=after))
    world.advance(clock.now())
    wire = vogent_app(account, clock, manners)
    at = Lookout(path / "offhook.db", clock, rules=(run(BatchCompleted()),), threads=False)
    http = HttpClient(clock)
    async with serve(wire) as url:
        settings = VogentSettings(
            vendor="vogent", api_key=SecretStr("vogent-key"), base_url=f"{url}/api"
        )
        at.store.close()
        vendor: Any = Watched("renewals", settings, http, b"k" * 32)
        at.vendor = vendor
        at.start()
        await at.poll()
        yield Watch(world, job, wire, at)
        await http.aclose()
        at.store.close()


MANNERS = [
    pytest.param("created", False, 0.0, id="oldest first"),
    pytest.param("newest", True, 20.0, id="newest first, ends early, lists late"),
    pytest.param("changed", True, 45.0, id="last changed first, ends early, lists late"),
]


@pytest.mark.parametrize(("order", "ends_early", "listed_after"), MANNERS)
async def test_no_job_is_complete_before_its_last_dial_is_read(
    tmp_path: Path, proof: bool, order: Order, ends_early: bool, listed_after: float
) -> None:
    manners = Manners(order=order, ends_early=ends_early, listed_after=listed_after)
    for seed in range(20 if proof else 1):
        path = tmp_path / str(seed)
        path.mkdir()
        async with watching(path, manners, seed=seed) as watch:
            while not await watch.at.owed():
                await watch.pass_for(10 * SECOND)
                row = await watch.row()
                if watch.live():
                    assert not await watch.at.owed()
                assert row.look.counts.live is None or row.look.counts.live >= 0
                assert watch.at.clock.now() < START + HOUR
            assert watch.job.status.terminal
            assert not watch.live()
            assert await watch.outcomes() == watch.truth()
            assert await watch.at.alerts() == {"batch_completed": "info"}
            row = await watch.row()
            assert (row.look.counts.live, row.look.counts.waiting) == (0, 0)
            assert row.look.counts.total == PLAN.contacts == row.tally["contacts"]


async def test_of_a_job_seen_from_its_start_no_call_under_way_is_missed(tmp_path: Path) -> None:
    plan = Plan(name="Reminders", contacts=60, talk=(9.0, 60.0), mix=MIX, starts_after=20.0)
    async with watching(tmp_path, Manners(order="newest"), plan=plan) as watch:
        under_way = 0
        for _ in range(20):
            await watch.pass_for(10 * SECOND)
            counts = (await watch.row()).look.counts
            waiting = watch.job.people.number(s.WAITING)
            if counts.waiting == waiting and counts.live is not None:
                assert counts.live >= watch.live()
                under_way += counts.live
            assert counts.estimated <= {"total", "live", "finished"}
        assert under_way


async def test_a_job_seen_when_it_already_ran_is_not_complete_while_calls_go_on(
    tmp_path: Path, proof: bool
) -> None:
    for after in range(40, 400, 15) if proof else (160,):
        path = tmp_path / str(after)
        path.mkdir()
        async with watching(path, Manners(ends_early=True), after=after) as watch:
            if watch.job.status.terminal or not watch.job.people.number(s.WAITING):
                continue  # over before anybody looked
            while not await watch.at.owed():
                await watch.pass_for(10 * SECOND)
                assert not (watch.live() and await watch.at.owed())
            assert await watch.at.alerts() == {"batch_completed": "info"}
            assert await watch.outcomes() == watch.truth()


def without(number: str) -> Fault:
    """Whoever has this number stands in the list no more."""

    def edit(body: bytes) -> bytes:
        answer = json.loads(body)
        answer["data"] = [row for row in answer["data"] if row["toNumber"] != number]
        return json.dumps(answer).encode()

    return Fault(edit=edit)


async def test_who_left_the_queue_and_never_became_a_dial_makes_the_end_unverified(
    tmp_path: Path,
) -> None:
    async with watching(tmp_path, Manners(order="newest")) as watch:
        await watch.pass_for(20 * SECOND)
        watch.wire.fail(r".*/dials", without(american_number(watch.job.number, 59)))
        while not watch.job.status.terminal:
            await watch.pass_for(10 * SECOND)
        await watch.pass_for(14 * MINUTE)
        assert not await watch.at.owed()
        row = await watch.row()
        assert (row.look.counts.live, row.tally["contact.pending"]) == (1, 1)
        await watch.pass_for(2 * MINUTE)
        query = select(alerts.c.finding)
        (told,) = await watch.at.store.read(lambda conn: conn.execute(query).scalars().all())
        assert "unverified: about 1 line still open" in told
