"""What a vendor shows of a batch: its answer about it, and its lists."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from monitor.app.ruletest.batch import BatchWorld
from monitor.core.model import (
    FAILED,
    OPEN_CONTACT,
    Batch,
    Call,
    Contact,
    ContactStatus,
    Counts,
    EndedBy,
    Item,
    Outcome,
)
from monitor.providers.cost import estimated


def look(world: BatchWorld, now: datetime) -> Batch:
    """The vendor's answer about the batch."""
    given, can = world.described, world.capabilities
    return Batch(
        provider=given.provider,
        batch_id=given.batch_id,
        status=world.status,
        seen_at=now,
        name=given.title,
        campaign=given.campaign,
        counts=_counts(world),
        created_at=world.begun_at,
        scheduled_at=given.scheduled_at,
        started_at=world.started_at,
        ended_at=world.ended_at,
        concurrency=world.lines,
        retry=given.retry if can.retries else None,
        timezone=given.timezone,
        calendar=given.calendar if can.calling_hours else None,
        reason=world.reason,
    )


def _counts(world: BatchWorld) -> Counts:
    can = world.capabilities
    people, ended = +world.people, world.ended
    finished = sum(n for status, n in people.items() if status not in OPEN_CONTACT)
    told = Counts(
        total=len(world.contacts),
        finished=finished if "by_status" in can.trusted else ended.total(),
        succeeded=ended[Outcome.COMPLETED],
        failed=sum(ended[each] for each in FAILED),
        live=people[ContactStatus.DISPATCHED] + people[ContactStatus.IN_CALL],
        waiting=people[ContactStatus.PENDING],
        by_status=dict(people) if "by_status" in can.trusted else {},
        requested=len(world.contacts) + world.rejected if world.rejected else None,
        rejected=world.rejected or None,
        unaccounted=0 if "unaccounted" in can.trusted and world.status.terminal else None,
    )
    if not can.counts:
        derived = frozenset({"total", "finished", "live"})
        told = replace(told, succeeded=None, failed=None, estimated=derived)
    elif not can.in_flight:
        told = replace(told, live=None)
    given: dict[str, Any] = dict(world.overridden)
    return replace(told, **given)


def items(world: BatchWorld, now: datetime) -> list[Item]:
    """What the vendor's lists show of those who moved since the last reading."""
    found = [_item(world, world.contacts[key], now) for key in world.unread]
    world.unread.clear()
    return found


def _item(world: BatchWorld, contact: Contact, now: datetime) -> Item:
    made = world.calls.get(contact.contact_id, {}).values()
    calls = tuple(_call(world, call, now) for call in made)
    return Item(contact._replace(seen_at=now), calls)


def _call(world: BatchWorld, call: Call, now: datetime) -> Call:
    """A call without what this vendor cannot tell, and with what rates say that it cost."""
    can = world.capabilities
    hidden: list[str] = []
    if not can.call_times:
        hidden += ["created_at", "started_at", "ended_at", "ended_by"]
    if not can.cost:
        hidden += ["cost_micros", "currency"]
    if not can.sentiment:
        hidden.append("sentiment")
    if not can.voicemail:
        hidden.append("answered_by")
    if world.vendor == "graine":  # which tells when a call was made, and how long it took
        hidden.append("started_at")
        if call.ended_at is not None:
            call = call._replace(ended_by=EndedBy.DERIVED)
    if not can.retries:
        call = call._replace(attempt=0)
    nothing: dict[str, Any] = dict.fromkeys(hidden)
    shown = call._replace(**nothing, seen_at=now, detail_at=now)
    return estimated(world.described.rates, shown)


def rows(world: BatchWorld) -> int:
    """How many rows the lists hold."""
    if not world.capabilities.row_of_call:
        return len(world.contacts)
    return world.people[ContactStatus.PENDING] + world.made
