"""Graine's lists while a batch goes well, and when calls begin to fail: the real adapter."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from monitor.app.runtime import Runtime, assemble
from monitor.config import load
from monitor.scheduler import reader
from monitor.simulator.script import ErrorBurst, Incident, Mix, Plan
from monitor.simulator.vendors import vendor_app, vendor_table
from monitor.simulator.wire import Wire
from monitor.simulator.world import World
from monitor.store import batches
from monitor.store.schema import alerts
from tests.builders import MINUTE, SECOND
from tests.clocks import ManualClock
from tests.stories import hurried
from tests.webhooks.inprocess import InProcess, InThread

START = datetime(2026, 5, 11, 9, tzinfo=UTC)
DIALLED = 10 * MINUTE  # before anybody looks
PLAN = Plan(
    name="calm",
    contacts=2_000,
    concurrency=60,
    pace=1.5,
    head_start=0.1,
    mix=Mix(no_answer=0.2, busy=0.05, failed=0.03),
    max_retries=1,
    cooldown=240.0,
)
CONFIG = """
[monitor]
data_dir = "{folder}"
timezone = "UTC"

{provider}
[receivers.nobody]
kind = "slack"
webhook_url = "http://127.0.0.1:9/services/T/B/x"
"""


@dataclass
class Site:
    """One batch at Graine, and the installation that watches it."""

    clock: ManualClock
    wire: Wire
    runtime: Runtime
    looks: int = 0
    readings: int = 0

    async def watch(self, span: timedelta) -> None:
        """Time passes second by second; looks and readings are counted."""
        until = self.clock.now() + span
        while self.clock.now() < until:
            self.clock.move(SECOND)
            self.wire.forget()
            await self.poll()
            self.looks += bool(self.wire.to(r".*/batches/[^/]*"))
            self.readings += bool(self.wire.to(r".*/contacts"))

    async def poll(self) -> None:
        (poller,) = self.runtime.pollers
        await poller.poll()
        await poller.reader.drained()
        poller.reader.raise_error()

    async def batch_id(self) -> str:
        (row,) = await self.runtime.store.read(lambda conn: batches.load_open(conn, "renewals"))
        return row.look.batch_id

    async def fired(self) -> timedelta | None:
        """When an error spike was told, after the start."""
        query = select(alerts.c.fired_at).where(alerts.c.rule == "error_spike")
        at = await self.runtime.store.read(lambda conn: conn.execute(query).scalar())
        return None if at is None else at - START


@asynccontextmanager
async def watched(folder: Path, seed: int, *incidents: Incident) -> AsyncIterator[Site]:
    """A batch that has been dialled for a while, and was read once."""
    clock = ManualClock(START)
    world = World(seed, START)
    account = world.account("renewals", "graine", "gat_calm")
    account.open(PLAN, *incidents)
    clock.move(DIALLED)
    world.advance(clock.now())
    wire = vendor_app(account, clock)
    file = folder / "config.toml"
    file.touch(mode=0o600)
    table = vendor_table(account, "http://127.0.0.1:1", "requests_per_minute = 60000")
    file.write_text(CONFIG.format(folder=folder, provider=table))
    database = folder / "offhook.db"
    store = InThread(hurried(database), database)
    config = load(file, environ={})
    with capture_logs():
        runtime = await assemble(
            config, store, clock, START, b"k" * 32, lambda clock: InProcess(clock, wire)
        )
        for poller in runtime.pollers:
            poller.reader._chance = lambda: 0.0
        site = Site(clock, wire, runtime)
        try:
            await site.poll()
            yield site
        finally:
            await runtime.close()
            store.close()


@pytest.mark.parametrize("seed", range(3))
async def test_while_a_batch_goes_well_its_list_is_read_with_every_second_look(
    tmp_path: Path, seed: int
) -> None:
    async with watched(tmp_path, seed) as site:
        await site.watch(10 * MINUTE)

        assert site.looks == 20
        assert 10 <= site.readings <= 15  # by chance some looks seem worse than usual
        assert await site.fired() is None


async def test_a_hint_has_the_list_read_at_once(tmp_path: Path) -> None:
    async with watched(tmp_path, 0) as site:
        await site.watch(2 * MINUTE)
        before = site.readings
        while site.looks - site.readings == 0 or site.readings > before:
            before = site.readings
            await site.watch(30 * SECOND)  # until a look left the list alone
        (poller,) = site.runtime.pollers
        poller.hint(await site.batch_id())
        await site.watch(6 * SECOND)

        assert site.readings == before + 1


async def test_a_hint_that_comes_during_a_reading_has_the_next_look_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "goes_on", lambda *_, **__: True)
    async with watched(tmp_path, 0) as site:
        while site.readings < 3:
            await site.watch(SECOND)
        (poller,) = site.runtime.pollers
        (row,) = await site.runtime.store.read(lambda conn: batches.load_open(conn, "renewals"))
        site.clock.move(2 * SECOND)
        under_way = asyncio.create_task(asyncio.sleep(0))
        with monkeypatch.context() as patch:
            patch.setitem(poller.reader._reading, row.id, under_way)
            await poller.asking.batches([row.look.batch_id])
        await under_way
        assert site.readings == 3
        await site.watch(35 * SECOND)

        assert site.readings == 4


BURST = ErrorBurst(after=(DIALLED + 4 * MINUTE).total_seconds(), lasts=600.0, share=0.5)


@pytest.mark.parametrize("seed", range(4))
async def test_calls_that_fail_are_told_of_as_early_as_if_every_look_was_read(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[timedelta | None] = []
    for name in ("seldom", "always"):
        folder = tmp_path / name
        folder.mkdir()
        async with watched(folder, seed, BURST) as site:
            await site.watch(10 * MINUTE)
            told.append(await site.fired())
        monkeypatch.setattr(reader, "goes_on", lambda *_, **__: False)

    assert told[0] is not None
    assert told[0] == told[1]


async def test_while_something_critical_fires_every_look_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "goes_on", lambda *_, **__: True)
    async with watched(tmp_path, 0, BURST) as site:
        await site.watch(3 * MINUTE)
        assert site.readings == site.looks / 2
        await site.watch(6 * MINUTE)
        assert await site.fired() is not None
        site.looks = site.readings = 0
        await site.watch(3 * MINUTE)

        assert site.readings == site.looks
