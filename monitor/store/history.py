"""What is kept of batches, for looking back: what moved, the calls in order, when it ended."""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Integer, bindparam, select

from monitor.core.model import BatchStatus, ContactStatus, Counts
from monitor.core.pastcalls import PastCall
from monitor.core.pastmoves import COST, Change, Past, Reader, stood_before, unpriced
from monitor.core.tally import trimmed
from monitor.core.unwatched import from_calls
from monitor.store import changes, hot, snapshot
from monitor.store.batches import BatchRow
from monitor.store.coding import decode
from monitor.store.schema import alerts, batches, calls

_batch = bindparam("batch", type_=Integer)
_COLUMN_OF = {"ended": "ended_at"}
_CALLS = (
    select(*(calls.c[_COLUMN_OF.get(name, name)] for name in PastCall._fields))
    .where(calls.c.batch == _batch)
    .order_by(calls.c.ended_at, calls.c.contact_id, calls.c.call_id)
)
_EXHAUSTED = ContactStatus.EXHAUSTED.value


def ended_since(conn: Connection, provider: str, since: datetime) -> Sequence[int]:
    """The row ids of the batches that have ended since then, oldest end first."""
    rows = conn.execute(
        select(batches.c.id)
        .where(batches.c.provider == provider, batches.c.terminal_at >= since)
        .order_by(batches.c.terminal_at, batches.c.id)
    )
    return rows.scalars().all()


def open_now(conn: Connection, provider: str) -> Sequence[int]:
    """The row ids of the batches that have not ended."""
    rows = conn.execute(
        select(batches.c.id)
        .where(batches.c.provider == provider, batches.c.terminal_at.is_(None))
        .order_by(batches.c.id)
    )
    return rows.scalars().all()


def beside(conn: Connection, row: BatchRow, since: datetime, until: datetime) -> list[int]:
    """The other batches of its provider that were open at some time between."""
    over = batches.c.terminal_at
    rows = conn.execute(
        select(batches.c.id)
        .where(batches.c.provider == row.look.provider, batches.c.id != row.id)
        .where(batches.c.first_seen_at <= until, over.is_(None) | (over >= since))
        .where(~batches.c.pruned, batches.c.listed_at.is_not(None))
        .order_by(batches.c.id)
    )
    return list(rows.scalars())


def past(conn: Connection, row: BatchRow, every: timedelta, *, retries: bool = True) -> Past:
    """The life of a batch: all that moved while it was watched, else what its calls tell.

    ``every`` is how often it would have been looked at. ``retries``: how many retries people
    had is asked for. Reads all of the batch.
    """
    found = [PastCall(*call) for call in hot.ask(conn, _CALLS, batch=row.id)]
    kept = list(changes.of_batch(conn, row.id))
    if not kept or _ended_already(kept[0][1]):
        end = row.terminal_at or row.fresh_at
        return from_calls(found, row.look.status, row.look.counts, row.tally, end, every)
    late = {key for _, some in kept for kind, key, _, _ in some if kind == COST}
    exhausted = _exhausted(conn, row, kept) if retries else {}
    reader = Reader(found, exhausted, _counts, late, _follow_ups(conn, row, found))
    moments = [reader.moment(at, some) for at, some in kept]
    before = [
        unpriced(call) if call.call_id in late else call
        for call in found
        if call.call_id not in reader.told
    ]
    return Past(
        whole=True,
        moments=moments,
        before=before,
        tally=stood_before(trimmed(row.tally), moments),
        told=reader.told,
        stood=reader.stood,
        calls=len(found),
        untimed=sum(not call.ended for call in found),
        changes=sum(len(some) for _, some in kept),
    )


def _follow_ups(conn: Connection, row: BatchRow, calls: Sequence[PastCall]) -> set[str]:
    """The calls that are no retries of the vendor's own, though they are another attempt."""
    again = [call.contact_id for call in calls if call.attempt]
    if len(again) == row.tally.get("retries", 0):
        return set()  # there are none, and most people need not be unpacked
    known = snapshot.load_people(conn, row.id, sorted(set(again)))
    return {
        call_id
        for person in known.values()
        for call_id, call in person.calls.items()
        if call.follow_up
    }


Spans = Sequence[tuple[datetime, datetime]]  # each from its start to before its end


def blind(conn: Connection, provider: str) -> Spans:
    """When people were told that a provider could not be seen; an end that is to come: never."""
    rows = conn.execute(
        select(alerts.c.fired_at, alerts.c.closed_at).where(
            alerts.c.provider == provider,
            alerts.c.rule == "provider_blind",
            alerts.c.fired_at.is_not(None),
        )
    )
    return [(row.fired_at, row.closed_at or _NEVER) for row in rows]


_NEVER = datetime(9999, 1, 1, tzinfo=UTC)


class Elsewhere(NamedTuple):
    """What one transaction saw of another batch, as far as it matters."""

    at: datetime
    batch: int
    changes: Sequence[Change]


def elsewhere(conn: Connection, batch: int, subjects: AbstractSet[str]) -> Iterator[Elsewhere]:
    """What moved about some people and their calls in a batch, and how it stood, in order."""
    for at, some in changes.of_batch(conn, batch):
        found = [
            each
            for each in some
            if (each[1] in subjects and each[0] in _OF_PEOPLE) or each[0] in _OF_BATCHES
        ]
        if found:
            yield Elsewhere(at, batch, found)


_OF_PEOPLE = frozenset({"contact", "call"})
_OF_BATCHES = frozenset({"batch", "baseline"})


def _ended_already(first: Sequence[Change]) -> bool:
    """Whether it had ended when it was first seen, so that nobody watched it."""
    word = first[0][3]
    return word in _ENDS


_ENDS = frozenset(status.value for status in BatchStatus if status.terminal)


def _counts(text: str) -> Counts:
    return decode(Counts, text)


def _exhausted(
    conn: Connection, row: BatchRow, kept: Sequence[tuple[datetime, list[Change]]]
) -> dict[str, int]:
    """How many retries those had who ran out of them."""
    ids = {key for _, some in kept for kind, key, _, after in some if after == _EXHAUSTED}
    return snapshot.load_attempts(conn, row.id, sorted(ids))
