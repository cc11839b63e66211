"""How a provider's account stands: what fails, since when, and when to ask again."""

from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from monitor.clock import Clock
from monitor.core.facts import Failure
from monitor.core.pace import backoff
from monitor.errors import ProviderError
from monitor.evaluation.context import ProviderView
from monitor.store import providers
from monitor.store.writer import Priority, Store

log = structlog.get_logger()

# What meets one request meets every other too, so nothing more is asked for then.
OF_THE_ACCOUNT = frozenset({"auth", "payment", "rate_limited", "unreachable"})


class Standing:
    """Keeps the failures of one provider, and the times before which to leave it alone.

    Asking at all and finding batches stand off apart: a list that fails stops no batch that
    is known, and stays a failure until a list is read again.
    """

    def __init__(self, view: ProviderView, store: Store, clock: Clock) -> None:
        self._view = view
        self._store = store
        self._clock = clock
        self._refused = 0  # in a row
        self._quiet_until = 0.0  # monotonic, as waits must not move with the wall clock
        self._lost = 0  # discoveries failed in a row
        self._discover_from = 0.0
        self.refusals = 0  # ever

    def may_ask(self) -> bool:
        """Whether the vendor may be asked anything."""
        return self._clock.monotonic() >= self._quiet_until

    def may_discover(self) -> bool:
        """Whether its lists may be asked for."""
        return self._clock.monotonic() >= self._discover_from

    async def refused(self, error: ProviderError, now: datetime, every: timedelta) -> None:
        """The account was refused: leave it alone for a while."""
        self._refused += 1
        self.refusals += 1
        wait = backoff(self._refused, error.kind, every)
        if error.retry_after is not None:
            wait = max(wait, timedelta(seconds=error.retry_after))
        until = self._clock.monotonic() + wait.total_seconds()
        self._quiet_until = max(self._quiet_until, until)
        await self._note(error, now, wait)

    async def lost(self, error: ProviderError, now: datetime, every: timedelta) -> None:
        """Its lists could not be read."""
        self._lost += 1
        wait = backoff(self._lost, error.kind, every)
        self._discover_from = self._clock.monotonic() + wait.total_seconds()
        await self._note(error, now, wait)

    def found(self) -> None:
        """Its lists were read."""
        self._lost, self._discover_from = 0, 0.0

    async def answered(self, row: providers.ProviderRow, now: datetime, refusals: int) -> None:
        """All that was asked for was answered, unless something else was refused meanwhile."""
        if refusals != self.refusals:
            return
        self._refused, self._quiet_until = 0, 0.0
        if self._lost or row.failure is None:
            return

        def clear(conn: Connection) -> None:
            current = providers.load(conn, self._view.name, self._view.vendor)
            providers.save(conn, providers.answered(current, now))

        await self._store.write(Priority.INGEST, clear)

    async def _note(self, error: ProviderError, now: datetime, wait: timedelta) -> None:
        log.warning(
            "provider_failed",
            provider=self._view.name,
            kind=error.kind,
            error=error.text,
            again_in_s=wait.total_seconds(),
        )
        failure = Failure(kind=error.kind, text=error.text)

        def note(conn: Connection) -> None:
            row = providers.load(conn, self._view.name, self._view.vendor)
            providers.save(conn, providers.failed(row, failure, now))

        await self._store.write(Priority.INGEST, note)
