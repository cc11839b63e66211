"""Requests and bytes of watching open batches, beside a poller that fetches everything.

The real adapter, poller and sweeper read the simulator over HTTP on loopback; the clock is
set forward by hand, so half an hour takes seconds. Batches do not disturb each other, so a
few of them tell what each of 200 costs.
"""

import asyncio
from collections import defaultdict
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from bench.generator import START
from bench.results import Result
from monitor.app.runtime import Runtime, assemble
from monitor.config import Config, load
from monitor.http import HttpClient
from monitor.simulator.graine import graine_app
from monitor.simulator.script import Mix, Plan
from monitor.simulator.serving import serve
from monitor.simulator.truth import What
from monitor.simulator.wire import Wire
from monitor.simulator.world import Account, World
from monitor.store.writer import Store

KEY = "gat_bench"
PEOPLE = 5_000
BATCHES = 200
STEP = timedelta(seconds=5)
BEFORE = timedelta(minutes=45)
HOUR = timedelta(hours=1)
# About a hundred of 5,000 people move in a minute: who is dialled, and who has been.
PLAN = Plan(
    name="bench",
    contacts=PEOPLE,
    concurrency=200,
    pace=1.15,
    head_start=0.2,
    mix=Mix(no_answer=0.2, busy=0.05, failed=0.03),
    max_retries=2,
    cooldown=1200.0,
)


class SetClock:
    """A clock that is set forward by hand."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What one batch cost in one hour."""

    requests: float
    megabytes: float


def measure(directory: Path, batches: int, minutes: int) -> list[Result]:
    """Watch some batches for some minutes."""
    for each in directory.glob("traffic*"):
        each.unlink()
    return asyncio.run(_measure(directory / "traffic", batches, minutes))


async def _measure(place: Path, batches: int, minutes: int) -> list[Result]:
    clock = SetClock()
    world = World(7, START)
    account = world.account("bench", "graine", KEY)
    for _ in range(batches):
        account.open(PLAN)
    clock.at += BEFORE
    world.advance(clock.at)
    wire = graine_app(account, clock)
    async with AsyncExitStack() as stack:
        address = f"{await stack.enter_async_context(serve(wire))}/api/v1"
        config = _config(place, address)
        store = Store.open(place.with_suffix(".db"))
        stack.callback(store.close)
        runtime = await assemble(config, store, clock, clock.at, b"k" * 32)
        stack.push_async_callback(runtime.close)
        # The first reading of everything belongs to the start and not to the watching.
        await _poll(runtime)
        fetched = [await _everything(clock, address, account, wire)]
        wire.forget()
        begun = clock.at
        while clock.at - begun < timedelta(minutes=minutes):
            clock.at += STEP
            await _poll(runtime)
        ours = _traffic(wire, batches, clock.at - begun)
        fetched.append(await _everything(clock, address, account, wire))
    moved = _moved(world, begun.timestamp(), clock.at.timestamp()) / batches / PEOPLE
    polls = HOUR / config.providers["bench"].poll_every
    naive = sum(fetched) / len(fetched) * polls / 1e6
    note = (
        f"a batch and hour: {ours.requests:.0f} requests, {ours.megabytes:.1f} MB beside"
        f" {PEOPLE / 100 * polls:.0f} requests, {naive:.0f} MB; {moved:.1%} of {PEOPLE:,} people"
        f" move a minute; {batches} of {BATCHES} batches, {minutes} of 60 minutes, scaled"
    )
    return [Result("bytes fetched / fetching everything", 0.15, ours.megabytes / naive, note=note)]


def _config(place: Path, address: str) -> Config:
    file = place.with_suffix(".toml")
    file.write_text(
        f'[monitor]\ndata_dir = "{place}"\ntimezone = "UTC"\n'
        f'[providers.bench]\nvendor = "graine"\napi_key = "{KEY}"\nbase_url = "{address}"\n'
        '[receivers.nobody]\nkind = "slack"\nwebhook_url = "http://127.0.0.1:9/services/x"\n'
    )
    return load(file, environ={})


async def _poll(runtime: Runtime) -> None:
    (poller,) = runtime.pollers
    await poller.poll()
    await poller.reader.drained()


def _traffic(wire: Wire, batches: int, span: timedelta) -> Traffic:
    share = HOUR / span / batches
    return Traffic(len(wire.seen) * share, wire.bytes_out * share / 1e6)


async def _everything(clock: SetClock, address: str, account: Account, wire: Wire) -> int:
    """The bytes of one batch's list with its calls, all pages of it."""
    before = wire.bytes_out
    (batch, *_) = account
    http = HttpClient(clock)
    for skip in range(0, PEOPLE, 100):
        await http.request(
            "GET",
            f"{address}/batches/{batch.batch_id}/contacts",
            headers={"authorization": f"Bearer {KEY}"},
            params={"include_calls": "true", "skip": skip, "limit": 100},
        )
    await http.aclose()
    return wire.bytes_out - before


def _moved(world: World, start: float, end: float) -> float:
    """People who moved in a minute, on average, in all batches."""
    minutes: dict[int, set[str]] = defaultdict(set)
    for entry in world.truth.entries:
        if entry.what is What.CONTACT and start <= entry.t < end:
            minutes[int((entry.t - start) // 60)].update(entry.ids)
    return sum(map(len, minutes.values())) / max(len(minutes), 1)
