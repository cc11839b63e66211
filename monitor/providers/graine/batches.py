"""Batches as Graine tells of them, and what their campaign adds: hours, zone, retry policy."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from monitor.core.calendar import Calendar
from monitor.core.hours import Hours
from monitor.core.model import Batch, BatchStatus, ContactStatus, Counts, RetryPolicy
from monitor.providers.answers import (
    decoded,
    flag,
    identity,
    number,
    parse_time,
    raw_word,
    title,
    whole,
    word,
)
from monitor.providers.graine.contacts import CONTACT_STATUS

BATCH_STATUS = {
    "pending": BatchStatus.SCHEDULED,
    "in_progress": BatchStatus.RUNNING,
    "paused": BatchStatus.PAUSED,
    "completed": BatchStatus.COMPLETED,
    "cancelled": BatchStatus.CANCELLED,
    "canceled": BatchStatus.CANCELLED,
    "expired": BatchStatus.EXPIRED,
}

OPEN = ("in_progress", "paused", "pending")

# The batch's counter of people who are being called has a name of its own.
_COUNTER = CONTACT_STATUS | {"in_flight": ContactStatus.IN_CALL}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class _Row(msgspec.Struct):
    batch_id: Any
    status: Any = None
    campaign_id: Any = None
    name: Any = None
    total_contacts: Any = None
    concurrency_limit: Any = None
    max_retries_override: Any = msgspec.UNSET
    scheduled_start: Any = None
    counters: Any = None
    created_at: Any = None
    updated_at: Any = None


_ROW = msgspec.json.Decoder(_Row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A batch with what its own row says of retries, which goes before the campaign's policy."""

    batch: Batch
    max_retries: int | None
    silent_on_retries: bool  # lists leave the field out; the batch's own answer has it

    @property
    def batch_id(self) -> str:
        """Whose row it is."""
        return self.batch.batch_id

    @property
    def created_at(self) -> datetime | None:
        """When the vendor says it was created."""
        return self.batch.created_at


def decode(raw: bytes | memoryview, *, provider: str, seen_at: datetime) -> Told:
    """One batch, from a list or its own answer; ValueError when it is none."""
    try:
        row = decoded(_ROW, raw)
    except (ValueError, RecursionError):
        msg = "a batch has another shape than documented"
        raise ValueError(msg) from None  # the cause may carry the row
    status = BATCH_STATUS.get(word(row.status) or "")
    override = row.max_retries_override
    batch = Batch(
        provider=provider,
        batch_id=identity(row.batch_id),
        status=status or BatchStatus.UNKNOWN,
        raw_status=None if status else raw_word(row.status),
        seen_at=seen_at,
        name=title(row.name),
        campaign=title(row.campaign_id),
        counts=_counts(row.total_contacts, row.counters),
        version=parse_time(row.updated_at, seen_at),
        created_at=parse_time(row.created_at, seen_at),
        scheduled_at=parse_time(row.scheduled_start, seen_at),
        concurrency=whole(row.concurrency_limit),
    )
    return Told(
        batch=batch,
        max_retries=None if override is msgspec.UNSET else whole(override),
        silent_on_retries=override is msgspec.UNSET,
    )


def _counts(total: Any, counters: Any) -> Counts:
    """The live counters. A person who is dispatched waits for a line that is taken for them.

    Keys that are not known are left out: they cannot be compared with anything.
    """
    by_status: dict[ContactStatus, int] = {}
    for key, value in counters.items() if isinstance(counters, dict) else ():
        status, count = _COUNTER.get(word(key) or ""), whole(value)
        if status is not None and count is not None:
            by_status[status] = by_status.get(status, 0) + count
    lines = (by_status.get(ContactStatus.DISPATCHED), by_status.get(ContactStatus.IN_CALL))
    return Counts(
        total=whole(total),
        waiting=by_status.get(ContactStatus.PENDING),
        live=None if lines == (None, None) else sum(line or 0 for line in lines),
        by_status=by_status,
    )


class _Policy(msgspec.Struct):
    max_retries: Any = None
    cooldown_minutes: Any = None


class _CampaignRow(msgspec.Struct):
    name: Any = None
    campaign_id: Any = None
    retry_policy: Any = None
    working_hours_enforced: Any = None
    timezone: Any = None
    working_hours: Any = None


CAMPAIGN = msgspec.json.Decoder(_CampaignRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """What a campaign tells about all of its batches."""

    name: str | None = None
    retry: RetryPolicy | None = None
    timezone: str | None = None
    calendar: Calendar | None = None


def campaign(row: _CampaignRow) -> Campaign:
    """A campaign's answer; whatever cannot be read of it is left out."""
    zone = zone_of(row.timezone)
    return Campaign(
        name=title(row.name),
        retry=_retry(row.retry_policy),
        timezone=None if zone is None else zone.key,
        calendar=_calendar(zone, row.working_hours) if flag(row.working_hours_enforced) else None,
    )


def zone_of(value: Any) -> ZoneInfo | None:
    """A time zone by its name; None for a name that this machine does not know."""
    if not isinstance(value, str) or not value:
        return None
    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, OSError):  # unknown; written as a path; a path of this machine
        return None


def _retry(value: Any) -> RetryPolicy | None:
    if not isinstance(value, Mapping):
        return None
    cooldown = number(value.get("cooldown_minutes"))
    return RetryPolicy(
        max_retries=whole(value.get("max_retries")),
        cooldown_s=None if cooldown is None else cooldown * 60,
        grows=_GROWS.get(word(value.get("strategy")) or ""),
    )


_GROWS = {"fixed": False, "exponential": True}


def _calendar(zone: ZoneInfo | None, days: Any) -> Calendar | None:
    """The working hours; None, which is always, where they cannot be believed.

    Hours that cannot be read must not become hours that never open: nothing would ever be
    late again.
    """
    if zone is None or not isinstance(days, Mapping):
        return None
    hours = []
    for number_of_day, name in enumerate(_DAYS):
        day = days.get(name)
        if not isinstance(day, Mapping) or not flag(day.get("enabled", True)):
            continue
        start, end = _clock(day.get("start")), _clock(day.get("end"))
        if start is None or (end is None and day.get("end") not in {"24:00", "24:00:00"}):
            return None
        hours.append(Hours(frozenset({number_of_day}), start, end))
    return Calendar(zone, tuple(hours)) if hours else None


def _clock(value: Any) -> time | None:
    """HH:MM of a 24-hour day; "24:00" is no time of a day and gives None."""
    try:
        return time.fromisoformat(value).replace(tzinfo=None)
    except (TypeError, ValueError):
        return None


def dressed(told: Told, of: Campaign | None, before: Batch | None) -> Batch:
    """The batch with its campaign's hours, zone and policy, or with those of the look before.

    A campaign that cannot be read must not take away what is known: nights would become
    permitted time.
    """
    batch = told.batch
    if of is None:
        known = before or batch
        retry = known.retry
        batch = replace(
            batch,
            name=batch.name or known.name,
            timezone=known.timezone,
            calendar=known.calendar,
        )
    else:
        retry = of.retry
        batch = replace(
            batch, name=batch.name or of.name, timezone=of.timezone, calendar=of.calendar
        )
    most = told.max_retries
    if told.silent_on_retries and before is not None and before.retry is not None:
        most = before.retry.max_retries
    if most is not None:
        retry = replace(retry or RetryPolicy(), max_retries=most)
    return replace(batch, retry=retry)
