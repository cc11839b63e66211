"""Batches that are let go of, where no list tells how they stand.

One that has ended may run again, one that the vendor did not know may be back, and one that was
not chosen may be chosen again; nobody would see it: so each is looked at now and then.
"""

from collections.abc import Collection, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from monitor.clock import Clock
from monitor.core.model import Batch
from monitor.errors import NotFoundError, ProviderError
from monitor.providers import LookFailed, Provider
from monitor.scheduler.asking import known_of
from monitor.scheduler.reader import Reader
from monitor.scheduler.standing import OF_THE_ACCOUNT
from monitor.settings import ProviderSettings
from monitor.store import batches
from monitor.store.batches import BatchRow
from monitor.store.writer import Priority, Store

# Each as often, unless they are so many that one with each reading of the lists takes longer.
AGAIN_EVERY = timedelta(minutes=30)
_NEVER = datetime.min.replace(tzinfo=UTC)


class Over:
    """Looks at one at a time, the longest unseen first; at none that ended long ago."""

    def __init__(
        self,
        provider: Provider,
        settings: ProviderSettings,
        store: Store,
        clock: Clock,
        reader: Reader,
    ) -> None:
        self._provider = provider
        self._settings = settings
        self._store = store
        self._clock = clock
        self._reader = reader
        self._seen: dict[str, datetime] = {}  # a restart forgets it, and so looks earlier
        self._doubted: set[str] = set()  # said to run again: a second look has to agree

    async def look(self, ids: Collection[str]) -> None:
        """Look at whichever of these is due. One that the vendor knows no more stays as it was."""
        now = self._clock.now()
        self._seen = {each: at for each, at in self._seen.items() if each in ids}
        self._doubted &= set(ids)
        rows = await self._store.read(lambda conn: self._due(conn, ids, now))
        if not rows:
            return
        try:
            await self._look(rows)
        except ProviderError as error:
            if error.kind in OF_THE_ACCOUNT:
                raise  # anything else says nothing of the lists that were just read

    async def _look(self, rows: Sequence[BatchRow]) -> None:
        before = {row.look.batch_id: row for row in rows}
        async with aclosing(self._provider.looks([known_of(row) for row in rows])) as looks:
            async for look in looks:
                if not isinstance(look, LookFailed):
                    await self._take(look, before[look.batch_id])
                elif isinstance(look.error, NotFoundError):
                    self._doubted.discard(look.batch_id)

    def _due(self, conn: Connection, ids: Collection[str], now: datetime) -> list[BatchRow]:
        """Those in doubt, and the one that waits longest; to be asked is to have been seen."""
        name = self._provider.name
        found = [row for each in self._doubted if (row := batches.find(conn, name, each))]
        waiting = [
            (at, each)
            for each in ids
            if now - (at := self._seen.get(each, _NEVER)) >= AGAIN_EVERY
            and each not in self._doubted
        ]
        for _, each in sorted(waiting):
            self._seen[each] = now
            row = batches.find(conn, name, each)
            if row is not None and self._may_run(row, now):
                return [*found, row]
        return found

    def _may_run(self, row: BatchRow, now: datetime) -> bool:
        lately = row.terminal_at is None or now - row.terminal_at < self._settings.discover_since
        return lately and self._reader.chooses(row.look)

    async def _take(self, look: Batch, known: BatchRow) -> None:
        self._doubted.discard(look.batch_id)
        if known.ended and not look.status.terminal:
            self._doubted.add(look.batch_id)
        elif known.ended and not known.pruned:  # else nobody knows who is new in its lists
            same = (look.status, look.counts) == (known.look.status, known.look.counts)
            if same and known.reopening_at is None:
                return
            # It may have run and ended again unseen: what is in its lists now has to say so.
            again = replace(known, open=True, due_at=look.seen_at)
            await self._store.write(
                Priority.INGEST, lambda conn: batches.save(conn, again, "open", "due_at")
            )
        await self._reader.take(look, baseline=False)
