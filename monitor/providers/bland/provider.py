"""Asking Bland."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from monitor.bodies import MIB
from monitor.core.model import AccountState, Batch, Capabilities, Item
from monitor.errors import ProviderError
from monitor.http import Asks
from monitor.providers import Discovery, Known, LookFailed, Page, Sighting, Told
from monitor.providers.account import Account, look_at_each, part
from monitor.providers.acting import take_action
from monitor.providers.answers import read, signed, whole
from monitor.providers.bland import generations, rows
from monitor.providers.bland.facts import FACTS
from monitor.providers.bland.looks import Looks
from monitor.providers.bland.notices import read_notice
from monitor.providers.bland.recent import Recent
from monitor.providers.bland.settings import BlandSettings
from monitor.providers.facts import Action, Took
from monitor.providers.notices import Notice
from monitor.providers.paging import Listing, Longest, Reading, Rows, read_batches

_BATCHES_PER_PAGE = 50
# Less than the vendor gives: a page on which one call moved is read again whole.
_CALLS_PER_PAGE = 200
# Answers about one call always carry its transcript, so only so many are asked for at once.
_DETAILS = 50
# One answer holds a whole batch of the first generation.
_V1_LIMIT = 64 * MIB
_V1_SECONDS = 120.0


class _Calls(msgspec.Struct):
    calls: list[msgspec.Raw] | None
    total_count: Any = None
    count: Any = None


class _Whose(msgspec.Struct):
    batch_id: Any = None


class _CallData(msgspec.Struct):
    call_data: list[msgspec.Raw]


class _Billing(msgspec.Struct):
    current_balance: Any = None


class _Me(msgspec.Struct):
    billing: _Billing | None = None
    total_calls: Any = None


_CALLS = msgspec.json.Decoder(_Calls)
_WHOSE = msgspec.json.Decoder(_Whose)
_CALL_DATA = msgspec.json.Decoder(_CallData)
_ME = msgspec.json.Decoder(_Me)


class Bland:
    """An account at Bland."""

    vendor = "bland"
    capabilities = Capabilities(
        discovery=True,
        counts=True,
        contacts=True,
        calls=True,
        numbers=True,
        call_times=True,
        in_flight=True,
        voicemail=True,
        transfers=True,
        deliveries=True,
        account=True,
        trusted=frozenset({"total", "finished"}),
        blind_to=(
            "retries",
            "what calls cost (rates in the configuration give an estimate)",
            "calling hours",
            "sentiment",
            "batches of the first API generation whose ids are not named in batches",
        ),
    )

    facts = FACTS

    def __init__(self, name: str, settings: BlandSettings, http: Asks, hash_key: bytes) -> None:
        self.name = name
        self.capabilities = capabilities_of(settings)
        key = settings.api_key.get_secret_value()
        self._account = Account(http, settings.base_url, {"authorization": key})
        self._recent = Recent()
        self._looks = Looks(self._account, name, self._recent)
        self._reading = rows.Reading(hash_key, settings.rates)
        self._listing = Listing("calls", _CALLS_PER_PAGE)
        self._longest = Longest()
        self._take = _BATCHES_PER_PAGE

    async def discover(
        self, *, since: datetime, known: Mapping[str, Known], memory: Mapping[str, str]
    ) -> Discovery:
        """Batches of the second generation created since; their state stands elsewhere."""
        del known, memory
        reading = await self._list(since)
        return Discovery(
            sightings=tuple(
                Sighting(batch_id=row.batch_id, created_at=row.created_at, name=row.name)
                for row in reading.found.values()
                if row.created_at is None or row.created_at >= since
            ),
            complete=reading.complete,
        )

    async def _list(self, since: datetime) -> Reading[generations.Label]:
        """The list of batches, whose rows may carry everything that a batch was made of.

        Where a page is too large to read, smaller ones are asked for from then on.
        """
        while True:
            try:
                return await read_batches(
                    self._ask_batches, size=self._take, longest=self._longest, back_to=since
                )
            except ProviderError as error:
                if error.kind != "oversize" or self._take == 1:
                    raise
            self._take = max(1, self._take // 5)
            self._longest = Longest()

    async def _ask_batches(self, skip: int, take: int) -> Sequence[generations.Label | None]:
        answer = await self._account.get("/v2/batches/list", {"take": take, "skip": skip})
        data = read(generations.V2_LIST, answer.body, "the list of batches").data
        return [generations.v2_row(row, answer.sent_at) for row in data]

    async def looks(self, known: Sequence[Known]) -> AsyncGenerator[Batch | LookFailed, None]:
        """One batch after the other: Bland has no list that tells how batches stand."""
        async with aclosing(look_at_each(known, self._looks.look)) as looks:
            async for found in looks:
                yield found

    async def sweep(self, batch: Batch, first: Sequence[int] = ()) -> AsyncGenerator[Page, None]:
        """The batch's calls, oldest first, so that new ones move no page.

        A reading of what moved begins with the calls that changed last, where they are at hand.
        A batch of the first generation comes as one page, whatever its size.
        """
        if batch.shape == "v1":
            yield await self._whole(batch.batch_id)
            return
        recent = self._recent.page(batch) if first else None
        if recent is not None:
            try:
                yield recent
            except GeneratorExit:
                self._recent.was_enough(enough=True)
                raise
            self._recent.was_enough(enough=False)

        async def ask(skip: int, limit: int) -> Rows:
            params: dict[str, str | int] = {
                "batch_id": batch.batch_id,
                "ascending": "true",
                "from": skip,
                "to": skip + limit,
                "limit": limit,
            }
            answer = await self._account.get("/v1/calls", params)
            listed = read(_CALLS, answer.body, "the list of calls")
            length = len(_present(listed))
            return Rows(answer.body, length, answer.sent_at, whole(listed.total_count))

        listing = self._listing.sweep(ask, total=batch.counts.total, first=first)
        async with aclosing(listing) as pages:
            async for page in pages:
                yield page

    async def _whole(self, batch_id: str) -> Page:
        answer = await self._account.get(
            f"/v1/batches/{part(batch_id)}",
            {"include_calls": "true", "include_transcripts": "false", "include_analysis": "false"},
            deadline=_V1_SECONDS,
            limit=_V1_LIMIT,
        )
        page = Page("v1", 0, answer.body, answer.sent_at, last=True)
        self.split(page)
        return page

    def split(self, page: Page) -> Sequence[bytes | memoryview]:
        """The calls of a page as raw slices; what stands beside them disturbs none."""
        if page.listing == "v1":
            return read(_CALL_DATA, page.body, "a batch with its calls").call_data
        return _present(read(_CALLS, page.body, "the list of calls"))

    def decode(self, batch: Batch, page: Page, raw: bytes | memoryview) -> Item:
        """One call and its person; ValueError without an id."""
        del batch
        return self._reading.item(raw, page.seen_at)

    def lacks_calls(self, batch: Batch, item: Item) -> bool:
        """Whether this call seems to have failed and its row does not say how."""
        del batch
        return not item.calls

    async def calls(
        self, batch: Batch, page: Page, items: Sequence[tuple[int, Item]]
    ) -> Mapping[str, Item]:
        """These calls with what the vendor says of each, so many of them as are asked at once.

        The others are asked for with a later reading. A call that cannot be asked about is
        taken as it was listed.
        """
        del batch
        slices = self.split(page)
        found: dict[str, Item] = {}
        for position, item in items[:_DETAILS]:
            call_id = item.contact.contact_id
            found[call_id] = await self._detail(call_id) or self._reading.item(
                slices[position], page.seen_at, certain=True
            )
        return found

    async def _detail(self, call_id: str) -> Item | None:
        try:
            answer = await self._account.get(f"/v1/calls/{part(call_id)}")
            item = self._reading.item(answer.body, answer.sent_at, certain=True)
        except (ProviderError, ValueError):
            return None
        return item if item.contact.contact_id == call_id else None

    def receive(self, body: bytes, seen_at: datetime) -> Notice:
        """A call's record is the whole call, a batch's status how it stands; all else hints."""
        return read_notice(body, seen_at, provider=self.name, reading=self._reading)

    async def call(self, call_id: str) -> Told | None:
        """One call with the id of its batch; a call of no batch has none."""
        answer = await self._account.get(f"/v1/calls/{part(call_id)}")
        try:
            item = self._reading.item(answer.body, answer.sent_at, certain=True)
            batch_id = read(_WHOSE, answer.body, "a call").batch_id
        except ValueError as error:
            raise ProviderError("garbage", "a call: the answer has no id in it") from error
        if item.contact.contact_id != call_id:
            raise ProviderError("garbage", "a call: the answer is not about the call asked for")
        return Told(batch_id if isinstance(batch_id, str) else None, item)

    async def act(self, action: Action, batch: Batch) -> Took:
        """See Provider."""
        return await take_action(self._account, action, batch.batch_id, older=batch.shape == "v1")

    async def state(self) -> AccountState:
        """The balance in US dollars, where the account has billing; caps stand nowhere."""
        answer = await self._account.get("/v1/me")
        me = read(_ME, answer.body, "the account")
        # Below zero where more was spent than was paid.
        balance = signed(me.billing.current_balance) if me.billing else None
        micros = None if balance is None else round(balance * 1_000_000)
        return AccountState(seen_at=answer.sent_at, balance_micros=micros, currency="USD")

    async def check(self) -> str:
        """Try the key, and tell the balance."""
        state = await self.state()
        if state.balance_micros is None:
            return "Bland takes the key"
        return f"Bland takes the key; the balance is {state.balance_micros / 1e6:.2f} USD"

    async def close(self) -> None:
        """The connections belong to the HttpClient; there is nothing else to let go of."""


def capabilities_of(settings: BlandSettings) -> Capabilities:
    """What can be told with these settings: webhooks tell what a call has cost."""
    priced = settings.rates is not None or settings.webhook_secret is not None
    return replace(Bland.capabilities, priced=priced)


def _present(listed: _Calls) -> list[msgspec.Raw]:
    """The calls of a list; a list that is null is empty only where the vendor counts none."""
    if listed.calls is not None:
        return listed.calls
    if whole(listed.total_count) == 0 or whole(listed.count) == 0:
        return []
    raise ProviderError("garbage", "the list of calls: the answer has no calls in it")
