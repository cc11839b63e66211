"""When a digest goes out: every so often, or daily at a time on the wall of a zone."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from monitor.core.instants import EPOCH
from monitor.core.route import Digest


def next_slot(digest: Digest, after: datetime) -> datetime:
    """The first time after ``after`` at which the digest goes out.

    What goes every so often goes when that divides the time since 1970, hourly at the full
    hour of UTC, so that a restart moves nothing. A daily time that the clock skips in spring
    is the instant at which it skips; one that it shows twice in autumn is the first of them.
    """
    if digest.at is None:
        passed = (after - EPOCH) // digest.every
        return EPOCH + (passed + 1) * digest.every
    day = after.astimezone(digest.zone).date()
    while (slot := _on_wall(day, digest.at, digest.zone)) <= after:
        day += timedelta(days=1)
    return slot


def _on_wall(day: date, at: time, zone: ZoneInfo) -> datetime:
    local = datetime.combine(day, at, tzinfo=zone)
    slot = local.astimezone(UTC)
    if slot.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return slot
    # The clock skips it: the offset before is that of a moment that is not there.
    return _change(slot - timedelta(hours=26), slot, zone)


def _change(start: datetime, end: datetime, zone: ZoneInfo) -> datetime:
    """When the offset that holds at ``start`` gives way to that of ``end``, to the second."""
    before = start.astimezone(zone).utcoffset()
    while end - start > timedelta(seconds=1):
        middle = start + (end - start) // 2
        if middle.astimezone(zone).utcoffset() == before:
            start = middle
        else:
            end = middle
    return end.replace(microsecond=0)
