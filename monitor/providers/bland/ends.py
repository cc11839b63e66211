"""When a call at Bland ended, from times that do not always mean what they are called."""

from datetime import datetime, timedelta

from monitor.core.model import EndedBy

# What the vendor assumes for the length of a call that sets none.
DEFAULT_LONGEST = timedelta(minutes=30)
# Clocks of the queue, the line and the record differ by this much.
_SLACK = timedelta(seconds=60)
# A call that is over for longer by its row's age alone may have waited in the queue instead.
_RECENT = timedelta(minutes=5)

End = tuple[datetime | None, EndedBy | None]
NOT_KNOWN: End = (None, None)


def ended(
    *,
    created_at: datetime | None,
    started_at: datetime | None,
    end_at: datetime | None,
    duration: timedelta | None,
    longest: timedelta | None,
    seen_at: datetime,
) -> End:
    """The end of a call that is over, and how it is known.

    ``started_at`` is None where the vendor only repeats when the row was made.
    """
    if end_at is not None and _believable(
        end_at,
        created_at,
        started_at,
        duration or timedelta(0),
        longest or DEFAULT_LONGEST,
        seen_at,
    ):
        return end_at, EndedBy.VENDOR
    start = started_at or created_at
    if start is None or duration is None:
        return NOT_KNOWN
    derived = min(start + duration, seen_at)
    # Rows may be made long before their calls are dialled. Without any other time, such an
    # end could lie hours before the call; when it was first seen to be over is nearer.
    if end_at is None and started_at is None and seen_at - derived > _RECENT:
        return NOT_KNOWN
    return derived, EndedBy.DERIVED


def _believable(
    end_at: datetime,
    created_at: datetime | None,
    started_at: datetime | None,
    talked: timedelta,
    longest: timedelta,
    seen_at: datetime,
) -> bool:
    """Whether this is the end: every example shows it so, the text calls it the planned cut-off.

    It is not where it lies ahead, before the talk can have been over, long after it, or just
    where the longest permitted call would have been cut off.
    """
    start = started_at or created_at
    if end_at > seen_at or start is None:
        return end_at <= seen_at
    planned = abs(end_at - start - longest) <= _SLACK and longest - talked > _SLACK
    idle = end_at - start - talked
    # From a row's making to the call's start any time may pass, from the start none.
    unlike = started_at is not None and idle > 5 * _SLACK
    return idle >= -_SLACK and end_at >= start - _SLACK and not planned and not unlike
