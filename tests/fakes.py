"""A vendor in memory: it does what a test says, and remembers what it was asked."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import msgspec

from monitor.clock import Clock
from monitor.core.model import (
    OPEN_CONTACT,
    AccountState,
    Batch,
    BatchStatus,
    Call,
    CallStatus,
    Capabilities,
    Contact,
    ContactStatus,
    Counts,
    EndedBy,
    Item,
)
from monitor.core.stopping import AFTER
from monitor.errors import NotFoundError, ProviderError
from monitor.providers import Discovery, Known, LookFailed, Page, Sighting, Stop, Told
from monitor.providers.facts import Action, Taken, Took, VendorFacts
from monitor.providers.notices import Notice, hint
from tests.builders import EVERYTHING, make_call, make_contact

LISTING = "people"
TOOK = Took(Taken.DONE, "the vendor took it")


class CallRow(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One call as this vendor writes it."""

    id: str
    status: str = "completed"
    ended: datetime | None = None
    error: str | None = None
    number: str | None = None


class Person(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One row of this vendor's list."""

    id: str
    status: str = "pending"
    attempts: int = 0
    retry: datetime | None = None
    calls: list[CallRow] = []
    noise: int = 0  # changes the bytes and nothing else
    bad: bool = False  # cannot be read


def encoded(people: Sequence[Person]) -> bytes:
    """One page of the list."""
    return msgspec.json.encode(list(people))


def item_of(person: Person, seen_at: datetime) -> Item:
    """What a row says, in Offhook's words."""
    contact = make_contact(
        contact_id=person.id,
        status=_word(ContactStatus, person.status),
        raw_status=_raw(ContactStatus, person.status),
        attempts=person.attempts,
        next_retry_at=person.retry,
        seen_at=seen_at,
    )
    return Item(contact, tuple(_call(person.id, row, seen_at) for row in person.calls))


def _call(contact_id: str, row: CallRow, seen_at: datetime) -> Call:
    return make_call(
        call_id=row.id,
        contact_id=contact_id,
        status=_word(CallStatus, row.status),
        raw_status=_raw(CallStatus, row.status),
        ended_at=row.ended,
        ended_by=EndedBy.VENDOR if row.ended else None,
        error_class=row.error,
        from_number=row.number,
        seen_at=seen_at,
    )


def _word(kind: Any, word: str) -> Any:
    return kind(word) if word in set(kind) else kind.UNKNOWN


def _raw(kind: Any, word: str) -> str | None:
    return None if word in set(kind) else word


LISTS = replace(EVERYTHING, discovery=True)


@dataclass
class VendorBatch:
    """One batch as it truly stands at this vendor."""

    batch_id: str
    status: str = "running"
    people: list[Person] = field(default_factory=list)
    counts: Counts | None = None  # instead of the true ones
    name: str = "Renewals May"
    version: datetime | None = None

    def counted(self) -> Counts:
        """What the vendor counts: the truth unless it is told to lie."""
        if self.counts is not None:
            return self.counts
        words = [_word(ContactStatus, person.status) for person in self.people]
        by_status = {status: words.count(status) for status in sorted(set(words))}
        return Counts(
            total=len(words),
            finished=sum(word not in OPEN_CONTACT for word in words),
            live=sum(word.live for word in words),
            waiting=words.count(ContactStatus.PENDING),
            by_status=by_status,
        )


@dataclass
class Vendor:
    """An account at a vendor, by the protocol of providers.

    ``refuse`` is raised by every request while it is set; ``refuse_looks`` by the looks at
    single batches, ``refuse_lists`` by discovery alone. ``cut_looks_after`` ends the looks
    with an error after so many, ``cut_pages_after`` a sweep after so many pages.
    """

    clock: Clock
    batches: dict[str, VendorBatch] = field(default_factory=dict)
    name: str = "renewals"
    vendor: str = "graine"
    capabilities: Capabilities = LISTS
    facts: VendorFacts = field(default_factory=lambda: VendorFacts(documented_at=()))
    account: AccountState | None = None
    page_size: int = 10
    stop: Stop = Stop.EXPLAINED
    asked: list[str] = field(default_factory=list)
    refuse: ProviderError | None = None
    refuse_lists: ProviderError | None = None
    refuse_looks: dict[str, ProviderError] = field(default_factory=dict)
    refuse_pages: dict[str, ProviderError] = field(default_factory=dict)
    cut_looks_after: int | None = None
    cut_pages_after: int | None = None
    complete: bool = True  # what discovery says of itself
    silent_lists: bool = False  # discovery names batches without their state
    unlisted: set[str] = field(default_factory=set)
    on_look: Callable[[], None] | None = None
    calls_apart: bool = False
    calls_missing: set[str] = field(default_factory=set)  # people whose calls do not come
    calls_stale: dict[str, Person] = field(default_factory=dict)  # as they come from a cache
    # Calls by their ids, as they are told alone; None: it answers no such question.
    alone: dict[str, Told | ProviderError] | None = None
    takes: Took = TOOK  # how it takes actions
    acts_unseen: bool = False  # it does them whatever it says

    def add(self, batch_id: str = "b1", people: int = 0, **values: Any) -> VendorBatch:
        """A new batch with so many people who wait."""
        rows = [Person(id=f"p{n:03}") for n in range(people)]
        made = VendorBatch(batch_id, people=rows, **values)
        self.batches[batch_id] = made
        return made

    def told(self, *kinds: str) -> list[str]:
        """What it was asked for since the last time, of some kinds or all."""
        found = [one for one in self.asked if not kinds or one.split()[0] in kinds]
        self.asked.clear()
        return found

    def _asked(self, what: str) -> None:
        self.asked.append(what)
        if self.refuse is not None:
            raise self.refuse

    def _look(self, batch: VendorBatch) -> Batch:
        return Batch(
            provider=self.name,
            batch_id=batch.batch_id,
            status=_word(BatchStatus, batch.status),
            raw_status=_raw(BatchStatus, batch.status),
            seen_at=self.clock.now(),
            name=batch.name,
            counts=batch.counted(),
            version=batch.version,
        )

    async def discover(
        self, *, since: datetime, known: Mapping[str, Known], memory: Mapping[str, str]
    ) -> Discovery:
        self._asked("discover")
        if self.refuse_lists is not None:
            raise self.refuse_lists
        found = tuple(
            Sighting(
                batch_id=each.batch_id,
                look=None if self.silent_lists else self._look(each),
            )
            for each in self.batches.values()
            if each.batch_id not in self.unlisted
        )
        return Discovery(sightings=found, complete=self.complete, memory={"seen": str(len(found))})

    async def looks(self, known: Sequence[Known]) -> AsyncGenerator[Batch | LookFailed]:
        self._asked("look " + " ".join(sorted(each.batch_id for each in known)))
        if self.on_look is not None:
            self.on_look()
        for n, each in enumerate(known):
            if self.cut_looks_after is not None and n >= self.cut_looks_after:
                raise ProviderError("timeout", "no answer within 30 s")
            if each.batch_id in self.refuse_looks:
                yield LookFailed(each.batch_id, self.refuse_looks[each.batch_id])
            elif each.batch_id in self.batches:
                yield self._look(self.batches[each.batch_id])
            else:
                yield LookFailed(each.batch_id, NotFoundError("404"))

    async def sweep(self, batch: Batch, first: Sequence[int] = ()) -> AsyncGenerator[Page]:
        people = self.batches[batch.batch_id].people
        size = self.page_size
        count = max(1, -(-len(people) // size))
        order = [n for n in first if n < count]
        order += [n for n in range(count) if n not in order]
        for read, number in enumerate(order):
            self._asked(f"page {batch.batch_id} {number}")
            if batch.batch_id in self.refuse_pages:
                raise self.refuse_pages[batch.batch_id]
            if self.cut_pages_after is not None and read >= self.cut_pages_after:
                raise ProviderError("timeout", "a page took too long")
            body = encoded(people[number * size : (number + 1) * size])
            last = number == count - 1
            yield Page(LISTING, number, body, self.clock.now(), last=last, stop=self.stop)

    def split(self, page: Page) -> Sequence[Any]:
        return msgspec.json.decode(page.body, type=list[msgspec.Raw])

    def decode(self, batch: Batch, page: Page, raw: Any) -> Item:
        person = msgspec.json.decode(raw, type=Person)
        if person.bad:
            raise ValueError("no id")
        item = item_of(person, page.seen_at)
        return item._replace(calls=()) if self.calls_apart else item

    def lacks_calls(self, batch: Batch, item: Item) -> bool:
        return self.calls_apart

    async def calls(
        self, batch: Batch, page: Page, items: Sequence[tuple[int, Item]]
    ) -> Mapping[str, Item]:
        asked = [item.contact.contact_id for _, item in items]
        self._asked(f"calls {' '.join(asked)}")
        people = {person.id: person for person in self.batches[batch.batch_id].people}
        people |= self.calls_stale
        return {
            key: item_of(people[key], page.seen_at)
            for key in asked
            if key not in self.calls_missing
        }

    def receive(self, body: bytes, seen_at: datetime) -> Notice:
        del seen_at
        return hint(body)

    async def call(self, call_id: str) -> Told | None:
        self._asked(f"call {call_id}")
        if self.alone is None:
            return None
        told = self.alone.get(call_id, NotFoundError("404"))
        if isinstance(told, ProviderError):
            raise told
        return told

    async def act(self, action: Action, batch: Batch) -> Took:
        """Done as asked, unless the test says otherwise."""
        self._asked(f"{action.name} {batch.batch_id}")
        if self.takes.taken is Taken.DONE or self.acts_unseen:
            self.batches[batch.batch_id].status = str(AFTER[action.name])
        return self.takes

    async def state(self) -> AccountState | None:
        """What is told of the account."""
        self._asked("account")
        return self.account

    async def check(self) -> str:
        return "ready"

    async def close(self) -> None:
        pass


def contact_item(contact: Contact, *calls: Call) -> Item:
    """One row with its calls."""
    return Item(contact, calls)
