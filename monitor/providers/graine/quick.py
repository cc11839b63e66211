"""People exactly as documented, read in a third of the time; anything else is read leniently.

The types and bounds below are those that the lenient reading (contacts.py) ends up with. A
row that breaks any of them is not refused here but read again by it.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
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
_Id = Annotated[str, Meta(min_length=1, max_length=200)]
_Text = Annotated[str, Meta(max_length=400)]
# A word for how a call stands: which that is, and whether it ends the call.
Words = Callable[[str], tuple[CallStatus, bool]]


class Record(msgspec.Struct, gc=False):
    """One call of a person."""

    execution_id: _Id
    call_status: _Word
    duration_seconds: _Seconds | None = None
    sentiment: _Word | None = None
    hangup_by: _Word | None = None
    hangup_reason: _Text | None = None
    total_cost: _Money | None = None
    retry_count: _Count | None = None
    is_follow_up: bool | None = None
    created_at: _Time | None = None


class _Current(msgspec.Struct, gc=False):
    execution_id: str | None = None


class Row(msgspec.Struct, gc=False):
    """One person of a page."""

    contact_id: _Id
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
    digest, masked, country, area = phones.read(row.phone_number)
    last, following = row.last_attempted_at, row.next_retry_at
    low, high = _bounds(seen_at)
    for at in (last, following):
        if at is not None and (at.tzinfo is not UTC or not low < at < high):
            raise UnusualError
    return _contact(
        (
            _identity(row.contact_id),
            status,
            None,
            row.retry_count or 0,
            row.follow_up_count or 0,
            last,
            following,
            digest,
            masked,
            country,
            area,
            None,
            seen_at,
        )
    )


def calls(
    records: list[Record], contact_id: str, seen_at: datetime, status_of: Words
) -> tuple[Call, ...]:
    """The calls of a row. No star in what they are made of: that is built as a list first."""
    low, high = _bounds(seen_at)
    found = []
    for record in records:
        status, ended = status_of(record.call_status)
        created_at, duration, cost = record.created_at, record.duration_seconds, record.total_cost
        call_id, feeling, by = record.execution_id, record.sentiment, record.hangup_by
        hangup = None if record.hangup_reason is None else _reason(record.hangup_reason)
        ended_at = ended_by = None
        if created_at is not None:
            if created_at.tzinfo is not UTC or not low < created_at < high:
                raise UnusualError
            if ended and duration is not None:
                ended_at = min(created_at + _lasting(duration), seen_at)
                ended_by = _DERIVED
        call = (
            call_id if call_id.isprintable() else identity(call_id),
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
            ended_by,
            None,
            None if cost is None else round(cost * 1_000_000),
            None if cost is None else "USD",
            False,
            None if feeling is None else _sentiment(feeling),
            None if by is None else _word(by),
            hangup,
            None,  # agent version
            None,  # disposition
            None,  # whether it was handed over
            seen_at,
            (),
        )
        found.append(_call(call))
    return tuple(found)


# Reading a member off its class takes as long as the rest of a line, and so does a call of a
# function that another one answers for: the few words there are have all been seen before.
_FAILED = CallStatus.FAILED
_DERIVED = EndedBy.DERIVED
_SENTIMENT = {each.value: each for each in Sentiment}
_word = lru_cache(maxsize=512)(word)
_reason = lru_cache(maxsize=1024)(reason)
_lasting = lru_cache(maxsize=2048)(partial(timedelta, 0))
# what their own constructors do, without going through Python for each
_call = partial(tuple.__new__, Call)
_contact = partial(tuple.__new__, Contact)


@lru_cache(maxsize=512)
def _sentiment(value: str) -> Sentiment | None:
    return _SENTIMENT.get(word(value) or "")


def _identity(value: str) -> str:
    return value if value.isprintable() else identity(value)
