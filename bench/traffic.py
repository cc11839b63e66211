"""What watching open batches costs at each vendor, beside a poller that fetches everything.

The real adapter, poller, sweeper and rules read the simulator over HTTP on loopback; the clock
is set forward by hand, so an hour takes seconds and answers take no time. At first every batch
is dialled without a pause; then its calling hours are over. What the first costs is the
promise; from both follows what a day costs. A few batches tell what each of many costs: lists
that answer for all of them weigh the less the more there are.

Once by polls alone, and where a vendor documents webhooks that tell how things stand, once
more with them.
"""

import asyncio
import math
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
from bench.least import least
from bench.results import Result
from bench.shares import Traffic, day, late, phase
from bench.telling import LISTENS, SECRET, VENDORS, Telling
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
from monitor.simulator.webhooks import Webhooks
from monitor.simulator.wire import Wire
from monitor.simulator.world import Account, World
from monitor.store.schema import calls
from monitor.store.writer import Store

KEY = "gat_bench"
STEP = timedelta(seconds=1)
BEFORE = timedelta(minutes=45)
# Of 5,000 people about a hundred move in a minute: who is dialled, and who has been.
PLAN = Plan(
    name="bench",
    contacts=5_000,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is watched, and for how long: dialled, then closed."""

    batches: int
    dialled: timedelta
    closed: timedelta
    people: int = PLAN.contacts

    def plan(self, vendor: Vendor) -> Plan:
        """The same share of people moves whatever their number."""
        plan = PLANS[vendor]
        pace = plan.pace * plan.contacts / self.people
        return replace(plan, contacts=self.people, pace=pace)


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
    telling: Telling | None = None
    known: dict[str, datetime] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.vendor if self.telling is None else f"{self.vendor} with webhooks"

    async def poll(self) -> None:
        """Do what is due, and note which calls the rules have seen by then."""
        before = len(self.wire.seen)
        self.world.advance(self.clock.at)
        told = self.telling is not None and await self.telling.deliver()
        (poller,) = self.runtime.pollers
        await poller.poll()
        await poller.reader.drained()
        if told or len(self.wire.seen) > before:
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
        if self.vendor == "graine":
            address = getattr(self.config.providers["bench"], "base_url", "")
            for batch in self.account:
                await people_with_calls(http, address, KEY, batch.batch_id, len(batch.people))
        else:
            await read_whole(provider, [Known(batch_id=each.batch_id) for each in self.account])
        await http.aclose()
        return self.cost()

    def latencies(self, since: datetime, until: datetime) -> list[float]:
        """Seconds from the end of each call to the judgement that knew it, else infinite."""
        return [
            (known - entry.at).total_seconds() if known else math.inf
            for entry in self.world.truth.entries
            if entry.what is What.CALL and entry.ids and since <= entry.at < until
            for known in [self.known.get(entry.ids[0])]
        ]


def measure(directory: Path, size: Size) -> list[Result]:
    """Watch some batches of each vendor."""
    for each in directory.glob("traffic*"):
        each.unlink()
    todo = [*((vendor, False) for vendor in PLANS), *((vendor, True) for vendor in VENDORS)]
    return [
        result
        for vendor, told in todo
        for result in asyncio.run(measure_one(directory, vendor, size, told=told))
    ]


async def measure_one(
    directory: Path, vendor: Vendor, size: Size, *, told: bool = False
) -> list[Result]:
    """Watch some batches of one vendor; ``told``: also by its webhooks."""
    place = directory / f"traffic-{vendor}{'-told' if told else ''}"
    clock = SetClock()
    world = World(7, START)
    account = world.account("bench", vendor, KEY)
    webhooks = Webhooks(account, SECRET) if told else None
    for _ in range(size.batches):
        account.open(size.plan(vendor), DialStop(after=(BEFORE + size.dialled).total_seconds()))
    clock.at += BEFORE
    world.advance(clock.at)
    if webhooks is not None:
        webhooks.due()  # nobody listened yet
    wire = vendor_app(account, clock)
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(serve(wire))
        config = _config(place, account, address, clock.at + size.dialled, listens=told)
        store = Store.open(place.with_suffix(".db"))
        stack.callback(store.close)
        runtime = await assemble(config, store, clock, clock.at, b"k" * 32)
        stack.push_async_callback(runtime.close)
        telling = Telling(account, runtime, webhooks) if webhooks is not None else None
        watch = Watch(vendor, clock, world, account, wire, config, runtime, telling)
        # The first reading of everything belongs to the start and not to the watching.
        await watch.poll()
        return await _watched(watch, size)


async def _watched(watch: Watch, size: Size) -> list[Result]:
    every = watch.config.providers["bench"].poll_every
    begun = watch.clock.at
    fetched = [await watch.everything()]
    ours = await watch.watch(size.dialled)
    closed_at = watch.clock.at
    fetched.append(await watch.everything())
    dialled = phase(size.dialled, ours, fetched, every)
    ours = await watch.watch(size.closed)
    fetched.append(await watch.everything())
    closed = phase(size.closed, ours, fetched[1:], every)
    name, batches = watch.name, size.batches
    size_of, asked = dialled.results(f"{name}, dialled", batches)
    told = (
        f"{size_of.note}; {_moved(watch, begun, size.dialled):.1%} of {size.people:,} people move"
        f" a minute; {batches} batches, {size.dialled} dialled, then {size.closed} closed"
    )
    return [
        replace(size_of, note=told),
        replace(asked, note=_floor(watch, begun, size.dialled, dialled.naive.requests)),
        *day(dialled, closed).results(f"{name}, a day of 8 h dialled", batches),
        late(name, watch.latencies(begun, closed_at), every.total_seconds()),
    ]


def _config(
    place: Path, account: Account, address: str, closes: datetime, *, listens: bool
) -> Config:
    file = place.with_suffix(".toml")
    file.touch(mode=0o600)
    file.write_text(
        f'[monitor]\ndata_dir = "{place}"\ntimezone = "UTC"\n'
        '[calendars.office]\ntimezone = "UTC"\n'
        f'hours = ["mon-sun 00:00-{closes:%H:%M}"]\n'
        f"{_table(account, address, *[LISTENS] * listens)}"
        '[receivers.nobody]\nkind = "slack"\nwebhook_url = "http://127.0.0.1:9/services/x"\n'
    )
    return load(file, environ={})


def _table(account: Account, address: str, *lines: str) -> str:
    """The provider's table; for ElevenLabs the one that is shipped."""
    if account.vendor != "elevenlabs":
        return vendor_table(account, address, 'calendar = "office"', *lines)
    shipped = files("monitor.providers.http_json") / "vendors" / "elevenlabs.toml"
    text, _, _ = shipped.read_text().partition("[receivers.")
    text = text.replace("[providers.elevenlabs", "[providers.bench")
    own = {"api_key": f'"{KEY}"', "base_url": f'"{address}"\ncalendar = "office"'}
    table = text.splitlines()
    for key, value in own.items():
        (place,) = (n for n, line in enumerate(table) if line.startswith(f"{key} = "))
        table[place] = f"{key} = {value}"
    return "\n".join(table) + "\n"


def _floor(watch: Watch, begun: datetime, span: timedelta, naive: float) -> str:
    """The least share of requests by which polls alone could see each move in an interval.

    Less is enough for half of the moves, which is what the promise asks for.
    """
    every = watch.config.providers["bench"].poll_every
    found = least(watch.account, watch.world, begun, span, every)
    if found is None or watch.telling is not None:
        return ""
    requests, why = found
    return f"{requests / naive:.3f} shows each move in one interval: {why}"


def _moved(watch: Watch, begun: datetime, span: timedelta) -> float:
    """The share of people who moved in a minute while they were dialled, on average."""
    minutes: dict[int, set[str]] = defaultdict(set)
    start = begun.timestamp()
    for entry in watch.world.truth.entries:
        if entry.what is What.CONTACT and start <= entry.t < start + span.total_seconds():
            minutes[int((entry.t - start) // 60)].update(entry.ids)
    moved = sum(map(len, minutes.values())) / max(len(minutes), 1)
    people = sum(len(batch.people) for batch in watch.account)
    return moved / people
