"""Calls as Bland lists them. At Bland one call is one person: both have the call's id.

Rows of both generations, and the answer about a single call, are read alike: they differ
in which fields they carry. Null and missing are alike. Transcripts are never decoded.
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from monitor.core.model import (
    AnsweredBy,
    Call,
    CallStatus,
    Contact,
    ContactStatus,
    EndedBy,
    Item,
    Rates,
)
from monitor.core.words import person_of
from monitor.providers.answers import (
    decoded,
    flag,
    identity,
    micros,
    number,
    parse_time,
    raw_word,
    seconds,
    tag,
    word,
)
from monitor.providers.bland import texts
from monitor.providers.bland.ends import NOT_KNOWN, End, ended
from monitor.providers.cost import estimated
from monitor.providers.phones import Phones, masked_number

# "Most up to date", but only where the call was successfully created.
CALL_STATUS = {
    "completed": CallStatus.COMPLETED,
    "complete": CallStatus.COMPLETED,
    "failed": CallStatus.FAILED,
    "busy": CallStatus.BUSY,
    "no_answer": CallStatus.NO_ANSWER,
    "canceled": CallStatus.CANCELLED,
    "cancelled": CallStatus.CANCELLED,
    # under way: not documented for this field, and no end of anything
    "queued": CallStatus.QUEUED,
    "ringing": CallStatus.RINGING,
    "in_progress": CallStatus.IN_PROGRESS,
    "started": CallStatus.IN_PROGRESS,
}

# "unknown" is a documented value of ``status``: the vendor does not know either.
_SAYS_NOTHING = frozenset({"", "unknown"})

# complete_error: the call was fine, something after it was not.
_QUEUE_DONE = frozenset({"complete", "completed", "complete_error"})
_QUEUE_ERROR = frozenset({"pre_queue_error", "queue_error", "call_error"})
# Nothing in these tells of an attempt: what is seen later, in whatever status, goes before them.
_NOT_CALLED = frozenset({CallStatus.QUEUED, CallStatus.UNKNOWN})
_QUEUE_OPEN = {
    "new": (CallStatus.QUEUED, ContactStatus.PENDING),
    "queued": (CallStatus.QUEUED, ContactStatus.PENDING),
    "allocated": (CallStatus.QUEUED, ContactStatus.DISPATCHED),
    "started": (CallStatus.IN_PROGRESS, ContactStatus.IN_CALL),
}

_ANSWERED_BY = {
    "human": AnsweredBy.HUMAN,
    "voicemail": AnsweredBy.VOICEMAIL,
    "no_answer": AnsweredBy.NO_ANSWER,
    "unknown": AnsweredBy.UNKNOWN,
}


class _Row(msgspec.Struct, gc=False):
    call_id: Any = None
    c_id: Any = None
    status: Any = None
    queue_status: Any = None
    completed: Any = None
    answered_by: Any = None
    error_message: Any = None
    call_length: Any = None
    corrected_duration: Any = None
    created_at: Any = None
    started_at: Any = None
    end_at: Any = None
    max_duration: Any = None
    to: Any = None
    from_: Any = msgspec.field(name="from", default=None)
    price: Any = None
    call_ended_by: Any = None
    disposition_tag: Any = None
    transferred_to: Any = None


_ROW = msgspec.json.Decoder(_Row)


class Reading:
    """How this account's rows are read: under which key, with which rates."""

    def __init__(self, hash_key: bytes, rates: Rates | None) -> None:
        # Numbers without a country are of the vendor's own.
        self._phones = Phones(hash_key, calling_code="1")
        self._rates = rates

    def item(self, raw: bytes | memoryview, seen_at: datetime, *, certain: bool = False) -> Item:
        """One call and its person; ValueError without an id.

        An end that the row only suggests comes without its call, so that the vendor is asked
        about it apart; ``certain`` takes the row as it is.
        """
        row = _read(raw)
        call_id = identity(row.call_id if row.call_id is not None else row.c_id)
        status, person = _standing(row)
        answered_by = _answered(row.answered_by)
        person = person or person_of(status, answered_by)
        contact = self._contact(row, call_id, seen_at, person)
        if status not in _NOT_CALLED:
            contact = contact._replace(last_attempt_at=parse_time(row.created_at, seen_at))
        if not certain and _is_guessed(row, status):
            return Item(contact)
        return Item(contact, (self._call(row, call_id, seen_at, status, answered_by),))

    def _contact(
        self, row: _Row, call_id: str, seen_at: datetime, status: ContactStatus
    ) -> Contact:
        phone = self._phones.read(row.to)
        return Contact(
            contact_id=call_id,
            status=status,
            raw_status=_unknown_word(row) if status is ContactStatus.UNKNOWN else None,
            phone_hash=phone.hash,
            phone=phone.masked,
            country=phone.country,
            area=phone.area,
            seen_at=seen_at,
        )

    def _call(
        self,
        row: _Row,
        call_id: str,
        seen_at: datetime,
        status: CallStatus,
        answered_by: AnsweredBy | None,
    ) -> Call:
        ended_at, ended_by = _end(row, status, seen_at)
        cost = micros(row.price)
        told = (row.started_at, row.price, row.call_ended_by, row.disposition_tag)
        detailed = any(each is not None for each in (*told, row.transferred_to))
        call = Call(
            call_id=call_id,
            contact_id=call_id,
            status=status,
            raw_status=_unknown_word(row) if status is CallStatus.UNKNOWN else None,
            answered_by=answered_by,
            created_at=parse_time(row.created_at, seen_at),
            duration_s=_duration(row),
            error_class=texts.error(row.error_message, row.queue_status, status),
            from_number=masked_number(row.from_) if isinstance(row.from_, str) else None,
            seen_at=seen_at,
            ended_at=ended_at,
            ended_by=ended_by,
            started_at=_start(row, seen_at),
            cost_micros=cost,
            currency=None if cost is None else "USD",
            hangup_by=raw_word(row.call_ended_by.lower())
            if isinstance(row.call_ended_by, str)
            else None,
            hangup_class=texts.hangup(row.error_message, status),
            disposition=tag(row.disposition_tag),
            transferred=texts.transferred(row.transferred_to, row.error_message, status),
            detail_at=seen_at if detailed else None,
        )
        return estimated(self._rates, call)


def _read(raw: bytes | memoryview) -> _Row:
    try:
        return decoded(_ROW, raw)
    except (ValueError, RecursionError):
        msg = "a call's row has another shape than documented"
        raise ValueError(msg) from None  # the cause may carry the row


def _said(row: _Row) -> str:
    return word(row.status) or ""


def _is_guessed(row: _Row, status: CallStatus) -> bool:
    """Whether the row does not say how the call ended: a lack of talk, or of its length."""
    if _said(row) not in _SAYS_NOTHING:
        return False
    untold = _duration(row) is None and _answered(row.answered_by) is None
    return status is CallStatus.FAILED or (status is CallStatus.COMPLETED and untold)


def _standing(row: _Row) -> tuple[CallStatus, ContactStatus | None]:
    """Where the call stands; the person's status only where the call's does not tell it.

    ``status`` goes before all else where it says something. ``completed: true`` says that the
    call is over whatever the queue says, but a queue error stays the reason why: also of a
    ``failed`` call, since lists tell the same call's queue without its status.
    """
    said = _said(row)
    queue = word(row.queue_status) or ""
    if said not in _SAYS_NOTHING:
        status = CALL_STATUS.get(said, CallStatus.UNKNOWN)
        lost = status is CallStatus.FAILED and queue in _QUEUE_ERROR
        return CallStatus.ERROR if lost else status, None
    if queue in _QUEUE_ERROR:
        return CallStatus.ERROR, None
    if flag(row.completed) or queue in _QUEUE_DONE:
        return _over(row, queue), None
    return _QUEUE_OPEN.get(queue, (CallStatus.UNKNOWN, None))


def _over(row: _Row, queue: str) -> CallStatus:
    """How a call without a status of its own ended.

    An error text makes a failure of a call that nobody talked in. In one with talk it names
    something that went wrong within it, such as a transfer. No error and a length of
    exactly nothing is a call that nobody took.
    """
    text = row.error_message.strip() if isinstance(row.error_message, str) else ""
    duration = _duration(row)
    failed = text.lower().startswith("call failed") or not duration
    if text and failed and queue != "complete_error":
        return CallStatus.BUSY if texts.says(text, texts.BUSY) else CallStatus.FAILED
    if duration == 0 and _answered(row.answered_by) in {None, AnsweredBy.UNKNOWN}:
        return CallStatus.NO_ANSWER
    return CallStatus.COMPLETED


def _unknown_word(row: _Row) -> str | None:
    return raw_word(row.queue_status if _said(row) in _SAYS_NOTHING else row.status)


def _answered(value: Any) -> AnsweredBy | None:
    """Documented as a list, shown as a word or null; a word that is not known says nothing."""
    if isinstance(value, list):
        value = value[0] if value else None
    said = word(value)
    return None if said is None else _ANSWERED_BY.get(said, AnsweredBy.UNKNOWN)


def _duration(row: _Row) -> float | None:
    """Seconds. ``corrected_duration`` is in seconds, as text; ``call_length`` in minutes."""
    corrected = seconds(row.corrected_duration)
    if corrected is not None:
        return corrected
    minutes = number(row.call_length)
    return None if minutes is None else seconds(round(minutes * 60, 3))


def _end(row: _Row, status: CallStatus, seen_at: datetime) -> End:
    """When the call ended. What the queue lost was never talked in: only the vendor knows."""
    if not status.terminal:
        return NOT_KNOWN
    duration, longest = _duration(row), number(row.max_duration)
    end_at, by = ended(
        created_at=parse_time(row.created_at, seen_at),
        started_at=_start(row, seen_at),
        end_at=parse_time(row.end_at, seen_at),
        duration=None if duration is None else timedelta(seconds=duration),
        longest=timedelta(minutes=min(longest, 10**5)) if longest else None,
        seen_at=seen_at,
    )
    return NOT_KNOWN if status is CallStatus.ERROR and by is EndedBy.DERIVED else (end_at, by)


def _start(row: _Row, seen_at: datetime) -> datetime | None:
    """The call's own start; in some answers it only repeats when the row was made."""
    started_at = parse_time(row.started_at, seen_at)
    return None if started_at == parse_time(row.created_at, seen_at) else started_at
