"""Merging what was known of one contact or call with what was seen, in any order.

Every merge is a choice of maxima over total orders, group by group, so it is commutative,
associative and idempotent: poll and webhook may arrive in any order, twice, or late, and
the snapshot ends the same. A property test says so (tests/core/test_merge.py).
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from monitor.core.model import Call, Contact, EndedBy

_NEVER = datetime.min.replace(tzinfo=UTC)
_SEEN = EndedBy.SEEN
_WHOLE = slice(None)
T = TypeVar("T", Call, Contact)


def merge_contact(known: Contact, seen: Contact) -> Contact:
    """The later of two views of one person: by attempts, last attempt, rank, then time seen."""
    # The first of what decides, ahead of the rest: it differs whenever somebody was called.
    before, after = known.attempts + known.follow_ups, seen.attempts + seen.follow_ups
    if before != after:
        return seen if after > before else known
    return _later(known, seen, _contact_order)


def _contact_order(contact: Contact) -> tuple[object, ...]:
    return (
        contact.attempts + contact.follow_ups,
        contact.last_attempt_at or _NEVER,
        contact.status.rank,
        contact.seen_at or _NEVER,
    )


def merge_call(known: Call, seen: Call) -> Call:
    """One call from two views of it.

    Status and what every list row tells come from the view that is further along (terminal
    is sticky), of equals the later; the end from the better provenance; the details from
    the later view that carried any.
    """
    row = _later(known, seen, _row_order, slice(_END))
    end = _later(known, seen, _end_order, slice(_END, _DETAIL))
    detail = _later(known, seen, _detail_order, slice(_DETAIL, None))
    if row is end is detail:
        return row
    return Call._make((*row[:_END], *end[_END:_DETAIL], *detail[_DETAIL:]))


_END = Call._fields.index("ended_at")
_DETAIL = Call._fields.index("started_at")


def _row_order(call: Call) -> tuple[object, ...]:
    return (call.status.rank, call.seen_at or _NEVER)


def _detail_order(call: Call) -> tuple[object, ...]:
    return (call.detail_at or _NEVER,)


def _end_order(call: Call) -> tuple[object, ...]:
    if call.ended_by is None:
        return (-1, 0.0)
    at = 0.0 if call.ended_at is None else call.ended_at.timestamp()
    # A time that we only witnessed is best when earliest; a time that was told, when latest.
    return (call.ended_by.rank, -at if call.ended_by is _SEEN else at)


def _later(known: T, seen: T, order: Callable[[T], tuple[object, ...]], part: slice = _WHOLE) -> T:
    """The greater by ``order``; of equals, by any fixed order that both sides agree on."""
    left, right = order(known), order(seen)
    if left == right and known[part] != seen[part]:
        left, right = (repr(known[part]),), (repr(seen[part]),)
    return known if left >= right else seen
