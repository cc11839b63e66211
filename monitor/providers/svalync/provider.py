"""Asking for the node's result, or reading it where a workflow writes it."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from monitor.bodies import MIB
from monitor.clock import Clock, SystemClock
from monitor.core.model import AccountState, Batch, Capabilities, Item
from monitor.http import Asks
from monitor.providers import Discovery, Known, LookFailed, Page, Told
from monitor.providers.account import Account, look_at_each, part
from monitor.providers.acting import undocumented
from monitor.providers.facts import Action, Took
from monitor.providers.kept import Kept
from monitor.providers.notices import Notice, hint
from monitor.providers.svalync.facts import FACTS
from monitor.providers.svalync.files import Files
from monitor.providers.svalync.node import Reading, batch_in, calls_in, to_batch
from monitor.providers.svalync.settings import BATCH_ID, SvalyncSettings

# One answer holds a whole batch.
_LIMIT = 64 * MIB
_SECONDS = 120.0

_CAPABILITIES = Capabilities(
    counts=True,
    contacts=True,
    calls=True,
    cost=True,
    priced=True,
    in_flight=True,
    sentiment=True,
    trusted=frozenset({"total", "live", "unaccounted"}),
    blind_to=(
        "batches that are not named in batches",
        "phone numbers",
        "when a call was made (its end is when it was first seen to be over)",
        "retries",
        "voicemail",
        "in which currency costs are (that of the rates in the configuration is taken)",
        "calling hours",
    ),
)


def capabilities_of(settings: SvalyncSettings) -> Capabilities:
    """What can be told with these settings.

    A filtered list holds only some of the calls, so no count of the whole batch is held
    against it; the counts must agree among themselves all the same.
    """
    found = _CAPABILITIES
    if settings.method == "POST":
        # The node is asked to leave analytics out: they come with what people said.
        found = replace(found, sentiment=False, blind_to=(*found.blind_to, "sentiment"))
    if settings.filter is not None:
        left_out = "calls that the filter leaves out"
        trusted = found.trusted - {"total"}
        found = replace(found, trusted=trusted, blind_to=(*found.blind_to, left_out))
    return found


class Svalync:
    """The results of one workflow."""

    vendor = "svalync"
    facts = FACTS

    def __init__(
        self, name: str, settings: SvalyncSettings, http: Asks, clock: Clock | None = None
    ) -> None:
        self.name = name
        self.capabilities = capabilities_of(settings)
        self._settings = settings
        self._reading = Reading(settings.rates)
        self._kept = Kept()
        self._files = Files(settings.path, clock or SystemClock()) if settings.path else None
        key = settings.api_key.get_secret_value() if settings.api_key else None
        parts = urlsplit(settings.url or "")
        self._rest = (settings.url or "").removeprefix(f"{parts.scheme}://{parts.netloc}")
        self._account = Account(
            http,
            f"{parts.scheme}://{parts.netloc}",
            {} if key is None else {"x-api-key": key},
        )

    async def discover(
        self, *, since: datetime, known: Mapping[str, Known], memory: Mapping[str, str]
    ) -> Discovery:
        """Nothing lists batches: those named in the configuration are all there are."""
        del since, known, memory
        return Discovery(sightings=(), complete=True)

    def looks(self, known: Sequence[Known]) -> AsyncGenerator[Batch | LookFailed]:
        """One result a batch."""
        return look_at_each(known, self._look)

    async def _look(self, known: Known) -> Batch:
        raw, seen_at = await self._result(known.batch_id)
        if self._files is None:
            self._kept.keep(known.batch_id, raw, seen_at)
        return self._batch(raw, known.batch_id, seen_at)

    def _batch(self, raw: bytes, batch_id: str, seen_at: datetime) -> Batch:
        return to_batch(
            raw,
            provider=self.name,
            batch_id=batch_id,
            seen_at=seen_at,
            subset=self._settings.filter is not None,
        )

    async def _result(self, batch_id: str) -> tuple[bytes, datetime]:
        """The batch object now, and as of when it is.

        What a file says is as old as the file: a workflow that no longer writes that of an open
        batch has gone blind, and the same bytes read twice are one look. An end stands once the
        workflow had the time to write again and did not, however long ago it was written.
        """
        if self._files is None:
            body, asked_at = await self._asked(batch_id)
            return batch_in(body, batch_id), asked_at
        result = await self._files.result(batch_id)
        look = self._batch(result.raw, batch_id, result.written_at)
        now = self._files.now()
        stands = look.status.terminal and now - result.written_at >= self._settings.blind_after / 2
        return result.raw, now if stands else result.written_at

    async def _asked(self, batch_id: str) -> tuple[bytes, datetime]:
        path = self._rest.replace(BATCH_ID, part(batch_id))
        if self._settings.method == "POST":
            answer = await self._account.post(
                path, self._input(batch_id), deadline=_SECONDS, limit=_LIMIT
            )
        else:
            if BATCH_ID not in self._rest:
                joint = "&" if "?" in path else "?"
                path += f"{joint}batch_id={quote(batch_id, safe='')}"
            answer = await self._account.get(path, deadline=_SECONDS, limit=_LIMIT)
        return answer.body, answer.sent_at

    def _input(self, batch_id: str) -> dict[str, Any]:
        """What the node takes. Transcripts and analytics hold what people said: left out."""
        asked: dict[str, Any] = {
            "batch_id": batch_id,
            "include_analytics": False,
            "include_transcripts": False,
        }
        if self._settings.filter is not None:
            asked["filter"] = self._settings.filter.as_input()
        return asked

    async def sweep(self, batch: Batch, first: Sequence[int] = ()) -> AsyncGenerator[Page]:
        """The calls stand in the answer that the look was made from, while that is at hand."""
        del first
        raw, seen_at = self._kept.take(batch.batch_id, batch.seen_at), batch.seen_at
        if raw is None:
            raw, seen_at = await self._result(batch.batch_id)
        page = Page("calls", 0, raw, seen_at, last=True)
        self.split(page)
        yield page

    def split(self, page: Page) -> Sequence[bytes | memoryview]:
        """The calls of a batch as raw slices."""
        return calls_in(page.body)

    def decode(self, batch: Batch, page: Page, raw: bytes | memoryview) -> Item:
        """One call and its person; ValueError without an id."""
        del batch
        return self._reading.item(raw, page.seen_at)

    def lacks_calls(self, batch: Batch, item: Item) -> bool:
        """Never: each row is a call."""
        del batch, item
        return False

    async def calls(
        self, batch: Batch, page: Page, items: Sequence[tuple[int, Item]]
    ) -> Mapping[str, Item]:
        """Nothing is asked for apart."""
        del batch, page
        return {item.contact.contact_id: item for _, item in items}

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
        """Nothing is told of the account."""
        return None

    async def check(self) -> str:
        """Read the first of the batches."""
        batch_id = self._settings.batches[0]
        raw, seen_at = await self._result(batch_id)
        look = self._batch(raw, batch_id, seen_at)
        return f"the result of {batch_id} can be read: {look.raw_status or look.status}"

    async def close(self) -> None:
        """The connections belong to the HttpClient; there is nothing else to let go of."""
