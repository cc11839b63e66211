"""What the headers of one server's answers say of time: its clock, and how old an answer is.

An answer may come from a cache on the way. A cache says so itself (``Age``), or shows it by
giving out, much later, an answer of the very same ``Date`` again. A clock that differs goes
on ticking, so the two are told apart.
"""

from collections import OrderedDict, deque
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# The last answers that a difference is taken from: it is the least of them.
_ANSWERS = 5
_LEAST_ANSWERS = 3
_LEAST_SPAN = timedelta(minutes=1)
# One poll may ask for more than that: so much lies between two answers that are compared.
_APART = timedelta(seconds=15)
# Addresses whose last few values of ``Date`` are remembered: old answers and new ones may come
# by turns.
_REMEMBERED = 2_000
_DATES = 8
_AGE_DIGITS = 9
# A date is told in whole seconds: only after more than one is it the same one again.
_SAME_DATE = timedelta(seconds=2)


class Dates:
    """Keeps the last few differences, and when each address first gave out which ``Date``."""

    def __init__(self) -> None:
        self._offsets: deque[tuple[datetime, timedelta]] = deque(maxlen=_ANSWERS)
        self._first: OrderedDict[str, OrderedDict[str, datetime]] = OrderedDict()

    def age(
        self, url: str, headers: Mapping[str, str], sent_at: datetime, came_at: datetime
    ) -> timedelta:
        """How much older than its question an answer is; zero when it was made for it."""
        text = headers.get("age", "").strip()
        age = timedelta(0)
        if text.isascii() and text.isdigit():
            age = timedelta(seconds=int(text[:_AGE_DIGITS]))
        date = headers.get("date", "")
        told = _read(date)
        if told is None:
            return age
        again = sent_at - self._first_asked(url, date, sent_at)
        if again < _SAME_DATE:
            again = timedelta(0)
        if not age and not again:
            self._compare(sent_at, _outside(told, sent_at, came_at))
        return max(age, again)

    def _compare(self, at: datetime, offset: timedelta) -> None:
        """Answers of one moment count as one, as the one that differs least."""
        if self._offsets and abs(at - self._offsets[-1][0]) < _APART:
            at, before = self._offsets.pop()
            offset = min(before, offset, key=abs)
        self._offsets.append((at, offset))

    def _first_asked(self, url: str, date: str, sent_at: datetime) -> datetime:
        """When the question was asked whose answer this is."""
        known = self._first.setdefault(url, OrderedDict())
        self._first.move_to_end(url)
        if date not in known or known[date] > sent_at:
            known[date] = sent_at
        while len(known) > _DATES:
            known.popitem(last=False)
        while len(self._first) > _REMEMBERED:
            self._first.popitem(last=False)
        return known[date]

    @property
    def skew(self) -> timedelta | None:
        """How far the server's clock is ahead of ours at least; None while too little is known."""
        if len(self._offsets) < _LEAST_ANSWERS:
            return None
        if abs(self._offsets[-1][0] - self._offsets[0][0]) < _LEAST_SPAN:
            return None
        offsets = [offset for _, offset in self._offsets]
        ahead, behind = min(offsets), max(offsets)
        return max(ahead, timedelta(0)) or min(behind, timedelta(0))


def _read(date: str) -> datetime | None:
    try:
        told = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    return told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)


def _outside(told: datetime, sent_at: datetime, came_at: datetime) -> timedelta:
    """How far a time lies outside the exchange in which it was told."""
    if told > came_at:
        return told - came_at
    # It is told in whole seconds.
    return min(told + timedelta(seconds=1) - sent_at, timedelta(0))
