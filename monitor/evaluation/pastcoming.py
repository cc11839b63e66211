"""What the rules would have told of a batch that is expected, through the days that have been.

Which batches there were is known as it was then, and who of their people had talked in another
batch. The lists of a provider are taken to have been read, but for the time in which people
were told that it could not be seen.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from monitor.core.alert import Transition
from monitor.core.expectation import Expectation
from monitor.core.lifecycle import Judged
from monitor.core.pastmoves import Moment, Past
from monitor.core.people import Overlap
from monitor.core.rule import SubjectKind
from monitor.core.schedule import Occurrence
from monitor.evaluation.context import Context, ProviderView
from monitor.evaluation.expectations import (
    BACK,
    closings,
    expectation_labels,
    facts_of,
    matching,
    subject_of,
    unseen,
    views_of,
)
from monitor.evaluation.judging import opinions
from monitor.evaluation.leaps import leap
from monitor.evaluation.pastalerts import PastAlerts
from monitor.evaluation.pastpersons import PastPersons
from monitor.evaluation.recalling import nobody, persons_of
from monitor.evaluation.standing import Standing
from monitor.store import history, providers
from monitor.store.batches import BatchRow
from monitor.store.history import Elsewhere, Spans
from monitor.store.providers import ProviderRow

EVERY = timedelta(minutes=1)  # as often as what is expected is judged
_STEP = 10 * EVERY  # where nothing is known to have moved


@dataclass(slots=True)
class _Batch:
    """One that may be meant, as it stood when it was last brought along."""

    standing: Standing
    persons: PastPersons
    moments: deque[Moment] = field(default_factory=deque)
    events: deque[Elsewhere] = field(default_factory=deque)

    @classmethod
    def begun(cls, row: BatchRow, past: Past, persons: PastPersons) -> "_Batch":
        standing = Standing(final=row, every=EVERY)
        standing.begin(past)
        return cls(standing, persons, deque(past.moments[1:]), deque(persons.elsewhere))

    def bring(self, now: datetime) -> None:
        while self.moments and self.moments[0].at <= now:
            moment = self.moments.popleft()
            self.standing.take(moment)
            self.persons.take(moment)
        while self.events and self.events[0].at <= now:
            self.persons.meet(self.events.popleft())
        self.persons.now, self.persons.tally = now, self.standing.tally

    @property
    def row(self) -> BatchRow:
        return self.standing.row


@dataclass(slots=True)
class _Known:
    """What had come by then: see WhatCame."""

    expected: Expectation
    batches: Sequence[BatchRow | _Batch]  # those that stand as they do now, and those that moved
    rows: dict[str, ProviderRow]
    blind: dict[str, Spans]
    now: datetime

    def newest(self, since: datetime) -> Iterator[BatchRow]:
        """See WhatCame."""
        for each in self.batches:
            row = each if isinstance(each, BatchRow) else each.row
            seen = row.first_seen_at
            if seen <= self.now and (seen >= since or row.terminal_at is None):
                yield row

    def reached_before(self, row: BatchRow, since: datetime) -> Overlap:
        """See WhatCame."""
        for each in self.batches:
            if isinstance(each, _Batch) and each.row.id == row.id:
                return each.persons.reached_before(since)
        return Overlap()

    def unseen(self, view: ProviderView, here: Occurrence) -> str | None:
        """See WhatCame."""
        blind = any(start <= self.now < end for start, end in self.blind[view.name])
        row = replace(
            self.rows[view.name],
            discovered_at=self.now,
            failing_since=self.now if blind else None,
        )
        return unseen(view, row, self.expected, here)

    def bring(self, now: datetime) -> None:
        """Take in what was seen by now."""
        self.now = now
        for each in self.batches:
            if isinstance(each, _Batch):
                each.bring(now)


def retold(
    conn: Connection, expected: Expectation, context: Context, since: datetime, until: datetime
) -> list[Transition]:
    """How the alerts about one expectation would have moved."""
    known = _known(conn, expected, context, since)
    moved = sorted({_tick(at, since) for at in _moved_at(known, since, until)})
    told = _Retelling(expected, context, known)
    at = since
    for then in (*moved, until):
        told.go(at, then)
        at = max(at, then)
    return told.alerts.transitions


def _known(conn: Connection, expected: Expectation, context: Context, since: datetime) -> _Known:
    views = views_of(expected, context)
    return _Known(
        expected=expected,
        batches=[
            _laid_out(conn, row, expected, context, since)
            for row in matching(conn, expected, context, since - BACK)
        ],
        rows={each.name: providers.load(conn, each.name, each.vendor) for each in views},
        blind={each.name: history.blind(conn, each.name) for each in views},
        now=since,
    )


def _laid_out(
    conn: Connection, row: BatchRow, expected: Expectation, context: Context, since: datetime
) -> BatchRow | _Batch:
    ended = row.terminal_at
    if row.pruned or (ended is not None and ended < since):
        return row
    past = history.past(conn, row, EVERY)
    if not past.whole:
        return row
    told = context.providers[row.look.provider].capabilities.contacts
    asked = expected.overlap_days and told
    return _Batch.begun(row, past, persons_of(conn, row, past) if asked else nobody(past))


def _moved_at(known: _Known, since: datetime, until: datetime) -> Iterator[datetime]:
    for each in known.batches:
        if isinstance(each, _Batch):
            first = each.row.first_seen_at
            yield from (at for at in (first, *_looks(each)) if since <= at <= until)


def _looks(each: _Batch) -> Iterator[datetime]:
    return (moment.at for moment in each.moments if moment.looked)


def _tick(at: datetime, since: datetime) -> datetime:
    """When what was seen then is judged."""
    return since - (since - at) // EVERY * EVERY


@dataclass(slots=True)
class _Retelling:
    """One expectation on its way through the days."""

    expected: Expectation
    context: Context
    known: _Known
    alerts: PastAlerts = field(default_factory=PastAlerts)

    def go(self, start: datetime, end: datetime) -> None:
        """Judge the time after one instant until another, at which something was seen to move."""
        leap(self.alerts, self._judge, start, end, every=EVERY, step=_STEP)
        self.known.bring(end)
        self._judge(end)

    def _judge(self, now: datetime) -> None:
        self.known.now = now
        expected, context = self.expected, self.context
        facts = facts_of(expected, context, now, self.known)
        self.alerts.close(closings(self.alerts.open.values(), facts))
        rules = context.rules_about(SubjectKind.EXPECTATION)
        for opinion in opinions(rules, expectation_labels(expected, context), facts):
            self.alerts.judged(
                Judged(
                    instance=opinion.instance,
                    settings=opinion.settings,
                    subject=subject_of(expected, context, facts.occurrence, now),
                    verdict=opinion.verdict,
                    now=now,
                    observed_at=now,
                )
            )
