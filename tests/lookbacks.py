"""A batch worth looking back at: a ladder of three attempts, failures with causes, costs."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from monitor.core.model import (
    Batch,
    BatchStatus,
    Call,
    CallStatus,
    ContactStatus,
    Counts,
    Item,
)
from monitor.ingest.items import take_items
from monitor.ingest.looks import take_look
from monitor.store.batches import BatchRow
from tests.builders import HOUR, MINUTE, NOON, make_batch, make_call, make_contact

BEGAN = NOON - 2 * HOUR
BUSY_LINE, GOOD_LINE = "••0134", "••0135"


def take_batch(conn: Connection, **changes: Any) -> BatchRow:
    """Ten people: four reached at once, one at the third try, five whose carrier refused."""
    batch = look(**changes)
    row = take_look(conn, batch, baseline=False)
    items = [_reached(n) for n in range(4)] + [_reached_late()] + [_refused(n) for n in range(5)]
    return take_items(conn, row, items, NOON).row


def look(**changes: Any) -> Batch:
    """It has just ended."""
    return make_batch(
        **{
            "batch_id": "btc_9",
            "name": "Renewals June",
            "status": BatchStatus.COMPLETED,
            "started_at": BEGAN,
            "ended_at": NOON,
            "counts": Counts(total=10, finished=10),
        }
        | changes
    )


def _reached(n: int) -> Item:
    call = _call(f"good{n}", f"p{n}", CallStatus.COMPLETED, n * MINUTE, from_number=GOOD_LINE)
    return Item(make_contact(contact_id=f"p{n}", status=ContactStatus.COMPLETED), (call,))


def _reached_late() -> Item:
    person = make_contact(contact_id="p4", status=ContactStatus.COMPLETED, attempts=2)
    missed = [
        _call(f"late{n}", "p4", CallStatus.NO_ANSWER, n * HOUR / 2, attempt=n) for n in (0, 1)
    ]
    reached = _call("late2", "p4", CallStatus.COMPLETED, HOUR, attempt=2)
    return Item(person, (*missed, reached))


def _refused(n: int) -> Item:
    call = _call(
        f"bad{n}",
        f"q{n}",
        CallStatus.FAILED,
        (90 + n) * MINUTE,
        error_class="carrier block",
        hangup_class="carrier block",
        from_number=BUSY_LINE,
    )
    return Item(make_contact(contact_id=f"q{n}", status=ContactStatus.FAILED), (call,))


def _call(key: str, person: str, status: CallStatus, after: timedelta, **changes: Any) -> Call:
    return make_call(
        call_id=key,
        contact_id=person,
        status=status,
        ended_at=BEGAN + MINUTE + after,
        cost_micros=100_000,
        currency="USD",
        detail_at=NOON,
        seen_at=NOON,
        **changes,
    )
