"""What watching open batches costs at each vendor, beside a poller that fetches everything.

The real adapter, poller, sweeper and rules read the simulator over HTTP on loopback; the clock
is set forward by hand, so an hour takes seconds and answers take no time. For a sixth of it,
as for four hours of a day, every batch is dialled without a pause; then its calling hours are
over. Batches do not disturb each other, so a few of them tell what each of many costs.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path

from sqlalchemy import select

from bench.everything import people_with_calls, read_whole
from bench.generator import START
from bench.results import Result
from monitor.app.runtime import Runtime, assemble
from monitor.config import Config, load
from monitor.http import HttpClient
from monitor.providers import Known
from monitor.providers.build import build
from monitor.simulator.ids import Vendor
from monitor.simulator.script import DialStop, Mix, Plan
from monitor.simulator.serving import serve
from monitor.simulator.truth import What
from monitor.simulator.vendors import vendor_app, vendor_table
from monitor.simulator.wire import Wire
from monitor.simulator.world import Account, World
from monitor.store.schema import calls
from monitor.store.writer import Store

KEY = "gat_bench"
PEOPLE = 5_000
STEP = timedelta(seconds=1)
BEFORE = timedelta(minutes=45)
HOUR = timedelta(hours=1)
LIMIT = 0.1
DIALLED = 1 / 6
# About a hundred of 5,000 people move in a minute: who is dialled, and who has been.
PLAN = Plan(
    name="bench",
    contacts=PEOPLE,
    concurrency=200,
    pace=1.15,
    head_start=0.2,
    mix=Mix(no_answer=0.2, busy=0.05, failed=0.03),
)
RETRIED = replace(PLAN, max_retries=2, cooldown=1200.0)
PLANS: Mapping[Vendor, Plan] = {
    "graine": RETRIED,
    "bland": PLAN,
    "vogent": PLAN,
    "svalync": PLAN,
    "elevenlabs": PLAN,
}


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
    """What some batches cost in some time."""

    requests: float = 0.0
    size: float = 0.0

    def __add__(self, other: "Traffic") -> "Traffic":
        return Traffic(self.requests + other.requests, self.size + other.size)

    def __mul__(self, times: float) -> "Traffic":
        return Traffic(self.requests * times, self.size * times)


@dataclass(frozen=True, slots=True)
class Phase:
    """Some time of watching: what it cost, and what fetching everything each time would have."""

    span: timedelta
    ours: Traffic
    naive: Traffic

    @property
    def ratios(self) -> str:
        """Of requests and of bytes, for people."""
        ours, naive = self.ours, self.naive
        return f"{ours.requests / naive.requests:.3f} and {ours.size / naive.size:.3f}"


@dataclass(slots=True)
class Watch:
    """One run at one vendor: who is watched, and when each call became known."""

    vendor: Vendor
    clock: SetClock
    world: World
    account: Account
    wire: Wire
    config: Config
    runtime: Runtime
    known: dict[str, datetime] = field(default_factory=dict)

    async def poll(self) -> None:
        """Do what is due, and note which calls the rules have seen by then."""
        before = len(self.wire.seen)
        (poller,) = self.runtime.pollers
        await poller.poll()
        await poller.reader.drained()
        if len(self.wire.seen) > before:
            found = await self.runtime.store.read(
                lambda conn: conn.execute(select(calls.c.call_id)).scalars().all()
            )
            for each in found:
                self.known.setdefault(each, self.clock.now())

    async def watch(self, span: timedelta) -> Traffic:
        """Let time pass; what it cost."""
        self.wire.forget()
        begun = self.clock.at
        while self.clock.at - begun < span:
            self.clock.at += STEP
            await self.poll()
        return self.cost()

    def cost(self) -> Traffic:
        """What was asked since the record began, anew from now on."""
        found = Traffic(len(self.wire.seen), self.wire.bytes_out)
        self.wire.forget()
        return found

    async def everything(self) -> Traffic:
        """All that there is, read once by somebody who remembers nothing."""
        self.wire.forget()
        http = HttpClient(self.clock)
        provider = build("naive", self.config.providers["bench"], http, b"k" * 32, self.clock)
        for batch in self.account:
            if self.vendor == "graine":
                address = getattr(self.config.providers["bench"], "base_url", "")
                await people_with_calls(http, address, KEY, batch.batch_id, PEOPLE)
            else:
                await read_whole(provider, Known(batch_id=batch.batch_id))
        await http.aclose()
        return self.cost()

    def latencies(self, since: datetime) -> list[float]:
        """Seconds from the end of each call to the judgement that knew it."""
        return sorted(
            (known - entry.at).total_seconds()
            for entry in self.world.truth.entries
            if entry.what is What.CALL and entry.ids and entry.at >= since
            if (known := self.known.get(entry.ids[0])) is not None
        )


def measure(directory: Path, batches: int, minutes: int) -> list[Result]:
    """Watch some batches of each vendor for some minutes."""
    for each in directory.glob("traffic*"):
        each.unlink()
    return [
        result
        for vendor in PLANS
        for result in asyncio.run(_measure(directory, vendor, batches, minutes))
    ]


async def _measure(directory: Path, vendor: Vendor, batches: int, minutes: int) -> list[Result]:
    place = directory / f"traffic-{vendor}"
    dialled_for = timedelta(minutes=minutes) * DIALLED
    closed_for = timedelta(minutes=minutes) - dialled_for
    clock = SetClock()
    world = World(7, START)
    account = world.account("bench", vendor, KEY)
    for _ in range(batches):
        account.open(PLANS[vendor], DialStop(after=(BEFORE + dialled_for).total_seconds()))
    clock.at += BEFORE
    world.advance(clock.at)
    wire = vendor_app(account, clock)
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(serve(wire))
        config = _config(place, account, address, clock.at + dialled_for)
        store = Store.open(place.with_suffix(".db"))
        stack.callback(store.close)
        runtime = await assemble(config, store, clock, clock.at, b"k" * 32)
        stack.push_async_callback(runtime.close)
        watch = Watch(vendor, clock, world, account, wire, config, runtime)
        # The first reading of everything belongs to the start and not to the watching.
        await watch.poll()
        begun = clock.at
        fetched = [await watch.everything()]
        dialled = await watch.watch(dialled_for)
        fetched.append(await watch.everything())
        closed = await watch.watch(closed_for)
        fetched.append(await watch.everything())
        every = config.providers["bench"].poll_every
        return _results(
            watch,
            begun,
            Phase(dialled_for, dialled, (fetched[0] + fetched[1]) * (dialled_for / every / 2)),
            Phase(closed_for, closed, (fetched[1] + fetched[2]) * (closed_for / every / 2)),
        )


def _config(place: Path, account: Account, address: str, closes: datetime) -> Config:
    file = place.with_suffix(".toml")
    file.write_text(
        f'[monitor]\ndata_dir = "{place}"\ntimezone = "UTC"\n'
        '[calendars.office]\ntimezone = "UTC"\n'
        f'hours = ["mon-sun 00:00-{closes:%H:%M}"]\n'
        f"{_table(account, address)}"
        '[receivers.nobody]\nkind = "slack"\nwebhook_url = "http://127.0.0.1:9/services/x"\n'
    )
    return load(file, environ={})


def _table(account: Account, address: str) -> str:
    """The provider's table; for ElevenLabs the one that is shipped."""
    if account.vendor != "elevenlabs":
        return vendor_table(account, address, 'calendar = "office"')
    shipped = files("monitor.providers.http_json") / "vendors" / "elevenlabs.toml"
    text, _, _ = shipped.read_text().partition("[receivers.")
    text = text.replace("[providers.elevenlabs", "[providers.bench")
    own = {"api_key": f'"{KEY}"', "base_url": f'"{address}"\ncalendar = "office"'}
    lines = text.splitlines()
    for key, value in own.items():
        (place,) = (n for n, line in enumerate(lines) if line.startswith(f"{key} = "))
        lines[place] = f"{key} = {value}"
    return "\n".join(lines) + "\n"


def _results(watch: Watch, begun: datetime, dialled: Phase, closed: Phase) -> list[Result]:
    whole = dialled.span + closed.span
    scale = HOUR / whole / len(watch.account.batches)
    ours = (dialled.ours + closed.ours) * scale
    naive = (dialled.naive + closed.naive) * scale
    moved = _moved(watch, begun, dialled.span)
    minutes = round(whole / timedelta(minutes=1))
    note = (
        f"a batch and hour: {ours.requests:.0f} requests, {ours.size / 1e6:.1f} MB beside"
        f" {naive.requests:.0f}, {naive.size / 1e6:.0f} MB; requests and bytes while dialled"
        f" {dialled.ratios}, closed {closed.ratios}; dialled {moved:.1%} of {PEOPLE:,} people move"
        f" a minute; {len(watch.account.batches)} batches, {minutes} minutes"
    )
    every = watch.config.providers["bench"].poll_every.total_seconds()
    late = watch.latencies(begun)
    seconds = f"{_at(late, 0.5):.0f} s, p99 {_at(late, 0.99):.0f} s, {len(late)} calls"
    name = watch.vendor
    return [
        Result(f"{name}: bytes / fetching everything", LIMIT, ours.size / naive.size, note=note),
        Result(f"{name}: requests / the same", LIMIT, ours.requests / naive.requests),
        Result(
            f"{name}: end of a call to verdict / poll_every",
            1.0,
            _at(late, 0.5) / every,
            note=f"p50 {seconds}; answers take no time",
        ),
    ]


def _at(values: list[float], share: float) -> float:
    return values[min(int(len(values) * share), len(values) - 1)] if values else float("nan")


def _moved(watch: Watch, begun: datetime, span: timedelta) -> float:
    """The share of people who moved in a minute while they were dialled, on average."""
    minutes: dict[int, set[str]] = defaultdict(set)
    start = begun.timestamp()
    for entry in watch.world.truth.entries:
        if entry.what is What.CONTACT and start <= entry.t < start + span.total_seconds():
            minutes[int((entry.t - start) // 60)].update(entry.ids)
    moved = sum(map(len, minutes.values())) / max(len(minutes), 1)
    return moved / len(watch.account.batches) / PEOPLE
