"""Jobs as Vogent tells of them: a word, a limit of lines, a weekly schedule, and no count."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from monitor.core.calendar import Calendar
from monitor.core.hours import Hours
from monitor.core.model import Batch, BatchStatus, Counts
from monitor.providers import Known
from monitor.providers.answers import decoded, identity, parse_time, raw_word, title, whole, word
from monitor.providers.vogent.unseen import LONGEST_UNKNOWN

JOB_STATUS = {
    "init": BatchStatus.SCHEDULED,
    "active": BatchStatus.RUNNING,
    "paused": BatchStatus.PAUSED,
    "complete": BatchStatus.COMPLETED,
    "cancelled": BatchStatus.CANCELLED,
    "canceled": BatchStatus.CANCELLED,
}

# In which list a job of this status stands while it is open.
OPEN = {
    BatchStatus.RUNNING: "ACTIVE",
    BatchStatus.PAUSED: "PAUSED",
    BatchStatus.SCHEDULED: "INIT",
}

# What is worked out from what was seen before: the vendor counts nothing.
ESTIMATED = frozenset({"total", "finished", "live"})

_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::[0-9]{2})?")


class _Job(msgspec.Struct, rename="camel"):
    id: Any = None
    name: Any = None
    status: Any = None
    max_concurrent_dials: Any = None
    call_agent_id: Any = None
    created_at: Any = None
    schedule: Any = None


JOB = msgspec.json.Decoder(_Job)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A job, and whether its answer has a schedule at all."""

    batch: Batch
    scheduled: bool

    @property
    def batch_id(self) -> str:
        """Whose row it is."""
        return self.batch.batch_id


def decode(raw: bytes | memoryview, *, provider: str, seen_at: datetime) -> Told:
    """One job, from a list or its own answer; ValueError when it is none."""
    try:
        row = decoded(JOB, raw)
    except (ValueError, RecursionError):
        msg = "a job has another shape than documented"
        raise ValueError(msg) from None  # the cause may carry the row
    status = JOB_STATUS.get(word(row.status) or "")
    zone, calendar = _schedule(row.schedule)
    batch = Batch(
        provider=provider,
        batch_id=identity(row.id),
        status=status or BatchStatus.UNKNOWN,
        raw_status=None if status else raw_word(row.status),
        seen_at=seen_at,
        name=title(row.name),
        campaign=title(row.call_agent_id),
        created_at=parse_time(row.created_at, seen_at),
        concurrency=whole(row.max_concurrent_dials),
        timezone=zone,
        calendar=calendar,
        unseen_for=LONGEST_UNKNOWN if status and status.terminal else timedelta(0),
    )
    return Told(batch=batch, scheduled=row.schedule is not None)


def _schedule(value: Any) -> tuple[str | None, Calendar | None]:
    """The zone's name, and the hours; None, which is always, where they cannot be believed.

    Hours that cannot be read must not become hours that never open: nothing would ever be
    late again.
    """
    if not isinstance(value, dict):
        return None, None
    zone = _zone(value.get("timezone"))
    if zone is None:
        return None, None
    try:
        hours = tuple(_hours(value.get("days")))
    except (TypeError, ValueError):
        return zone.key, None
    return zone.key, Calendar(zone, hours) if hours else None


def _zone(value: Any) -> ZoneInfo | None:
    if not isinstance(value, str) or not value:
        return None
    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, OSError):  # unknown; written as a path; a path of this machine
        return None


def _hours(days: Any) -> Iterator[Hours]:
    """The slots of a week; TypeError or ValueError where one of them cannot be read."""
    for day in days:
        number = day.get("dayOfWeek") if isinstance(day, dict) else None
        if not isinstance(number, int) or not 0 <= number <= 6:
            msg = "a day of the week is missing or mistyped"
            raise ValueError(msg)
        for slot in day.get("timeSlots") or ():
            told = slot if isinstance(slot, dict) else {}
            start, end = _clock(told.get("startTime")), _clock(told.get("endTime"))
            if start is None:
                msg = "a slot begins at the end of a day"
                raise ValueError(msg)
            # Day 0 is Sunday there, and Monday here.
            yield Hours(frozenset({(number - 1) % 7}), start, end)


def _clock(value: Any) -> time | None:
    """HH:MM of a 24-hour day; None for "24:00", which is no time of a day."""
    found = _CLOCK.fullmatch(value)
    if found is None:
        msg = "a time of day has another shape than documented"
        raise ValueError(msg)
    hour, minute = int(found[1]), int(found[2])
    return None if (hour, minute) == (24, 0) else time(hour, minute)


def always(zone: str | None) -> Calendar:
    """Every hour of the week: what stands for a schedule that was taken away."""
    return Calendar(ZoneInfo(zone) if zone else ZoneInfo("UTC"), (_WHOLE_WEEK,))


_WHOLE_WEEK = Hours(frozenset(range(7)), time(0), None)


def lost_its_schedule(told: Told, known: Known) -> bool:
    """Whether a schedule that was known stands in the answer no more."""
    before = known.look
    if told.scheduled or before is None or before.timezone is None:
        return False
    return before.calendar is None or before.calendar.hours != (_WHOLE_WEEK,)


def counted(batch: Batch, known: Known, waiting: int) -> Batch:
    """The job with how many wait, as its queue was counted, and what follows from that.

    Who waited when last read, and waits no more, is in a call or was since: nothing lists
    calls under way, so ``live`` is what is left over. It also holds those whose call has ended
    and was not read yet, and never less than is under way of the people ever seen. Before the
    first reading nothing is left over from anything, and how many there are is not known.
    """
    if not known.contacts:
        return replace(batch, counts=Counts(waiting=waiting, estimated=ESTIMATED))
    people, undialled = known.contacts, min(known.waiting, known.contacts)
    return replace(
        batch,
        counts=Counts(
            total=people + max(waiting - undialled, 0),
            finished=people - undialled,
            live=max(undialled - waiting, 0),
            waiting=waiting,
            estimated=ESTIMATED,
        ),
    )
