"""People and their calls as the configuration reads them.

Only what the configuration names is taken from a row, as numbers, times and short words: a
phone number becomes a keyed hash, and whatever else stands there goes no further.
"""

from datetime import datetime, timedelta
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
)
from monitor.core.words import person_of
from monitor.providers.answers import decoded, raw_word, reason, tag, whole
from monitor.providers.cost import estimated
from monitor.providers.http_json.batches import found, unknown
from monitor.providers.http_json.expressions import Expression
from monitor.providers.http_json.fields import Fields
from monitor.providers.http_json.ids import Ids, spelt, version
from monitor.providers.http_json.values import Values, label, told
from monitor.providers.phones import NO_PHONE, Phones, masked_number

_ROW = msgspec.json.Decoder(dict[str, Any])


End = tuple[datetime | None, EndedBy | None]


class ItemReading:
    """Reads rows of a batch's list."""

    def __init__(
        self,
        fields: Fields,
        calls: Expression | None,
        values: Values,
        phones: Phones,
        rates: Rates | None,
        currency: str | None,
    ) -> None:
        self._contact_at = fields.contact
        self._call_at = fields.call
        self._ids = Ids(fields, phones)
        self._calls_at = calls
        self._values = values
        self._phones = phones
        self._rates = rates
        self._currency = currency

    def item(self, raw: bytes | memoryview, seen_at: datetime) -> Item:
        """One person with the calls that the row tells of; ValueError without an id."""
        try:
            row = decoded(_ROW, raw)
        except (ValueError, RecursionError):
            raise ValueError("a row is no table") from None  # the cause may carry the row
        rows = self._rows_of_calls(row)
        contact_id = self._person(row)
        calls = []
        for each in rows:
            call_id = self._call_at.id.find(each) if self._call_at.id else None
            if call_id is not None:
                known = self._ids.call(call_id, found(self._contact_at.phone, row))
                calls.append(self._call(each, known, contact_id or known, seen_at))
        if contact_id is None:
            if not calls:
                raise ValueError("an id is missing or mistyped")
            contact_id = calls[-1].contact_id
        contact = self._contact(row, contact_id, calls, seen_at)
        return Item(contact, tuple(calls))

    def _rows_of_calls(self, row: dict[str, Any]) -> list[Any]:
        if self._call_at.id is None:
            return []
        if self._calls_at is None:
            return [row]
        rows = self._calls_at.find(row)
        return rows if isinstance(rows, list) else []

    def _person(self, row: dict[str, Any]) -> str | None:
        if self._contact_at.id is None:
            return None
        said, phone = self._contact_at.id.find(row), found(self._contact_at.phone, row)
        return self._ids.person(said, phone)

    def _contact(
        self, row: dict[str, Any], contact_id: str, calls: list[Call], seen_at: datetime
    ) -> Contact:
        at = self._contact_at
        phone = self._phones.read(spelt(at.phone.find(row))) if at.phone else NO_PHONE
        said = found(at.status, row)
        if at.status is not None:
            status = told(self._values.contact, said) or ContactStatus.UNKNOWN
        else:
            status = _standing(calls)
            said = calls[-1].raw_status if calls else None
        return Contact(
            contact_id=contact_id,
            status=status,
            raw_status=unknown(said) if status is ContactStatus.UNKNOWN else None,
            attempts=whole(found(at.attempts, row)) or 0,
            follow_ups=whole(found(at.follow_ups, row)) or 0,
            last_attempt_at=self._values.time(found(at.last_attempt_at, row), seen_at),
            next_retry_at=self._values.time(found(at.next_retry_at, row), seen_at),
            phone_hash=phone.hash,
            phone=phone.masked,
            country=phone.country,
            area=phone.area,
            timezone=label(found(at.timezone, row), 64),
            seen_at=seen_at,
        )

    def _call(self, row: Any, call_id: str, contact_id: str, seen_at: datetime) -> Call:
        at, values = self._call_at, self._values
        said = found(at.status, row)
        status = told(values.call, said) or CallStatus.UNKNOWN
        started_at = values.time(found(at.started_at, row), seen_at)
        duration = values.duration(found(at.duration, row))
        ended = NOT_KNOWN
        if status.terminal:
            ended_at = values.time(found(at.ended_at, row), seen_at)
            ended = _ended(started_at, ended_at, duration, seen_at)
        cost = values.money(found(at.cost, row))
        from_number = spelt(found(at.from_number, row))
        call = Call(
            call_id=call_id,
            contact_id=contact_id,
            status=status,
            raw_status=unknown(said) if status is CallStatus.UNKNOWN else None,
            answered_by=told(values.answered_by, found(at.answered_by, row)),
            attempt=whole(found(at.attempt, row)) or 0,
            created_at=values.time(found(at.created_at, row), seen_at),
            duration_s=duration,
            error_class=reason(found(at.error, row)),
            from_number=masked_number(from_number) if isinstance(from_number, str) else None,
            seen_at=seen_at,
            ended_at=ended[0],
            ended_by=ended[1],
            started_at=started_at,
            cost_micros=cost,
            currency=None if cost is None else self._currency_of(row),
            sentiment=told(values.sentiment, found(at.sentiment, row)),
            hangup_by=raw_word(found(at.hangup_by, row)),
            hangup_class=raw_word(found(at.hangup_class, row)),
            disposition=tag(found(at.disposition, row)),
            transferred=_transferred(found(at.transferred, row)),
            agent_version=version(found(at.agent_version, row)),
        )
        return estimated(self._rates, _detailed(call, seen_at))

    def _currency_of(self, row: Any) -> str | None:
        said = found(self._call_at.currency, row)
        if isinstance(said, str) and len(said) == 3 and said.isascii() and said.isalpha():
            return said.upper()
        return self._currency


def _transferred(value: Any) -> bool | None:
    """Whether it was handed to somebody: true or false, or to whom; None where nobody tried."""
    if isinstance(value, bool):
        return value
    said = spelt(value)
    text = said.strip().lower() if isinstance(said, str) else ""
    return _TRANSFERRED.get(text, True) if text else None


_TRANSFERRED: dict[str, bool | None] = {"false": False, "failed": False, "no": None, "none": None}

NOT_KNOWN: End = (None, None)


def _standing(calls: list[Call]) -> ContactStatus:
    if not calls:
        return ContactStatus.PENDING
    return person_of(calls[-1].status, calls[-1].answered_by)


def _ended(
    started_at: datetime | None,
    ended_at: datetime | None,
    duration: float | None,
    seen_at: datetime,
) -> End:
    """When a call ended, and how that is known: never before its start, never later than now."""
    if ended_at is not None and (started_at is None or ended_at >= started_at):
        return min(ended_at, seen_at), EndedBy.VENDOR
    if started_at is None or duration is None:
        return NOT_KNOWN
    return min(started_at + timedelta(seconds=duration), seen_at), EndedBy.DERIVED


def _detailed(call: Call, seen_at: datetime) -> Call:
    """The call, with the time of its details where it has any."""
    details = (
        call.started_at,
        call.cost_micros,
        call.sentiment,
        call.hangup_by,
        call.hangup_class,
        call.disposition,
        call.transferred,
        call.agent_version,
    )
    return (
        call if not any(each is not None for each in details) else call._replace(detail_at=seen_at)
    )
