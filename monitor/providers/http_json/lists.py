"""The list of batches, in whatever style it is cut."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime

import msgspec

from monitor.providers.answers import decoded
from monitor.providers.http_json.api import Api
from monitor.providers.http_json.batches import BatchReading, Listed
from monitor.providers.http_json.settings import SINCE, ListEndpoint
from monitor.providers.http_json.values import Values
from monitor.providers.http_json.walking import Walk
from monitor.providers.paging import Longest, Order, Reading, Rows, read_batches

_ANY = msgspec.json.Decoder()
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_MOST_PAGES = 1000

Enough = Callable[[Reading[Listed], int], bool]


class BatchList:
    """Reads the list of batches."""

    def __init__(
        self, api: Api, endpoint: ListEndpoint, batches: BatchReading, values: Values
    ) -> None:
        self._paging = endpoint.paging
        self._walk = Walk(api, endpoint, "the list of batches")
        self._batches = batches
        self._values = values
        self._longest = Longest()

    async def read(
        self, since: datetime, wanted: set[str] | None = None, most_pages: int | None = None
    ) -> Reading[Listed]:
        """What the list shows, back to ``since`` where it proves to be newest first.

        With ``wanted`` it is read only until all of those are found, and no further than
        ``most_pages``; a reading that was cut short so is not complete.
        """
        fill = {SINCE: self._values.written(max(since, _EARLIEST))}

        def enough(reading: Reading[Listed], pages: int) -> bool:
            found = wanted is not None and wanted <= reading.found.keys()
            return found or pages >= (most_pages or _MOST_PAGES)

        if self._paging.style == "offset":
            return await read_batches(
                lambda skip, limit: self._at(fill, skip, limit),
                size=self._paging.size,
                longest=self._longest,
                back_to=since,
                enough=enough,
            )
        if self._paging.style == "page":
            return await self._by_page(fill, since, enough)
        return await self._in_turn(fill, since, enough)

    async def first_page(self) -> int:
        """How many batches the first page holds."""
        fill = {SINCE: self._values.written(_EARLIEST)}
        if self._walk.by_number:
            rows, _ = await self._walk.at(fill, 0, self._paging.size)
            return rows.length
        async with aclosing(self._walk.pages(fill)) as pages:
            rows, _, _ = await anext(pages)
        return rows.length

    async def _at(self, fill: Mapping[str, str], skip: int, limit: int) -> Sequence[Listed | None]:
        rows, _ = await self._walk.at(fill, skip, limit)
        return self._listed(rows)

    async def _by_page(
        self, fill: Mapping[str, str], since: datetime, enough: Enough
    ) -> Reading[Listed]:
        """Pages by number, to the first that is empty or that the vendor says is the last.

        A page may hold fewer rows than were asked for, so what is read is counted.
        """
        reading, order = Reading[Listed](), Order()
        size, read, pages = self._paging.size, 0, 0
        while True:
            rows, got = await self._walk.at(fill, pages * size, size)
            pages += 1
            read += rows.length
            new = self._take(reading, rows, order)
            told = rows.total is not None and read >= rows.total
            if not rows.length or told or self._walk.is_last(got) or order.older_than(since):
                return reading
            if not new or enough(reading, pages):
                reading.complete = False
                return reading

    async def _in_turn(
        self, fill: Mapping[str, str], since: datetime, enough: Enough
    ) -> Reading[Listed]:
        reading, order = Reading[Listed](), Order()
        count = 0
        async with aclosing(self._walk.pages(fill)) as pages:
            async for rows, _, last in pages:
                count += 1
                self._take(reading, rows, order)
                if last or order.older_than(since):
                    break
                if enough(reading, count):
                    reading.complete = False
                    break
        return reading

    def _take(self, reading: Reading[Listed], rows: Rows, order: Order) -> int:
        """How many batches were new."""
        listed = self._listed(rows)
        readable = [row for row in listed if row is not None]
        if len(readable) < len(listed):
            reading.complete = False
        new = [row for row in readable if row.batch_id not in reading.found]
        order.see(new)
        reading.found.update((row.batch_id, row) for row in readable)
        return len(new)

    def _listed(self, rows: Rows) -> list[Listed | None]:
        return [self._row(raw, rows.seen_at) for raw in self._walk.rows.split(rows.body)]

    def _row(self, raw: bytes | memoryview, seen_at: datetime) -> Listed | None:
        try:
            row = decoded(_ANY, raw)
        except (ValueError, RecursionError):
            return None
        return self._batches.listed(row, seen_at)
