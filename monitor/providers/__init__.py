"""Vendors: one module or package each, and the one shape that the rest of Offhook knows.

An adapter asks and translates. Between calls it keeps what it returns as ``memory``, and beside
that only what spares requests and may be lost at any time. It never judges or stores.
"""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import NamedTuple, Protocol, runtime_checkable

from monitor.core.model import AccountState, Batch, Capabilities, Item
from monitor.errors import ProviderError
from monitor.providers.facts import Action, Took, VendorFacts
from monitor.providers.notices import Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What Offhook remembers of a batch, handed back to the adapter with every question."""

    batch_id: str
    look: Batch | None = None  # the last one; None for an id that was never looked at
    contacts: int = 0  # distinct people or calls in the snapshot
    waiting: int = 0  # those of them who waited for their first call when last read
    routine: bool = False  # it ran a poll interval ago, and nothing but time made it due
    stopped: bool = False  # somebody paused or stopped it through Offhook, in this run


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A batch that discovery found; ``look`` is None where the list does not tell its state."""

    batch_id: str
    created_at: datetime | None = None
    look: Batch | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """What one pass over a vendor's lists found; only a complete one says what is not there."""

    sightings: tuple[Sighting, ...]
    complete: bool
    memory: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LookFailed:
    """One batch could not be looked at; others may have been."""

    batch_id: str
    error: ProviderError


class Stop(Enum):
    """With which page a reading of no more than what moved may end."""

    EXPLAINED = "explained"  # once what the vendor counts is explained by what was read
    KNOWN = "known"  # with this one, if its last row was known: the list grows at its front
    AGREED = "agreed"  # with this one, if nothing that the vendor counts is missing then
    HERE = "here"  # with this one: what moves was read before the rest
    NEVER = "never"


class Page(NamedTuple):
    """One page of a vendor's list, as bytes.

    ``number`` is the page's place in the list (0 first) and ``listing`` the name of the list:
    pages with the same pair are compared with each other. ``last``: the list ends here.
    ``start``: only some of the page's items, from this place in it on.
    """

    listing: str
    number: int
    body: bytes
    seen_at: datetime
    last: bool = False
    stop: Stop = Stop.EXPLAINED
    start: int | None = None


class Told(NamedTuple):
    """One call as the vendor tells it alone; ``batch_id`` None where it does not say whose."""

    batch_id: str | None
    item: Item


class Provider(Protocol):
    """One configured account at one vendor. Every method may raise ProviderError.

    Texts in errors never hold keys, phone numbers or answers.
    """

    name: str
    vendor: str
    capabilities: Capabilities
    facts: VendorFacts

    async def discover(
        self, *, since: datetime, known: Mapping[str, Known], memory: Mapping[str, str]
    ) -> Discovery:
        """Find batches created since ``since``: open ones, and those that ended recently."""
        ...

    def looks(self, known: Sequence[Known]) -> AsyncGenerator[Batch | LookFailed]:
        """Ask how these batches stand, with counts, for as few requests as the vendor allows.

        Yields once for each, in any order. An error that concerns the whole account
        (authentication, unreachable) is raised instead.
        """
        ...

    def sweep(self, batch: Batch, first: Sequence[int] = ()) -> AsyncGenerator[Page]:
        """Read the batch's items, the pages ``first`` before the others.

        The caller may stop early. A page that cannot be read ends the sweep with an error.
        """
        ...

    def split(self, page: Page) -> Sequence[bytes | memoryview]:
        """The page's items as raw slices, in order; ProviderError if it has another shape."""
        ...

    def decode(self, batch: Batch, page: Page, raw: bytes | memoryview) -> Item:
        """Translate one slice. ValueError when what is required is missing or mistyped."""
        ...

    def lacks_calls(self, batch: Batch, item: Item) -> bool:
        """Whether the item's calls must be asked for apart (``calls``)."""
        ...

    async def calls(
        self, batch: Batch, page: Page, items: Sequence[tuple[int, Item]]
    ) -> Mapping[str, Item]:
        """The same people with their calls, by contact id; who is missing is asked for again."""
        ...

    def receive(self, body: bytes, seen_at: datetime) -> Notice:
        """What a webhook's body says; ValueError for what is none of this vendor's.

        The text of the error names keys at most, never values.
        """
        ...

    async def call(self, call_id: str) -> Told | None:
        """One call, asked for by its id; None where the vendor answers no such question."""
        ...

    async def act(self, action: Action, batch: Batch) -> Took:
        """Do one of the vendor's documented actions to a batch, by one request at most.

        Never raises for what the vendor does, and never asks a second time by itself.
        """
        ...

    async def state(self) -> AccountState | None:
        """What the vendor tells of the account (balance, caps); None where it tells nothing."""
        ...

    async def check(self) -> str:
        """Try the key with the cheapest request; a sentence for people about the account."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


@runtime_checkable
class InParts(Protocol):
    """A provider whose list of a batch's people can be read from any place in it."""

    def parts(
        self, batch: Batch, listing: str, places: Mapping[int, Sequence[int]]
    ) -> AsyncGenerator[Page]:
        """Parts of pages that hold all these places, by page, with the calls of who is there.

        It ends early where the list holds less than it did.
        """
        ...


def in_order(numbers: Iterable[int]) -> tuple[int, ...]:
    """Page numbers once each, ascending."""
    return tuple(sorted(set(numbers)))
