"""The calls that ended lately, counted in memory for batches that are judged again and again.

Each transaction that writes ended calls leaves a mark in the batch's row: a word of chance,
and the earliest end that it touched. By the marks that came since it last read, the memory
knows from which end on to read again; where its own mark is not there (that transaction was
undone, or many came since) it reads everything anew. So it says what the table would say in
the same transaction, and a question costs what has moved, not what lies in its window.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from monitor.core.calls import Ended, Field, Spent, Value, Window
from monitor.core.model import Outcome
from monitor.store import hot
from monitor.store.ended import FAR_S, RECENT
from monitor.store.kinds import PLACES, SORT, Kind, priced, shorter_than, values_of
from monitor.store.marks import stale_from
from monitor.store.schema import from_micros, to_micros
from monitor.store.spans import Key, Span, SpanCount, Total
from monitor.store.windows import StoredCalls

LONGEST = timedelta(hours=2)  # longer spans are asked of the table
_REACH = timedelta(hours=1)  # so much is read at first, and more once it is asked for
_SLACK = timedelta(minutes=10)
_UNASKED = timedelta(hours=1)
_MOST = 100_000  # calls of one batch
_MOST_KINDS = 50_000
_SPANS = 12  # of one question
_OUTCOMES = {each.value: each for each in Outcome}
_COST = "cost"  # the question that adds up what calls cost
_SORTS = "sorts"  # the question that the values of all fields are counted from
_NEAR = 64  # calls, and half of its own: so far a span is moved rather than another begun


@dataclass(slots=True)
class _Batch:
    """The newest calls of one batch by their ends, all after ``since``; none: not yet read."""

    asked_at: datetime
    mark: str = ""
    since: int = 0
    crowded: bool = False  # too many to be held
    ends: "array[int]" = field(default_factory=lambda: array("q"))
    kinds: "array[int]" = field(default_factory=lambda: array("I"))
    costs: "array[int]" = field(default_factory=lambda: array("q"))  # in micros
    spans: dict[Hashable, list[Span]] = field(default_factory=dict)

    def cut(self, place: int, keys: Mapping[Hashable, list[Key | None]]) -> None:
        """Forget the calls from this place on."""
        for question, spans in self.spans.items():
            for span in spans:
                if span.stop > place:
                    span.move(self.kinds, keys[question], min(span.first, place), place)
        del self.ends[place:], self.kinds[place:], self.costs[place:]

    def shed(self, since: int) -> None:
        """Forget the calls that ended by then."""
        place = bisect_right(self.ends, since)
        del self.ends[:place], self.kinds[:place], self.costs[:place]
        self.since = since
        for question, spans in self.spans.items():
            kept = self.spans[question] = [each for each in spans if each.first >= place]
            for span in kept:
                span.first, span.stop = span.first - place, span.stop - place

    def span(self, question: Hashable, first: int, stop: int) -> Span:
        """The one that has the least way to go there."""
        spans = self.spans.setdefault(question, [])
        found, least = None, 0
        for each in spans:
            far = abs(each.first - first) + abs(each.stop - stop)
            if found is None or far < least:
                found, least = each, far
        if found and (least <= _NEAR + (stop - first) // 2 or len(spans) == _SPANS):
            return found
        made = Total(self.costs) if question is _COST else Span()
        spans.append(made)
        return made


class Recent:
    """The newest calls of many batches. One thread at a time."""

    def __init__(self) -> None:
        self._batches: OrderedDict[int, _Batch] = OrderedDict()
        self._kinds: dict[hot.Row, int] = {}  # their numbers
        self._table: list[Kind] = []
        self._keys: dict[Hashable, list[Key | None]] = {}  # by question and kind
        self._sorts: dict[tuple[Any, ...], int] = {}  # their numbers
        self._values: dict[tuple[Field, ...], list[Key]] = {}  # by fields and sort
        self._reach = _REACH

    def counted(
        self,
        calls: "RecentCalls",
        question: Hashable,
        key: Callable[[Kind], Key | None],
        span: tuple[datetime, datetime],
    ) -> SpanCount | None:
        """The calls of a span by what ``key`` makes of each, None being not counted."""
        known = calls.held(span[0])
        if known is None:
            return None
        keys = self._keys.setdefault(question, [])
        if len(keys) < len(self._table):
            keys.extend(map(key, self._table[len(keys) :]))
        stop = bisect_right(known.ends, to_micros(span[1]))
        first = min(bisect_right(known.ends, to_micros(span[0])), stop)
        found = known.span(question, first, stop)
        found.move(known.kinds, keys, first, stop)
        sums = found.sums if isinstance(found, Total) else {}
        return SpanCount(found.by, known.ends[stop - 1] if first < stop else None, sums)

    def grouped(
        self, calls: "RecentCalls", fields: tuple[Field, ...], span: tuple[datetime, datetime]
    ) -> SpanCount | None:
        """The calls of a span by the values of these fields.

        Whatever the fields, the span rolls along once: it counts sorts, of which there are few.
        """
        found = calls.sorted.get(span)
        if found is None:
            found = self.counted(calls, _SORTS, self._sort, span)
            if found is None:
                return None
            # What memory has of this span moves on with the next that is near it.
            found = calls.sorted[span] = found._replace(by=dict(found.by))
        values = self._values.setdefault(fields, [])
        if len(values) < len(self._sorts):
            values.extend(map(values_of(fields), islice(self._sorts, len(values), None)))
        by: dict[Key, int] = {}
        for sort, n in found.by.items():
            value = values[sort]
            by[value] = by.get(value, 0) + n
        return found._replace(by=by)

    def _sort(self, kind: Kind) -> int:
        return self._sorts.setdefault(kind[:SORT], len(self._sorts))

    def last_ends(self, calls: "RecentCalls", n: int) -> tuple[Ended, ...] | None:
        """The n calls that ended last; None where that is not known."""
        known = calls.held(calls.now - _REACH)
        if known is None or len(known.ends) < n:
            return None
        newest = zip(known.ends[: -n - 1 : -1], known.kinds[: -n - 1 : -1], strict=True)
        return tuple(
            Ended(from_micros(end), _OUTCOMES[self._table[kind].outcome]) for end, kind in newest
        )

    def known(self, calls: "RecentCalls", start: datetime) -> _Batch | None:
        """A batch's calls as they stand, from ``start`` on; None where they are not held."""
        reach, mark = calls.now - start, calls.marks.rpartition(" ")[2]
        if reach > LONGEST or not mark:
            return None
        self._reach = max(self._reach, reach)
        found, since = self._batch(calls), to_micros(start)
        if found.crowded or (found.mark == mark and found.since <= since):
            return None if found.crowded else found
        stale = stale_from(calls.marks, found.mark) if found.since <= since else None
        if stale is None:
            self._begin(found, calls)
            stale = found.since
        found.cut(bisect_left(found.ends, stale), self._keys)
        self.read(found, calls, max(stale, found.since + 1))
        found.mark, found.crowded = mark, len(found.ends) > _MOST
        if found.crowded:
            found.cut(0, self._keys)
        return None if found.crowded else found

    def _batch(self, calls: "RecentCalls") -> _Batch:
        known, now = self._batches, calls.now
        found = known.get(calls.batch)
        if found is None:
            found = known[calls.batch] = _Batch(now)
        found.asked_at = now
        known.move_to_end(calls.batch)
        while now - next(iter(known.values())).asked_at > _UNASKED:
            known.popitem(last=False)
        if found.ends and found.ends[0] < to_micros(now - self._reach - 2 * _SLACK):
            found.shed(to_micros(now - self._reach - _SLACK))
        return found

    def _begin(self, batch: _Batch, calls: "RecentCalls") -> None:
        if len(self._table) > _MOST_KINDS:
            self._batches = OrderedDict({calls.batch: batch})
            self._kinds, self._table, self._keys = {}, [], {}
            self._sorts, self._values = {}, {}
            calls.sorted.clear()  # by numbers of before
        batch.ends, batch.kinds, batch.costs = array("q"), array("I"), array("q")
        batch.spans = {}
        batch.since = to_micros(calls.now - self._reach - _SLACK)

    def read(self, batch: _Batch, calls: "RecentCalls", since: int) -> None:
        """Take in the calls of a batch that ended from then on."""
        kinds, ends, found, costs = self._kinds, batch.ends, batch.kinds, batch.costs
        for row in hot.ask(calls.conn, RECENT, batch=calls.batch, start=since):
            kind = row[1:-1]
            number = kinds.get(kind)
            if number is None:
                number = kinds[kind] = len(self._table)
                self._table.append(Kind._make(kind))
            ends.append(row[0])
            found.append(number)
            costs.append(row[-1])


class RecentCalls(StoredCalls):
    """A CallLog of which the newest calls are counted in memory."""

    def __init__(
        self, conn: Connection, batch: int, marks: str | None, recent: Recent, now: datetime
    ) -> None:
        """``marks``: those of the batch's row, read in the same transaction."""
        super().__init__(conn, batch)
        self.conn, self.batch, self.now = conn, batch, now
        self.marks = marks or ""
        self._recent = recent
        self._held: _Batch | None = None
        self.sorted: dict[tuple[datetime, datetime], SpanCount] = {}

    def held(self, start: datetime) -> _Batch | None:
        """What memory has of the batch from ``start`` on; None where it must be asked."""
        if self._held is None or self._held.since > to_micros(start):
            self._held = self._recent.known(self, start)
        return self._held

    def last_ends(self, n: int) -> tuple[Ended, ...]:
        """See CallLog."""
        found = self._recent.last_ends(self, n)
        return super().last_ends(n) if found is None else found

    def _window(self, start: datetime, end: datetime) -> Window:
        found = self._by((Field.OUTCOME,), start, end)
        if found is None:
            return super()._window(start, end)
        return Window(
            start=start,
            end=end,
            outcomes={_OUTCOMES[outcome]: n for (outcome,), n in found.by.items()},
            last_ended_at=None if found.last is None else from_micros(found.last),
        )

    def _grouped(
        self, start: datetime, end: datetime, fields: tuple[Field, ...]
    ) -> Mapping[tuple[Value, ...], int]:
        found = self._by(fields, start, end)
        return super()._grouped(start, end, fields) if found is None else dict(found.by)

    def _having(self, start: datetime, end: datetime, field: Field, value: Value) -> int:
        found = self._by((field,), start, end)
        if found is None:
            return super()._having(start, end, field, value)
        return int(found.by.get((value,), 0))

    def _answered_shorter(self, start: datetime, end: datetime, than: timedelta) -> tuple[int, int]:
        limit = than.total_seconds()
        found = None
        if limit <= FAR_S:
            key = shorter_than(limit)
            found = self._recent.counted(self, ("shorter", limit), key, (start, end))
        if found is None:
            return super()._answered_shorter(start, end, than)
        return found.by.get(True, 0), sum(found.by.values())

    def _transfers(self, start: datetime, end: datetime) -> tuple[int, int]:
        found = self._by((Field.TRANSFERRED,), start, end)
        if found is None:
            return super()._transfers(start, end)
        failed = found.by.get((0,), 0)
        return failed, failed + found.by.get((1,), 0)

    def _spent(self, start: datetime, end: datetime) -> Spent:
        found = self._recent.counted(self, _COST, priced, (start, end))
        if found is None:
            return super()._spent(start, end)
        micros: dict[str, int] = {}
        for currency, estimated in found.by:
            micros[currency] = micros.get(currency, 0) + found.sums[currency, estimated]
        return Spent(
            micros=micros,
            n=sum(found.by.values()),
            estimated=any(estimated for _, estimated in found.by),
        )

    def _by(self, fields: tuple[Field, ...], start: datetime, end: datetime) -> SpanCount | None:
        if not PLACES.keys() >= set(fields):
            return None
        return self._recent.grouped(self, fields, (start, end))
