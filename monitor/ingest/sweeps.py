"""One reading of a batch's list, in chunks: what was read goes in, what it proves is noted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from monitor.core.hearing import Expected
from monitor.core.model import Counts, Item
from monitor.core.tally import CALLS, CONTACTS, count_call, count_contact
from monitor.ingest.ends import note_calls
from monitor.ingest.forgotten import honoured
from monitor.ingest.items import Taken, take_items
from monitor.ingest.pages import PageBook, Read
from monitor.store import batches, changes, gathering, pages, people, snapshot
from monitor.store.batches import BatchRow
from monitor.store.pages import PageState


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
    conn: Connection,
    batch: int,
    book: PageBook,
    reads: Sequence[Read],
    at: datetime,
    expected: Expected | None = None,
) -> TakenPages:
    """Bring some pages' items into the snapshot, with what is to be remembered of the pages.

    ``expected``: webhooks are listened to, and should have told these ends.
    """
    row = batches.load(conn, batch)
    listed: list[Item] = [item for read in reads for item in read.items.values()]
    items = honoured(conn, row.look.provider, row.look.batch_id, listed, at)
    taken = take_items(conn, row, items, at)
    gathering.gather_many(conn, batch)
    if expected is not None:
        note_calls(conn, row, taken.people, items, at, expected)
    states = tuple((read, book.state_after(read)) for read in reads)
    pages.save(conn, batch, [book.to_write(read, state) for read, state in states])
    return TakenPages(taken, states)


def remember(book: PageBook, taken: TakenPages) -> None:
    """Swap the pages' new states in: only after the commit."""
    for read, state in taken.states:
        book.keep(read.difference.page, state)


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """How a sweep ended. ``every_page``: all were read; ``anew``: and all items decoded.

    ``run`` is the batch's when the sweep began. ``rows`` are the distinct rows that the list
    held, known ones included; ``row_of_call``: of calls, and of people who wait. ``last`` is
    the number of the last page of each listing, where the end was seen. ``counts`` are those
    of the look that the sweep was made for.
    """

    counts: Counts
    rows: int
    run: int
    every_page: bool
    anew: bool = False
    unread: int = 0
    last: dict[str, int] | None = None
    row_of_call: bool = False


def finish_sweep(conn: Connection, batch: int, swept: Swept, at: datetime) -> BatchRow:
    """Note what the sweep proves (swept, complete) and that it is over."""
    known = batches.load(conn, batch)
    if known.run != swept.run:
        # It went on as a new run meanwhile: what was read is in, and proves nothing of this one.
        row = replace(known, sweeping_since=None)
        batches.save(conn, row, "sweeping_since")
        return row
    row = replace(known, sweeping_since=None, listed_at=at, unread=swept.unread)
    if swept.unread == 0:
        row = replace(
            row, swept_counts=swept.counts, read_at=at, unlisted_since=None, unlisted_why=None
        )
    else:
        why = f"{swept.unread} of its rows could not be read"
        row = replace(row, unlisted_since=row.unlisted_since or at, unlisted_why=why)
    if swept.every_page and swept.anew:
        # What could not be read is tried again by every reading, not by another one like this.
        row = replace(row, full_swept_at=at)
    if swept.every_page and swept.unread == 0:
        row = replace(row, swept_at=at)
        if _is_complete(row, swept):
            row = replace(row, complete_at=at)
    if swept.every_page:
        for listing, last in (swept.last or {}).items():
            pages.forget(conn, batch, listing, last)
    seq = changes.append(conn, row.id, row.seq, at, _listed(known, row))
    row = replace(row, seq=seq)
    batches.save(conn, row, *_PROVEN)
    return row


def fail_sweep(conn: Connection, batch: int, why: str, at: datetime) -> BatchRow:
    """Note that a batch's list could not be read."""
    known = batches.load(conn, batch)
    again = known.unlisted_since is not None
    moved = [] if again else [changes.unlisted(known.look.batch_id, rows=False)]
    row = replace(
        known,
        unlisted_since=known.unlisted_since or at,
        unlisted_why=why,
        seq=changes.append(conn, batch, known.seq, at, moved),
    )
    batches.save(conn, row, "unlisted_since", "unlisted_why", "seq")
    return row


def _listed(known: BatchRow, row: BatchRow) -> list[changes.Change]:
    """That all of its list was read, and was not before; or that some rows are not any more."""
    batch_id = row.look.batch_id
    if row.unread and not known.unread:
        return [changes.unlisted(batch_id, rows=True)]
    if known.unlisted_since is not None and not row.unread:
        return [changes.listed_again(batch_id)]
    return []


def _is_complete(row: BatchRow, swept: Swept) -> bool:
    """Whether the lists held as many distinct rows as the snapshot does, and as were told."""
    counts = swept.counts
    if swept.row_of_call:
        return swept.rows == row.tally.get(CALLS, 0) + (counts.waiting or 0)
    told = None if "total" in counts.estimated else counts.total
    return told in {None, swept.rows} and swept.rows == row.tally.get(CONTACTS, 0)


_PROVEN = (
    "sweeping_since",
    "swept_at",
    "full_swept_at",
    "complete_at",
    "swept_counts",
    "read_at",
    "listed_at",
    "unread",
    "unlisted_since",
    "unlisted_why",
    "seq",
)


def drop_vanished(
    conn: Connection, batch: int, ids: Sequence[str], at: datetime, *, uncalled: bool = False
) -> BatchRow:
    """Take out people whom two complete sweeps no longer list; a change is kept for each.

    ``uncalled``: only those of whom no call was ever seen.
    """
    row = batches.load(conn, batch)
    tally = dict(row.tally)
    known = snapshot.load_people(conn, batch, ids)
    if uncalled:
        known = {key: person for key, person in known.items() if not person.calls}
    for person in known.values():
        for call in person.calls.values():
            count_call(tally, call, -1)
        count_contact(tally, person.contact, -1)
    snapshot.drop_people(conn, batch, known.values())
    people.drop(conn, batch, at, [person.contact for person in known.values()])
    gone: list[changes.Change] = [
        ("contact", contact_id, person.contact.status, "vanished")
        for contact_id, person in known.items()
    ]
    seq = changes.append(conn, batch, row.seq, at, gone)
    row = replace(row, tally=tally, marks=None, seq=seq)  # their calls may have ended at any time
    batches.save(conn, row, "tally", "marks", "seq")
    return row
