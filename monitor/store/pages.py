"""What is remembered of the pages of a vendor's lists: enough to know what need not be read.

A page is its digest, 8 bytes for each item on it (the digest of the item's raw bytes) and 4
bytes that say when the item is expected to move: ``CLOSED`` never, ``WAITING`` when its
turn comes, ``LIVE`` at any moment, else a second (Unix time): an even one is that of its
next retry, an odd one that of a second look at calls whose cost had not come yet.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, select

from monitor.store import hot
from monitor.store.schema import contacts, pages

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


def load(conn: Connection, batch: int) -> dict[str, dict[int, PageState]]:
    """Every page of a batch, by listing and number: one row a page, ready to compare."""
    found: dict[str, dict[int, PageState]] = {}
    with hot.in_passing(conn):
        for _, listing, number, digest, slices, dues in hot.of_batch(conn, pages, batch):
            state = PageState(digest % _WRAP, array("Q", slices), array("I", dues))
            found.setdefault(listing, {})[number] = state
    return found


def save(conn: Connection, batch: int, rows: Sequence[tuple[str, int, PageState]]) -> None:
    """Write page states."""
    hot.upsert(
        conn,
        pages,
        [
            (
                batch,
                listing,
                number,
                state.digest - _WRAP if state.digest >= _SIGN else state.digest,
                state.slices.tobytes(),
                state.dues.tobytes(),
            )
            for listing, number, state in rows
        ],
    )


def forget(conn: Connection, batch: int, listing: str, after: int) -> None:
    """Drop the pages of a listing beyond number ``after``: the list became shorter."""
    conn.execute(
        delete(pages).where(
            pages.c.batch == batch, pages.c.listing == listing, pages.c.page > after
        )
    )


def contact_ids(conn: Connection, batch: int) -> set[str]:
    """The ids of every person in a batch's snapshot."""
    return set(
        conn.execute(select(contacts.c.contact_id).where(contacts.c.batch == batch)).scalars()
    )
