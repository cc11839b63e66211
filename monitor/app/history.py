"""One provider's history: found, looked at, and read whole, one batch after the other."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from monitor.clock import Clock
from monitor.core.model import Batch
from monitor.core.pace import Reading
from monitor.core.wording import counted, span
from monitor.errors import ProviderError
from monitor.evaluation.batches import is_chosen
from monitor.evaluation.context import ProviderView
from monitor.ingest.history import Place, admit, is_read, keep_report
from monitor.providers import Known, LookFailed, Provider
from monitor.providers.budget import Circuit, Turn, turn
from monitor.scheduler.sweeper import Sweeper
from monitor.settings import ProviderSettings
from monitor.store import batches
from monitor.store.batches import BatchRow
from monitor.store.writer import Priority, Store

T = TypeVar("T")

# Looks are asked for in such lots, so that what was found is kept if the rest cannot be.
_LOT = 25
# A vendor that is away is asked again so often, and waited for no longer than this at once.
_TRIES = 5
_LONGEST = timedelta(minutes=10)
_PASSING = frozenset({"rate_limited", "unreachable", "timeout", "server"})
_SHOW_EVERY_S = 0.5


class Progress(Protocol):
    """Who watches how far it has come."""

    def found(self, provider: str, batches: int) -> None:
        """So many batches are to be read."""
        ...

    def reading(self, provider: str, title: str, people: int) -> None:
        """A batch is being read, and so many people are in by now, those of others included."""
        ...

    def read(self, provider: str) -> None:
        """One more is done with, read or not."""
        ...

    def waits(self, provider: str, seconds: float, why: str) -> None:
        """The vendor is left alone for a while."""
        ...


@dataclass(slots=True, kw_only=True)
class Finished:
    """What came of one provider. ``failures`` and ``notes`` are sentences for people.

    ``already`` were known whole; ``open`` have not ended or are still watched; ``news`` are
    left to the daemon, which has yet to tell of them.
    """

    provider: str
    vendor: str
    read: int = 0
    people: int = 0
    already: int = 0
    open: int = 0
    news: int = 0
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class History:
    """Reads the ended batches of one provider. Nothing of it can make an alert."""

    def __init__(
        self,
        *,
        provider: Provider,
        settings: ProviderSettings,
        view: ProviderView,
        store: Store,
        clock: Clock,
        sweeper: Sweeper,
        circuit: Circuit,
        progress: Progress,
    ) -> None:
        self._provider = provider
        self._settings = settings
        self._view = view
        self._store = store
        self._clock = clock
        self._sweeper = sweeper
        self._circuit = circuit
        self._progress = progress
        self._done = Finished(provider=view.name, vendor=view.vendor)
        self._words: set[str] = set()

    async def read(self, since: datetime) -> Finished:
        """Read all that ended since then; what cannot be read is said, and the rest goes on."""
        turn.set(Turn.LATER)
        try:
            rows = await self._find(since)
            self._progress.found(self._view.name, len(rows))
            for row in rows:
                await self._read(row)
                self._progress.read(self._view.name)
        except ProviderError as error:
            again = "; run it again later: it goes on from here" if error.kind in _PASSING else ""
            self._done.failures.append(error.text + again)
        if self._words:
            known = ", ".join(sorted(self._words))
            self._done.notes.append(f"statuses that Offhook does not know: {known}")
        return self._done

    # Finding

    async def _find(self, since: datetime) -> list[BatchRow]:
        """The batches to read, the last to end first."""
        looks, unseen = await self._discovered(since)
        rows = [row for look in looks if (row := await self._admitted(look, since))]
        for start in range(0, len(unseen), _LOT):
            rows += await self._looked_at(unseen[start : start + _LOT], since)
        return sorted(rows, key=lambda row: row.terminal_at or row.first_seen_at, reverse=True)

    async def _discovered(self, since: datetime) -> tuple[list[Batch], list[str]]:
        """What the vendor's lists tell of batches, and the ids that they tell nothing of."""
        looks: dict[str, Batch] = {}
        ids = dict.fromkeys(self._settings.batches)
        if self._provider.capabilities.discovery:
            found = await self._patiently(
                lambda: self._provider.discover(since=since, known={}, memory={})
            )
            if not found.complete:
                self._done.notes.append("its lists have holes, so there may be more batches")
            for each in found.sightings:
                if each.look is not None:
                    looks[each.batch_id] = each.look
                elif each.created_at is None or each.created_at >= since:
                    ids[each.batch_id] = None
        else:
            self._done.notes.append(
                f"{self._view.vendor} keeps no list of past batches:"
                " only those that the configuration names can be read back"
            )
        known = await self._store.read(
            lambda conn: {each: batches.find(conn, self._view.name, each) for each in ids}
        )
        unseen = []
        for batch_id in ids:
            row = known[batch_id]
            if batch_id in looks:
                continue
            if row is not None and not row.open and is_read(row) and row.report is not None:
                self._done.already += 1
            else:
                unseen.append(batch_id)
        return list(looks.values()), unseen

    async def _looked_at(self, ids: Sequence[str], since: datetime) -> list[BatchRow]:
        left = dict.fromkeys(ids)
        rows: list[BatchRow] = []

        async def look() -> None:
            known = [Known(batch_id=each) for each in left]
            async with aclosing(self._provider.looks(known)) as looks:
                async for found in looks:
                    left.pop(found.batch_id, None)
                    if isinstance(found, LookFailed):
                        self._failed(found.batch_id, found.error)
                    elif row := await self._admitted(found, since):
                        rows.append(row)

        await self._patiently(look)
        return rows

    async def _admitted(self, look: Batch, since: datetime) -> BatchRow | None:
        """The row of a batch that is to be read; None for one that is not."""
        if not is_chosen(look, self._view):
            return None
        told = look.ended_at or look.created_at
        if told is not None and told < since and look.status.terminal:
            return None
        if self._view.calendar is not None:
            look = replace(look, calendar=self._view.calendar)
        vendor, reach = self._view.vendor, self._settings.discover_since
        place, row = await self._store.write(
            Priority.RETENTION, lambda conn: admit(conn, look, vendor, reach)
        )
        match place:
            case Place.TO_READ:
                return row
            case Place.READ:
                self._done.already += 1
                if row is not None and row.report is None:
                    await self._report(row)
            case Place.OPEN:
                self._done.open += 1
            case Place.NEWS:
                self._done.news += 1
        return None

    # Reading

    async def _read(self, row: BatchRow) -> None:
        title = row.look.title
        self._progress.reading(self._view.name, title, self._done.people)
        try:
            async with self._shown(row):
                done = await self._patiently(lambda: self._sweeper.sweep(row, Reading.ALL))
        except ProviderError as error:
            if not self._circuit.may_ask() or error.kind in {"auth", "payment"}:
                raise
            self._failed(row.look.batch_id, error)
            return
        finally:
            self._sweeper.forget(row.id)
        self._words |= {word for _, word in done.words}
        self._done.people += done.row.tally.get("contacts", 0)
        if done.row.unread:
            rows = counted(done.row.unread, "row")
            self._done.failures.append(f"{row.look.batch_id}: {rows} could not be read")
            return
        await self._report(row)
        self._done.read += 1

    async def _report(self, row: BatchRow) -> None:
        capabilities = self._view.capabilities
        await self._store.write(
            Priority.RETENTION, lambda conn: keep_report(conn, row.id, capabilities)
        )

    @asynccontextmanager
    async def _shown(self, row: BatchRow) -> AsyncIterator[None]:
        """Tell now and then how many people are in."""

        async def tell() -> None:
            while True:
                await self._clock.sleep(_SHOW_EVERY_S)
                now = await self._store.read(lambda conn: batches.load(conn, row.id))
                people = self._done.people + now.tally.get("contacts", 0)
                self._progress.reading(self._view.name, row.look.title, people)

        telling = asyncio.create_task(tell())
        try:
            yield
        finally:
            telling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await telling

    def _failed(self, batch_id: str, error: ProviderError) -> None:
        self._done.failures.append(f"{batch_id}: {error.text}")

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """The answer, waiting a few times for a vendor that is busy or away."""
        tried = 0
        while True:
            try:
                return await ask()
            except ProviderError as error:
                tried += 1
                wait = max(self._circuit.quiet_s, error.retry_after or 0.0, 2.0**tried)
                if error.kind not in _PASSING or tried == _TRIES:
                    raise
                if wait > _LONGEST.total_seconds():
                    asked = span(timedelta(seconds=wait))
                    text = f"{error.text}; it wants to be left alone for {asked}"
                    raise ProviderError(error.kind, text) from error
                self._progress.waits(self._view.name, wait, error.text)
                await self._clock.sleep(wait)
