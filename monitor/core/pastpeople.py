"""The people of a batch as they moved, one after the other: who waited, and who held a line.

A ``RetryLadder`` in memory that is brought along while a batch's past is laid out once more.
"""

from bisect import bisect_left, bisect_right, insort
from datetime import datetime

from monitor.core.instants import from_micros, to_micros
from monitor.core.model import ContactStatus
from monitor.core.retries import COUNTED_MOST, HeldLine, HeldLines, LateRetries, LateRetry

# Plain texts, as changes are kept.
_WAITS = frozenset({ContactStatus.RETRYING.value, ContactStatus.FOLLOW_UP.value})
_LIVE = frozenset({ContactStatus.DISPATCHED.value, ContactStatus.IN_CALL.value})
_OLDEST = 3  # so many are named


class _Times:
    """A time for each of some people, in order."""

    def __init__(self) -> None:
        self.of: dict[str, int] = {}
        self.sorted: list[tuple[int, str]] = []

    def put(self, key: str, at: int) -> None:
        """Somebody's time, in the place of another."""
        self.drop(key)
        self.of[key] = at
        insort(self.sorted, (at, key))

    def drop(self, key: str) -> None:
        """Nobody's time any more."""
        at = self.of.pop(key, None)
        if at is not None:
            del self.sorted[bisect_left(self.sorted, (at, key))]

    def until(self, at: datetime) -> int:
        """How many lie at this instant or before."""
        return bisect_right(self.sorted, (to_micros(at), _LAST))


_LAST = "\U0010ffff"  # no id comes after it


class KnownPeople:
    """A RetryLadder of what is known so far."""

    def __init__(self) -> None:
        self._since: dict[str, int] = {}  # of those who wait: when they came to
        self._dues: dict[str, int] = {}  # as told, whoever waits
        self._due, self._lost, self._live = _Times(), _Times(), _Times()

    def moved(self, key: str, before: str | None, after: str | None, at: int) -> None:
        """Somebody is in another status than before."""
        if before in _WAITS:
            self._since.pop(key, None)
            self._due.drop(key)
            self._lost.drop(key)
        elif before in _LIVE:
            self._live.drop(key)
        if after in _WAITS:
            self._since[key] = at
            self._wait(key)
        elif after in _LIVE:
            self._live.put(key, at)

    def scheduled(self, key: str, due: int | None) -> None:
        """Somebody's retry is due at another time, or at none."""
        if due is None:
            self._dues.pop(key, None)
        else:
            self._dues[key] = due
        if key in self._since:
            self._wait(key)

    def _wait(self, key: str) -> None:
        due = self._dues.get(key)
        if due is None:
            self._due.drop(key)
            self._lost.put(key, self._since[key])
        else:
            self._lost.drop(key)
            self._due.put(key, due)

    def overdue(self, until: datetime, most: int = COUNTED_MOST) -> LateRetries:
        """People whose retry was due at ``until`` or earlier."""
        return _late(self._due, until, most, scheduled=True)

    def unscheduled(self, until: datetime, most: int = COUNTED_MOST) -> LateRetries:
        """People who have waited since ``until`` or longer with no retry scheduled."""
        return _late(self._lost, until, most, scheduled=False)

    def scheduled_after(self, now: datetime, most: int = COUNTED_MOST) -> int:
        """How many people have a retry in the future."""
        return min(len(self._due.sorted) - self._due.until(now), most)

    def last_due(self) -> datetime | None:
        """When the last of all scheduled retries is due."""
        return from_micros(self._due.sorted[-1][0]) if self._due.sorted else None

    def held(self, until: datetime, most: int = COUNTED_MOST) -> HeldLines:
        """People who have been dialled or talked to since ``until`` or longer."""
        n = self._live.until(until)
        oldest = self._live.sorted[: min(n, _OLDEST)]
        found = tuple(HeldLine(contact_id=key, since=from_micros(at)) for at, key in oldest)
        return HeldLines(n=min(n, most), oldest=found)


def _late(times: _Times, until: datetime, most: int, *, scheduled: bool) -> LateRetries:
    n = times.until(until)
    if not n:
        return _NOBODY
    oldest = tuple(
        LateRetry(
            contact_id=key,
            due_at=from_micros(at) if scheduled else None,
            since=from_micros(at),
        )
        for at, key in times.sorted[: min(n, _OLDEST)]
    )
    return LateRetries(n=min(n, most), oldest=oldest)


_NOBODY = LateRetries(n=0)
