"""Taking people and their calls into the snapshot: one chunk, one transaction.

Old rows are read only for the items given, compared, merged and written in one go; counters
move by old and new; a change is kept for each thing that people would call a change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from monitor.core.merge import merge_call, merge_contact, undated
from monitor.core.model import Call, CallStatus, Contact, ContactStatus, EndedBy, Item
from monitor.core.tally import Tally, count_call, count_contact, move_contact
from monitor.store import batches, changes, people, snapshot
from monitor.store.advancing import told_before, touched
from monitor.store.batches import BatchRow
from monitor.store.changes import Change
from monitor.store.hot import Row
from monitor.store.lately import Key
from monitor.store.marks import marked
from monitor.store.people import person_key
from monitor.store.schema import to_micros
from monitor.store.snapshot import Person

# A call first seen ended, with no time of its own, ended at an unknown moment since the last
# reading. When that is longer ago than this, "now" would be a guess that could fire a rule.
HISTORY_AFTER = timedelta(minutes=5)
_UNKNOWN_CONTACT = ContactStatus.UNKNOWN
_UNKNOWN_CALL = CallStatus.UNKNOWN


@dataclass(slots=True)
class _Chunk:
    """What one transaction is about to write."""

    batch: int
    at: datetime
    since: int  # the same in microseconds
    history: bool
    tally: Tally
    # What is known, packed, and brought up to date item by item: a list may show one person
    # twice. Each is unpacked, merged, packed and let go of in one go: together they fill more
    # than a cache holds.
    values: dict[str, bytes]
    rows: dict[str, Row] = field(default_factory=dict)  # to be written
    keys: dict[str, Key] = field(default_factory=dict)  # who they are
    fresh: dict[str, Contact] = field(default_factory=dict)  # of these, those not stored
    # of ended calls, by person and call: as stored, and as they are to be
    before: dict[tuple[str, str], Row] = field(default_factory=dict)
    after: dict[tuple[str, str], Row] = field(default_factory=dict)
    last_end: datetime | None = None  # of these calls, the latest that was not only witnessed
    changes: list[Change] = field(default_factory=list)
    dues: list[Change] = field(default_factory=list)  # of retries, and costs: no moves
    words: set[tuple[str, str]] = field(default_factory=set)
    renumbered: list[tuple[Contact, Contact]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of one chunk: the batch's row, and words never seen before by what they name.

    ``people`` are those it was about, as they are kept since (snapshot.person_of).
    """

    row: BatchRow
    moved: bool
    words: frozenset[tuple[str, str]]
    people: Mapping[str, bytes]


def take_items(
    conn: Connection,
    row: BatchRow,
    items: Sequence[Item],
    at: datetime,
    *,
    moved_at: datetime | None = None,
) -> Taken:
    """Bring the snapshot of a batch up to what was seen at ``at``.

    The first sweep of a batch is its baseline: one change for all of it, not one a person.
    ``moved_at``: what moves is told late, and moved then.
    """
    baseline = row.listed_at is None
    history = row.listed_at is None or at - row.listed_at > HISTORY_AFTER
    ids = [item.contact.contact_id for item in items] if row.tally else []
    chunk = _Chunk(
        batch=row.id,
        at=at,
        since=to_micros(at),
        history=history,
        tally=dict(row.tally),
        values=snapshot.load_values(conn, row.id, ids),
    )
    for contact, calls in items:
        person, moved = _take_contact(chunk, contact)
        known = person.calls
        for call in calls:
            old = known.get(call.call_id)
            # Most of a person's calls stand as they stood.
            if (old is None or not _same(old, call)) and _take_call(chunk, person, old, call):
                moved = True
        if moved:
            _put(chunk, person)
    return _write(conn, row, chunk, baseline=baseline, moved_at=moved_at or at)


def _take_contact(chunk: _Chunk, seen: Contact) -> tuple[Person, bool]:
    """The person as now known, and whether that is something new."""
    key = seen.contact_id
    value = chunk.values.get(key)
    if seen.raw_status is not None and seen.status is _UNKNOWN_CONTACT:
        chunk.words.add(("contact", seen.raw_status))
    if value is None:
        chunk.fresh[key] = seen
        count_contact(chunk.tally, seen, 1)
        chunk.changes.append(("contact", key, None, seen.status))
        if seen.next_retry_at is not None:
            chunk.dues.append(changes.due(key, None, seen.next_retry_at))
        person = Person(seen, chunk.since, {})
    else:
        known = snapshot.person_of(value)
        old, since, calls = known
        new = merge_contact(old, undated(old, seen))
        if new[:-1] == old[:-1] and (old.seen_at or not new.seen_at):
            return known, False
        move_contact(chunk.tally, old, new)
        if new.phone_hash != old.phone_hash:
            chunk.renumbered.append((old, new))
            if key in chunk.fresh:
                chunk.fresh[key] = new
        if new.status is not old.status:
            since = chunk.since
            chunk.changes.append(("contact", key, old.status, new.status))
        if new.next_retry_at != old.next_retry_at:
            chunk.dues.append(changes.due(key, old.next_retry_at, new.next_retry_at))
        person = Person(new, since, calls)
        if new.area != old.area or new.country != old.country:
            _place(chunk, person)
    return person, True


def _put(chunk: _Chunk, person: Person) -> None:
    """Have a person written as they are now known."""
    contact = person.contact
    key = contact.contact_id
    row = chunk.rows[key] = snapshot.person_row(chunk.batch, person)
    chunk.values[key] = row[-1]
    chunk.keys[key] = person_key(contact) or key


def _place(chunk: _Chunk, person: Person) -> None:
    """Where somebody is stands beside their ended calls, too."""
    for key, call in person.calls.items():
        row = snapshot.ended_row(chunk.batch, person.contact, call)
        if row is not None:
            chunk.after[call.contact_id, key] = row


def _take_call(chunk: _Chunk, person: Person, known: Call | None, seen: Call) -> bool:
    """Whether it brought anything new to a person's calls."""
    key = seen.call_id
    if seen.raw_status is not None and seen.status is _UNKNOWN_CALL:
        chunk.words.add(("call", seen.raw_status))
    if seen.ended_by is None and seen.status.terminal:
        seen = _ended(seen, known, chunk.at, history=chunk.history)
    old = before = None
    new = seen
    if known is not None:
        if _is_too_early(known, seen):
            seen = seen._replace(ended_at=seen.seen_at or chunk.at)
        new = merge_call(known, seen)
        if _same(known, new):
            return False
        count_call(chunk.tally, known, -1)
        old = snapshot.ended_row(chunk.batch, person.contact, known)
        before = known.status if old is None else old[_OUTCOME]
    count_call(chunk.tally, new, 1)
    person.calls[key] = new
    row = snapshot.ended_row(chunk.batch, person.contact, new)
    if row is not None and row != old:
        chunk.after[new.contact_id, key] = row
        if old is not None:
            chunk.before.setdefault((new.contact_id, key), old)
        _note_end(chunk, new)
    after = new.status if row is None else row[_OUTCOME]
    if before != after:
        chunk.changes.append(("call", key, before, after))
    elif old is not None and row is not None and old[_COST] is None and row[_COST] is not None:
        chunk.dues.append(changes.priced(key))
    return True


def _note_end(chunk: _Chunk, call: Call) -> None:
    if call.ended_at is not None and call.ended_by is not EndedBy.SEEN:
        chunk.last_end = max(chunk.last_end or call.ended_at, call.ended_at)


def _ended(seen: Call, known: Call | None, at: datetime, *, history: bool) -> Call:
    """When a call ended whose end the vendor does not time: first seen, or unknown history."""
    if known is None and history:
        return seen._replace(ended_by=EndedBy.HISTORY)
    return seen._replace(ended_at=seen.seen_at or at, ended_by=EndedBy.SEEN)


def _is_too_early(known: Call, seen: Call) -> bool:
    """Whether a call was seen open when it is said to have been over.

    That happens where its end is reckoned from when its row was made, and it then waited.
    """
    if known.status.terminal or seen.ended_by is not EndedBy.DERIVED or seen.ended_at is None:
        return False
    if seen.created_at is None or seen.started_at is not None:
        return False
    waited = known.status is CallStatus.QUEUED
    return waited or (known.seen_at is not None and seen.ended_at < known.seen_at)


_ENDED, _OUTCOME, _COST = 1, 4, 16  # of the row of an ended call
_SEEN = Call._fields.index("seen_at")
_ROW = slice(_SEEN)
_REST = slice(_SEEN + 1, Call._fields.index("detail_at"))


def _same(known: Call, new: Call) -> bool:
    """Whether anything but the times of looking differs.

    That the vendor was asked, and says what a webhook had pushed, is something new.
    """
    if known[_ROW] != new[_ROW] or known[_REST] != new[_REST]:
        return False
    asked = known.seen_at is not None or new.seen_at is None
    return asked and (known.detail_at is not None or new.detail_at is None)


def _write(
    conn: Connection, row: BatchRow, chunk: _Chunk, *, baseline: bool, moved_at: datetime
) -> Taken:
    if not chunk.rows:
        return Taken(row, moved=False, words=frozenset(chunk.words), people=chunk.values)
    known = chunk.rows.keys() - chunk.fresh.keys()
    snapshot.save_people(conn, chunk.rows.values(), known)
    snapshot.save_ended(conn, chunk.before.values(), chunk.after.values())
    _note_people(conn, chunk)
    ended = (each[_ENDED] for rows in (chunk.before, chunk.after) for each in rows.values())
    told = told_before(row, row.tally, chunk.tally)
    row = replace(row, tally=chunk.tally, marks=marked(row.marks, ended))
    if not baseline:
        # A cost that comes late, or a time that is gone, moves nobody.
        moved = min(chunk.last_end or row.moved_at, moved_at) if told else moved_at
        if chunk.changes:
            row = touched(row, moved)
        moves = chunk.changes + chunk.dues
        row = replace(row, seq=changes.append(conn, row.id, row.seq, chunk.at, moves))
    batches.save(conn, row, "tally", "marks", "seq", "moved_at", "typical_gap_s")
    return Taken(row, moved=True, words=frozenset(chunk.words), people=chunk.values)


def _note_people(conn: Connection, chunk: _Chunk) -> None:
    """Keep who moved: rules about people look at nobody else."""
    batch, moved = chunk.batch, list(chunk.keys.values())
    elsewhere = list(chunk.fresh.values())
    for old, new in chunk.renumbered:
        elsewhere += (old, new)
        moved.append(person_key(old) or old.contact_id)
        if old.contact_id not in chunk.fresh:
            people.renumber(conn, batch, old, new)
    people.link(conn, batch, chunk.fresh.values())
    values = chunk.values
    known = {who: values[contact_id] for contact_id, who in chunk.keys.items()}
    people.note(conn, batch, chunk.at, moved, people.written(known, elsewhere))
