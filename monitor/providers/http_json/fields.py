"""The tables that say where each field stands, in which unit, and what the vendor's words mean."""

import zoneinfo
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from monitor.core.words import AnsweredBy, BatchStatus, CallStatus, ContactStatus, Sentiment
from monitor.providers.http_json.expressions import Path
from monitor.settings import Strict

TIMES = frozenset({"iso", "epoch_s", "epoch_ms"})
_DATE_PARTS = frozenset({"%Y", "%y"})


class CountFields(Strict):
    """What the vendor counts in a batch."""

    total: Path | None = None
    finished: Path | None = None
    succeeded: Path | None = None
    failed: Path | None = None
    live: Path | None = None
    waiting: Path | None = None
    requested: Path | None = None
    rejected: Path | None = None
    by_status: Path | None = None  # a table of people by the vendor's words for their status


class BatchFields(Strict):
    """In a row of the list, and in the answer about one batch."""

    id: Path
    status: Path
    name: Path | None = None
    campaign: Path | None = None
    version: Path | None = None  # when it last changed: older answers are left aside
    created_at: Path | None = None
    scheduled_at: Path | None = None
    started_at: Path | None = None
    ended_at: Path | None = None
    concurrency: Path | None = None
    timezone: Path | None = None
    reason: Path | None = None
    reason_code: Path | None = None
    counts: CountFields = CountFields()


class ContactFields(Strict):
    """In a row of a batch's list. Without an id, each call is a person of its own.

    With one, a person stands in one row: rows and people are counted against each other.
    """

    id: Path | None = None
    status: Path | None = None
    phone: Path | None = None
    attempts: Path | None = None
    follow_ups: Path | None = None
    last_attempt_at: Path | None = None
    next_retry_at: Path | None = None
    timezone: Path | None = None


class CallFields(Strict):
    """In the same row, or in each of its calls."""

    id: Path | None = None
    status: Path | None = None
    answered_by: Path | None = None
    attempt: Path | None = None
    created_at: Path | None = None
    started_at: Path | None = None
    ended_at: Path | None = None
    duration: Path | None = None
    cost: Path | None = None
    currency: Path | None = None
    error: Path | None = None
    from_number: Path | None = None
    hangup_by: Path | None = None
    hangup_class: Path | None = None
    disposition: Path | None = None
    transferred: Path | None = None
    agent_version: Path | None = None
    sentiment: Path | None = None

    @model_validator(mode="after")
    def _has_a_status(self) -> Self:
        others = self.model_fields_set - {"id"}
        if self.id is None and others:
            raise ValueError("needs id: which call it is")
        if self.id is not None and self.status is None:
            raise ValueError("needs status: how a call stands")
        return self


class Fields(Strict):
    """Where everything stands."""

    batch: BatchFields
    contact: ContactFields = ContactFields()
    call: CallFields = CallFields()

    @model_validator(mode="after")
    def _somebody_is_told(self) -> Self:
        if self.contact.id is None and self.call.id is None:
            raise ValueError("needs contact.id or call.id: who or what a row is")
        if self.contact.id is not None and self.contact.status is None and self.call.id is None:
            raise ValueError("needs contact.status, or the calls that tell it")
        return self


class Words(Strict):
    """What the vendor's words mean here. A word that is not listed stays unknown, as it is."""

    batch: Mapping[str, BatchStatus] = {}
    contact: Mapping[str, ContactStatus] = {}
    call: Mapping[str, CallStatus] = {}
    answered_by: Mapping[str, AnsweredBy] = {}
    sentiment: Mapping[str, Sentiment] = {}


def _times(value: str) -> str:
    if value not in TIMES and not any(part in value for part in _DATE_PARTS):
        known = ", ".join(sorted(TIMES))
        raise ValueError(f'is one of {known}, or a form such as "%d/%m/%Y %H:%M:%S"')
    return value


def _zone(value: str) -> str:
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f'{value[:60]!r} is not a time zone, such as "Asia/Kolkata"') from error
    return value


class Units(Strict):
    """In what the vendor writes. ``zone``: of times that name none."""

    times: Annotated[str, AfterValidator(_times)] = "iso"
    zone: Annotated[str, AfterValidator(_zone)] | None = None
    duration: Literal["s", "ms", "min"] = "s"
    money: Literal["units", "cents", "micros"] = "units"
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None

    @model_validator(mode="after")
    def _has_a_zone(self) -> Self:
        if self.times not in TIMES and "%z" not in self.times and self.zone is None:
            raise ValueError("times without %z need zone: whose clock they are")
        return self
