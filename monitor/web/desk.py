"""What the API and the status page work with: the store, the clock, and what is configured."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Connection

from monitor.clock import Clock
from monitor.evaluation.context import Context
from monitor.evaluation.lookback import Reported, look_back
from monitor.store import batches
from monitor.store.writer import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One provider as configured."""

    name: str
    vendor: str
    blind_after: timedelta
    webhooks: bool  # listened to
    ends_named: bool = False  # by its webhooks
    cannot_see: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What of the configuration is shown and needed; a reload makes another."""

    version: str
    zone: str  # IANA, of the times on the page
    labels: frozenset[str]  # that matchers may name
    providers: Mapping[str, Watched] = field(default_factory=dict)
    receivers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """``changed`` has the alerts looked at soon, ``owed`` the outbox; neither waits."""

    store: Store
    clock: Clock
    house: Callable[[], House]
    context: Callable[[], Context]  # what evaluations go by
    problems: Callable[[], Awaitable[tuple[str, ...]]]
    changed: Callable[[], None]
    owed: Callable[[], None]

    async def reported(self, provider: str, batch: str) -> Reported | None:
        """The report of one batch of a configured provider; None of one that is not known."""
        context, now = self.context(), self.clock.now()

        def load(conn: Connection) -> Reported | None:
            row = batches.find(conn, provider, batch) if provider in context.providers else None
            return None if row is None else look_back(conn, row, context, now)

        return await self.store.read(load)
