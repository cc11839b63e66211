"""The questions that rules ask about one batch, answered by indexed queries.

Each costs what it is asked about (the calls in a window, the people whose retry is late)
and not what the batch is large.
"""

from collections.abc import Callable, Hashable, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    bindparam,
    func,
    literal_column,
    select,
)

from monitor.core.calls import Ended, EndedCall, Field, Spent, Value, Window
from monitor.core.model import Outcome
from monitor.core.retries import COUNTED_MOST, HeldLine, HeldLines, LateRetries, LateRetry
from monitor.store import hot
from monitor.store.ended import (
    BETWEEN,
    LAST,
    LAST_ENDS,
    SHORTER,
    SPENT,
    TRANSFERS,
    WINDOW,
    counting,
    ended_call,
    having,
    window_of,
)
from monitor.store.gathering import everybody
from monitor.store.schema import calls, from_micros, to_micros

_Answer = TypeVar("_Answer")
_OLDEST = 3  # so many late ones are named

_batch = bindparam("batch", type_=Integer)
_person = everybody.c
_OVERDUE = and_(_person.batch == _batch, _person.retry_at <= bindparam("at"))
_LOST = and_(_person.batch == _batch, _person.unscheduled_since <= bindparam("at"))
_FUTURE = and_(_person.batch == _batch, _person.retry_at > bindparam("at"))
_HELD = and_(_person.batch == _batch, _person.live_since <= bindparam("at"))


def _oldest(wanted: ColumnElement[bool], since: ColumnElement[Any]) -> Select[Any]:
    some = select(_person.contact_id, since).where(wanted).order_by(since, _person.contact_id)
    return some.limit(literal_column(str(_OLDEST)))


def _count(wanted: ColumnElement[bool]) -> Select[Any]:
    some: Select[Any] = select(literal_column("1")).select_from(everybody).where(wanted)
    return select(func.count()).select_from(some.limit(bindparam("most")).subquery())


_OLDEST_OVERDUE, _COUNT_OVERDUE = _oldest(_OVERDUE, _person.retry_at), _count(_OVERDUE)
_OLDEST_LOST, _COUNT_LOST = _oldest(_LOST, _person.unscheduled_since), _count(_LOST)
_COUNT_FUTURE = _count(_FUTURE)
_OLDEST_HELD, _COUNT_HELD = _oldest(_HELD, _person.live_since), _count(_HELD)
_LAST_DUE = (
    select(_person.retry_at)
    .where(_person.batch == _batch, _person.retry_at.is_not(None))
    .order_by(_person.retry_at.desc())
    .limit(literal_column("1"))
)
_REACHED = select(func.count(calls.c.contact_id.distinct())).where(
    calls.c.batch == _batch, calls.c.outcome == Outcome.COMPLETED.value
)


Told = dict[Hashable, Any]  # answers by question


class StoredCalls:
    """A CallLog over the ended calls of one batch; what was asked once is remembered.

    ``told`` may outlive one evaluation where the calls do not change any more, and ``old``
    where only those of a span do not that ended by ``old_until``.
    """

    def __init__(
        self,
        conn: Connection,
        batch: int,
        told: Told | None = None,
        old: Told | None = None,
        old_until: datetime | None = None,
    ) -> None:
        self._conn = conn
        self._batch = batch
        self._told: Told = {} if told is None else told
        self._old = self._told if old is None else old
        self._old_until = old_until

    def window(self, start: datetime, end: datetime) -> Window:
        """Calls with start < ended_at <= end."""
        return self._once(("window", end, start), lambda: self._window(start, end))

    def _window(self, start: datetime, end: datetime) -> Window:
        return window_of(self._ask(WINDOW, start, end), start, end)

    def last_ends(self, n: int) -> tuple[Ended, ...]:
        """When and how the n calls ended that ended last, newest first."""
        rows = hot.ask(self._conn, LAST_ENDS, batch=self._batch, most=n)
        return tuple(Ended(from_micros(at), Outcome(outcome)) for at, outcome in rows)

    def last_ended(self, n: int) -> tuple[EndedCall, ...]:
        """The n calls that ended last, newest first."""
        rows = hot.ask(self._conn, LAST, batch=self._batch, most=n)
        return tuple(map(ended_call, rows))

    def between(self, start: datetime, end: datetime, most: int) -> tuple[EndedCall, ...]:
        """The calls of a span one by one, newest first; of more than ``most``, the newest."""
        return self._once(
            ("between", end, (start, most)),
            lambda: tuple(map(ended_call, self._ask(BETWEEN, start, end, most=most))),
        )

    def grouped(
        self, start: datetime, end: datetime, *fields: Field
    ) -> Mapping[tuple[Value, ...], int]:
        """The calls of a span, counted by the values of these fields."""
        return self._once((fields, end, start), lambda: self._grouped(start, end, fields))

    def _grouped(
        self, start: datetime, end: datetime, fields: tuple[Field, ...]
    ) -> Mapping[tuple[Value, ...], int]:
        return {row[:-1]: row[-1] for row in self._ask(counting(fields), start, end)}

    def having(self, start: datetime, end: datetime, field: Field, value: Value) -> int:
        """How many calls of a span have this value, which is none of nothing."""
        return self._once(
            (("having", field), end, (start, value)), lambda: self._having(start, end, field, value)
        )

    def _having(self, start: datetime, end: datetime, field: Field, value: Value) -> int:
        ((n,),) = self._ask(having(field), start, end, value=value)
        return int(n)

    def answered_shorter(self, start: datetime, end: datetime, than: timedelta) -> tuple[int, int]:
        """Of the completed calls of a span whose length is known: the shorter ones, and all."""
        return self._once(
            ("shorter", end, (start, than)), lambda: self._answered_shorter(start, end, than)
        )

    def _answered_shorter(self, start: datetime, end: datetime, than: timedelta) -> tuple[int, int]:
        ((shorter, n),) = self._ask(SHORTER, start, end, than=than.total_seconds())
        return int(shorter), int(n)

    def transfers(self, start: datetime, end: datetime) -> tuple[int, int]:
        """Of the calls of a span that were to be handed over: those that were not, and all."""
        return self._once(("transfers", end, start), lambda: self._transfers(start, end))

    def _transfers(self, start: datetime, end: datetime) -> tuple[int, int]:
        ((n, done),) = self._ask(TRANSFERS, start, end)
        return int(n - done), int(n)

    def spent(self, start: datetime, end: datetime) -> Spent:
        """What the calls of a span cost."""
        return self._once(("spent", end, start), lambda: self._spent(start, end))

    def _spent(self, start: datetime, end: datetime) -> Spent:
        micros: dict[str, int] = {}
        known = estimates = 0
        for currency, cost, n, estimated in self._ask(SPENT, start, end):
            name = currency or "USD"
            micros[name] = micros.get(name, 0) + int(cost)
            known += n
            estimates += estimated
        return Spent(micros=micros, n=known, estimated=estimates > 0)

    def _ask(self, statement: Select[Any], start: datetime, end: datetime, **more: Any) -> Any:
        return hot.ask(
            self._conn,
            statement,
            batch=self._batch,
            start=to_micros(start),
            until=to_micros(end),
            **more,
        )

    def _once(self, key: tuple[Any, datetime, Any], ask: Callable[[], _Answer]) -> _Answer:
        told = self._told
        if self._old_until is not None and key[1] <= self._old_until:
            told = self._old
        found: _Answer | None = told.get(key)
        if found is None:
            found = told[key] = ask()
        return found

    def evidence(
        self, start: datetime, end: datetime, outcomes: frozenset[Outcome], limit: int
    ) -> tuple[str, ...]:
        """Up to ``limit`` ids of such calls, newest first."""
        rows = self._conn.execute(
            select(calls.c.call_id)
            .where(*self._between(start, end), calls.c.outcome.in_(sorted(outcomes)))
            .order_by(calls.c.ended_at.desc())
            .limit(limit)
        )
        return tuple(rows.scalars())

    def people_reached(self) -> int:
        """People with at least one call that a person answered: reads the whole batch."""
        ((reached,),) = hot.ask(self._conn, _REACHED, batch=self._batch)
        return int(reached)

    def _between(self, start: datetime, end: datetime) -> tuple[Any, ...]:
        return (
            calls.c.batch == self._batch,
            calls.c.ended_at > to_micros(start),
            calls.c.ended_at <= to_micros(end),
        )


class StoredRetries:
    """A RetryLadder over the people of one batch; what was asked once is remembered."""

    def __init__(self, conn: Connection, batch: int) -> None:
        self._conn = conn
        self._batch = batch
        self._told: dict[tuple[bool, datetime, int], LateRetries] = {}
        # Until when it is known of everybody who was late, there being so few.
        self._all: dict[bool, tuple[datetime, tuple[LateRetry, ...]]] = {}

    def overdue(self, until: datetime, most: int = COUNTED_MOST) -> LateRetries:
        """People whose retry was due at ``until`` or earlier."""
        return self._late(until, most, scheduled=True)

    def unscheduled(self, until: datetime, most: int = COUNTED_MOST) -> LateRetries:
        """People who have waited since ``until`` or longer with no retry scheduled."""
        return self._late(until, most, scheduled=False)

    def scheduled_after(self, now: datetime, most: int = COUNTED_MOST) -> int:
        """How many people have a retry in the future."""
        return self._number(_COUNT_FUTURE, now, most)

    def last_due(self) -> datetime | None:
        """When the last of all scheduled retries is due."""
        return self._last_due

    @cached_property
    def _last_due(self) -> datetime | None:
        rows = hot.ask(self._conn, _LAST_DUE, batch=self._batch)
        return from_micros(rows[0][0]) if rows else None

    def held(self, until: datetime, most: int = COUNTED_MOST) -> HeldLines:
        """People who have been dialled or talked to since ``until`` or longer."""
        rows = hot.ask(self._conn, _OLDEST_HELD, batch=self._batch, at=to_micros(until))
        found = tuple(HeldLine(contact_id=key, since=from_micros(at)) for key, at in rows)
        n = len(found) if len(found) < _OLDEST else self._number(_COUNT_HELD, until, most)
        return HeldLines(n=min(n, most), oldest=found)

    def _late(self, until: datetime, most: int, *, scheduled: bool) -> LateRetries:
        at, few = self._all.get(scheduled, (None, ()))
        if at is not None and until <= at:
            found = tuple(each for each in few if each.since <= until)
            return LateRetries(n=min(len(found), most), oldest=found)
        key = (scheduled, until, most)
        if key not in self._told:
            self._told[key] = self._asked(until, most, scheduled=scheduled)
        return self._told[key]

    def _asked(self, until: datetime, most: int, *, scheduled: bool) -> LateRetries:
        oldest, number = (
            (_OLDEST_OVERDUE, _COUNT_OVERDUE) if scheduled else (_OLDEST_LOST, _COUNT_LOST)
        )
        rows = hot.ask(self._conn, oldest, batch=self._batch, at=to_micros(until))
        found = tuple(
            LateRetry(
                contact_id=contact_id,
                due_at=from_micros(at) if scheduled else None,
                since=from_micros(at),
            )
            for contact_id, at in rows
        )
        if len(found) < _OLDEST:
            self._all[scheduled] = until, found
            return LateRetries(n=min(len(found), most), oldest=found)
        return LateRetries(n=min(self._number(number, until, most), most), oldest=found)

    def _number(self, statement: Select[Any], at: datetime, most: int) -> int:
        ((n,),) = hot.ask(self._conn, statement, batch=self._batch, at=to_micros(at), most=most)
        return int(n)
