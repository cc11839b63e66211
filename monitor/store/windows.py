"""The questions that rules ask about one batch, answered by indexed queries.

Each costs what it is asked about (the calls in a window, the people whose retry is late)
and not what the batch is large. The literal status list of ``_RETRYING`` is the partial
index's own condition; bound values would miss the index.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, and_, func, literal_column, select

from monitor.core.facts import (
    COUNTED_MOST,
    EndedCall,
    LateRetries,
    LateRetry,
    Share,
    Window,
)
from monitor.core.model import Outcome
from monitor.store.schema import calls, contacts

_RETRYING: ColumnElement[bool] = literal_column("status IN ('retrying', 'follow_up')")
_DUE = contacts.c.next_retry_at
_OLDEST = 3  # so many late ones are named
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
        return self._count(_DUE > now, most)

    def _late(self, until: datetime, most: int, *, scheduled: bool) -> LateRetries:
        key = (scheduled, until, most)
        if key not in self._told:
            self._told[key] = self._asked(until, most, scheduled=scheduled)
        return self._told[key]

    def _asked(self, until: datetime, most: int, *, scheduled: bool) -> LateRetries:
        since = _DUE if scheduled else contacts.c.since
        wanted = since <= until if scheduled else and_(_DUE.is_(None), since <= until)
        rows = self._conn.execute(
            select(contacts.c.contact_id, since)
            .where(contacts.c.batch == self._batch, _RETRYING, wanted)
            .order_by(since)
            .limit(_OLDEST)
        ).all()
        oldest = tuple(
            LateRetry(contact_id=contact_id, due_at=at if scheduled else None, since=at)
            for contact_id, at in rows
        )
        n = len(oldest) if len(oldest) < _OLDEST else self._count(wanted, most)
        return LateRetries(n=min(n, most), oldest=oldest)

    def _count(self, wanted: ColumnElement[bool], most: int) -> int:
        some = (
            select(literal_column("1"))
            .select_from(contacts)
            .where(contacts.c.batch == self._batch, _RETRYING, wanted)
            .limit(most)
            .subquery()
        )
        return int(self._conn.execute(select(func.count()).select_from(some)).scalar_one())
