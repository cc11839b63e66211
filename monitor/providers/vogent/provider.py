"""Asking Vogent."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from monitor.core.model import (
    AccountState,
    Batch,
    Call,
    Capabilities,
    ContactStatus,
    Item,
)
from monitor.errors import ProviderError
from monitor.http import Asks
from monitor.providers import Discovery, Known, LookFailed, Page, Sighting, Told
from monitor.providers.account import Account, look_at_each, part
from monitor.providers.acting import take_action
from monitor.providers.answers import read
from monitor.providers.facts import Action, Took
from monitor.providers.lists import lists_of, worth_watching
from monitor.providers.notices import Notice, open_body
from monitor.providers.vogent import jobs
from monitor.providers.vogent.cursors import LISTED, CursorList
from monitor.providers.vogent.dials import Reading
from monitor.providers.vogent.facts import FACTS, WEBHOOKS
from monitor.providers.vogent.order import Moments, Order, Trail
from monitor.providers.vogent.pages import QUEUE, Pages
from monitor.providers.vogent.queues import Queues
from monitor.providers.vogent.results import end
from monitor.providers.vogent.settings import VogentSettings
from monitor.providers.vogent.unseen import Unseen

_JOBS_PER_PAGE = 100
_PATH = "/batch_dial_jobs"
# So many jobs are asked for one by one; more are looked up in the lists.
_ONE_BY_ONE = 2
# Answers about one dial carry its transcript, so only so many are asked for at once.
_DETAILS = 20
# The longest call that an agent makes by default takes three hours.
_LONGEST_CALL = timedelta(hours=4)


class Vogent:
    """A workspace at Vogent."""

    vendor = "vogent"
    capabilities = Capabilities(
        discovery=True,
        contacts=True,
        calls=True,
        numbers=True,
        call_times=True,
        calling_hours=True,
        voicemail=True,
        row_of_call=True,
        unlisted_for=_LONGEST_CALL,
        late_changes=False,
        blind_to=(
            "calls under way (how many there are is an estimate)",
            "how many people a batch has (an estimate: those ever seen)",
            "whether a number stands in a batch twice (taken as one person with two calls)",
            "retries",
            "what calls cost (rates in the configuration give an estimate)",
            "sentiment",
        ),
    )

    facts = FACTS

    def __init__(self, name: str, settings: VogentSettings, http: Asks, hash_key: bytes) -> None:
        self.name = name
        self.capabilities = capabilities_of(settings)
        key = settings.api_key.get_secret_value()
        self._account = Account(http, settings.base_url, {"authorization": f"Bearer {key}"})
        self._reading = Reading(hash_key, settings.rates)
        self._jobs = CursorList(self._account, "the list of jobs", _JOBS_PER_PAGE, _JOBS_PER_PAGE)
        self._queues = Queues(self._account)
        self._unseen = Unseen()
        self._pages = Pages(self._account, self._unseen)

    async def discover(
        self, *, since: datetime, known: Mapping[str, Known], memory: Mapping[str, str]
    ) -> Discovery:
        """Every open job, and whatever was created since, in whichever status.

        The list of all jobs is read back to ``since`` where it proves to be newest first. It
        tells no counts, so only jobs that need none are taken from it: those that had ended
        before they were ever seen, and those that are watched no more.
        """
        del memory
        found: dict[str, jobs.Told] = {}
        complete, to_its_end = await self._read(found, None, since)
        for status in jobs.OPEN.values() if not to_its_end else ():
            complete = (await self._read(found, status, None))[0] and complete
        sightings = [
            _sighting(told.batch, known)
            for told in found.values()
            if worth_watching(told.batch, since)
        ]
        return Discovery(sightings=tuple(sightings), complete=complete)

    async def _read(
        self, found: dict[str, jobs.Told], status: str | None, back_to: datetime | None
    ) -> tuple[bool, bool]:
        """Read a list of jobs: whether every row could be read, and whether to its end."""
        readable, order, trail = True, Order(), Trail()
        params = {} if status is None else {"status": status}
        async with aclosing(self._jobs.pages(_PATH, params)) as pages:
            async for cut in pages:
                rows = [self._job(row, cut.seen_at) for row in cut.rows]
                told = [row for row in rows if row is not None]
                readable = readable and len(told) == len(rows)
                found.update((each.batch_id, each) for each in told)
                made = [each.batch.created_at for each in told]
                order.see([Moments(at, None, None) for at in made], trail)
                oldest = made[-1] if made else None
                if back_to and oldest and oldest < back_to and order.newest_first:
                    return readable, cut.after is None
        return readable, True

    def _job(self, raw: bytes | memoryview, seen_at: datetime) -> jobs.Told | None:
        try:
            return jobs.decode(raw, provider=self.name, seen_at=seen_at)
        except ValueError:
            return None

    async def looks(self, known: Sequence[Known]) -> AsyncGenerator[Batch | LookFailed, None]:
        """One or two are asked for by id; more are looked up in the lists of open jobs.

        The queue of each is counted besides.
        """
        listed: dict[str, jobs.Told] = {}
        if len(known) > _ONE_BY_ONE:
            for status in lists_of(known, jobs.OPEN):
                await self._read(listed, status, None)
        async with aclosing(look_at_each(known, partial(self._look, listed))) as looks:
            async for found in looks:
                yield found

    async def _look(self, listed: Mapping[str, jobs.Told], known: Known) -> Batch:
        told = listed.get(known.batch_id)
        if told is None or jobs.lost_its_schedule(told, known):
            told = await self._one(known.batch_id)
        batch = told.batch
        if jobs.lost_its_schedule(told, known):
            zone = known.look.timezone if known.look else None
            batch = replace(batch, calendar=jobs.always(zone))
        waiting = await self._queues.count(
            batch.batch_id, batch.seen_at, final=batch.status.terminal
        )
        return replace(
            jobs.counted(batch, known, waiting), unseen_for=self._unseen_for(batch, known.look)
        )

    def _unseen_for(self, batch: Batch, before: Batch | None) -> timedelta:
        # A look from before a restart is remembered there alone.
        for look in (batch, before or batch):
            self._unseen.has(batch.batch_id, look.concurrency)
        if not batch.status.terminal:
            self._unseen.runs(batch.batch_id)
            return timedelta(0)
        proven = bool(before and before.status.terminal and not before.unseen_for)
        return self._unseen.lasts(batch.batch_id, batch.seen_at, proven=proven)

    async def _one(self, batch_id: str) -> jobs.Told:
        answer = await self._account.get(f"{_PATH}/{part(batch_id)}")
        told = self._job(answer.body, answer.sent_at)
        if told is None or told.batch_id != batch_id:
            raise ProviderError("garbage", "a job: the answer is not about the job asked for")
        return told

    async def sweep(self, batch: Batch, first: Sequence[int] = ()) -> AsyncGenerator[Page, None]:
        """The dials that are over, and who waits. Where to begin, the lists themselves tell."""
        del first
        async with aclosing(self._pages.of(batch)) as pages:
            async for page in pages:
                yield page

    def split(self, page: Page) -> Sequence[bytes | memoryview]:
        """The rows of a page as raw slices, in order; ProviderError for another shape."""
        return read(LISTED, page.body, f"the list of {page.listing}").data

    def decode(self, batch: Batch, page: Page, raw: bytes | memoryview) -> Item:
        """Somebody who waits, or a dial with its person; ValueError without an id."""
        del batch
        if page.listing == QUEUE:
            return self._reading.waiting(raw, page.seen_at)
        return self._reading.dial(raw, page.seen_at)

    def lacks_calls(self, batch: Batch, item: Item) -> bool:
        """Whether a dial's row does not say how the dial stands."""
        del batch
        return not item.calls and item.contact.status is not ContactStatus.PENDING

    async def calls(
        self, batch: Batch, page: Page, items: Sequence[tuple[int, Item]]
    ) -> Mapping[str, Item]:
        """These dials with what the vendor says of each: some of them asked, the others as listed.

        A dial that cannot be asked about is taken as it was listed, too.
        """
        del batch
        slices = self.split(page)
        found: dict[str, Item] = {}
        for place, (position, item) in enumerate(items):
            listed = self._reading.dial(slices[position], page.seen_at, certain=True)
            dial_id = listed.calls[0].call_id
            asked = await self._detail(dial_id) if place < _DETAILS else None
            key = item.contact.contact_id
            others = found[key].calls if key in found else ()
            found[key] = _of_person(key, asked or listed, others)
        return found

    async def _dial(self, dial_id: str) -> Item:
        answer = await self._account.get(f"/dials/{part(dial_id)}")
        try:
            item = self._reading.dial(answer.body, answer.sent_at, certain=True)
        except ValueError as error:
            raise ProviderError("garbage", "a dial: the answer has no id in it") from error
        if item.calls[0].call_id != dial_id:
            raise ProviderError("garbage", "a dial: the answer is not about the dial asked for")
        return item

    async def _detail(self, dial_id: str) -> Item | None:
        try:
            return await self._dial(dial_id)
        except ProviderError:
            return None

    def receive(self, body: bytes, seen_at: datetime) -> Notice:
        """An event names a dial at most, and proves at most how it stands."""
        del seen_at
        opened = open_body(WEBHOOKS, body)
        said = opened.status
        return opened.notice(ended=said is not None and end(said, None).status.terminal)

    async def call(self, call_id: str) -> Told:
        """One dial; whose job it is, nothing tells."""
        return Told(None, await self._dial(call_id))

    async def act(self, action: Action, batch: Batch) -> Took:
        """See Provider."""
        return await take_action(self._account, action, batch.batch_id)

    async def state(self) -> AccountState | None:
        """Vogent documents neither a balance nor caps for programs to read."""
        return None

    async def check(self) -> str:
        """Try the key with the smallest list."""
        answer = await self._account.get(_PATH, {"status": "ACTIVE", "limit": 1})
        active = read(LISTED, answer.body, "the list of jobs").data
        return "Vogent takes the key; " + (
            "at least one job is active" if active else "no job is active"
        )

    async def close(self) -> None:
        """The connections belong to the HttpClient; there is nothing else to let go of."""


def capabilities_of(settings: VogentSettings) -> Capabilities:
    """What can be told with these settings: what calls cost follows from rates alone."""
    return replace(Vogent.capabilities, priced=settings.rates is not None)


def _sighting(batch: Batch, known: Mapping[str, Known]) -> Sighting:
    before = known.get(batch.batch_id)
    uncounted = batch.status.terminal if before is None else before.look is None
    return Sighting(
        batch_id=batch.batch_id,
        created_at=batch.created_at,
        look=batch if uncounted else None,
        name=batch.name,
    )


def _of_person(contact_id: str, item: Item, others: Sequence[Call]) -> Item:
    """The item with the person it was listed with, and what else was asked about them."""
    calls = tuple(call._replace(contact_id=contact_id) for call in item.calls)
    return Item(item.contact._replace(contact_id=contact_id), (*others, *calls))
