"""Taking webhooks' notices into the snapshot: what each proves, and who must be asked.

A notice may be late, early, repeated or out of order, so only what can never be taken back
is taken from it: the whole record of a call, which merges like any other view of it, and
that a batch has begun. All else is asked for. That a batch has ended is never believed
alone: a vendor that tells so before its own answers do would seem to begin it anew.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from monitor.core.model import Batch, BatchStatus, Item
from monitor.ingest.ends import call_ends, moved_at, pushed, told_ends
from monitor.ingest.forgotten import called, honoured
from monitor.ingest.items import HISTORY_AFTER, take_items
from monitor.ingest.looks import take_look
from monitor.providers.facts import Proof
from monitor.providers.notices import Notice
from monitor.providers.rehearsal import is_rehearsal
from monitor.store import arrivals, batches, inbox, providers, snapshot, tombstones
from monitor.store.arrivals import End
from monitor.store.batches import BatchRow
from monitor.store.coding import decode
from monitor.store.inbox import Arrived

_NOT_BEGUN = frozenset({BatchStatus.SCHEDULED, BatchStatus.UNKNOWN})


@dataclass(slots=True)
class TakenIn:
    """What came of some notices of one provider.

    ``judge`` are the batches (rows) that something was taken into. The others say whom to
    ask, and which notices (inbox rows) are settled by the answer: batches and calls by the
    vendor's ids, and ``something``: nothing tells what moved. ``ended`` are those of the
    batches that are said to have ended.
    """

    judge: dict[int, None] = field(default_factory=dict)
    batches: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    calls: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    something: list[int] = field(default_factory=list)
    ended: set[str] = field(default_factory=set)
    words: set[tuple[str, str]] = field(default_factory=set)


def take_notices(
    conn: Connection, provider: str, arrived: Sequence[Arrived], at: datetime
) -> TakenIn:
    """Take in what some notices of one provider prove, in the order in which they came."""
    taking = _Taking(conn, provider, at)
    settled = {each.id: taking.take(each) for each in arrived}
    taking.write()
    taking.note()
    inbox.done(conn, [row for row, over in settled.items() if over], at)
    inbox.asked(conn, [row for row, over in settled.items() if not over])
    return taking.taken


def take_item(conn: Connection, row: BatchRow, item: Item, at: datetime) -> TakenIn:
    """Take in one call that was asked for by its id."""
    taken = TakenIn()
    (item,) = honoured(conn, row.look.provider, row.look.batch_id, [item], at)
    arrivals.note_webhook(conn, row.look.provider, call_ends(item, at))
    if row.open:
        taken.words |= take_items(conn, row, [item], at).words
        taken.judge[row.id] = None
    return taken


def batch_of(conn: Connection, provider: str, item: Item) -> BatchRow | None:
    """The watched batch that has this person; None where none has them."""
    key, made = item.contact.contact_id, tombstones.load(conn)
    for row in batches.load_open(conn, provider):
        if snapshot.load_people(conn, row.id, called(made, provider, row.look.batch_id, key)):
            return row
    return None


@dataclass(slots=True)
class _Taking:
    """Some notices on their way in. Calls of one batch are written in one go."""

    conn: Connection
    provider: str
    at: datetime
    taken: TakenIn = field(default_factory=TakenIn)
    known: dict[str, BatchRow | None] = field(default_factory=dict)
    items: dict[str, list[Item]] = field(default_factory=lambda: defaultdict(list))
    last: dict[str, datetime] = field(default_factory=dict)
    moved: dict[str, datetime] = field(default_factory=dict)
    ends: list[End] = field(default_factory=list)
    heard_at: datetime | None = None

    def take(self, arrived: Arrived) -> bool:
        """Whether this notice needs no answer of the vendor."""
        if is_rehearsal(arrived.batch_id, arrived.call_id):
            return True  # it has come the whole way, and there is nothing to ask about
        self.heard_at = max(arrived.received_at, self.heard_at or arrived.received_at)
        if arrived.proves == Proof.NOTHING:
            return True
        notice = None if arrived.told is None else decode(Notice, arrived.told)
        if notice is not None and notice.item is not None:
            return self._call(arrived, notice, notice.item)
        if notice is not None:
            self.ends += told_ends(notice, arrived.received_at)
        if notice is not None and notice.look is not None:
            return self._batch(arrived, notice.look)
        return self._ask(arrived)

    def write(self) -> None:
        """Write the calls that were taken."""
        for batch_id, items in self.items.items():
            row = self._find(batch_id)
            if row is not None:
                last, moved = self.last[batch_id], self.moved[batch_id]
                done = take_items(self.conn, row, items, last, moved_at=moved)
                self.known[batch_id] = done.row
                self.taken.words |= done.words
        self.items.clear()
        self.moved.clear()

    def note(self) -> None:
        """Note when what ended was heard of, and that webhooks come at all."""
        arrivals.note_webhook(self.conn, self.provider, self.ends)
        if self.heard_at is not None:
            providers.save_webhook(self.conn, self.provider, self.heard_at)

    def _call(self, arrived: Arrived, notice: Notice, item: Item) -> bool:
        batch_id = arrived.batch_id
        if batch_id is None:
            found = batch_of(self.conn, self.provider, item)
            batch_id = None if found is None else found.look.batch_id
        (item,) = honoured(self.conn, self.provider, batch_id or "", [item], self.at)
        self.ends += told_ends(replace(notice, item=item), arrived.received_at)
        if batch_id is None:
            # The record is whole, so the call is of no batch, unless a list knows better.
            return True
        row = self._find(batch_id)
        if row is None:
            return self._ask(arrived)
        if row.open:
            self.items[batch_id].append(pushed(item, self._witnessed_at(row, arrived)))
            self.last[batch_id] = arrived.received_at
            moved = moved_at(item, arrived.received_at)
            self.moved[batch_id] = max(moved, self.moved.get(batch_id, moved))
            self.taken.judge[row.id] = None
        return True  # what comes late about a batch that is settled changes nothing

    def _witnessed_at(self, row: BatchRow, arrived: Arrived) -> datetime | None:
        """When an end that the vendor does not time was heard of first-hand; None for history.

        A list that was not read for a while makes no history of what is told just now.
        """
        recent = row.listed_at is not None and self.at - arrived.received_at <= HISTORY_AFTER
        return arrived.received_at if recent else None

    def _batch(self, arrived: Arrived, look: Batch) -> bool:
        row = self._find(look.batch_id)
        if look.status.terminal:
            self.taken.ended.add(look.batch_id)
        if row is None or not row.open or row.ended:
            return self._ask(arrived)
        told, known = look.status, row.look.status
        if told is BatchStatus.RUNNING and known in _NOT_BEGUN:
            self._begin(row, look)
            return True
        late = told is BatchStatus.SCHEDULED and known is BatchStatus.RUNNING
        return late or told is known or self._ask(arrived)

    def _begin(self, row: BatchRow, look: Batch) -> None:
        begun = replace(
            row.look, status=look.status, raw_status=look.raw_status, seen_at=look.seen_at
        )
        moved = take_look(self.conn, begun, baseline=False)
        # Nothing was counted: it is no look that shows whether anything moved since.
        # Nor does it overtake an answer that was asked for before it came.
        look = replace(moved.look, seen_at=row.look.seen_at)
        moved = replace(moved, look=look, fresh_at=row.fresh_at)
        batches.save(self.conn, moved)
        self.known[look.batch_id] = moved
        self.taken.judge[row.id] = None

    def _ask(self, arrived: Arrived) -> bool:
        if arrived.batch_id is not None:
            self.taken.batches[arrived.batch_id].append(arrived.id)
        elif arrived.call_id is not None:
            self.taken.calls[arrived.call_id].append(arrived.id)
        else:
            self.taken.something.append(arrived.id)
        return False

    def _find(self, batch_id: str) -> BatchRow | None:
        if batch_id not in self.known:
            self.known[batch_id] = batches.find(self.conn, self.provider, batch_id)
        return self.known[batch_id]
