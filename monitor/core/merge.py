"""Merging what was known of one contact or call with what was seen, in any order.

Every merge is a choice of maxima over total orders, group by group, so it is commutative,
associative and idempotent: poll and webhook may arrive in any order, twice, or late, and
the snapshot ends the same. A property test says so (tests/core/test_merge.py).
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from monitor.core.model import Call, Contact, EndedBy

_NEVER = datetime.min.replace(tzinfo=UTC)
_SEEN = EndedBy.SEEN
_Values = tuple[Any, ...]  # a call, field by field
# From this rank on a person's attempt is over, in whatever way.
_OVER = 3


def merge_contact(known: Contact, seen: Contact) -> Contact:
    """The later of two views of one person: by attempts, last attempt, rank, then time seen.

    Of an attempt that is over, what was asked for goes before what was pushed.
    """
    # The first of what decides, ahead of the rest: it differs whenever somebody was called.
    before, after = known.attempts + known.follow_ups, seen.attempts + seen.follow_ups
    if before != after:
        return seen if after > before else known
    left, right = _contact_order(known), _contact_order(seen)
    if left == right and known != seen:
        left, right = (repr(known),), (repr(seen),)
    return known if left >= right else seen


def _contact_order(contact: Contact) -> tuple[object, ...]:
    rank = contact.status.rank
    return (
        contact.last_attempt_at or _NEVER,
        min(rank, _OVER),
        contact.seen_at is not None,
        rank,
        contact.seen_at or _NEVER,
    )


def undated(known: Contact, seen: Contact) -> Contact:
    """A view taken now that leaves out when the last attempt was: it was when it is known to be.

    Else a vendor that stops telling times would never tell anything newer. Of more attempts it
    is another one, of which nothing is known.
    """
    if seen.last_attempt_at is not None or known.last_attempt_at is None or seen.seen_at is None:
        return seen
    if known.attempts + known.follow_ups != seen.attempts + seen.follow_ups:
        return seen
    if known.seen_at is not None and known.seen_at > seen.seen_at:
        return seen
    return seen._replace(last_attempt_at=known.last_attempt_at)


def is_behind(seen: Contact, known: Contact) -> bool:
    """Whether a view is beyond doubt the older one: fewer attempts, or the same not over yet."""
    before, after = known.attempts + known.follow_ups, seen.attempts + seen.follow_ups
    return after < before or (after == before and seen.status.rank < _OVER <= known.status.rank)


def merge_call(known: Call, seen: Call) -> Call:
    """One call from two views of it.

    Status and what every list row tells come from the view that is further along (terminal
    is sticky), of equals the later; what was pushed counts as earlier than all that was asked
    for. The end comes from the better provenance; each detail from the later view that told
    it. A view of equal rank that leaves something out leaves it alone.
    """
    end = known if _end_order(known) >= _end_order(seen) else seen
    before, after = known.status.rank, seen.status.rank
    if before != after:
        row = known if before > after else seen
        if not (known.kept or seen.kept):
            # The usual move: one view is further along, and at most one has details.
            for detail, other in ((known, seen), (seen, known)):
                if other[_DETAIL:_KEPT] == _NO_DETAILS:
                    return Call._make((*row[:_END], *end[_END:_DETAIL], *detail[_DETAIL:]))
        return _merged(row, end, (row, row), (known, seen))
    row = known if _row_order(known) >= _row_order(seen) else seen
    return _merged(row, end, (known, seen), (known, seen))


def _merged(row: Call, end: Call, of_row: tuple[Call, Call], of_detail: tuple[Call, Call]) -> Call:
    """A call part by part: the row's are chosen from some views, the details from others."""
    known, seen = of_detail
    detail = known if (known.detail_at or _NEVER) >= (seen.detail_at or _NEVER) else seen
    values = [*row[:_END], *end[_END:_DETAIL], *detail[_DETAIL:_KEPT]]
    told = {
        **_told(values, _ROW_PARTS, of_row, _SEEN_AT),
        **_told(values, _DETAIL_PARTS, of_detail, _DETAIL_AT),
    }
    return Call._make((*values, tuple(told.items())))


_SEEN_AT = Call._fields.index("seen_at")
_END = Call._fields.index("ended_at")
_DETAIL = Call._fields.index("started_at")
_DETAIL_AT = Call._fields.index("detail_at")
_KEPT = Call._fields.index("kept")
_NO_DETAILS = (None, None, None, False, *[None] * (_KEPT - _DETAIL - 4))


def _part(name: str, size: int = 1) -> tuple[str, slice]:
    start = Call._fields.index(name)
    return name, slice(start, start + size)


# What a view may leave out, by the name that ``kept`` has for it.
_ROW_PARTS = tuple(
    map(_part, ("answered_by", "created_at", "duration_s", "error_class", "from_number"))
)
_DETAIL_PARTS = (
    _part("started_at"),
    _part("cost_micros", 3),  # with its currency, and whether it is an estimate
    *map(_part, ("sentiment", "hangup_by", "hangup_class", "agent_version", "disposition")),
    _part("transferred"),
)


def _told(
    values: list[Any],
    parts: Iterable[tuple[str, slice]],
    views: tuple[_Values, _Values],
    at: int,
) -> dict[str, datetime | None]:
    """Put each part into ``values`` from the view that told it last.

    When that was, by the part's name, where it is another time than that of the rest.
    """
    known, seen = views
    times: dict[str, datetime | None] = {}
    for name, part in parts:
        if known[part] == seen[part] and known[part][0] is None:
            continue
        left, right = (_part_order(each, name, part, at) for each in views)
        chosen = known if left >= right else seen
        values[part] = chosen[part]
        told_at = _told_at(chosen, name, at)
        if chosen[part][0] is not None and told_at != values[at]:
            times[name] = told_at
    return times


def _told_at(call: _Values, name: str, at: int) -> datetime | None:
    """When a view's part was told; None where it was pushed."""
    found: datetime | None = dict(call[_KEPT]).get(name, call[at])
    return found


def _part_order(call: _Values, name: str, part: slice, at: int) -> tuple[object, ...]:
    """What was told goes before what was not, a told cost before an estimate, then the later."""
    value = call[part]
    if value[0] is None:
        return (False, False, _NEVER, repr(value))
    return (True, True not in value[1:], _told_at(call, name, at) or _NEVER, repr(value))


def _row_order(call: Call) -> tuple[object, ...]:
    """Of two views that are as far along. What only fills gaps has no say in it."""
    return (
        call.seen_at or _NEVER,
        call.status,
        call.raw_status or "",
        call.attempt,
        call.follow_up,
    )


def _end_order(call: Call) -> tuple[object, ...]:
    if call.ended_by is None:
        return (-1, 0.0)
    at = 0.0 if call.ended_at is None else call.ended_at.timestamp()
    # A time that we only witnessed is best when earliest; a time that was told, when latest.
    return (call.ended_by.rank, -at if call.ended_by is _SEEN else at)
