"""What asking a provider costs, and what is left in its account, kept where others can read it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from monitor.clock import Clock
from monitor.core.model import AccountState
from monitor.errors import ProviderError, StoreError
from monitor.providers import Provider
from monitor.providers.budget import Chance, Turn, turn
from monitor.providers.line import Line
from monitor.store import processes, providers
from monitor.store.writer import Priority, Store

log = structlog.get_logger()

# Balances and caps are read this often at most, and by up to this share sooner.
ACCOUNT_EVERY = timedelta(minutes=15)
_SOONER = 0.2


@dataclass(frozen=True, slots=True)
class Page:
    """One provider and the line to it."""

    provider: Provider
    line: Line


class Ledger:
    """Writes each provider's traffic into its row, and now and then its account's state.

    ``keep`` is called once a minute, by a process that goes on: when it began and until when it
    ran is written along. An account that cannot be read is tried again at the next time: nothing
    is concluded from it, and the provider is no less seen.
    """

    def __init__(
        self,
        pages: Sequence[Page],
        store: Store,
        clock: Clock,
        chance: Chance,
        started_at: datetime,
    ) -> None:
        self._pages = pages
        self._store = store
        self._clock = clock
        self._chance = chance
        self._accounts_from = {page.provider.name: 0.0 for page in pages}  # monotonic
        self._started_at = started_at
        self._goes_on = False

    async def keep(self) -> None:
        """Read the accounts that are due, and write everything down."""
        turn.set(Turn.LATER)  # of the job's own task
        self._goes_on = True
        told = [(page, await self._account(page)) for page in self._pages]
        await self._write([(page, state) for page, state in told if state is not None])

    async def close(self) -> None:
        """Write everything down for the last time, but for accounts."""
        try:
            await self._write([], last=True)
        except StoreError as error:
            log.warning("traffic_unwritten", error=str(error))

    async def _account(self, page: Page) -> AccountState | None:
        name, now = page.provider.name, self._clock.monotonic()
        if now < self._accounts_from[name] or not page.line.budget.circuit.may_ask():
            return None
        wait = ACCOUNT_EVERY.total_seconds() * (1 - _SOONER * self._chance())
        self._accounts_from[name] = now + wait
        try:
            return await page.provider.state()
        except ProviderError as error:
            log.info("account_unread", provider=name, kind=error.kind, error=error.text)
            return None

    async def _write(
        self, accounts: Sequence[tuple[Page, AccountState]], *, last: bool = False
    ) -> None:
        traffic = [(page.provider, page.line.traffic()) for page in self._pages]
        now = self._clock.now()
        note = processes.stopped if last else processes.alive

        def write(conn: Connection) -> None:
            for each, told in traffic:
                providers.save_traffic(conn, each.name, each.vendor, told)
            for page, state in accounts:
                providers.save_account(conn, page.provider.name, page.provider.vendor, state)
            if self._goes_on:
                note(conn, self._started_at, now)

        await self._store.write(Priority.RETENTION, write)
