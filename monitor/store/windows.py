"""The questions that rules ask about one batch, answered by indexed queries.

Each costs what it is asked about (the calls in a window, the people whose retry is late)
and not what the batch is large.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
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

from monitor.core.facts import (
    COUNTED_MOST,
    EndedCall,
    LateRetries,
    LateRetry,
    Share,
    Window,
)
from monitor.core.model import Outcome
from monitor.store import hot
from monitor.store.schema import calls, contacts, from_micros, to_micros

_PIVOTS = (("error", calls.c.error_class), ("from-number", calls.c.from_number))
_OLDEST = 3  # so many late ones are named

_batch = bindparam("batch", type_=Integer)
_ended = calls.c.ended_at
_WINDOW = (
    select(calls.c.outcome, func.count(), func.max(_ended))
    .where(calls.c.batch == _batch, _ended > bindparam("start"), _ended <= bindparam("until"))
    .group_by(calls.c.outcome)
)
_LAST = (
    select(calls.c.call_id, _ended, calls.c.outcome, calls.c.error_class, calls.c.from_number)
    .where(calls.c.batch == _batch, _ended > literal_column("0"))
    .order_by(_ended.desc())
    .limit(bindparam("most"))
)

_person = contacts.c
_OVERDUE = and_(_person.batch == _batch, _person.retry_at <= bindparam("at"))
_LOST = and_(_person.batch == _batch, _person.unscheduled_since <= bindparam("at"))
_FUTURE = and_(_person.batch == _batch, _person.retry_at > bindparam("at"))


def _oldest(wanted: ColumnElement[bool], since: ColumnElement[Any]) -> Select[Any]:
    return (
        select(_person.contact_id, since)
        .where(wanted)
        .order_by(since)
        .limit(literal_column(str(_OLDEST)))
    )


def _count(wanted: ColumnElement[bool]) -> Select[Any]:
    some: Select[Any] = select(literal_column("1")).select_from(contacts).where(wanted)
    return select(func.count()).select_from(some.limit(bindparam("most")).subquery())


_OLDEST_OVERDUE, _COUNT_OVERDUE = _oldest(_OVERDUE, _person.retry_at), _count(_OVERDUE)
_OLDEST_LOST, _COUNT_LOST = _oldest(_LOST, _person.unscheduled_since), _count(_LOST)
_COUNT_FUTURE = _count(_FUTURE)


class StoredCalls:
    """A CallLog over the ended calls of one batch."""

    def __init__(self, conn: Connection, batch: int) -> None:
        self._conn = conn
        self._batch = batch

    def window(self, start: datetime, end: datetime) -> Window:
        """Calls with start < ended_at <= end."""
        rows = hot.ask(
            self._conn, _WINDOW, batch=self._batch, start=to_micros(start), until=to_micros(end)
        )
        last = max((at for _, _, at in rows), default=None)
        return Window(
            start=start,
            end=end,
            outcomes={Outcome(outcome): n for outcome, n, _ in rows},
            last_ended_at=None if last is None else from_micros(last),
        )

    def last_ended(self, n: int) -> tuple[EndedCall, ...]:
        """The n calls that ended last, newest first."""
        return tuple(
            EndedCall(
                call_id=call_id,
                ended_at=from_micros(at),
                outcome=Outcome(outcome),
                error_class=error,
                from_number=number,
            )
            for call_id, at, outcome, error, number in hot.ask(
                self._conn, _LAST, batch=self._batch, most=n
            )
        )

    def common(
        self, start: datetime, end: datetime, outcomes: frozenset[Outcome]
    ) -> tuple[Share, ...]:
        """The commonest value of each pivot among the calls with these outcomes."""
        found = (self._commonest(start, end, outcomes, *pivot) for pivot in _PIVOTS)
        return tuple(share for share in found if share is not None)

    def _commonest(
        self,
        start: datetime,
        end: datetime,
        outcomes: frozenset[Outcome],
        label: str,
        column: Column[Any],
    ) -> Share | None:
        rows = self._conn.execute(
            select(column, func.count().label("n"))
            .where(*self._between(start, end), calls.c.outcome.in_(sorted(outcomes)))
            .group_by(column)
            .order_by(func.count().desc(), column)
        ).all()
        known = [row for row in rows if row[0] is not None]
        if not known:
            return None
        return Share(label=label, value=known[0][0], n=known[0][1], of=sum(n for _, n in rows))

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
        reached = self._conn.execute(
            select(func.count(calls.c.contact_id.distinct())).where(
                calls.c.batch == self._batch, calls.c.outcome == Outcome.COMPLETED.value
            )
        ).scalar_one()
        return int(reached)

    def _between(self, start: datetime, end: datetime) -> tuple[Any, ...]:
        return calls.c.batch == self._batch, _ended > to_micros(start), _ended <= to_micros(end)


class StoredRetries:
    """A RetryLadder over the people of one batch; what was asked once is remembered."""

    def __init__(self, conn: Connection, batch: int) -> None:
        self._conn = conn
        self._batch = batch
        self._told: dict[tuple[bool, datetime, int], LateRetries] = {}

    def overdue(self, until: datetime, most: int = COUNTED_MOST) -> LateRetries:
        """People whose retry was due at ``until`` or earlier."""
        return self._late(until, most, scheduled=True)

    def unscheduled(self, until: datetime, most: int = COUNTED_MOST) -> LateRetries:
        """People who have waited since ``until`` or longer with no retry scheduled."""
        return self._late(until, most, scheduled=False)

    def scheduled_after(self, now: datetime, most: int = COUNTED_MOST) -> int:
        """How many people have a retry in the future."""
        return self._number(_COUNT_FUTURE, now, most)

    def _late(self, until: datetime, most: int, *, scheduled: bool) -> LateRetries:
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
        n = len(found) if len(found) < _OLDEST else self._number(number, until, most)
        return LateRetries(n=min(n, most), oldest=found)

    def _number(self, statement: Select[Any], at: datetime, most: int) -> int:
        ((n,),) = hot.ask(self._conn, statement, batch=self._batch, at=to_micros(at), most=most)
        return int(n)
