"""The ends that polls see and webhooks tell, each noted with its time.

Only of providers whose webhooks are listened to, and only what ended while somebody listened
and a short while ago: what is history when it is first seen, no webhook can tell in time.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection

from monitor.core.hearing import Expected
from monitor.core.model import Batch, Call, EndedBy, Item
from monitor.providers.notices import Notice
from monitor.store import arrivals
from monitor.store.arrivals import End
from monitor.store.batches import BatchRow
from monitor.store.snapshot import person_of

RECENT = timedelta(minutes=15)


def note_calls(
    conn: Connection,
    row: BatchRow,
    people: Mapping[str, bytes],
    items: Iterable[Item],
    at: datetime,
    expected: Expected,
) -> None:
    """Note the calls that a poll saw ended; ``people`` as kept since, ``row`` as known before."""
    if not expected.calls:
        return
    # An end that was only witnessed came after this, or nobody knows when.
    read_at = row.listed_at if row.listed_at and row.listed_at >= expected.since else None
    ends = [
        (call.call_id, at, _told(call))
        for contact, calls in items
        for call in _ended(calls, people[contact.contact_id])
        if call.ended_at is not None
        and _is_recent(call.ended_at, at, expected)
        and (call.ended_by is not EndedBy.SEEN or read_at is not None)
    ]
    arrivals.note_poll(conn, row.look.provider, ends)


def _ended(seen: Iterable[Call], person: bytes) -> list[Call]:
    """Those of the calls that are seen ended, as they are known."""
    ids = [call.call_id for call in seen if call.status.terminal]
    known = person_of(person).calls if ids else {}
    return [known[call_id] for call_id in ids]


def note_batch(conn: Connection, row: BatchRow, look: Batch, expected: Expected) -> None:
    """Note the batch's end if this look of a poll's shows it; ``row`` as known since."""
    if not (expected.batches and row.news and look.status.terminal and row.look.status.terminal):
        return
    witnessed = row.terminal_at if row.first_seen_at != row.terminal_at else None
    ended_at = look.ended_at or witnessed
    if ended_at is not None and _is_recent(ended_at, look.seen_at, expected):
        arrivals.note_poll(conn, look.provider, [(look.batch_id, look.seen_at, look.ended_at)])


def told_ends(notice: Notice, received_at: datetime) -> Iterator[End]:
    """The ends that a webhook tells."""
    if notice.item is not None:
        yield from call_ends(notice.item, received_at)
    if notice.look is not None and notice.look.status.terminal:
        yield notice.look.batch_id, received_at, notice.look.ended_at
    if notice.ended and notice.call_id is not None:
        yield notice.call_id, received_at, notice.at


def call_ends(item: Item, received_at: datetime) -> Iterator[End]:
    """The ends of an item's calls, which a webhook told or led to."""
    for call in item.calls:
        if call.status.terminal:
            yield call.call_id, received_at, _told(call)


def pushed(item: Item, witnessed_at: datetime | None) -> Item:
    """A webhook's record, of which nobody knows how old it is: it goes behind what was asked for.

    ``witnessed_at`` is when its calls ended for which the vendor names no time.
    """
    calls = (
        call._replace(ended_at=witnessed_at, ended_by=EndedBy.SEEN)
        if witnessed_at is not None and call.status.terminal and call.ended_by is None
        else call
        for call in item.calls
    )
    aged = (call._replace(seen_at=None, detail_at=None) for call in calls)
    return Item(item.contact._replace(seen_at=None), tuple(aged))


def moved_at(item: Item, received_at: datetime) -> datetime:
    """When the person of a webhook moved: a record that comes late is no sign of life now."""
    ends = [_told(call) for call in item.calls]
    told = [each for each in ends if each is not None]
    if not told or len(told) < len(ends):
        return received_at
    return min(max(told), received_at)


def _told(call: Call) -> datetime | None:
    """When it ended, if the vendor tells."""
    return None if call.ended_by in {EndedBy.SEEN, EndedBy.HISTORY} else call.ended_at


def _is_recent(ended_at: datetime, at: datetime, expected: Expected) -> bool:
    return max(expected.since, at - RECENT) <= ended_at
