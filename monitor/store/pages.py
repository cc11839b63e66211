"""What is remembered of the pages of a vendor's lists: enough to know what need not be read.

A page is its digest, 8 bytes for each item on it (the digest of the item's raw bytes) and 4
bytes that say when the item is expected to move: ``CLOSED`` never, ``WAITING`` when its
turn comes, ``LIVE`` at any moment, else a second (Unix time): an even one is that of its
next retry, an odd one that of a second look at calls whose cost had not come yet.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, Integer, bindparam, delete, func, literal_column, select

from monitor.store import hot
from monitor.store.gathering import everybody
from monitor.store.schema import page_moves, pages

CLOSED = 0
WAITING = 1
LIVE = 2
NEVER = (1 << 32) - 1
_SIGN = 1 << 63
_WRAP = 1 << 64


@dataclass(slots=True)
class PageState:
    """One page, as last applied."""

    digest: int
    slices: "array[int]"
    dues: "array[int]"
    # ingest/marks.py: only where this process has parsed the page, and never stored
    marks: "array[int] | None" = field(default=None, compare=False)
    _next: int | None = field(default=None, compare=False)
    _timed: int | None = field(default=None, compare=False)

    @property
    def next_due(self) -> int:
        """The earliest second at which an item here is expected to move; NEVER if none is."""
        if self._next is None:
            self._next = LIVE if LIVE in self.dues else self.next_timed
        return self._next

    @property
    def next_timed(self) -> int:
        """The earliest second that a retry or a second look waits for; NEVER if none does."""
        if self._timed is None:
            times = [due for due in set(self.dues) if due > LIVE]
            self._timed = min(times, default=NEVER)
        return self._timed

    def rechecks(self, at: float) -> list[int]:
        """Where a second look is due at second ``at``: the item's own bytes will not tell."""
        if self.next_timed > at:
            return []
        return [i for i, due in enumerate(self.dues) if due & 1 and WAITING < due <= at]

    @property
    def waiting(self) -> bool:
        """Whether anybody here still waits for a first turn."""
        return WAITING in self.dues


def retry_at(second: float) -> int:
    """How a retry's time is kept."""
    return max(int(second), LIVE + 2) & ~1


def recheck_at(second: float) -> int:
    """How the time of a second look is kept."""
    return max(int(second), LIVE + 2) | 1


class Page(NamedTuple):
    """One page to be written: the whole of it, or where alone it differs from what stands."""

    listing: str
    number: int
    state: PageState
    places: Sequence[int] | None = None


def load(conn: Connection, batch: int) -> dict[str, dict[int, PageState]]:
    """Every page of a batch, by listing and number: one row a page, ready to compare."""
    return _load(conn, batch)[0]


def _load(
    conn: Connection, batch: int
) -> tuple[dict[str, dict[int, PageState]], dict[tuple[str, int], PageState]]:
    """The same, and of these the pages that have moved since their rows were written."""
    found: dict[str, dict[int, PageState]] = {}
    held: dict[tuple[str, int], int] = {}
    moved: dict[tuple[str, int], PageState] = {}
    with hot.in_passing(conn):
        for _, listing, number, digest, slices, dues, last in hot.of_batch(conn, pages, batch):
            state = PageState(digest % _WRAP, array("Q", slices), array("I", dues))
            found.setdefault(listing, {})[number] = state
            if last:
                held[listing, number] = last
    for _, move, value in hot.of_batch(conn, page_moves, batch):  # in the order of their numbers
        for listing, number, digest, places, slices, dues in _unpack(value):
            key, page = (listing, number), found.get(listing, {}).get(number)
            if page is None or held.get(key, 0) >= move:
                continue  # the page is gone, or its row is newer
            moved[key] = page
            page.digest = digest
            for place, piece, due in zip(places, slices, dues, strict=True):
                page.slices[place] = piece
                page.dues[place] = due
    return found, moved


def save(conn: Connection, batch: int, written: Sequence[Page]) -> None:
    """Write page states.

    What moved on pages is one row until enough has come together: then the pages' own rows
    are written anew.
    """
    latest = {page[:2]: page for page in written}
    if len(latest) < len(written):  # moved from one moment to the next: all of it, as it is now
        written = [page._replace(places=None) for page in latest.values()]
    ((last, rows, size),) = hot.ask(conn, _MOVES, batch=batch)
    few = [_move(page) for page in written if page.places is not None]
    if few:
        last, value = last + 1, _pack(few)
        hot.insert(conn, page_moves, [(batch, last, value)])
        rows, size = rows + 1, size + len(value)
    whole = [page for page in written if page.places is None]
    hot.upsert(conn, pages, [_row(batch, page, last) for page in whole])
    if rows > _MOST_ROWS or size > _MOST_BYTES:
        _gather(conn, batch, last)


def _gather(conn: Connection, batch: int, last: int) -> None:
    """Write the rows of all pages that have moved, and let go of the moves."""
    _, moved = _load(conn, batch)
    states = [Page(*key, moved[key]) for key in sorted(moved)]
    hot.upsert(conn, pages, [_row(batch, page, last) for page in states])
    conn.execute(delete(page_moves).where(page_moves.c.batch == batch))
    hot.insert(conn, page_moves, [(batch, last, _pack([]))])  # the numbers go on from here


# A start reads the moves as well: they must not become as many as the pages themselves.
_MOST_ROWS = 64
_MOST_BYTES = 1 << 18
_MOVES = select(
    func.coalesce(func.max(page_moves.c.number), literal_column("0")),
    func.count(),
    func.coalesce(func.sum(func.length(page_moves.c.value)), literal_column("0")),
).where(page_moves.c.batch == bindparam("batch", type_=Integer))

_Move = tuple[str, int, int, list[int], list[int], list[int]]
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[_Move]).decode


def _move(page: Page) -> _Move:
    listing, number, state, places = page
    places = list(places or ())
    slices, dues = state.slices, state.dues
    return (
        listing,
        number,
        state.digest,
        places,
        [slices[place] for place in places],
        [dues[place] for place in places],
    )


def _row(batch: int, page: Page, moved: int) -> hot.Row:
    listing, number, state, _ = page
    digest = state.digest
    return (
        batch,
        listing,
        number,
        digest - _WRAP if digest >= _SIGN else digest,
        state.slices.tobytes(),
        state.dues.tobytes(),
        moved,
    )


def forget(conn: Connection, batch: int, listing: str, after: int) -> None:
    """Drop the pages of a listing beyond number ``after``: the list became shorter."""
    hot.change(conn, _FORGET, {"of": batch, "among": listing, "after": after})


_FORGET = delete(pages).where(
    pages.c.batch == bindparam("of"),
    pages.c.listing == bindparam("among"),
    pages.c.page > bindparam("after"),
)


def contact_ids(conn: Connection, batch: int) -> set[str]:
    """The ids of every person in a batch's snapshot."""
    return set(
        conn.execute(select(everybody.c.contact_id).where(everybody.c.batch == batch)).scalars()
    )
