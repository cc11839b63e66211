"""People and their calls, as Graine lists them. Hot: every person that changed comes through.

Transcripts, summaries and call variables are passed over in the bytes and never become
objects. Null and missing are alike everywhere.
"""

from datetime import datetime, timedelta
from functools import lru_cache, partial
from operator import attrgetter
from typing import Any

import msgspec

from monitor.core.model import (
    Call,
    CallStatus,
    Contact,
    ContactStatus,
    EndedBy,
    Item,
    Rates,
    Sentiment,
)
from monitor.providers.answers import (
    decoded,
    flag,
    identity,
    micros,
    parse_time,
    raw_word,
    reason,
    seconds,
    whole,
    word,
)
from monitor.providers.cost import estimated
from monitor.providers.graine import quick
from monitor.providers.phones import Phones

CONTACT_STATUS = {
    "pending": ContactStatus.PENDING,
    "dispatched": ContactStatus.DISPATCHED,
    "in_progress": ContactStatus.IN_CALL,
    "retrying": ContactStatus.RETRYING,
    "followup_scheduled": ContactStatus.FOLLOW_UP,
    "completed": ContactStatus.COMPLETED,
    "failed": ContactStatus.FAILED,
    "busy": ContactStatus.BUSY,
    "no_answer": ContactStatus.NO_ANSWER,
    "skipped": ContactStatus.SKIPPED,
    "max_retries_reached": ContactStatus.EXHAUSTED,
}

# Documented are the five that end a call, "and more". The others are telephony's usual words
# for a call under way: they keep it open, which an unknown word would do as well.
CALL_STATUS = {
    "completed": CallStatus.COMPLETED,
    "no_answer": CallStatus.NO_ANSWER,
    "busy": CallStatus.BUSY,
    "failed": CallStatus.FAILED,
    "canceled": CallStatus.CANCELLED,
    "cancelled": CallStatus.CANCELLED,
    "queued": CallStatus.QUEUED,
    "initiated": CallStatus.QUEUED,
    "ringing": CallStatus.RINGING,
    "in_progress": CallStatus.IN_PROGRESS,
}

_CALLS = {name: (status, status.terminal) for name, status in CALL_STATUS.items()}
_UNKNOWN = (CallStatus.UNKNOWN, False)
# Looking a member up in its enumeration costs more than comparing with it.
_FAILED = CallStatus.FAILED
_DERIVED = EndedBy.DERIVED
_SENTIMENT = {word.value: word for word in Sentiment}
# Nobody was called yet, unless the row names an attempt.
_MAYBE_UNCALLED = frozenset(
    {
        ContactStatus.PENDING,
        ContactStatus.DISPATCHED,
        ContactStatus.IN_CALL,
        ContactStatus.SKIPPED,
    }
)
_UNDER_WAY = frozenset({ContactStatus.DISPATCHED, ContactStatus.IN_CALL})


class _Record(msgspec.Struct, gc=False):
    execution_id: Any = None
    call_status: Any = None
    duration_seconds: Any = None
    sentiment: Any = None
    hangup_by: Any = None
    hangup_reason: Any = None
    total_cost: Any = None
    retry_count: Any = None
    is_follow_up: Any = None
    created_at: Any = None


class _Row(msgspec.Struct, gc=False):
    contact_id: Any = None
    status: Any = None
    phone_number: Any = None
    retry_count: Any = None
    follow_up_count: Any = None
    last_attempted_at: Any = None
    next_retry_at: Any = None
    current_call: _Record | None = None
    call_records: list[_Record] | None = None


_ROW = msgspec.json.Decoder(_Row)


def decode(
    raw: bytes | memoryview, *, seen_at: datetime, phones: Phones, rates: Rates | None = None
) -> Item:
    """One person of a page, with the calls that the row carries; ValueError without ids."""
    try:
        contact, calls = _quickly(raw, seen_at, phones)
    except (ValueError, KeyError, RecursionError):
        contact, calls = _leniently(raw, seen_at, phones)
    if rates is not None:
        calls = tuple([estimated(rates, call) for call in calls])
    return _item((contact, calls))


_item = partial(tuple.__new__, Item)  # what its constructor does, without going through Python


def _quickly(
    raw: bytes | memoryview, seen_at: datetime, phones: Phones
) -> tuple[Contact, tuple[Call, ...]]:
    """A row as documented; ValueError for any other."""
    row = quick.decode(raw)
    contact = quick.contact(row, _status(row.status), seen_at, phones)
    records, current = row.call_records or [], row.current_call
    ids = set(map(_ID, records))
    on_line = None if current is None else current.execution_id
    if len(ids) < len(records) or (on_line is not None and on_line not in ids):
        raise quick.UnusualError
    return contact, quick.calls(records, contact.contact_id, seen_at, _call_status)


_ID = attrgetter("execution_id")


@lru_cache(maxsize=256)
def _status(value: str) -> ContactStatus:
    return CONTACT_STATUS[word(value) or ""]


@lru_cache(maxsize=256)
def _call_status(value: str) -> tuple[CallStatus, bool]:
    return _CALLS[word(value) or ""]


def _leniently(
    raw: bytes | memoryview, seen_at: datetime, phones: Phones
) -> tuple[Contact, tuple[Call, ...]]:
    try:
        row = decoded(_ROW, raw)
    except (ValueError, RecursionError):
        msg = "a person's row has another shape than documented"
        raise ValueError(msg) from None  # the cause may carry the row
    contact_id = identity(row.contact_id)
    status, raw_status = _contact_status(row.status)
    phone = phones.read(row.phone_number)
    contact = Contact(
        contact_id,
        status,
        raw_status,
        whole(row.retry_count) or 0,
        whole(row.follow_up_count) or 0,
        parse_time(row.last_attempted_at, seen_at),
        parse_time(row.next_retry_at, seen_at),
        phone.hash,
        phone.masked,
        phone.country,
        phone.area,
        None,  # nor where they are
        seen_at,
    )
    records = row.call_records or []
    if row.current_call is not None:
        records = _with_current(records, row.current_call)
    calls = (_call(record, contact_id, seen_at) for record in records)
    return contact, tuple({call.call_id: call for call in calls}.values())


def _contact_status(value: Any) -> tuple[ContactStatus, str | None]:
    status = CONTACT_STATUS.get(word(value) or "")
    return (ContactStatus.UNKNOWN, raw_word(value)) if status is None else (status, None)


def _with_current(records: list[_Record], current: _Record) -> list[_Record]:
    """The records; the current call only where it is not among them, which tell more of it."""
    if current.execution_id is None or any(
        record.execution_id == current.execution_id for record in records
    ):
        return records
    return [*records, current]


def _call(record: _Record, contact_id: str, seen_at: datetime) -> Call:
    status, terminal = _CALLS.get(word(record.call_status) or "", _UNKNOWN)
    created_at = parse_time(record.created_at, seen_at)
    duration = seconds(record.duration_seconds)
    ended_at = None
    if terminal and duration is not None and created_at is not None:
        ended_at = min(created_at + timedelta(seconds=duration), seen_at)
    cost = None if record.total_cost is None else micros(record.total_cost)
    hangup = None if record.hangup_reason is None else reason(record.hangup_reason)
    return Call(
        identity(record.execution_id),
        contact_id,
        status,
        raw_word(record.call_status) if status is _UNKNOWN[0] else None,
        None,  # who answered is not told
        whole(record.retry_count) or 0,
        flag(record.is_follow_up),
        created_at,
        duration,
        hangup if status is _FAILED else None,
        None,  # nor the number that called
        seen_at,
        ended_at,
        None if ended_at is None else _DERIVED,
        None,
        cost,
        None if cost is None else "USD",
        False,
        _SENTIMENT.get(word(record.sentiment) or ""),
        raw_word(record.hangup_by),
        hangup,
        None,
        None,
        None,
        seen_at,
    )


def lacks_calls(item: Item) -> bool:
    """Whether this person was called, and the row does not say how.

    A first call that is still under way has nothing to tell yet; its person comes again.
    """
    contact = item.contact
    if item.calls:
        return False
    if contact.attempts or contact.follow_ups:
        return True
    if contact.status in _UNDER_WAY:
        return False
    return contact.status not in _MAYBE_UNCALLED or contact.last_attempt_at is not None
