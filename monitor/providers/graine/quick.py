"""People exactly as documented, read in a third of the time; anything else is read leniently.

The types and bounds below are those that the lenient reading (contacts.py) ends up with. A
row that breaks any of them is not refused here but read again by it.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated

import msgspec
from msgspec import Meta

from monitor.core.model import Call, CallStatus, Contact, ContactStatus, EndedBy, Sentiment
from monitor.providers.answers import HORIZON, identity, reason, word
from monitor.providers.phones import Phones

_Count = Annotated[int, Meta(ge=0, lt=10**15)]
_Seconds = Annotated[float, Meta(ge=0, le=10**7)]
_Money = Annotated[float, Meta(ge=0, lt=10**9)]
_Time = Annotated[datetime, Meta(tz=True)]
_Word = Annotated[str, Meta(max_length=64)]


class Record(msgspec.Struct, gc=False):
    """One call of a person."""

    execution_id: str
    call_status: _Word
    duration_seconds: _Seconds | None = None
    sentiment: _Word | None = None
    hangup_by: _Word | None = None
    hangup_reason: str | None = None
    total_cost: _Money | None = None
    retry_count: _Count | None = None
    is_follow_up: bool | None = None
    created_at: _Time | None = None


class _Current(msgspec.Struct, gc=False):
    execution_id: str | None = None


class Row(msgspec.Struct, gc=False):
    """One person of a page."""

    contact_id: str
    status: _Word
    phone_number: str | None = None
    retry_count: _Count | None = None
    follow_up_count: _Count | None = None
    last_attempted_at: _Time | None = None
    next_retry_at: _Time | None = None
    current_call: _Current | None = None
    call_records: list[Record] | None = None


decode = msgspec.json.Decoder(Row).decode


class UnusualError(ValueError):
    """The row is to be read leniently."""


@lru_cache(maxsize=8)
def _bounds(seen_at: datetime) -> tuple[datetime, datetime]:
    return seen_at - HORIZON, seen_at + HORIZON


def contact(row: Row, status: ContactStatus, seen_at: datetime, phones: Phones) -> Contact:
    """The person of a row whose status is known."""
    phone = phones.read(row.phone_number)
    return Contact(
        identity(row.contact_id),
        status,
        None,
        row.retry_count or 0,
        row.follow_up_count or 0,
        None if row.last_attempted_at is None else _utc(row.last_attempted_at, seen_at),
        None if row.next_retry_at is None else _utc(row.next_retry_at, seen_at),
        phone.hash,
        phone.masked,
        phone.country,
        phone.area,
        seen_at,
    )


def call(record: Record, contact_id: str, status: CallStatus, seen_at: datetime) -> Call:
    """The call of a record whose status is known."""
    duration, created_at, cost = record.duration_seconds, record.created_at, record.total_cost
    ended_at = None
    if created_at is not None:
        created_at = _utc(created_at, seen_at)
        if duration is not None and status in ENDED:
            ended_at = created_at + timedelta(0, duration) if duration else created_at
            ended_at = min(ended_at, seen_at)
    hangup = None if record.hangup_reason is None else reason(record.hangup_reason)
    return Call._make(
        (
            identity(record.execution_id),
            contact_id,
            status,
            None,
            None,
            record.retry_count or 0,
            record.is_follow_up is True,
            created_at,
            duration,
            hangup if status is _FAILED else None,
            None,
            seen_at,
            ended_at,
            None if ended_at is None else _DERIVED,
            None,
            None if cost is None else round(cost * 1_000_000),
            None if cost is None else "USD",
            False,
            None if record.sentiment is None else _SENTIMENT.get(word(record.sentiment) or ""),
            None if record.hangup_by is None else word(record.hangup_by),
            hangup,
            None,
            seen_at,
        )
    )


ENDED = frozenset(status for status in CallStatus if status.terminal)
# Reading a member off its class takes as long as the rest of a line.
_FAILED = CallStatus.FAILED
_DERIVED = EndedBy.DERIVED
_SENTIMENT = {each.value: each for each in Sentiment}


def _utc(at: datetime, seen_at: datetime) -> datetime:
    low, high = _bounds(seen_at)
    if at.tzinfo is not UTC or not low < at < high:
        raise UnusualError
    return at
