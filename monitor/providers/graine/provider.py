"""Asking Graine."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from monitor.core.model import AccountState, Batch, Capabilities, ContactStatus, Item
from monitor.errors import ProviderError
from monitor.http import Answer, Asks
from monitor.providers import Discovery, Known, LookFailed, Page, Sighting, Told
from monitor.providers.account import Account, look_at_each, part
from monitor.providers.acting import take_action
from monitor.providers.answers import parse_time, read, whole, word
from monitor.providers.facts import Action, Took
from monitor.providers.graine import batches, contacts
from monitor.providers.graine.campaigns import Campaigns
from monitor.providers.graine.facts import FACTS
from monitor.providers.graine.places import cut, near, stretches
from monitor.providers.graine.settings import GraineSettings
from monitor.providers.lists import lists_of, worth_watching
from monitor.providers.notices import Notice, hint
from monitor.providers.paging import Listing, Longest, Reading, Rows, read_batches
from monitor.providers.phones import Phones

# The documented defaults; a vendor gives at least as much as it gives unasked.
_BATCHES_PER_PAGE = 50
_CONTACTS_PER_PAGE = 100
# Up to so many batches are asked for one by one; more are read from the lists by status.
_ONE_BY_ONE = 2

_OPEN_STATUS = {batches.BATCH_STATUS[name]: name for name in batches.OPEN}

_ROWS = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What Graine itself says about people who do not move."""

    stuck_pending: int | None
    oldest: Mapping[ContactStatus, datetime] = field(default_factory=dict)


class _Debug(msgspec.Struct):
    status_breakdown: dict[str, Any] = {}
    diagnostics: dict[str, Any] = {}


_DEBUG = msgspec.json.Decoder(_Debug)


class Graine:
    """An organisation at Graine."""

    vendor = "graine"
    capabilities = Capabilities(
        discovery=True,
        counts=True,
        contacts=True,
        calls=True,
        retries=True,
        cost=True,
        priced=True,
        numbers=True,
        call_times=True,
        in_flight=True,
        calling_hours=True,
        sentiment=True,
        trusted=frozenset({"by_status", "total"}),
        blind_to=(
            "who or what answered a call",
            "which number a call was made from",
            "when a call ended (taken as its start plus its length)",
        ),
    )

    facts = FACTS

    def __init__(self, name: str, settings: GraineSettings, http: Asks, hash_key: bytes) -> None:
        self.name = name
        key = settings.api_key.get_secret_value()
        self._account = Account(http, settings.base_url, {"authorization": f"Bearer {key}"})
        self._campaigns = Campaigns(self._account)
        self._phones = Phones(hash_key)
        self._rates = settings.rates
        self._listing = Listing("contacts", _CONTACTS_PER_PAGE)
        self._longest = Longest()

    async def discover(
        self, *, since: datetime, known: Mapping[str, Known], memory: Mapping[str, str]
    ) -> Discovery:
        """Every open batch, and whatever was created since, in whichever status.

        The list without a status shows ended batches, and those of a status that is not
        known; it is read back to ``since`` when it proves to be newest first. Where it was read
        to its end, it showed the open ones too.
        """
        del memory
        recent = await self._read(None, back_to=since)
        complete, told = recent.complete, recent.found
        for status in () if complete and recent.ended else batches.OPEN:
            reading = await self._read(status)
            complete = complete and reading.complete
            told.update(reading.found)
        wanted = [each for each in told.values() if worth_watching(each.batch, since)]
        sightings = [await self._sighting(each, known) for each in wanted]
        return Discovery(sightings=tuple(sightings), complete=complete)

    async def _sighting(self, told: batches.Told, known: Mapping[str, Known]) -> Sighting:
        before = known.get(told.batch_id)
        look = await self._campaigns.dress(told, before.look if before else None)
        return Sighting(
            batch_id=look.batch_id, created_at=look.created_at, look=look, name=look.name
        )

    async def looks(self, known: Sequence[Known]) -> AsyncGenerator[Batch | LookFailed, None]:
        """One or two are asked for by id; more are looked up in the lists of open batches.

        Who is in none of the lists any more, because it ended or moved, is asked for by id.
        """
        missing = {each.batch_id: each for each in known}
        if len(missing) > _ONE_BY_ONE:
            for status in lists_of(known, _OPEN_STATUS):
                for told in (await self._listed(status, missing)).values():
                    before = missing.pop(told.batch_id, None)
                    if before is not None:
                        yield await self._campaigns.dress(told, before.look)
        async with aclosing(look_at_each(tuple(missing.values()), self._look)) as looks:
            async for found in looks:
                yield found

    async def _listed(
        self, status: str, missing: Mapping[str, Known]
    ) -> Mapping[str, batches.Told]:
        """A list by status, read only while that is cheaper than asking one by one."""

        def enough(reading: Reading[batches.Told], pages: int) -> bool:
            left = len(missing.keys() - reading.found.keys())
            return left == 0 or pages > left

        return (await self._read(status, enough=enough)).found

    async def _look(self, known: Known) -> Batch:
        answer = await self._account.get(f"/batches/{part(known.batch_id)}")
        told = self._batch(answer.body, answer.sent_at)
        if told is None or told.batch_id != known.batch_id:
            raise ProviderError("garbage", "a batch: the answer is not about the batch asked for")
        return await self._campaigns.dress(told, known.look)

    def _batch(self, raw: bytes | memoryview, seen_at: datetime) -> batches.Told | None:
        try:
            return batches.decode(raw, provider=self.name, seen_at=seen_at)
        except ValueError:
            return None

    async def _read(
        self, status: str | None, *, back_to: datetime | None = None, enough: Any = None
    ) -> Reading[batches.Told]:
        async def ask(skip: int, limit: int) -> Sequence[batches.Told | None]:
            params: dict[str, str | int] = {"skip": skip, "limit": limit}
            if status is not None:
                params["status"] = status
            answer = await self._account.get("/batches/", params)
            rows = read(_ROWS, answer.body, "the list of batches")
            return [self._batch(row, answer.sent_at) for row in rows]

        return await read_batches(
            ask,
            size=_BATCHES_PER_PAGE,
            longest=self._longest,
            back_to=back_to,
            enough=enough,
            name=status or "",
        )

    async def sweep(self, batch: Batch, first: Sequence[int] = ()) -> AsyncGenerator[Page, None]:
        """The batch's people, page by page, without their calls (and so without transcripts)."""

        async def ask(skip: int, limit: int) -> Rows:
            answer = await self._contacts(batch.batch_id, skip, limit, calls=False)
            count = len(read(_ROWS, answer.body, "the list of people"))
            return Rows(answer.body, count, answer.sent_at)

        listing = self._listing.sweep(ask, total=batch.counts.total, first=first)
        async with aclosing(listing) as pages:
            async for page in pages:
                yield page

    async def parts(
        self, batch: Batch, listing: str, places: Mapping[int, Sequence[int]]
    ) -> AsyncGenerator[Page, None]:
        """Parts of pages that hold these places, with calls, for as few requests as will do."""
        size = self._listing.size
        wanted = sorted(page * size + place for page, some in places.items() for place in some)
        for start, end in stretches(wanted, size) if listing == self._listing.name else ():
            answer = await self._contacts(batch.batch_id, start, end - start, calls=True)
            rows = read(_ROWS, answer.body, "the list of people")
            if len(rows) < end - start:
                return
            for low, high in cut(start, end, size):
                body = b"[" + b",".join(rows[low - start : high - start]) + b"]"
                number, place = divmod(low, size)
                yield Page(listing, number, body, answer.sent_at, start=place)

    async def _contacts(self, batch_id: str, skip: int, limit: int, *, calls: bool) -> Answer:
        return await self._account.get(
            f"/batches/{part(batch_id)}/contacts",
            {"include_calls": "true" if calls else "false", "skip": skip, "limit": limit},
        )

    def split(self, page: Page) -> Sequence[bytes | memoryview]:
        """The people of a page as raw slices, in order; ProviderError for another shape."""
        return read(_ROWS, page.body, "the list of people")

    def decode(self, batch: Batch, page: Page, raw: bytes | memoryview) -> Item:
        """One person, with those calls that the row carries; ValueError without an id."""
        del batch
        return contacts.decode(raw, seen_at=page.seen_at, phones=self._phones, rates=self._rates)

    def lacks_calls(self, batch: Batch, item: Item) -> bool:
        """Whether this person was called, and the row does not say how."""
        del batch
        return contacts.lacks_calls(item)

    async def calls(
        self, batch: Batch, page: Page, items: Sequence[tuple[int, Item]]
    ) -> Mapping[str, Item]:
        """These people with their calls, asked for at their places in the list.

        The list may have moved meanwhile: people are found by their ids, and who is no longer
        where they were is missing from the answer.
        """
        size = self._listing.size_of(page)
        wanted = {item.contact.contact_id for _, item in items}
        found: dict[str, Item] = {}
        for start, end in near(sorted(position for position, _ in items)):
            skip = page.number * size + start
            answer = await self._contacts(batch.batch_id, skip, end - start, calls=True)
            part_of_page = Page(page.listing, page.number, answer.body, answer.sent_at)
            for raw in self.split(part_of_page):
                try:
                    item = self.decode(batch, part_of_page, raw)
                except ValueError:
                    continue
                if item.contact.contact_id in wanted:
                    found[item.contact.contact_id] = item
        return found

    async def diagnose(self, batch_id: str) -> Diagnosis:
        """What Graine says about a batch that does not move."""
        answer = await self._account.get(f"/batches/{part(batch_id)}/debug")
        row = read(_DEBUG, answer.body, "the diagnosis of a batch")
        oldest = {}
        for key, value in row.status_breakdown.items():
            status = contacts.CONTACT_STATUS.get(word(key) or "")
            told = value.get("oldest_updated_at") if isinstance(value, dict) else None
            at = parse_time(told, answer.sent_at)
            if status is not None and at is not None:
                oldest[status] = at
        return Diagnosis(stuck_pending=whole(row.diagnostics.get("stuck_pending")), oldest=oldest)

    def receive(self, body: bytes, seen_at: datetime) -> Notice:
        """No payload is documented: whatever comes says that something moved."""
        del seen_at
        return hint(body)

    async def call(self, call_id: str) -> Told | None:
        """There is no such question here."""
        del call_id
        return None

    async def act(self, action: Action, batch: Batch) -> Took:
        """See Provider."""
        return await take_action(self._account, action, batch.batch_id)

    async def state(self) -> AccountState | None:
        """Graine documents neither a balance nor a cap."""
        return None

    async def check(self) -> str:
        """Try the key with the smallest list."""
        answer = await self._account.get(
            "/batches/", {"status": "in_progress", "skip": 0, "limit": 1}
        )
        running = read(_ROWS, answer.body, "the list of batches")
        return "Graine takes the key; " + (
            "at least one batch is in progress" if running else "no batch is in progress"
        )

    async def close(self) -> None:
        """The connections belong to the HttpClient; there is nothing else to let go of."""
