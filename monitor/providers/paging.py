"""Reading lists that move, from vendors whose largest page is not documented.

A page shorter than asked for is the end of a list, or the most that the vendor gives at
once. What tells them apart: the vendor's own total; a longer page of the same list, ever;
else only an empty page. Rows that come twice are normal, because people move in the list.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, NamedTuple, Protocol, TypeVar

from monitor.errors import ProviderError
from monitor.providers import Page, in_order

_MOST_PAGES = 100_000
# A page that is too long for one answer is asked for in halves, down to this part of its size.
_SMALLEST_PART = 16
# A list of one page that has not changed is believed to end there so many times in a row.
_BELIEVED = 4
_ORDERED_ROWS = 10  # so many in falling order are no accident


class Rows(NamedTuple):
    """One answer: its body, how many rows it holds, and the vendor's total where it says."""

    body: bytes
    length: int
    seen_at: datetime
    total: int | None = None


AskRows = Callable[[int, int], Awaitable[Rows]]  # skip, limit


class _TooLongError(Exception):
    """A page is too long for one answer at the size that was asked for."""


class Listing:
    """A batch's items, read in pages of one size, so that a page's number means one place.

    A vendor that gives less than ``size`` at once is noticed; from then on its size is used,
    under another name, because pages of two sizes must not be compared.
    """

    def __init__(self, name: str, size: int) -> None:
        self._base = name
        self._asked = size
        self._size = size
        self._longest = 0

    @property
    def name(self) -> str:
        """The listing's name on its pages."""
        return self._base if self._size == self._asked else f"{self._base}/{self._size}"

    @property
    def size(self) -> int:
        """So many rows make a page now."""
        return self._size

    def size_of(self, page: Page) -> int:
        """The size that was in force when this page was read."""
        _, _, size = page.listing.partition("/")
        return int(size) if size else self._asked

    async def sweep(
        self, ask: AskRows, *, total: int | None, first: Sequence[int]
    ) -> AsyncGenerator[Page, None]:
        """The pages, those of ``first`` before the others; the one that is last comes last."""
        while True:
            size = self._size
            with suppress(_TooLongError):
                async with aclosing(self._pass(ask, total, first)) as pages:
                    async for page in pages:
                        yield page
            if self._size == size:
                return

    async def _pass(
        self, ask: AskRows, total: int | None, first: Sequence[int]
    ) -> AsyncGenerator[Page, None]:
        """One reading of the whole list; it ends early when the size turns out to be another."""
        size, done = self._size, set[int]()
        async with aclosing(self._ahead(ask, total, first)) as pages:
            async for page, is_whole in pages:
                if is_whole:
                    done.add(page.number)
                yield page
        before = b""
        for number in range(_MOST_PAGES):
            if number in done:
                continue
            rows = await self._rows(ask, number * size, size)
            if rows.length and rows.body == before:
                break
            before = rows.body
            last = self._ends(number * size + rows.length, rows, total)
            if not last and rows.length < size:
                if await self._goes_on(ask, number * size, rows):
                    return
                last = True
            self._longest = max(self._longest, rows.length)
            yield self._page(number, rows, last=last)
            if last:
                return
        raise ProviderError("contract", "the list does not end: the vendor ignores the page asked")

    async def _ahead(
        self, ask: AskRows, total: int | None, first: Sequence[int]
    ) -> AsyncGenerator[tuple[Page, bool], None]:
        """The pages that go before all others, and whether each need not be read again.

        The last page of the list is: at the end, so that its flag says that all were read.
        """
        size = self._size
        for number in in_order(first):
            if total is not None and number * size >= total:
                return
            rows = await self._rows(ask, number * size, size)
            last = self._ends(number * size + rows.length, rows, total)
            if rows.length >= size or (rows.length and last):
                yield self._page(number, rows, last=False), not last

    async def _rows(self, ask: AskRows, skip: int, size: int) -> Rows:
        """The rows; _TooLongError where half as many of them are to be asked for."""
        try:
            return await ask(skip, size)
        except ProviderError as error:
            if error.kind != "oversize":
                raise
            half = _half(error, size, self._asked)
            # What is too long in the smallest part may be a fault that passes.
            self._size, self._longest = half or self._asked, 0
            if half is None:
                raise
            raise _TooLongError from error

    def _ends(self, read: int, rows: Rows, total: int | None) -> bool:
        total = total if rows.total is None else rows.total
        if rows.length == 0:
            return True
        return rows.length < self._longest if total is None else read >= total

    async def _goes_on(self, ask: AskRows, skip: int, rows: Rows) -> bool:
        """Whether rows follow a short page; then its length is the size from now on."""
        after = await ask(skip + rows.length, self._size)
        if after.length == 0 or after.body == rows.body:
            return False
        self._size = self._longest = rows.length
        return True

    def _page(self, number: int, rows: Rows, *, last: bool) -> Page:
        return Page(self.name, number, rows.body, rows.seen_at, last)


def _half(error: ProviderError, size: int, asked: int) -> int | None:
    """The size to ask for instead, where the answer was too long and may still be shortened."""
    half = size // 2
    if error.kind != "oversize" or half < max(1, asked // _SMALLEST_PART):
        return None
    return half


class Dated(Protocol):
    """A row of a list of batches."""

    @property
    def batch_id(self) -> str:
        """Whose row it is."""
        ...

    @property
    def created_at(self) -> datetime | None:
        """When the vendor says it was created."""
        ...


R = TypeVar("R", bound=Dated)
AskBatches = Callable[[int, int], Awaitable[Sequence[R | None]]]  # None: an unreadable row


@dataclass
class Longest:
    """The most rows that one page of a list of batches ever held.

    ``asked``: so many are asked for at once, since more were too long for one answer.
    """

    rows: int = 0
    asked: int | None = None
    # By list: what was on it when nothing followed, and how often that was believed since.
    ends: dict[str, tuple[frozenset[str], int]] = field(default_factory=dict)

    def ended(self, name: str, ids: frozenset[str], *, short: bool, last: bool) -> bool:
        """Whether a list ends: nothing followed, or its one short page is as it was then."""
        if last:
            self.ends[name] = (ids, 0)
            return True
        known, times = self.ends.get(name, (frozenset(), 0))
        if not short or not ids or ids != known or times >= _BELIEVED:
            return False
        self.ends[name] = (known, times + 1)
        return True


@dataclass
class Reading(Generic[R]):
    """What was read of a list of batches."""

    found: dict[str, R] = field(default_factory=dict)
    complete: bool = True  # nothing that was asked for is missing
    ended: bool = False  # read to its end, and not only as far back as was wanted


async def read_batches(
    ask: AskBatches[R],
    *,
    size: int,
    longest: Longest,
    back_to: datetime | None = None,
    enough: Callable[[Reading[R], int], bool] | None = None,
    name: str = "",
) -> Reading[R]:
    """Read a list of batches to its end, or back to a time where it proves to be newest first.

    Each page begins on the last row of the one before: if that row is not seen again, rows
    moved between the two questions, one may be missing, and the reading is not complete.
    ``enough`` is asked after each page with what was found and how many pages that took.
    """
    reading = Reading[R]()
    order = Order()
    skip = overlap = pages = 0
    limit = longest.asked or size
    while True:
        try:
            rows = await ask(skip, limit)
        except ProviderError as error:
            half = _half(error, limit, size)
            if half is None:
                raise
            limit = longest.asked = half
            longest.rows = 0
            continue
        pages += 1
        readable = [row for row in rows if row is not None]
        new = [row for row in readable if row.batch_id not in reading.found]
        reading.found.update((row.batch_id, row) for row in readable)
        order.see(new)
        unmoved = not overlap or (len(new) < len(readable) and len(rows) > 0)
        endless = bool(readable) and not new and len(rows) > 1
        if len(readable) < len(rows) or not unmoved or endless:
            reading.complete = False
        ids = frozenset(reading.found if reading.complete else ())
        short = pages == 1 and len(rows) < limit
        ended = longest.ended(name, ids, short=short, last=not new)
        reading.ended = ended or len(rows) < longest.rows
        if reading.ended or order.older_than(back_to):
            return reading
        longest.rows = len(rows)
        if enough is not None and enough(reading, pages):
            reading.complete = False
            return reading
        overlap = 1 if len(rows) > 1 else 0
        skip += len(rows) - overlap


class Order:
    """Whether rows come newest first, and the oldest so far."""

    def __init__(self) -> None:
        self._falling = True
        self._rows = 0
        self._newest: datetime | None = None
        self._oldest: datetime | None = None

    def see(self, rows: Sequence[Dated]) -> None:
        """Take in what follows."""
        for row in rows:
            at = row.created_at
            if at is None or (self._oldest is not None and at > self._oldest):
                self._falling = False
                return
            self._newest = self._newest or at
            self._oldest = at
            self._rows += 1

    def older_than(self, back_to: datetime | None) -> bool:
        """Everything further on was created before ``back_to``."""
        return (
            back_to is not None
            and self._oldest is not None
            and self._falling
            and self._rows >= _ORDERED_ROWS
            and self._newest != self._oldest
            and self._oldest < back_to
        )
