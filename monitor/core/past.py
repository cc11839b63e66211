"""The calls of a batch as they became known, one after the other: what rules asked about then.

A ``CallLog`` in memory that grows while a batch's past is laid out once more. Spans that
roll along with the time are counted by what comes in and what falls out, so that a question
costs what has moved since it was last asked, not what lies in its window.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import NamedTuple, Protocol, TypeVar

from monitor.core.calls import EndedCall, Field, Spent, Value, Window
from monitor.core.model import Outcome, Sentiment

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)
_HOUR_US = 3_600_000_000
_DAY_US = 24 * _HOUR_US
_OUTCOMES = tuple(Outcome)
_CODE = {outcome.value: code for code, outcome in enumerate(_OUTCOMES)}


def micros(at: datetime) -> int:
    """Microseconds since 1970."""
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def instant(at: int) -> datetime:
    """The time of so many microseconds since 1970."""
    return _EPOCH + at * _US


class PastCall(NamedTuple):
    """One ended call; ``ended`` in microseconds since 1970, 0 where nobody knows."""

    ended: int
    call_id: str
    outcome: str
    error_class: str | None = None
    from_number: str | None = None
    contact_id: str = ""
    duration_s: float | None = None
    hangup: str | None = None
    disposition: str | None = None
    agent_version: str | None = None
    attempt: int = 0
    country: str | None = None
    area: str | None = None
    sentiment: str | None = None
    transferred: bool | None = None
    cost_micros: int | None = None
    currency: str | None = None
    cost_estimated: bool = False

    @property
    def call(self) -> EndedCall:
        """The same as windows see it."""
        return EndedCall(
            self.call_id,
            instant(self.ended),
            Outcome(self.outcome),
            self.contact_id,
            self.error_class,
            self.from_number,
            self.duration_s,
            self.hangup,
            self.disposition,
            self.agent_version,
            self.attempt,
            self.country,
            self.area,
            None if self.sentiment is None else Sentiment(self.sentiment),
            None if self.transferred is None else bool(self.transferred),
            self.cost_micros,
            self.currency,
            bool(self.cost_estimated),
        )


_Values = tuple[Value, ...]


def _told(name: str) -> Callable[[PastCall], Value]:
    return attrgetter(name)


_VALUES: dict[Field, Callable[[PastCall], Value]] = {
    Field.OUTCOME: _told("outcome"),
    Field.HANGUP: _told("hangup"),
    Field.DISPOSITION: _told("disposition"),
    Field.ERROR: _told("error_class"),
    Field.FROM_NUMBER: _told("from_number"),
    Field.AGENT_VERSION: _told("agent_version"),
    Field.ATTEMPT: _told("attempt"),
    Field.COUNTRY: _told("country"),
    Field.AREA: _told("area"),
    Field.SENTIMENT: _told("sentiment"),
    Field.TRANSFERRED: lambda call: None if call.transferred is None else int(call.transferred),
    Field.HOUR: lambda call: call.ended % _DAY_US // _HOUR_US,
}


class _Count(Protocol):
    """Something counted over a span of calls, brought along as the span moves."""

    def take(self, calls: Sequence[PastCall], sign: int) -> None:
        """Let these calls in (1) or out (-1)."""
        ...


class _Grouped:
    """Calls by the values of some fields."""

    def __init__(self, fields: tuple[Field, ...]) -> None:
        self.by: Counter[_Values] = Counter()
        self._values = [_VALUES[field] for field in fields]

    def take(self, calls: Sequence[PastCall], sign: int) -> None:
        """See _Count."""
        by = self.by
        for key in zip(*(map(value, calls) for value in self._values), strict=True):
            by[key] += sign
            if not by[key]:
                del by[key]


class _Shorter:
    """Completed calls whose length is known, and those below a length."""

    def __init__(self, than: timedelta) -> None:
        self.shorter = self.n = 0
        self._than = than.total_seconds()

    def take(self, calls: Sequence[PastCall], sign: int) -> None:
        """See _Count."""
        for call in calls:
            if call.duration_s is not None and call.outcome == _COMPLETED:
                self.n += sign
                self.shorter += sign * (call.duration_s < self._than)


class _Spent:
    """What calls cost."""

    def __init__(self) -> None:
        self.micros: Counter[str] = Counter()
        self.n = self.estimates = 0

    def take(self, calls: Sequence[PastCall], sign: int) -> None:
        """See _Count."""
        for call in calls:
            if call.cost_micros is not None:
                self.micros[call.currency or "USD"] += sign * call.cost_micros
                self.n += sign
                self.estimates += sign * bool(call.cost_estimated)


_COMPLETED = Outcome.COMPLETED.value
_Kind = TypeVar("_Kind", bound=_Count)


class _Span:
    """A count over the calls from one place to before another."""

    __slots__ = ("count", "first", "stop")

    def __init__(self, count: _Count, first: int) -> None:
        self.count = count
        self.first = self.stop = first

    def move(self, calls: Sequence[PastCall], first: int, stop: int) -> None:
        """Count these places; costs what they and the ones before do not share."""
        if first >= self.stop or stop <= self.first:
            self.count.take(calls[self.first : self.stop], -1)
            self.count.take(calls[first:stop], 1)
        else:
            for old, new, sign in ((self.first, first, -1), (self.stop, stop, 1)):
                if old < new:
                    self.count.take(calls[old:new], sign)
                elif new < old:
                    self.count.take(calls[new:old], -sign)
        self.first, self.stop = first, stop


class KnownCalls:
    """A CallLog of what is known so far; calls come in any order, and may be corrected."""

    def __init__(self) -> None:
        self._ends: list[int] = []
        self._calls: list[PastCall] = []
        self._codes = bytearray()  # how each ended
        self._seen: dict[str, EndedCall] = {}  # made once for whoever looks at single calls
        self._spans: dict[Hashable, _Span] = {}
        self._completed: Counter[str] = Counter()  # by person

    def __len__(self) -> int:
        return len(self._ends)

    def add(self, call: PastCall) -> None:
        """One more ended call is known."""
        place = bisect_right(self._ends, call.ended)
        while place and self._calls[place - 1][:2] > call[:2]:
            place -= 1  # of those that ended at one moment the order is that of their ids
        if place < len(self._ends):
            for span in self._spans.values():
                self._make_room(span, place, call, 1)
        self._ends.insert(place, call.ended)
        self._calls.insert(place, call)
        self._codes.insert(place, _CODE[call.outcome])
        if call.outcome == _COMPLETED:
            self._completed[call.contact_id] += 1

    def drop(self, call_id: str, ended: int) -> None:
        """A call is not what it was: it is out, and may come in again."""
        first, stop = bisect_left(self._ends, ended), bisect_right(self._ends, ended)
        for place in range(first, stop):
            call = self._calls[place]
            if call.call_id == call_id:
                for span in self._spans.values():
                    self._make_room(span, place, call, -1)
                del self._ends[place], self._calls[place], self._codes[place]
                self._seen.pop(call_id, None)
                if call.outcome == _COMPLETED:
                    self._completed[call.contact_id] -= 1
                return

    def _make_room(self, span: _Span, place: int, call: PastCall, sign: int) -> None:
        if place < span.stop:
            span.stop += sign
            if place < span.first:
                span.first += sign
            else:
                span.count.take((call,), sign)

    def last_end(self) -> datetime | None:
        """When the last of them ended."""
        return instant(self._ends[-1]) if self._ends else None

    def window(self, start: datetime, end: datetime) -> Window:
        """Calls with start < ended_at <= end."""
        first, stop = self._between(start, end)
        outcomes = {}
        if first < stop:
            count = self._codes.count
            for code, outcome in enumerate(_OUTCOMES):
                if n := count(code, first, stop):
                    outcomes[outcome] = n
        last = instant(self._ends[stop - 1]) if first < stop else None
        return Window(start=start, end=end, outcomes=outcomes, last_ended_at=last)

    def last_ended(self, n: int) -> tuple[EndedCall, ...]:
        """The n calls that ended last, newest first; none whose end nobody knows."""
        first = max(len(self._ends) - n, bisect_right(self._ends, 0))
        return self._listed(first, len(self._ends))

    def between(self, start: datetime, end: datetime, most: int) -> tuple[EndedCall, ...]:
        """The calls of a span one by one, newest first."""
        first, stop = self._between(start, end)
        return self._listed(max(first, stop - most), stop)

    def _listed(self, first: int, stop: int) -> tuple[EndedCall, ...]:
        seen, found = self._seen, []
        for call in self._calls[first:stop][::-1]:
            known = seen.get(call.call_id)
            if known is None:
                known = seen[call.call_id] = call.call
            found.append(known)
        return tuple(found)

    def grouped(self, start: datetime, end: datetime, *fields: Field) -> Mapping[_Values, int]:
        """The calls of a span, counted by the values of these fields."""
        return self._by(start, end, fields).copy()

    def _by(self, start: datetime, end: datetime, fields: tuple[Field, ...]) -> Counter[_Values]:
        return self._counted((fields, end - start), start, end, lambda: _Grouped(fields)).by

    def having(self, start: datetime, end: datetime, field: Field, value: Value) -> int:
        """How many calls of a span have this value."""
        return self._by(start, end, (field,))[value,]

    def transfers(self, start: datetime, end: datetime) -> tuple[int, int]:
        """Of the calls of a span that were to be handed over: those that were not, and all."""
        found = self._by(start, end, (Field.TRANSFERRED,))
        return found[0,], found[0,] + found[1,]

    def answered_shorter(self, start: datetime, end: datetime, than: timedelta) -> tuple[int, int]:
        """Of the completed calls of a span whose length is known: the shorter ones, and all."""
        found = self._counted((than, end - start), start, end, lambda: _Shorter(than))
        return found.shorter, found.n

    def spent(self, start: datetime, end: datetime) -> Spent:
        """What the calls of a span cost."""
        found = self._counted(("spent", end - start), start, end, _Spent)
        return Spent(micros=+found.micros, n=found.n, estimated=found.estimates > 0)

    def _counted(
        self, question: Hashable, start: datetime, end: datetime, make: Callable[[], _Kind]
    ) -> _Kind:
        """The count that goes along with a question; spans of one length are one question."""
        first, stop = self._between(start, end)
        span = self._spans.get(question)
        if span is None:
            span = self._spans[question] = _Span(make(), first)
        span.move(self._calls, first, stop)
        count: _Kind = span.count  # type: ignore[assignment]  # what was made for the question
        return count

    def evidence(
        self, start: datetime, end: datetime, outcomes: frozenset[Outcome], limit: int
    ) -> tuple[str, ...]:
        """Up to ``limit`` ids of such calls, newest first."""
        first, stop = self._between(start, end)
        found: list[str] = []
        for place in range(stop - 1, first - 1, -1):
            if len(found) == limit:
                break
            if _OUTCOMES[self._codes[place]] in outcomes:
                found.append(self._calls[place].call_id)
        return tuple(found)

    def people_reached(self) -> int:
        """People with at least one completed call."""
        return sum(n > 0 for n in self._completed.values())

    def _between(self, start: datetime, end: datetime) -> tuple[int, int]:
        stop = bisect_right(self._ends, micros(end))
        return min(bisect_right(self._ends, micros(start)), stop), stop
