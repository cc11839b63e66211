"""One configuration at work: every concrete class is chosen and joined here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog

from monitor.app.acting import Acting
from monitor.app.context import context_of
from monitor.app.delivering import Delivering
from monitor.app.keys import lines_of
from monitor.app.opening import digest_seed
from monitor.clock import Clock
from monitor.config import Config
from monitor.core.hearing import Refusals
from monitor.core.restored import Restored
from monitor.dates import Dates
from monitor.dispatcher import Dispatcher
from monitor.errors import DeliveryError
from monitor.evaluation.refusing import refusals
from monitor.http import HttpClient
from monitor.notifiers import Notifier
from monitor.notifiers.build import build as build_notifier
from monitor.notifiers.templates import word
from monitor.providers import Provider
from monitor.providers.budget import Circuit, dice
from monitor.providers.build import build as build_provider
from monitor.providers.line import Line, Lines
from monitor.scheduler.drain import Drain
from monitor.scheduler.hearing import Reliance, expected
from monitor.scheduler.judge import Judge
from monitor.scheduler.ledger import Ledger, Page
from monitor.scheduler.poller import Poller
from monitor.scheduler.reader import Reader
from monitor.scheduler.standing import Standing
from monitor.scheduler.sweeper import RECHECK_AFTER, Sweeper
from monitor.store import arrivals, inbox, people, retention, states
from monitor.store.writer import Priority, Store

log = structlog.get_logger()

POLL_TICK = timedelta(seconds=1)
JUDGE_EVERY = timedelta(seconds=10)
PRUNE_EVERY = timedelta(minutes=1)
LEDGER_EVERY = timedelta(minutes=1)
CHECK_EVERY = timedelta(hours=6)
# No vendor sends a webhook again after so long, and one that does moves nothing.
INBOX_KEPT = timedelta(days=7)
_PIECES = 20  # of the inbox at once: a busy one grows faster than by one
HEARTBEAT = "the heartbeat"  # among the clients; no provider can have this name
# Later than this is late: for readiness, for the watchdog.
LATE_S = 60.0
POLL_LATE_S = 120.0


@dataclass(slots=True)
class Runtime:
    """The parts of one configuration, built and joined, on a store that outlives them."""

    config: Config
    store: Store
    clock: Clock
    judge: Judge
    pollers: tuple[Poller, ...]
    dispatcher: Dispatcher
    delivering: Delivering
    notifiers: dict[str, Notifier]
    providers: dict[str, Provider]
    clients: dict[str, HttpClient]  # by provider and receiver; each has connections of its own
    lines: Lines  # what is known of keys outlives this configuration
    line_of: dict[str, Line]  # by provider
    ledger: Ledger
    drain: Drain
    acting: Acting
    started: float  # monotonic

    async def close(self) -> None:
        """Cut off what is being read, and let go of connections."""
        for poller in self.pollers:
            await poller.reader.close()
        await self.ledger.close()
        for vendor in self.providers.values():
            await vendor.close()
        for notifier in self.notifiers.values():
            await notifier.close()
        for client in self.clients.values():
            await client.aclose()

    async def check_receivers(self) -> None:
        """Say in the log what a readable channel's token may not do: its first use may be late."""
        for name, notifier in self.notifiers.items():
            if notifier.receiver.readable:
                try:
                    log.info("receiver_checked", receiver=name, found=await notifier.check())
                except DeliveryError as error:
                    log.warning("receiver_doubtful", receiver=name, error=str(error))

    async def prune(self) -> None:
        """Drop some of what is older than it need be kept."""
        now = self.clock.now()
        before = now - self.config.monitor.retain
        refused = refusals(self.judge.context.instances)
        await self.store.write(
            Priority.RETENTION, lambda conn: retention.prune(conn, before, refusal=refused)
        )
        moved = now - people.KEPT
        await self.store.write(Priority.RETENTION, lambda conn: people.forget_moves(conn, moved))
        handled = now - min(self.config.monitor.retain, INBOX_KEPT)
        for _ in range(_PIECES):
            if not await self.store.write(
                Priority.RETENTION, lambda conn: inbox.prune(conn, handled)
            ):
                break
        old = now - arrivals.KEPT
        await self.store.write(Priority.RETENTION, lambda conn: arrivals.prune(conn, old))
        await self.store.write(Priority.RETENTION, lambda conn: states.prune(conn, before))

    def late(self) -> tuple[str, ...]:
        """Which part has made no progress for too long; for people."""
        now = self.clock.monotonic()
        found = [
            f"polling of {poller.provider.name} makes no progress"
            for poller in self.pollers
            if now - self.progress_of(poller) > POLL_LATE_S
        ]
        if now - (self.judge.judged_at or self.started) > LATE_S:
            found.append("the evaluation makes no progress")
        return tuple(found)

    def progress_of(self, poller: Poller) -> float:
        """When it moved last, monotonic: a long sweep does with every request, answered or not."""
        asked = self.clients[poller.provider.name].asked_at
        return max(asked or 0.0, poller.polled_at or 0.0, self.started)


async def assemble(
    config: Config,
    store: Store,
    clock: Clock,
    started_at: datetime,
    key: bytes,
    client: Callable[[Clock], HttpClient] | None = None,
    *,
    lines: Lines | None = None,
    refusals: Mapping[str, Refusals] | None = None,
    restored: Restored | None = None,
) -> Runtime:
    """Build everything that a configuration asks for; ``key`` is that of phone numbers.

    ``lines`` are those of the configuration before, so that no reload forgets a refusal;
    ``refusals`` are the webhooks that were refused, as the receiver counts them by provider.
    """
    seed, lines = await store.write(Priority.INGEST, digest_seed), lines or Lines(clock)
    clients = _clients(config, client, clock)
    line_of = lines_of(config, clients, lines)
    vendors = _vendors(config, line_of, key, clock)
    notifiers = _notifiers(config, clients, clock)
    delivering = Delivering(store, clock, notifiers, started_at)
    dispatcher = _dispatcher(config, store, clock, notifiers, delivering)
    context = context_of(config, vendors, notifiers, started_at, restored)
    dates = _dates(clients, vendors)
    judge = Judge(store, clock, context, dispatcher.wake, dates, refusals, dispatcher.ahead)
    delivering.join(judge, dispatcher)
    pollers = tuple(
        _poller(vendor, line_of[vendor.name].budget.circuit, config, store, clock, judge, seed)
        for vendor in vendors.values()
    )
    return Runtime(
        config=config,
        store=store,
        clock=clock,
        judge=judge,
        pollers=pollers,
        dispatcher=dispatcher,
        delivering=delivering,
        notifiers=notifiers,
        providers=vendors,
        clients=clients,
        lines=lines,
        line_of=line_of,
        ledger=_ledger(vendors, line_of, store, clock, started_at),
        drain=Drain(store, clock, judge, pollers),
        acting=Acting(config, context.providers, vendors, store, clock),
        started=clock.monotonic(),
    )


def _dispatcher(
    config: Config,
    store: Store,
    clock: Clock,
    notifiers: Mapping[str, Notifier],
    delivering: Delivering,
) -> Dispatcher:
    return Dispatcher(
        store,
        word(notifiers, config.templates),
        clock,
        on_trouble=delivering.on_trouble,
        unwritten=delivering.unwritten,
    )


def _vendors(
    config: Config, line_of: dict[str, Line], key: bytes, clock: Clock
) -> dict[str, Provider]:
    return {
        name: build_provider(name, settings, line_of[name], key, clock)
        for name, settings in config.providers.items()
    }


def _notifiers(config: Config, clients: dict[str, HttpClient], clock: Clock) -> dict[str, Notifier]:
    return {
        name: build_notifier(name, settings, clients[_lane(name)], clock)
        for name, settings in config.receivers.items()
    }


def _ledger(
    vendors: dict[str, Provider],
    line_of: dict[str, Line],
    store: Store,
    clock: Clock,
    started_at: datetime,
) -> Ledger:
    pages = [Page(vendor, line_of[name]) for name, vendor in vendors.items()]
    return Ledger(pages, store, clock, dice(), started_at)


def _clients(
    config: Config, make: Callable[[Clock], HttpClient] | None, clock: Clock
) -> dict[str, HttpClient]:
    make = make or partial(HttpClient, egress=config.monitor.egress)
    return {name: make(clock) for name in _lanes(config)}


def _lanes(config: Config) -> tuple[str, ...]:
    """Who has connections of their own."""
    return (*config.providers, *map(_lane, config.receivers), HEARTBEAT)


def _dates(clients: Mapping[str, HttpClient], vendors: Mapping[str, Provider]) -> dict[str, Dates]:
    return {name: clients[name].dates for name in vendors}


def _lane(receiver: str) -> str:
    """A receiver's key among the clients, where a provider may have the same name."""
    return f"receiver {receiver}"


def _poller(
    vendor: Provider,
    circuit: Circuit,
    config: Config,
    store: Store,
    clock: Clock,
    judge: Judge,
    seed: int,
) -> Poller:
    settings = config.providers[vendor.name]
    recheck_after = min(RECHECK_AFTER, settings.poll_every * 4)
    view = judge.context.providers[vendor.name]
    standing = Standing(view, store, clock, circuit)
    reliance = None
    if view.webhooks:
        told = expected(vendor.facts.webhooks, judge.context.started_at)
        reliance = Reliance(vendor.name, told, store, clock)
    reader = Reader(
        provider=vendor,
        settings=settings,
        view=view,
        store=store,
        clock=clock,
        judge=judge,
        sweeper=Sweeper(
            vendor, store, clock, seed, recheck_after, reliance.expected if reliance else None
        ),
        standing=standing,
        full_every=config.monitor.full_sweep_every,
        chance=dice(),
        reliance=reliance,
    )
    return Poller(
        provider=vendor,
        settings=settings,
        view=view,
        store=store,
        clock=clock,
        judge=judge,
        reader=reader,
        standing=standing,
    )
