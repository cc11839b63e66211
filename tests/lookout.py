"""One provider watched as the daemon watches it, but for who turns the clock."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import select

from monitor.core.hearing import Expected, Refusals
from monitor.core.instance import RuleInstance
from monitor.dispatcher import Ahead
from monitor.evaluation.telling import Routing
from monitor.providers import Known
from monitor.providers.budget import Circuit
from monitor.scheduler.drain import Drain
from monitor.scheduler.hearing import Reliance
from monitor.scheduler.judge import Judge
from monitor.scheduler.poller import Poller
from monitor.scheduler.reader import Reader
from monitor.scheduler.standing import Standing
from monitor.scheduler.sweeper import Sweeper
from monitor.settings import AccountSettings
from monitor.store import batches, inbox, providers, snapshot
from monitor.store.batches import BatchRow
from monitor.store.inbox import Arrived
from monitor.store.providers import ProviderRow
from monitor.store.schema import alerts, outbox
from monitor.store.schema import inbox as inbox_table
from monitor.store.writer import Priority, Store
from tests.builders import HOUR, SECOND
from tests.clocks import ManualClock
from tests.fakes import Vendor
from tests.stories import hurried, make_context, make_view
from tests.webhooks.inprocess import InThread

FULL_EVERY = 6 * HOUR


@dataclass
class Lookout:
    """A poller and all that it works with; ``restart`` is a new process on the same file."""

    path: Path
    clock: ManualClock = field(default_factory=ManualClock)
    settings: dict[str, Any] = field(default_factory=dict)
    rules: tuple[RuleInstance, ...] = ()
    routing: Routing | None = None  # where it is told, if not to the receiver of the stories
    listening: bool = False  # to webhooks, which name calls and batches
    refusals: dict[str, Refusals] = field(default_factory=dict)
    threads: bool = True  # of the store; without them nothing happens beside a transaction
    vendor: Vendor = field(init=False)
    store: Store = field(init=False)
    judge: Judge = field(init=False)
    sweeper: Sweeper = field(init=False)
    reader: Reader = field(init=False)
    poller: Poller = field(init=False)
    circuit: Circuit = field(init=False)
    drain: Drain = field(init=False)
    woken: int = 0
    on_wake: Callable[[], None] | None = None
    ahead: Callable[[], Ahead] = Ahead

    def __post_init__(self) -> None:
        self.vendor = Vendor(self.clock)
        self.start()

    def start(self) -> None:
        """Build everything anew on the file."""
        kind = Store if self.threads else InThread
        self.store = kind(hurried(self.path), self.path)
        settings = AccountSettings(**{"api_key": SecretStr("k")} | self.settings)
        view = make_view(
            match=settings.match,
            blind_after=settings.blind_after,
            capabilities=self.vendor.capabilities,
            webhooks=self.listening,
            ends_named=self.listening,
        )
        told = {} if self.routing is None else {"routing": self.routing}
        context = make_context(
            *self.rules, providers={"renewals": view}, started_at=self.clock.now(), **told
        )
        self.judge = Judge(
            self.store,
            self.clock,
            context,
            self._wake,
            refusals=self.refusals,
            ahead=self._ahead,
        )
        reliance = None
        if self.listening:
            ends = Expected(since=self.clock.now(), calls=True, batches=True)
            reliance = Reliance("renewals", ends, self.store, self.clock)
        self.circuit = Circuit(self.clock, chance=lambda: 0.0)
        standing = Standing(view, self.store, self.clock, self.circuit)
        self.sweeper = Sweeper(
            self.vendor,
            self.store,
            self.clock,
            seed=7,
            expected=reliance.expected if reliance else None,
        )
        self.reader = Reader(
            provider=self.vendor,
            settings=settings,
            view=view,
            store=self.store,
            clock=self.clock,
            judge=self.judge,
            sweeper=self.sweeper,
            standing=standing,
            full_every=FULL_EVERY,
            chance=lambda: 0.0,
            reliance=reliance,
        )
        self.poller = Poller(
            provider=self.vendor,
            settings=settings,
            view=view,
            store=self.store,
            clock=self.clock,
            judge=self.judge,
            reader=self.reader,
            standing=standing,
        )

        self.drain = Drain(self.store, self.clock, self.judge, [self.poller])

    def _wake(self) -> None:
        self.woken += 1
        if self.on_wake is not None:
            self.on_wake()

    def _ahead(self) -> Ahead:
        return self.ahead()

    async def restart(self, **settings: Any) -> None:
        """Stop, and begin again, perhaps with other settings."""
        await self.reader.drained()
        self.store.close()
        self.settings = self.settings | settings
        self.start()

    async def poll(self, after: timedelta = timedelta(0)) -> list[str]:
        """Do what is due then, to its end; what the vendor was asked for."""
        self.clock.move(after)
        self.vendor.told()
        await self.poller.poll()
        await self.reader.drained()
        self.reader.raise_error()
        return self.vendor.told()

    async def bring(self, *arrived: Arrived, after: timedelta = timedelta(0)) -> list[str]:
        """Webhooks come in, and are taken in to the end; what the vendor was asked for."""
        self.clock.move(after)
        self.vendor.told()
        await self.store.write(Priority.INBOX, lambda conn: inbox.put(conn, arrived))
        await self.drain.drain()
        await self.reader.drained()
        self.reader.raise_error()
        return self.vendor.told()

    async def poll_for(self, time: timedelta, every: timedelta = 10 * SECOND) -> list[str]:
        """Poll again and again; everything that was asked for."""
        asked: list[str] = []
        for _ in range(int(time / every)):
            asked += await self.poll(every)
        return asked

    async def live_for(self, time: timedelta, every: timedelta = 10 * SECOND) -> None:
        """The same, and everything is judged now and then as the daemon does."""
        for _ in range(int(time / every)):
            await self.poll(every)
            await self.judge.everything()

    # What is known

    async def inbox(self) -> list[tuple[str, str | None]]:
        """Of each webhook its state, and why it is set aside."""
        query = select(inbox_table.c.state, inbox_table.c.why).order_by(inbox_table.c.id)
        rows = await self.store.read(lambda conn: conn.execute(query).all())
        return [(row.state, row.why) for row in rows]

    async def row(self, batch_id: str = "b1") -> BatchRow:
        """One batch as it is kept."""
        found = await self.store.read(lambda conn: batches.find(conn, "renewals", batch_id))
        assert found is not None
        return found

    async def known(self) -> set[str]:
        """The batches ever kept."""
        rows = await self.store.read(lambda conn: batches.load_open(conn, "renewals"))
        closed = await self.store.read(lambda conn: batches.load_closed(conn, "renewals"))
        return {row.look.batch_id for row in rows} | set(closed)

    async def provider(self) -> ProviderRow:
        """The provider as it is kept."""
        return await self.store.read(lambda conn: providers.load(conn, "renewals", "graine"))

    async def people(self, batch_id: str = "b1") -> dict[str, str]:
        """The snapshot of one batch: status by person."""
        row = await self.row(batch_id)
        found = await self.store.read(lambda conn: list(snapshot.every_contact(conn, row.id)))
        return {each.contact_id: each.status.value for each in found}

    async def calls(self, batch_id: str = "b1") -> set[str]:
        """The ids of the calls known of one batch."""
        row = await self.row(batch_id)
        found = await self.store.read(lambda conn: list(snapshot.every_call(conn, row.id)))
        return {each.call_id for each in found}

    async def alerts(self) -> dict[str, str]:
        """The newest state of each rule."""
        query = select(alerts.c.instance, alerts.c.state).order_by(alerts.c.episode)
        rows = await self.store.read(lambda conn: conn.execute(query).all())
        return {row.instance: row.state for row in rows}

    async def reasons(self) -> dict[str, str]:
        """Why the newest alert of each rule last moved."""
        query = select(alerts.c.instance, alerts.c.reason).order_by(alerts.c.episode)
        rows = await self.store.read(lambda conn: conn.execute(query).all())
        return {row.instance: row.reason for row in rows}

    async def severities(self) -> dict[str, str]:
        """How heavy each rule's alert is that fires now."""
        query = select(alerts.c.instance, alerts.c.severity).where(alerts.c.state == "firing")
        rows = await self.store.read(lambda conn: conn.execute(query).all())
        return {row.instance: row.severity for row in rows}

    async def owed(self) -> list[tuple[str, str]]:
        """(rule, transition) of everything ever owed."""
        query = (
            select(alerts.c.instance, outbox.c.transition)
            .join(alerts, alerts.c.key == outbox.c.alert_key)
            .order_by(outbox.c.id)
        )
        rows = await self.store.read(lambda conn: conn.execute(query).all())
        return [(row[0], row[1]) for row in rows]


def ask_about(*batch_ids: str) -> list[Known]:
    """What a poller hands to an adapter."""
    return [Known(batch_id=each) for each in batch_ids]
