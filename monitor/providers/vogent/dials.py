"""People who wait and dials that are over, as Vogent lists them.

Every row of the dials repeats the whole agent and transcript: both are passed over in the
bytes and never become objects. Null and missing are alike.

A row that waits and the dial it becomes have different ids, and nothing documented leads from
one to the other. What they share is the number, so one number of a job is one person here,
known by its keyed hash; a number that stands in a job twice is one person with two calls.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from monitor.core.model import (
    Call,
    CallStatus,
    Contact,
    ContactStatus,
    EndedBy,
    Item,
    Rates,
)
from monitor.core.text import clip, one_line
from monitor.providers.answers import decoded, identity, parse_time, seconds, tag
from monitor.providers.cost import estimated
from monitor.providers.phones import Phone, Phones, masked_number
from monitor.providers.vogent.order import Moments
from monitor.providers.vogent.results import NEVER_CALLED, End, end
from monitor.providers.vogent.unseen import Span

# So far the vendor's clock may be ahead of ours and still tell the same moment.
_AHEAD = timedelta(minutes=1)
# The people of so many dials are remembered.
_REMEMBERED = 50_000


class _Dial(msgspec.Struct, rename="camel", gc=False):
    id: Any = None
    to_number: Any = None
    status: Any = None
    system_result_type: Any = None
    duration_seconds: Any = None
    started_at: Any = None
    ended_at: Any = None
    created_at: Any = None
    from_number_id: Any = None
    versioned_prompt_id: Any = None
    ai_result: Any = None


class _Waiting(msgspec.Struct, rename="camel", gc=False):
    id: Any = None
    to_number: Any = None


class _Times(msgspec.Struct, rename="camel", gc=False):
    created_at: Any = None
    started_at: Any = None
    ended_at: Any = None
    updated_at: Any = None
    duration_seconds: Any = None
    status: Any = None
    system_result_type: Any = None


_DIAL = msgspec.json.Decoder(_Dial)
_WAITING = msgspec.json.Decoder(_Waiting)
_TIMES = msgspec.json.Decoder(_Times)


class _Person(NamedTuple):
    key: str
    phone: Phone


class Reading:
    """How this account's rows are read: under which key, with which rates."""

    def __init__(self, hash_key: bytes, rates: Rates | None) -> None:
        # A number of ten digits without a country is of the vendor's own.
        self._phones = Phones(hash_key, calling_code="1")
        self._rates = rates
        self._known: dict[str, _Person] = {}  # by dial, for a row that leaves its number out

    def waiting(self, raw: bytes | memoryview, seen_at: datetime) -> Item:
        """Somebody who has not been dialled; ValueError without an id."""
        row = _read(_WAITING, raw)
        if type(row.to_number) is not str:
            msg = "the number of somebody who waits is missing or mistyped"
            raise ValueError(msg)
        person = self._person(identity(row.id), row.to_number)
        return Item(_contact(person, ContactStatus.PENDING, seen_at))

    def _person(self, row_id: str, number: Any) -> _Person:
        """Whom a row is about: by the number, or the text in its place, else by the row itself."""
        phone = self._phones.read(number)
        if phone.hash is not None:
            return _Person(phone.hash.hex(), phone)
        text = number.strip() if isinstance(number, str) else ""
        return _Person(self._phones.hash(f"text {text}").hex() if text else row_id, phone)

    def dial(self, raw: bytes | memoryview, seen_at: datetime, *, certain: bool = False) -> Item:
        """A dial and its person; ValueError without an id.

        A dial that says nothing of how it stands comes without its call, so that it is asked
        about by its id; ``certain`` takes it as it is.
        """
        row = _read(_DIAL, raw)
        dial_id = identity(row.id)
        person = self._person(dial_id, row.to_number)
        if person.key == dial_id:
            person = self._known.get(dial_id, person)
        elif len(self._known) < _REMEMBERED:
            self._known[dial_id] = person
        how = end(row.status, row.system_result_type)
        started = parse_time(row.started_at, seen_at)
        created = parse_time(row.created_at, seen_at)
        contact = _contact(person, how.person, seen_at)._replace(
            raw_status=how.raw_status,
            last_attempt_at=started or (created if _was_called(how) else None),
        )
        if not certain and how.status is CallStatus.UNKNOWN and how.raw_status is None:
            return Item(contact)
        call = self._call(row, dial_id, contact.contact_id, how, seen_at)
        return Item(contact, (call._replace(created_at=created, started_at=started),))

    def _call(self, row: _Dial, dial_id: str, contact_id: str, how: End, seen_at: datetime) -> Call:
        ended_at, ended_by = _end(row, seen_at) if how.status.terminal else (None, None)
        failed = how.status in {CallStatus.FAILED, CallStatus.ERROR}
        call = Call(
            call_id=dial_id,
            contact_id=contact_id,
            status=how.status,
            raw_status=how.raw_status,
            answered_by=how.answered_by,
            duration_s=seconds(row.duration_seconds),
            error_class=how.hangup_class if failed else None,
            from_number=_line(row.from_number_id),
            seen_at=seen_at,
            ended_at=ended_at,
            ended_by=ended_by,
            hangup_by=how.hangup_by,
            hangup_class=how.hangup_class,
            agent_version=_label(row.versioned_prompt_id),
            disposition=_disposition(row.ai_result),
            transferred=True if how.hangup_class == "transferred" else None,
            detail_at=seen_at,
        )
        return estimated(self._rates, call)


class Times(NamedTuple):
    """When a dial moved, and from when until when it lasted where it is over."""

    moments: Moments
    span: Span | None


def times(raw: bytes | memoryview, seen_at: datetime) -> Times:
    """The times of a dial; none of a row that cannot be read."""
    try:
        row = decoded(_TIMES, raw)
    except (ValueError, RecursionError):
        return Times(Moments(None, None, None), None)
    told = (row.created_at, row.ended_at, row.updated_at)
    found = Moments(*(parse_time(value, seen_at) for value in told))
    began, (ended, _) = parse_time(row.started_at, seen_at), _end(row, seen_at)
    if not began or not ended:
        return Times(found, None)
    talked = end(row.status, row.system_result_type).status is CallStatus.COMPLETED
    return Times(found, Span(began, ended, talked))


def _read(decoder: msgspec.json.Decoder[Any], raw: bytes | memoryview) -> Any:
    try:
        return decoded(decoder, raw)
    except (ValueError, RecursionError):
        msg = "a row has another shape than documented"
        raise ValueError(msg) from None  # the cause may carry the row


def _contact(person: _Person, status: ContactStatus, seen_at: datetime) -> Contact:
    phone = person.phone
    return Contact(
        contact_id=person.key,
        status=status,
        phone_hash=phone.hash,
        phone=phone.masked,
        country=phone.country,
        area=phone.area,
        seen_at=seen_at,
    )


def _was_called(how: End) -> bool:
    """Whether the dial reached for the person; what was called off before it began did not."""
    return how.status is not CallStatus.CANCELLED and how.hangup_class not in NEVER_CALLED


def _end(row: _Dial | _Times, seen_at: datetime) -> tuple[datetime | None, EndedBy | None]:
    """When a dial that is over ended: as told, else by its start and its length.

    A time that lies ahead, or before the start, is none.
    """
    started, told = parse_time(row.started_at, seen_at), parse_time(row.ended_at, seen_at)
    if told is not None and told <= seen_at + _AHEAD and (started is None or told >= started):
        return min(told, seen_at), EndedBy.VENDOR
    length = seconds(row.duration_seconds)
    if started is None or length is None:
        return None, None
    return min(started + timedelta(seconds=length), seen_at), EndedBy.DERIVED


def _line(value: Any) -> str | None:
    """Which number a call came from: the vendor's id of it, a number itself only masked."""
    if not isinstance(value, str):
        return None
    return _label(value) if any(each.isalpha() for each in value) else masked_number(value)


def _disposition(value: Any) -> str | None:
    """Of what the agent made of the talk, the one label that has a usual name; all else is free."""
    if not isinstance(value, dict):
        return None
    return next((found for name in _OUTCOMES if (found := tag(value.get(name)))), None)


_OUTCOMES = ("disposition", "outcome")


def _label(value: Any) -> str | None:
    return clip(one_line(value[:200]), 64) or None if isinstance(value, str) else None
