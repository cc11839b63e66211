"""How a provider's account stands: what fails, since when, and when to ask again.

Whether the key may be used at all is its circuit's to say, which everybody who uses the key
shares. Here is what one provider makes of it: when its lists may be asked for, and the
failure that its row tells of.
"""

from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from monitor.clock import Clock
from monitor.core.facts import Failure
from monitor.core.pace import backoff
from monitor.errors import ProviderError
from monitor.evaluation.context import ProviderView
from monitor.providers.budget import Circuit
from monitor.store import providers
from monitor.store.writer import Priority, Store

log = structlog.get_logger()

# What meets one request meets every other too, so nothing more is asked for then.
OF_THE_ACCOUNT = frozenset({"auth", "payment", "rate_limited", "tls", "unreachable"})


class Standing:
    """Keeps the failures of one provider, and the times before which to leave it alone.

    Asking at all and finding batches stand off apart: a list that fails stops no batch that
    is known, and stays a failure until a list is read again.
    """

    def __init__(self, view: ProviderView, store: Store, clock: Clock, circuit: Circuit) -> None:
        self._view = view
        self._store = store
        self._clock = clock
        self._circuit = circuit
        self._lost = 0  # discoveries failed in a row
        self._discover_from = 0.0  # monotonic, as waits must not move with the wall clock
        self._noted: Failure | None = None  # since the last good answer
        self.refusals = 0  # ever

    def may_ask(self) -> bool:
        """Whether the vendor may be asked anything."""
        return self._circuit.may_ask()

    def may_discover(self) -> bool:
        """Whether its lists may be asked for."""
        return self._clock.monotonic() >= self._discover_from

    async def refused(self, error: ProviderError, now: datetime, every: timedelta) -> None:
        """The account was refused: leave it alone for a while."""
        self.refusals += 1
        again = self._circuit.refuse(error, every)  # and not what was on its way meanwhile
        await self._note(error, now, timedelta(seconds=self._circuit.quiet_s), again=again)

    async def resting(self, now: datetime) -> bool:
        """Whether the key is left alone for a reason that this provider has not told yet.

        What refused it may have met somebody else who uses the same key.
        """
        error = self._circuit.refused
        if error is None or self._noted == Failure(kind=error.kind, text=error.text):
            return False
        await self._note(error, now, timedelta(seconds=self._circuit.quiet_s), again=False)
        return True

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
        if refusals != self.refusals or not self.may_ask():
            return
        self._circuit.well()
        if self._lost:
            return
        self._noted = None
        if row.failure is None:
            return

        def clear(conn: Connection) -> None:
            current = providers.load(conn, self._view.name, self._view.vendor)
            providers.save(conn, providers.answered(current, now))

        await self._store.write(Priority.INGEST, clear)

    async def _note(
        self, error: ProviderError, now: datetime, wait: timedelta, *, again: bool = True
    ) -> None:
        log.warning(
            "provider_failed",
            provider=self._view.name,
            kind=error.kind,
            error=error.text,
            again_in_s=round(wait.total_seconds(), 1),
        )
        self._noted = failure = Failure(kind=error.kind, text=error.text)

        def note(conn: Connection) -> None:
            row = providers.load(conn, self._view.name, self._view.vendor)
            providers.save(conn, providers.failed(row, failure, now, again=again))

        await self._store.write(Priority.INGEST, note)
