"""The questions that rules ask about one batch, answered by indexed queries.

Each costs what it is asked about (the calls in a window, the people whose retry is late)
and not what the batch is large. The literal status list in ``late`` is the partial index's
own condition; bound values would miss the index.
"""

from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, case, func, literal_column, select

from monitor.core.facts import EndedCall, LateRetry, Share, Window
from monitor.core.model import Outcome
from monitor.store.schema import calls, contacts, from_micros

_RETRYING: ColumnElement[bool] = literal_column("status IN ('retrying', 'follow_up')")
_PIVOTS = (("error", calls.c.error_class), ("from-number", calls.c.from_number))


class StoredCalls:
    """A CallLog over the ended calls of one batch."""

    def __init__(self, conn: Connection, batch: int) -> None:
        self._conn = conn
        self._batch = batch

    def window(self, start: datetime, end: datetime) -> Window:
        """Calls with start < ended_at <= end."""
        rows = self._conn.execute(
            select(calls.c.outcome, func.count(), func.max(calls.c.ended_at))
            .where(*self._between(start, end))
            .group_by(calls.c.outcome)
        ).all()
        last = max((at for _, _, at in rows), default=None)
        return Window(
            start=start,
            end=end,
            outcomes={Outcome(outcome): n for outcome, n, _ in rows},
            last_ended_at=last,
        )

    def last_ended(self, n: int) -> tuple[EndedCall, ...]:
        """The n calls that ended last, newest first."""
        rows = self._conn.execute(
            select(
                calls.c.call_id,
                calls.c.ended_at,
                calls.c.outcome,
                calls.c.error_class,
                calls.c.from_number,
            )
            .where(calls.c.batch == self._batch, calls.c.ended_at.is_not(None))
            .order_by(calls.c.ended_at.desc())
            .limit(n)
        )
        return tuple(
            EndedCall(
                call_id=call_id,
                ended_at=at,
                outcome=Outcome(outcome),
                error_class=error,
                from_number=number,
            )
            for call_id, at, outcome, error, number in rows
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
        ended = calls.c.ended_at
        return calls.c.batch == self._batch, ended > start, ended <= end


class StoredRetries:
    """A RetryLadder over the people of one batch, as of one moment."""

    def __init__(self, conn: Connection, batch: int, now: datetime) -> None:
        self._conn = conn
        self._batch = batch
        self._now = now

    def late(self, now: datetime) -> tuple[LateRetry, ...]:
        """People whose retry was due before ``now``, or who wait unscheduled; oldest first."""
        return self._late if now == self._now else self._late_at(now)

    @cached_property
    def _late(self) -> tuple[LateRetry, ...]:
        return self._late_at(self._now)

    def _late_at(self, now: datetime) -> tuple[LateRetry, ...]:
        due = contacts.c.next_retry_at
        since = case((due.is_(None), contacts.c.since), else_=due)
        rows = self._conn.execute(
            select(contacts.c.contact_id, due, since.label("begun"))
            .where(contacts.c.batch == self._batch, _RETRYING, due.is_(None) | (due < now))
            .order_by(since)
        )
        return tuple(
            LateRetry(contact_id=contact_id, due_at=at, since=_aware(begun))
            for contact_id, at, begun in rows
        )

    def scheduled_after(self, now: datetime) -> int:
        """How many people have a retry in the future."""
        n = self._conn.execute(
            select(func.count())
            .select_from(contacts)
            .where(contacts.c.batch == self._batch, _RETRYING, contacts.c.next_retry_at >= now)
        ).scalar_one()
        return int(n)


def _aware(at: datetime | int) -> datetime:
    return from_micros(at) if isinstance(at, int) else at
