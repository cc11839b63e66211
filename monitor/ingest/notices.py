"""Taking webhooks' notices into the snapshot: what each proves, and who must be asked.

A notice is one observation of one thing, merged like any other; it may be late, early,
repeated or out of order. What it does not prove is asked for.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from monitor.core.model import Batch, Counts
from monitor.ingest.items import take_items
from monitor.ingest.looks import take_look
from monitor.providers.notices import Notice
from monitor.store import batches, inbox
from monitor.store.batches import BatchRow
from monitor.store.coding import decode
from monitor.store.inbox import Arrived


@dataclass(slots=True)
class TakenIn:
    """What came of some notices of one provider.

    ``judge`` are the batches (rows) that something was taken into. The others say whom to
    ask, and which notices (inbox rows) are settled by the answer: batches and calls by the
    vendor's ids, and ``something``: nothing tells what moved.
    """

    judge: dict[int, None] = field(default_factory=dict)
    batches: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    calls: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    something: list[int] = field(default_factory=list)
    words: set[tuple[str, str]] = field(default_factory=set)


def take_notices(
    conn: Connection, provider: str, arrived: Sequence[Arrived], at: datetime
) -> TakenIn:
    """Take in what some notices of one provider prove, in the order in which they came."""
    taken = TakenIn()
    settled = {each.id: _take(conn, provider, each, taken) for each in arrived}
    inbox.done(conn, [row for row, over in settled.items() if over], at)
    inbox.asked(conn, [row for row, over in settled.items() if not over])
    return taken


def _take(conn: Connection, provider: str, arrived: Arrived, taken: TakenIn) -> bool:
    """Whether this notice needs no answer of the vendor."""
    notice = None if arrived.told is None else decode(Notice, arrived.told)
    row = None
    if arrived.batch_id is not None:
        row = batches.find(conn, provider, arrived.batch_id)
    if notice is not None and row is not None and row.open:
        if notice.item is not None:
            done = take_items(conn, row, [notice.item], arrived.received_at)
            taken.judge[row.id] = None
            taken.words |= done.words
            return True
        if notice.look is not None:
            take_look(conn, _completed(row, notice.look), baseline=False)
            taken.judge[row.id] = None
            # How it ended is looked at at once; that it goes on needs no proof.
            if not notice.look.status.terminal:
                return True
    if row is not None and not row.open and notice is not None and notice.item is not None:
        return True  # a late record of a batch that is settled
    if arrived.batch_id is not None:
        taken.batches[arrived.batch_id].append(arrived.id)
    elif arrived.call_id is not None:
        taken.calls[arrived.call_id].append(arrived.id)
    else:
        taken.something.append(arrived.id)
    return False


def _completed(row: BatchRow, told: Batch) -> Batch:
    """What was told of a batch, completed by what is known: a notice tells a part only."""
    known = row.look
    counts = replace(
        known.counts,
        **{
            name: value
            for name in Counts.__dataclass_fields__
            if (value := getattr(told.counts, name)) is not None and value
        },
    )
    return replace(
        known,
        status=told.status,
        raw_status=told.raw_status,
        seen_at=told.seen_at,
        counts=counts,
        ended_at=told.ended_at or known.ended_at,
        reason=told.reason,
        reason_code=told.reason_code,
    )
