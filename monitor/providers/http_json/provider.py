"""Asking a vendor that is known by its configuration alone."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from monitor.core.model import AccountState, Batch, Item
from monitor.errors import NotFoundError, ProviderError
from monitor.http import Asks
from monitor.providers import Discovery, Known, LookFailed, Page, Sighting, Told
from monitor.providers.account import look_at_each
from monitor.providers.acting import undocumented
from monitor.providers.facts import Action, Took, VendorFacts
from monitor.providers.http_json.api import Api, Got
from monitor.providers.http_json.batches import BatchReading, Listed
from monitor.providers.http_json.capabilities import capabilities_of
from monitor.providers.http_json.items import ItemReading
from monitor.providers.http_json.lists import BatchList
from monitor.providers.http_json.settings import BATCH_ID, HttpJsonSettings
from monitor.providers.http_json.values import Values
from monitor.providers.http_json.walking import Walk
from monitor.providers.kept import Kept
from monitor.providers.notices import Notice, hint
from monitor.providers.paging import Listing, Reading, Rows
from monitor.providers.phones import Phones

_OF_THE_LIST = frozenset({"garbage", "contract", "oversize", "not_found"})
_NEVER = datetime.min.replace(tzinfo=UTC)
FACTS = VendorFacts(documented_at=())


class HttpJson:
    """An account at a vendor with a JSON API."""

    facts = FACTS

    def __init__(self, name: str, settings: HttpJsonSettings, http: Asks, hash_key: bytes) -> None:
        self.name = name
        self.vendor = settings.vendor_name
        self.capabilities = capabilities_of(settings)
        self._settings = settings
        self._host = urlsplit(settings.base_url).netloc
        values = Values(settings.units, settings.words)
        self._api = Api(settings, http)
        self._batches = BatchReading(name, settings.fields.batch, values)
        self._items = ItemReading(
            settings.fields,
            settings.items.calls,
            values,
            Phones(hash_key, settings.calling_code),
            settings.rates,
            settings.units.currency,
        )
        self._walk = Walk(self._api, settings.items, "the list of a batch")
        self._listing = Listing("items", settings.items.paging.size)
        self._kept = Kept()
        self._list: BatchList | None = None
        if settings.listing is not None:
            self._list = BatchList(self._api, settings.listing, self._batches, values)

    # Batches

    async def discover(
        self, *, since: datetime, known: Mapping[str, Known], memory: Mapping[str, str]
    ) -> Discovery:
        """Batches created since, from the list; how they stand only where looks come from it."""
        del known, memory
        if self._list is None:
            return Discovery(sightings=(), complete=True)
        reading = await self._list.read(since)
        with_looks = self._settings.looks_at == "list"
        return Discovery(
            sightings=tuple(
                Sighting(
                    batch_id=row.batch_id,
                    created_at=row.created_at,
                    look=row.batch if with_looks else None,
                    name=row.batch.name,
                )
                for row in reading.found.values()
                if row.created_at is None or row.created_at >= since
            ),
            complete=reading.complete,
        )

    async def looks(self, known: Sequence[Known]) -> AsyncGenerator[Batch | LookFailed, None]:
        """From the list, which answers for many at once; what it does not show, one by one."""
        rest: Sequence[Known] = known
        failure: Callable[[], ProviderError] | None = None
        if self._settings.looks_at == "list":
            wanted = {each.batch_id for each in known}
            most = None if self._settings.batch is None else max(len(known), 1)
            reading, failure = await self._listed(wanted, most)
            for each in known:
                if each.batch_id in reading.found:
                    yield reading.found[each.batch_id].batch
            rest = [each for each in known if each.batch_id not in reading.found]
        if self._settings.batch is None and failure is not None:
            for each in rest:
                yield LookFailed(each.batch_id, failure())
            return
        async with aclosing(look_at_each(rest, self._look)) as found:
            async for look in found:
                yield look

    async def _listed(
        self, wanted: set[str], most_pages: int | None
    ) -> tuple[Reading[Listed], Callable[[], ProviderError]]:
        """What the list shows, and what is wrong with those that it does not.

        A list that makes no sense says nothing of the account: batches are asked for apart.
        """
        if self._list is None:
            return Reading(), _not_listed
        try:
            reading = await self._list.read(_NEVER, wanted, most_pages)
        except ProviderError as error:
            if error.kind not in _OF_THE_LIST:
                raise
            return Reading(), partial(ProviderError, error.kind, error.text)
        return reading, _not_listed if reading.complete else _not_read

    async def _look(self, known: Known) -> Batch:
        endpoint = self._settings.batch
        if endpoint is None:
            raise ProviderError("contract", "nothing is configured to ask about one batch")
        fill = {BATCH_ID: known.batch_id}
        got = await self._api.ask(endpoint, "a batch", fill)
        row = endpoint.row.find(got.data) if endpoint.row else got.data
        batch = self._read(row, known.batch_id, got)
        if self._same_answer():
            self._kept.keep(known.batch_id, got.body, got.seen_at)
        return batch

    def _read(self, row: Any, batch_id: str, got: Got) -> Batch:
        try:
            batch = self._batches.batch(row, got.seen_at)
        except ValueError:
            raise ProviderError("garbage", "a batch: the answer has no id in it") from None
        if batch.batch_id != batch_id:
            raise ProviderError("garbage", "a batch: the answer is not about the batch asked for")
        return batch

    def _same_answer(self) -> bool:
        """Whether one answer tells of a batch and lists its people: then it is asked for once."""
        one, other = self._settings.batch, self._settings.items
        return (
            one is not None
            and other.paging.style == "none"
            and other.rows.keys is not None
            and (one.method, one.path, one.params, one.body)
            == (other.method, other.path, other.params, other.body)
        )

    # Items

    async def sweep(self, batch: Batch, first: Sequence[int] = ()) -> AsyncGenerator[Page, None]:
        """The batch's rows, page by page."""
        fill = {BATCH_ID: batch.batch_id}
        held = self._kept.take(batch.batch_id, batch.seen_at)
        if held is not None:
            self._walk.rows.split(held)
            yield Page("items", 0, held, batch.seen_at, last=True)
        elif self._walk.by_number:

            async def ask(skip: int, limit: int) -> Rows:
                rows, _ = await self._walk.at(fill, skip, limit)
                return rows

            total = batch.counts.total
            async with aclosing(self._listing.sweep(ask, total=total, first=first)) as pages:
                async for page in pages:
                    yield page
        else:
            async for page in self._in_turn(fill):
                yield page

    async def _in_turn(self, fill: Mapping[str, str]) -> AsyncGenerator[Page, None]:
        number = 0
        async with aclosing(self._walk.pages(fill)) as pages:
            async for rows, _, last in pages:
                yield Page("items", number, rows.body, rows.seen_at, last)
                number += 1

    def split(self, page: Page) -> Sequence[bytes | memoryview]:
        """The rows as raw slices."""
        return self._walk.rows.split(page.body)

    def decode(self, batch: Batch, page: Page, raw: bytes | memoryview) -> Item:
        """One row; ValueError without an id."""
        del batch
        return self._items.item(raw, page.seen_at)

    def lacks_calls(self, batch: Batch, item: Item) -> bool:
        """Never: a row has the calls that the vendor tells of."""
        del batch, item
        return False

    async def calls(
        self, batch: Batch, page: Page, items: Sequence[tuple[int, Item]]
    ) -> Mapping[str, Item]:
        """Nothing is asked for apart."""
        del batch, page
        return {item.contact.contact_id: item for _, item in items}

    # The account

    def receive(self, body: bytes, seen_at: datetime) -> Notice:
        """No payload is documented: whatever comes says that something moved."""
        del seen_at
        return hint(body)

    async def call(self, call_id: str) -> Told | None:
        """There is no such question here."""
        del call_id
        return None

    async def act(self, action: Action, batch: Batch) -> Took:
        """No action is documented here."""
        del action, batch
        return undocumented(self.vendor)

    async def state(self) -> AccountState | None:
        """Nothing is configured to tell of the account."""
        return None

    async def check(self) -> str:
        """Ask for the first page of the list, or for the first of the batches."""
        if self._list is not None:
            count = await self._list.first_page()
            return f"{self._host} answers; batches on the first page of its list: {count}"
        look = await self._look(Known(batch_id=self._settings.batches[0]))
        return f"{self._host} answers; {look.title} is {look.raw_status or look.status}"

    async def close(self) -> None:
        """The connections belong to the HttpClient; there is nothing else to let go of."""


def _not_listed() -> ProviderError:
    return NotFoundError("the vendor's list of batches does not show it")


def _not_read() -> ProviderError:
    return ProviderError("contract", "the vendor's list of batches could not be read to its end")
