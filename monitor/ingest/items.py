"""Taking people and their calls into the snapshot: one chunk, one transaction.

Old rows are read only for the items given, compared, merged and written in one go; counters
move by old and new; a change is kept for each thing that people would call a change.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from monitor.core.merge import merge_call, merge_contact
from monitor.core.model import Call, CallStatus, Contact, ContactStatus, EndedBy, Item
from monitor.core.tally import Tally, count_call, count_contact
from monitor.ingest.looks import touched
from monitor.store import batches, changes, snapshot
from monitor.store.batches import BatchRow
from monitor.store.changes import Change
from monitor.store.hot import Row
from monitor.store.schema import to_micros

# A call first seen ended, with no time of its own, ended at an unknown moment since the last
# reading. When that is longer ago than this, "now" would be a guess that could fire a rule.
HISTORY_AFTER = timedelta(minutes=5)


@dataclass(slots=True)
class _Chunk:
    """What one transaction is about to write."""

    batch: int
    at: datetime
    history: bool
    tally: Tally
    # What is known, brought up to date item by item: a list may show one person twice.
    known: dict[str, tuple[Contact, int]]
    known_calls: dict[str, Call]
    contacts: dict[str, Row] = field(default_factory=dict)
    calls: dict[str, Row] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    words: set[tuple[str, str]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of one chunk: the batch's row, and words never seen before by what they name."""

    row: BatchRow
    moved: bool
    words: frozenset[tuple[str, str]]


def take_items(conn: Connection, row: BatchRow, items: Sequence[Item], at: datetime) -> Taken:
    """Bring the snapshot of a batch up to what was seen at ``at``.

    The first sweep of a batch is its baseline: one change for all of it, not one a person.
    """
    baseline = row.listed_at is None
    history = row.listed_at is None or at - row.listed_at > HISTORY_AFTER
    ids = [item.contact.contact_id for item in items] if row.tally else []
    chunk = _Chunk(
        batch=row.id,
        at=at,
        history=history,
        tally=dict(row.tally),
        known=snapshot.load_contacts(conn, row.id, ids),
        known_calls=snapshot.load_calls(conn, row.id, ids),
    )
    for contact, calls in items:
        _take_contact(chunk, contact)
        for call in calls:
            _take_call(chunk, call)
    return _write(conn, row, chunk, baseline=baseline)


def _take_contact(chunk: _Chunk, seen: Contact) -> None:
    known = chunk.known.get(seen.contact_id)
    if seen.raw_status is not None and seen.status is ContactStatus.UNKNOWN:
        chunk.words.add(("contact", seen.raw_status))
    if known is None:
        count_contact(chunk.tally, seen, 1)
        chunk.changes.append(("contact", seen.contact_id, None, seen.status.value))
        _keep_contact(chunk, seen, to_micros(chunk.at))
        return
    old, since = known
    new = merge_contact(old, seen)
    if new[:-1] == old[:-1]:
        return
    count_contact(chunk.tally, old, -1)
    count_contact(chunk.tally, new, 1)
    if new.status is not old.status:
        since = to_micros(chunk.at)
        chunk.changes.append(("contact", new.contact_id, old.status.value, new.status.value))
    _keep_contact(chunk, new, since)


def _keep_contact(chunk: _Chunk, contact: Contact, since: int) -> None:
    chunk.known[contact.contact_id] = (contact, since)
    chunk.contacts[contact.contact_id] = snapshot.contact_row(chunk.batch, contact, since)


def _take_call(chunk: _Chunk, seen: Call) -> None:
    known = chunk.known_calls.get(seen.call_id)
    if seen.raw_status is not None and seen.status is CallStatus.UNKNOWN:
        chunk.words.add(("call", seen.raw_status))
    if seen.ended_by is None and seen.status.terminal:
        seen = _ended(seen, known, history=chunk.history)
    if known is not None and _same(known, seen):
        return
    new = seen if known is None else merge_call(known, seen)
    if known is not None:
        if _same(known, new):
            return
        count_call(chunk.tally, known, -1)
    count_call(chunk.tally, new, 1)
    chunk.known_calls[new.call_id] = new
    chunk.calls[new.call_id] = snapshot.call_row(chunk.batch, new)
    before = None if known is None else (known.outcome or known.status)
    after = new.outcome or new.status
    if before is not after:
        word = None if before is None else before.value
        chunk.changes.append(("call", new.call_id, word, after.value))


def _ended(seen: Call, known: Call | None, *, history: bool) -> Call:
    """When a call ended whose end the vendor does not time: first seen, or unknown history."""
    if known is None and history:
        return seen._replace(ended_by=EndedBy.HISTORY)
    return seen._replace(ended_at=seen.seen_at, ended_by=EndedBy.SEEN)


_SEEN = Call._fields.index("seen_at")
_DETAILED = Call._fields.index("detail_at")


def _same(known: Call, new: Call) -> bool:
    """Whether anything but the times of looking differs."""
    return (
        known[:_SEEN] == new[:_SEEN] and known[_SEEN + 1 : _DETAILED] == new[_SEEN + 1 : _DETAILED]
    )


def _write(conn: Connection, row: BatchRow, chunk: _Chunk, *, baseline: bool) -> Taken:
    moved = bool(chunk.contacts or chunk.calls)
    if not moved:
        return Taken(row, moved=False, words=frozenset(chunk.words))
    snapshot.save_contacts(conn, chunk.contacts.values())
    snapshot.save_calls(conn, chunk.calls.values())
    row = replace(row, tally=chunk.tally)
    if not baseline:
        row = touched(row, chunk.at)
        row = replace(row, seq=changes.append(conn, row.id, row.seq, chunk.at, chunk.changes))
    batches.save(conn, row, "tally", "seq", "moved_at", "typical_gap_s")
    return Taken(row, moved=True, words=frozenset(chunk.words))
