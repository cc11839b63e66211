"""Reading one batch's list, page by page, no further than is needed."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from monitor.clock import Clock
from monitor.core.hearing import Expected
from monitor.core.merge import is_behind
from monitor.core.model import Item
from monitor.core.pace import Reading
from monitor.errors import ProviderError
from monitor.ingest import pages as reading
from monitor.ingest.forgotten import unlisted
from monitor.ingest.pages import PageBook, Read
from monitor.ingest.parts import Parts, Places, ShiftedError
from monitor.ingest.sweeps import (
    Swept,
    begin_sweep,
    drop_vanished,
    finish_sweep,
    remember,
    take_pages,
)
from monitor.providers import InParts, Page, Provider, Stop
from monitor.scheduler.underway import Pass, is_agreed, is_borne_out, is_explained
from monitor.store import pages
from monitor.store.batches import BatchRow
from monitor.store.writer import Priority, Store

log = structlog.get_logger()

# One transaction takes about this long, so that an alert never waits for a sweep.
CHUNK_S = 0.05
# Each request has a deadline of its own; this also holds their waits for a slow budget.
PAGE_DEADLINE_S = 300.0
# Costs and readings of the mood come a while after a call, and its row does not tell.
RECHECK_AFTER = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class SweepDone:
    """The batch afterwards, words never seen before, and whether anything moved."""

    row: BatchRow
    words: frozenset[tuple[str, str]]
    moved: bool


class Sweeper:
    """Sweeps the batches of one provider; keeps their page books between sweeps."""

    def __init__(
        self,
        provider: Provider,
        store: Store,
        clock: Clock,
        seed: int,
        recheck_after: timedelta = RECHECK_AFTER,
        expected: Expected | None = None,
    ) -> None:
        self._provider = provider
        self._expected = expected  # of webhooks, where they are listened to
        self._recheck_after = recheck_after if provider.capabilities.cost else None
        self._store = store
        self._clock = clock
        self._seed = seed
        self._books: dict[int, PageBook] = {}
        self._parts: dict[int, Parts] = {}
        self._absent: dict[int, dict[str, datetime]] = {}  # since when, by person
        self._chunk = 200

    async def book(self, batch: int) -> PageBook:
        """What is remembered of a batch's pages."""
        if batch not in self._books:
            states = await self._store.read(lambda conn: pages.load(conn, batch))
            self._books[batch] = PageBook(states, self._seed, self._recheck_after)
            self._parts[batch] = Parts(states, self._seed)
        return self._books[batch]

    async def retries_due(self, batch: int, now: datetime) -> int:
        """How many people of a batch waited for a retry when last read, and its time has come."""
        await self.book(batch)
        return self._parts[batch].retries_due(now)

    def forget(self, batch: int) -> None:
        """Let go of a batch that is watched no longer."""
        self._books.pop(batch, None)
        self._parts.pop(batch, None)
        self._absent.pop(batch, None)

    async def sweep(self, row: BatchRow, mode: Reading) -> SweepDone:
        """Read the batch's list; ProviderError leaves the sweep unfinished and noted so."""
        book = await self.book(row.id)
        parts = self._parts[row.id]
        at = self._clock.now()
        first = book.hot(at) if mode is Reading.HOT else ()
        row = await self._store.write(Priority.INGEST, lambda conn: begin_sweep(conn, row.id, at))
        under_way = Pass(row, row.run, row.look.counts, mode, first, at, parts)
        try:
            every_page = await self._read_pages(under_way, book)
        finally:
            book.release()
        return await self._finish(under_way, every_page=every_page)

    async def _read_pages(self, under_way: Pass, book: PageBook) -> bool:
        """Whether every page was read."""
        if under_way.mode is Reading.HOT and await self._read_parts(under_way, book):
            return False
        look = under_way.row.look
        async with aclosing(self._provider.sweep(look, under_way.first)) as listed:
            while (page := await _next(listed)) is not None:
                if await self._take(under_way, book, page):
                    return False
        await self._flush(under_way, book)
        return True

    async def _read_parts(self, under_way: Pass, book: PageBook) -> bool:
        """Whether the counts are explained by no more than the places where somebody moves."""
        parts, provider = under_way.parts, self._provider
        if not isinstance(provider, InParts):
            return False
        moving = parts.moving(under_way.started_at, under_way.begun)
        if moving is None:
            return False
        try:
            await self._take_parts(
                under_way, provider.parts(under_way.row.look, *moving), moving[1]
            )
        except ShiftedError:
            parts.doubt(under_way.started_at)
            under_way.unread.clear()
            under_way.mode = Reading.ALL  # nobody knows who stands where
            return False
        except ProviderError as error:
            if error.kind != "oversize":
                raise
            parts.doubt(under_way.started_at)
            return False
        await self._flush(under_way, book)
        return is_borne_out(under_way.row, provider.capabilities)

    async def _take_parts(
        self, under_way: Pass, listed: AsyncGenerator[Page], places: Places
    ) -> None:
        """Read parts of pages until all these places were read, else ShiftedError."""
        parts = under_way.parts
        left = {(number, place) for number, some in places.items() for place in some}
        async with aclosing(listed):
            while (page := await _next(listed)) is not None:
                raws, start = self._provider.split(page), page.start or 0
                left -= {(page.number, start + n) for n in range(len(raws))}
                difference = parts.compare(page, raws)
                if difference is not None:
                    read = reading.decode(self._provider, under_way.row.look, difference)
                    parts.check(read)
                    under_way.wait(await self._with_calls(under_way, read))
        if left:
            raise ShiftedError

    async def _take(self, under_way: Pass, book: PageBook, page: Page) -> bool:
        """Take one page in; whether the counts are explained, so that reading may stop."""
        under_way.read += 1
        if page.last:
            under_way.last[page.listing] = page.number
        anew = under_way.mode is Reading.ANEW
        difference = book.compare(self._provider, page, anew=anew)
        if difference is not None:
            read = reading.decode(self._provider, under_way.row.look, difference)
            read = await self._with_calls(under_way, read)
            if anew:
                under_way.ids.update(item.contact.contact_id for item in read.items.values())
            under_way.wait(read)
            under_way.rows.update(difference.slices)
        elif under_way.mode is not Reading.HOT:
            under_way.rows.update(book.rows(page))
        may_end = under_way.mode is Reading.HOT and under_way.may_end(page, difference)
        if under_way.items_waiting >= self._chunk or may_end:
            await self._flush(under_way, book)
        if page.stop is Stop.AGREED:
            return may_end and is_agreed(under_way.row, self._provider.capabilities)
        if page.stop is not Stop.EXPLAINED:
            return may_end
        return may_end and is_explained(under_way.row, self._provider.capabilities)

    async def _with_calls(self, under_way: Pass, read: Read) -> Read:
        """The page with the calls that its vendor lists apart; who is missing stays unread.

        So does whoever comes from a cache with them, less far than on the page itself.
        """
        look, page = under_way.row.look, read.difference.page
        lacking = [
            (position, item)
            for position, item in sorted(read.items.items())
            if self._provider.lacks_calls(look, item)
        ]
        if not lacking:
            return read
        found = await self._provider.calls(look, page, lacking)
        items: dict[int, Item] = dict(read.items)
        missing = list(read.unread)
        for position, item in lacking:
            whole = found.get(item.contact.contact_id)
            if whole is None or is_behind(whole.contact, item.contact):
                del items[position]
                missing.append(position)
            else:
                items[position] = whole
        return read._replace(items=items, unread=tuple(missing))

    async def _flush(self, under_way: Pass, book: PageBook) -> None:
        reads, under_way.waiting = under_way.waiting, []
        if not reads:
            return
        batch = under_way.row.id
        at = max(read.difference.page.seen_at for read in reads)
        began = self._clock.monotonic()
        taken = await self._store.write(
            Priority.INGEST, lambda conn: take_pages(conn, batch, book, reads, at, self._expected)
        )
        remember(book, taken)
        for read, state in taken.states:
            under_way.parts.keep(read, state)
        self._adapt(self._clock.monotonic() - began)
        under_way.row = taken.taken.row
        under_way.words |= taken.taken.words
        under_way.moved |= taken.taken.moved

    def _adapt(self, took: float) -> None:
        factor = min(max(CHUNK_S / max(took, 0.001), 0.5), 2.0)
        self._chunk = min(max(int(self._chunk * factor), 50), 5_000)

    async def _finish(self, under_way: Pass, *, every_page: bool) -> SweepDone:
        row = under_way.row
        swept = Swept(
            counts=under_way.counts,
            rows=len(under_way.rows),
            run=under_way.run,
            every_page=every_page,
            anew=under_way.mode is Reading.ANEW,
            unread=len(under_way.unread),
            last=under_way.last,
            row_of_call=self._provider.capabilities.row_of_call,
        )
        at = under_way.started_at
        done = await self._store.write(
            Priority.INGEST, lambda conn: finish_sweep(conn, row.id, swept, at)
        )
        if swept.unread:
            log.warning("rows_unread", batch=row.look.batch_id, rows=swept.unread)
        if every_page:
            book = await self.book(row.id)
            for listing, last in under_way.last.items():
                book.shorten(listing, last)
            if swept.anew and not under_way.unread:
                done = await self._drop_vanished(done, under_way)
        return SweepDone(done, frozenset(under_way.words), under_way.moved)

    async def _drop_vanished(self, row: BatchRow, under_way: Pass) -> BatchRow:
        """Only who is missing from two complete readings in a row has vanished.

        Where people may be called and stand on no list, they must be missing for longer than
        any call takes. Where nothing tells how many there are, who was called stays.
        """
        counts, at = row.look.counts, under_way.started_at
        told = None if "total" in counts.estimated else counts.total
        if told is not None and told != len(under_way.ids):
            return row
        missing = await self._store.read(lambda conn: unlisted(conn, row, under_way.ids))
        before = self._absent.get(row.id, {})
        absent = {key: before.get(key, at) for key in missing}
        self._absent[row.id] = absent
        least = self._provider.capabilities.unlisted_for
        gone = sorted(key for key in absent if key in before and at - before[key] >= least)
        if not gone:
            return row
        return await self._store.write(
            Priority.INGEST,
            lambda conn: drop_vanished(
                conn, row.id, gone, at, uncalled="total" in counts.estimated
            ),
        )


async def _next(listed: AsyncGenerator[Page]) -> Page | None:
    """The next page; None after the last."""
    try:
        async with asyncio.timeout(PAGE_DEADLINE_S):
            return await anext(listed, None)
    except TimeoutError as error:
        raise ProviderError("timeout", "a page of its list took too long") from error
