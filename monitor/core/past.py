"""The calls of a batch as they became known, one after the other: what rules asked about then.

A ``CallLog`` in memory that grows while a batch's past is laid out once more. Spans that
roll along with the time are counted by what comes in and what falls out, so that a question
costs what has moved since it was last asked, not what lies in its window.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from monitor.core.calls import Ended, EndedCall, Field, Spent, Value, Window
from monitor.core.instants import from_micros, to_micros
from monitor.core.model import Outcome
from monitor.core.pastcalls import Count, Grouped, PastCall, Shorter, Span, SpentSoFar, Values

_OUTCOMES = tuple(Outcome)
_CODE = {outcome.value: code for code, outcome in enumerate(_OUTCOMES)}


_COMPLETED = Outcome.COMPLETED.value
_Kind = TypeVar("_Kind", bound=Count)


class KnownCalls:
    """A CallLog of what is known so far; calls come in any order, and may be corrected."""

    def __init__(self) -> None:
        self._ends: list[int] = []
        self._calls: list[PastCall] = []
        self._codes = bytearray()  # how each ended
        self._seen: dict[str, EndedCall] = {}  # made once for whoever looks at single calls
        self._spans: dict[Hashable, Span] = {}
        self._completed: Counter[str] = Counter()  # by person

    @classmethod
    def of(cls, calls: Sequence[PastCall]) -> "KnownCalls":
        """These, in the order of their ends, and of their ids where these are the same."""
        known = cls()
        known._calls = list(calls)
        known._ends = [call.ended for call in calls]
        known._codes = bytearray([_CODE[call.outcome] for call in calls])
        known._completed.update(call.contact_id for call in calls if call.outcome == _COMPLETED)
        return known

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
                    self._completed -= Counter((call.contact_id,))  # nobody stays with none
                return

    def _make_room(self, span: Span, place: int, call: PastCall, sign: int) -> None:
        if place < span.stop:
            span.stop += sign
            if place < span.first:
                span.first += sign
            else:
                span.count.take((call,), sign)

    def window(self, start: datetime, end: datetime) -> Window:
        """Calls with start < ended_at <= end."""
        first, stop = self._between(start, end)
        outcomes = {}
        if first < stop:
            count = self._codes.count
            for code, outcome in enumerate(_OUTCOMES):
                if n := count(code, first, stop):
                    outcomes[outcome] = n
        last = from_micros(self._ends[stop - 1]) if first < stop else None
        return Window(start=start, end=end, outcomes=outcomes, last_ended_at=last)

    def last_ended(self, n: int) -> tuple[EndedCall, ...]:
        """The n calls that ended last, newest first; none whose end nobody knows."""
        first = max(len(self._ends) - n, bisect_right(self._ends, 0))
        return self._listed(first, len(self._ends))

    def last_ends(self, n: int) -> tuple[Ended, ...]:
        """The same, only when and how they ended."""
        first = max(len(self._ends) - n, bisect_right(self._ends, 0))
        places = range(len(self._ends) - 1, first - 1, -1)
        return tuple(Ended(from_micros(self._ends[i]), _OUTCOMES[self._codes[i]]) for i in places)

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

    def grouped(self, start: datetime, end: datetime, *fields: Field) -> Mapping[Values, int]:
        """The calls of a span, counted by the values of these fields."""
        return self._by(start, end, fields).copy()

    def _by(self, start: datetime, end: datetime, fields: tuple[Field, ...]) -> Counter[Values]:
        return self._counted((fields, end - start), start, end, lambda: Grouped(fields)).by

    def having(self, start: datetime, end: datetime, field: Field, value: Value) -> int:
        """How many calls of a span have this value."""
        return self._by(start, end, (field,))[value,]

    def transfers(self, start: datetime, end: datetime) -> tuple[int, int]:
        """Of the calls of a span that were to be handed over: those that were not, and all."""
        found = self._by(start, end, (Field.TRANSFERRED,))
        return found[0,], found[0,] + found[1,]

    def answered_shorter(self, start: datetime, end: datetime, than: timedelta) -> tuple[int, int]:
        """Of the completed calls of a span whose length is known: the shorter ones, and all."""
        found = self._counted((than, end - start), start, end, lambda: Shorter(than))
        return found.shorter, found.n

    def spent(self, start: datetime, end: datetime) -> Spent:
        """What the calls of a span cost."""
        found = self._counted(("spent", end - start), start, end, SpentSoFar)
        return Spent(micros=+found.micros, n=found.n, estimated=found.estimates > 0)

    def _counted(
        self, question: Hashable, start: datetime, end: datetime, make: Callable[[], _Kind]
    ) -> _Kind:
        """The count that goes along with a question; spans of one length are one question."""
        first, stop = self._between(start, end)
        span = self._spans.get(question)
        if span is None:
            span = self._spans[question] = Span(make(), first)
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
        return len(self._completed)

    def _between(self, start: datetime, end: datetime) -> tuple[int, int]:
        stop = bisect_right(self._ends, to_micros(end))
        return min(bisect_right(self._ends, to_micros(start)), stop), stop
