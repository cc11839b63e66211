"""One reading of a batch's list, in chunks: what was read goes in, what it proves is noted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, delete

from monitor.core.model import Counts, Item
from monitor.core.tally import CONTACTS, count_call, count_contact
from monitor.ingest.items import Taken, take_items
from monitor.ingest.pages import PageBook, Read
from monitor.store import batches, changes, pages, snapshot
from monitor.store.batches import BatchRow
from monitor.store.pages import PageState
from monitor.store.schema import calls, contacts


@dataclass(frozen=True, slots=True)
class TakenPages:
    """What one transaction took in; the states go into the book once it has committed."""

    taken: Taken
    states: tuple[tuple[Read, PageState], ...]


def begin_sweep(conn: Connection, batch: int, at: datetime) -> BatchRow:
    """Note that a sweep is under way: until it ends, nothing about the batch is cleared."""
    row = replace(batches.load(conn, batch), sweeping_since=at)
    batches.save(conn, row, "sweeping_since")
    return row


def take_pages(
    conn: Connection, batch: int, book: PageBook, reads: Sequence[Read], at: datetime
) -> TakenPages:
    """Bring some pages' items into the snapshot, with what is to be remembered of the pages."""
    row = batches.load(conn, batch)
    items: list[Item] = [item for read in reads for item in read.items.values()]
    taken = take_items(conn, row, items, at)
    states = tuple((read, book.state_after(read)) for read in reads)
    pages.save(
        conn,
        batch,
        [(r.difference.page.listing, r.difference.page.number, state) for r, state in states],
    )
    return TakenPages(taken, states)


def remember(book: PageBook, taken: TakenPages) -> None:
    """Swap the pages' new states in: only after the commit."""
    for read, state in taken.states:
        book.keep(read.difference.page, state)


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """How a sweep ended. ``every_page``: all were read; ``anew``: and all items decoded.

    ``last`` is the number of the last page of each listing, where the end was seen.
    """

    counts: Counts
    every_page: bool
    anew: bool = False
    unread: int = 0
    last: dict[str, int] | None = None


def finish_sweep(conn: Connection, batch: int, swept: Swept, at: datetime) -> BatchRow:
    """Note what the sweep proves (swept, complete) and that it is over."""
    row = replace(batches.load(conn, batch), sweeping_since=None, listed_at=at)
    if swept.unread == 0:
        row = replace(row, swept_counts=swept.counts, read_at=at)
    if swept.every_page and swept.anew:
        # What could not be read is tried again by every reading, not by another one like this.
        row = replace(row, full_swept_at=at)
    if swept.every_page and swept.unread == 0:
        row = replace(row, swept_at=at)
        if swept.counts.total is None or row.tally.get(CONTACTS, 0) == swept.counts.total:
            row = replace(row, complete_at=at)
    if swept.every_page:
        for listing, last in (swept.last or {}).items():
            pages.forget(conn, batch, listing, last)
    batches.save(conn, row, *_PROVEN)
    return row


_PROVEN = (
    "sweeping_since",
    "swept_at",
    "full_swept_at",
    "complete_at",
    "swept_counts",
    "read_at",
    "listed_at",
)


def drop_vanished(conn: Connection, batch: int, ids: Sequence[str], at: datetime) -> BatchRow:
    """Take out people whom two complete sweeps no longer list; a change is kept for each."""
    row = batches.load(conn, batch)
    tally = dict(row.tally)
    known = snapshot.load_contacts(conn, batch, ids)
    for call in snapshot.load_calls(conn, batch, ids).values():
        count_call(tally, call, -1)
    for contact, _ in known.values():
        count_contact(tally, contact, -1)
    for contact_id in known:
        for table in (calls, contacts):
            conn.execute(
                delete(table).where(table.c.batch == batch, table.c.contact_id == contact_id)
            )
    gone: list[changes.Change] = [
        ("contact", contact_id, known[contact_id][0].status, "vanished") for contact_id in known
    ]
    row = replace(row, tally=tally, seq=changes.append(conn, batch, row.seq, at, gone))
    batches.save(conn, row, "tally", "seq")
    return row
