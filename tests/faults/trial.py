"""A simulated vendor that goes wrong for a while, and the real runtime that watches it.

The clock is set by hand. What the world does depends on its seed alone, so that what is known
at the end can be compared with what a fresh installation reads that never met a fault.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import trustme
from sqlalchemy import Engine, select
from structlog.testing import capture_logs

from monitor.app.runtime import Runtime, assemble
from monitor.bodies import MIB
from monitor.clock import Clock
from monitor.config import Config, load
from monitor.errors import HttpError
from monitor.http import Answer, HttpClient
from monitor.simulator.faults.exchange import Answer as Given
from monitor.simulator.faults.server import Certificates, Fault, FaultServer, serve_with_faults
from monitor.simulator.vendors import vendor_app, vendor_table
from monitor.simulator.wire import Asked
from monitor.simulator.world import Account, World
from monitor.store import snapshot
from monitor.store.batches import watched_ids
from monitor.store.schema import alert_events, alerts, batches
from monitor.store.writer import Store
from tests.faults.rows import STEP
from tests.faults.worlds import KEY, NAME, START, Story, open_story
from tests.stories import blank, hurried
from tests.webhooks.inprocess import InThread, Unwired

SOON = timedelta(seconds=30)
# Answers of simulated batches are far smaller, so that what is too large need not be gigantic.
LIMIT = MIB // 4
# A loaded machine must not look like a vendor that hangs; one that hangs must not take long.
DEADLINE_S, HANGING_S = 10.0, 0.03
# Turns of the loop that a question takes on its way, and its answer, where there is no socket.
TURNS = (1, 8)


@cache
def _engine(path: Path) -> Engine:
    """One for all trials, none of which lasts while another begins: it keeps its statements."""
    return hurried(path)


def emptied(path: Path) -> Engine:
    """The database at a path, with its tables and nothing in them."""
    engine = _engine(path)
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    blank(path)
    return engine


class Watch:
    """A clock that is set by hand; whoever sleeps finds the time passed."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        await asyncio.sleep(0)


@cache
def authority() -> trustme.CA:
    return trustme.CA()


@cache
def certificates() -> Certificates:
    good = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority().issue_cert("127.0.0.1").configure_cert(good)
    bad = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(bad)
    return Certificates(good, bad)


@cache
def trust(*, tls: bool) -> ssl.SSLContext:
    if not tls:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting = ssl.create_default_context()
    authority().configure_trust(trusting)
    return trusting


class Caller(HttpClient):
    """The real client, less patient, and with a name service that can fail."""

    def __init__(self, clock: Clock, *, tls: bool) -> None:
        super().__init__(clock, tls=trust(tls=tls))
        self.patience = DEADLINE_S
        self.known = True

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str | int] | None = None,
        json: Any = None,
        content: bytes | None = None,
        deadline: float = 30.0,
        limit: int = 16 * MIB,
    ) -> Answer:
        if not self.known:
            url = url.replace("127.0.0.1", "vendor.invalid")
        return await super().request(
            method,
            url,
            headers=headers,
            params=params,
            json=json,
            content=content,
            deadline=min(deadline, self.patience),
            limit=min(limit, LIMIT),
        )


class Direct(Unwired):
    """Asks the vendor: what is whole comes as it would over a connection.

    Each answer takes some turns of the loop, by chance, so that others go on meanwhile.
    """

    def __init__(self, clock: Clock, server: FaultServer, chance: Random) -> None:
        super().__init__(clock)
        self._server = server
        self._chance = chance

    async def answer(self, asked: Asked, limit: int) -> Given:
        await self._pass()
        given = await self._server.answer(asked)
        await self._pass()
        if len(given.body) > min(limit, LIMIT):
            raise HttpError("oversize", "the answer is longer than is read", sent=True)
        return given

    async def _pass(self) -> None:
        for _ in range(self._chance.randint(*TURNS)):
            await asyncio.sleep(0)


async def unknown_name(*_: Any, **__: Any) -> Any:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


class Moved(NamedTuple):
    """One move of an alert."""

    at: datetime
    rule: str
    subject: str  # a batch's name where it is of one
    after: str
    reason: str
    summary: str


People = dict[str, str]


@dataclass(frozen=True)
class Snapshot:
    """What is known of all batches: status, people, calls."""

    statuses: dict[str, str]
    people: dict[str, People]
    calls: dict[str, People]


@dataclass
class Trial:
    """A world, the vendor in it, and who watches."""

    story: Story
    clock: Watch
    account: Account
    server: FaultServer
    runtime: Runtime
    errors: list[str] = field(default_factory=list)
    callers: list[Caller] = field(default_factory=list)
    logs: list[Any] = field(default_factory=list)
    began: datetime | None = None
    mended: datetime | None = None

    async def step(self, by: timedelta = STEP) -> None:
        """Time passes, what is due is asked for, and everything is judged."""
        self.clock.at += by
        await self.look()

    async def look(self) -> None:
        (poller,) = self.runtime.pollers
        await poller.poll()
        await poller.reader.drained()
        poller.reader.raise_error()
        await self.runtime.judge.everything()

    async def run(self, until: datetime, by: timedelta = STEP) -> None:
        while self.clock.at < until:
            await self.step(min(by, until - self.clock.at))

    async def end(self, until: datetime, by: timedelta) -> None:
        """The same, in one step once nothing is watched any more."""
        while self.clock.at < until:
            watched = await self.runtime.store.read(watched_ids)
            left = until - self.clock.at
            await self.step(min(by, left) if watched else left)

    async def begin(self, fault: Fault) -> None:
        self.began = self.clock.at
        for caller in self.callers:
            caller.patience = HANGING_S if fault.hangs else DEADLINE_S
            caller.known = fault.known
        await self.server.begin(fault)

    async def mend(self) -> None:
        self.mended = self.clock.at
        for caller in self.callers:
            caller.patience, caller.known = DEADLINE_S, True
        await self.server.mend()

    # What is known

    async def moves(self) -> list[Moved]:
        """Every move of every alert, oldest first."""
        query = (
            select(
                alert_events.c.at,
                alerts.c.instance,
                alerts.c.subject_kind,
                alerts.c.subject_id,
                alert_events.c.after,
                alert_events.c.reason,
                alert_events.c.summary,
            )
            .join(alerts, alerts.c.key == alert_events.c.alert_key)
            .order_by(alert_events.c.id)
        )
        rows = await self.runtime.store.read(lambda conn: conn.execute(query).all())
        names = await self._names()
        return [
            Moved(row.at, row.instance, _titled(row.subject_id, names), *row[4:]) for row in rows
        ]

    async def _names(self) -> dict[str, str]:
        return {batch.batch_id: batch.plan.name for batch in self.account}

    async def snapshot(self) -> Snapshot:
        """What is known now."""
        return await read_snapshot(self.runtime.store)


def _titled(subject: str, names: Mapping[str, str]) -> str:
    for key, name in names.items():
        subject = subject.replace(key, name)
    return subject


async def read_snapshot(store: Store) -> Snapshot:
    """All batches with their people and ended calls."""

    def read(conn: Any) -> Snapshot:
        rows = conn.execute(select(batches.c.id, batches.c.batch_id, batches.c.status)).all()
        return Snapshot(
            {row.batch_id: row.status for row in rows},
            {row.batch_id: _people(conn, row.id) for row in rows},
            {row.batch_id: _calls(conn, row.id) for row in rows},
        )

    return await store.read(read)


def _people(conn: Any, batch: int) -> People:
    return {each.contact_id: str(each.status) for each in snapshot.every_contact(conn, batch)}


def _calls(conn: Any, batch: int) -> People:
    return {
        each.call_id: str(each.outcome)
        for each in snapshot.every_call(conn, batch)
        if each.outcome is not None
    }


_TABLES = """
[receivers.nobody]
kind = "slack"
webhook_url = "http://127.0.0.1:9/services/x"

[rules.batch_stalled]
idle = "2m"
gap_factor = 0

[rules.outside_calling_hours]
hours = ["daily 00:00-24:00"]
"""


def configured(place: Path, account: Account, address: str) -> Config:
    """A configuration with one provider."""
    file = place.with_suffix(".toml")
    file.write_text(
        f'[monitor]\ndata_dir = "{place.parent}"\ntimezone = "UTC"\n'
        f"{vendor_table(account, address)}{_TABLES}"
    )
    return load(file, environ={})


@asynccontextmanager
async def trial(
    folder: Path, story: Story, *, seed: int = 7, tls: bool = False, sockets: bool = True
) -> AsyncIterator[Trial]:
    """A vendor with the story's batches, and a runtime that has not looked yet."""
    clock = Watch()
    world = World(seed, START)
    account = world.account(NAME, story.vendor, KEY)
    open_story(account, story)
    app = vendor_app(account, clock, story.manners)
    made: list[Caller] = []
    chance = Random(seed)
    loop = asyncio.get_running_loop()
    loop.getaddrinfo = unknown_name  # type: ignore[method-assign] # nobody needs a name here
    place = folder / "trial"
    path = place.with_suffix(".db")
    store = InThread(emptied(path), path)
    async with serve_with_faults(app, clock, certificates() if tls else None) as server:

        def client(clock: Clock) -> HttpClient:
            if not sockets:
                return Direct(clock, server, chance)
            made.append(Caller(clock, tls=tls))
            return made[-1]

        with capture_logs() as logs:
            config = configured(place, account, server.address)
            runtime = await assemble(config, store, clock, clock.at, b"k" * 32, client)
            _without_chance(runtime)
            one = Trial(story, clock, account, server, runtime, callers=made, logs=logs)
            loop.set_exception_handler(lambda _, context: one.errors.append(str(context)))
            try:
                yield one
            finally:
                await runtime.close()
                store.close()


def _without_chance(runtime: Runtime) -> None:
    """No wait is drawn out by chance: every run is the same."""
    for poller in runtime.pollers:
        poller.reader._chance = _nothing
    for line in runtime.line_of.values():
        line.budget.circuit._chance = _nothing
    runtime.ledger._chance = _nothing


def _nothing() -> float:
    return 0.0


def at(seconds: float) -> datetime:
    """So many seconds after the world began."""
    return START + timedelta(seconds=seconds)
