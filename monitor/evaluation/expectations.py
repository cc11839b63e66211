"""Judging what is expected: each of ``[[expect]]`` is a subject of its own."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Protocol

from sqlalchemy import Connection

from monitor.core.alert import Alert, Reason, Subject
from monitor.core.expectation import (
    USUAL_OF,
    Came,
    Expectation,
    ExpectationFacts,
    usual_of,
)
from monitor.core.lifecycle import Step, closed_as
from monitor.core.model import BatchStatus
from monitor.core.people import Overlap
from monitor.core.route import all_match
from monitor.core.rule import SubjectKind
from monitor.core.schedule import Occurrence, occurrences
from monitor.core.tally import CONTACTS
from monitor.core.wording import clock
from monitor.evaluation.batches import labels_of
from monitor.evaluation.context import Context, ProviderView
from monitor.evaluation.following import Followed, Following
from monitor.evaluation.judging import opinions
from monitor.evaluation.people import StoredPeople
from monitor.store import batches, coming, providers
from monitor.store.batches import BatchRow
from monitor.store.providers import ProviderRow

# So far back is looked for what is usual, and over so many occurrences.
BACK = timedelta(days=60)
_OCCURRENCES = 12
# Batches may be made so long before they are to begin.
_AHEAD = timedelta(days=2)


def evaluate_expectations(conn: Connection, context: Context, now: datetime) -> list[Followed]:
    """Judge everything that is expected."""
    return [_evaluate(conn, each, context, now) for each in context.expectations]


def _evaluate(conn: Connection, expected: Expectation, context: Context, now: datetime) -> Followed:
    views = views_of(expected, context)
    facts = expectation_facts(conn, expected, context, now)
    following = Following(
        conn=conn,
        context=context,
        subject=subject_of(expected, context, facts.occurrence, now),
        now=now,
        observed_at=_observed_at(conn, views, now),
        may_clear=True,
    )
    for step in closings(following.open.values(), facts):
        following.take(step)
    rules = context.rules_about(SubjectKind.EXPECTATION)
    following.follow(list(opinions(rules, expectation_labels(expected, context), facts)))
    return following.finish()


def expectation_labels(expected: Expectation, context: Context) -> dict[str, str]:
    """What the matchers of rules see of it: also the batch's name, as messages will call it."""
    return {
        "provider": expected.provider,
        "vendor": _vendor(expected, context),
        "batch_name": expected.title,
    }


def _vendor(expected: Expectation, context: Context) -> str:
    """The vendor at which it is expected, where that is one provider's."""
    view = context.providers.get(expected.provider)
    return view.vendor if view else ""


def views_of(expected: Expectation, context: Context) -> list[ProviderView]:
    """The configured providers at which it may come."""
    names = expected.providers or tuple(context.providers)
    return [context.providers[name] for name in names if name in context.providers]


def subject_of(
    expected: Expectation, context: Context, at: Occurrence | None, now: datetime
) -> Subject:
    """What its alerts are about: also when it was due."""
    zone = expected.schedule.zone
    due = f" due {clock(at.due, zone, now)}" if at else ""
    return Subject(
        kind=SubjectKind.EXPECTATION,
        provider=expected.provider,
        id=expected.name,
        title=expected.title + due,
        vendor=_vendor(expected, context),
        zone=zone.key,
    )


def _observed_at(conn: Connection, views: Sequence[ProviderView], now: datetime) -> datetime:
    """As of when it is known which batches there are."""
    rows = (providers.load(conn, each.name, each.vendor) for each in views)
    return min((min(row.discovered_at or now, now) for row in rows), default=now)


def closings(known: Iterable[Alert], facts: ExpectationFacts) -> list[Step]:
    """What was wrong the last time is no news any more once the next one is due, or it is over."""
    steps = []
    for alert in known:
        if facts.occurrence is not None and alert.since < facts.occurrence.start:
            steps.append(closed_as(alert, Reason.DUE_AGAIN, facts.now))
        elif facts.over:
            steps.append(closed_as(alert, Reason.BATCH_ENDED, facts.now))
    return steps


class WhatCame(Protocol):
    """What is known of the batches that an expectation may be about."""

    def newest(self, since: datetime) -> Iterable[BatchRow]:
        """Those first seen since then, or still open, the newest first."""
        ...

    def reached_before(self, row: BatchRow, since: datetime) -> Overlap:
        """The people of one who talked in another batch since then."""
        ...

    def unseen(self, view: ProviderView, here: Occurrence) -> str | None:
        """Why a batch may have come to a provider that nobody saw."""
        ...


def expectation_facts(
    conn: Connection, expected: Expectation, context: Context, now: datetime
) -> ExpectationFacts:
    """What is known of it, and of the times before."""
    return facts_of(expected, context, now, _Stored(conn, expected, context, now))


def facts_of(
    expected: Expectation, context: Context, now: datetime, told: WhatCame
) -> ExpectationFacts:
    """The same, by whoever tells what came."""
    views = views_of(expected, context)
    known = list(islice(occurrences(expected.schedule, expected.early, now), _OCCURRENCES))
    where = " or ".join(dict.fromkeys(each.vendor.title() for each in views))
    if not known:
        return ExpectationFacts(now=now, expectation=expected, occurrence=None, where=where)
    here = known[0]
    rows = list(told.newest(min(here.start, max(known[-1].start, now - BACK)) - _AHEAD))
    came = [row for row in rows if here.covers(row.began_at)] or [*filter(_is_draft, rows)]
    unseen = (told.unseen(view, here) for view in views)
    return ExpectationFacts(
        now=now,
        expectation=expected,
        occurrence=here,
        where=where,
        came=tuple(_came(row, expected, here, context, told) for row in came),
        usual=expected.people or usual_of(list(islice(_sizes(rows, known[1:]), USUAL_OF))),
        unseen=next(filter(None, unseen), None) if views else "none of its providers is configured",
    )


@dataclass(frozen=True, slots=True)
class _Stored:
    """What came, as it stands now."""

    conn: Connection
    expected: Expectation
    context: Context
    now: datetime

    def newest(self, since: datetime) -> Iterator[BatchRow]:
        """See WhatCame."""
        return matching(self.conn, self.expected, self.context, since)

    def reached_before(self, row: BatchRow, since: datetime) -> Overlap:
        """See WhatCame."""
        return StoredPeople(self.conn, row, self.context.people, self.now).reached_before(since)

    def unseen(self, view: ProviderView, here: Occurrence) -> str | None:
        """See WhatCame."""
        row = providers.load(self.conn, view.name, view.vendor)
        return unseen(view, row, self.expected, here)


def matching(
    conn: Connection, expected: Expectation, context: Context, since: datetime
) -> Iterator[BatchRow]:
    """Its batches first seen since then, or still open, the newest first."""
    views = {each.name: each for each in views_of(expected, context)}
    for row in coming.newest(conn, list(views), since):
        view = views[row.provider]
        labels = labels_of(row, view)
        if all_match(view.match, labels) and all_match(expected.match, labels):
            yield batches.load(conn, row.id)


def _is_draft(row: BatchRow) -> bool:
    """Whether it waits for somebody to start it; it may be meant where nothing else is there."""
    return row.open and row.look.status is BatchStatus.SCHEDULED and row.look.scheduled_at is None


def _came(
    row: BatchRow, expected: Expectation, here: Occurrence, context: Context, told: WhatCame
) -> Came:
    return Came(
        title=row.look.title,
        batch_id=row.look.batch_id,
        at=row.began_at,
        begun=row.look.status is not BatchStatus.SCHEDULED,
        seen_at=row.first_seen_at,
        ended_at=row.terminal_at,
        people=row.people or None,
        before=_before(row, expected, here, context, told),
    )


def _before(
    row: BatchRow, expected: Expectation, here: Occurrence, context: Context, told: WhatCame
) -> Overlap | None:
    """Those of its people who talked in another batch in the last days."""
    if not expected.overlap_days or not context.providers[row.look.provider].capabilities.contacts:
        return None
    if not row.tally.get(CONTACTS):
        return Overlap(whole=False)  # nobody is listed yet
    return told.reached_before(row, here.due - timedelta(days=expected.overlap_days))


def _sizes(rows: Sequence[BatchRow], before: Sequence[Occurrence]) -> Iterator[int]:
    """How many people came each time before, the newest first; not where nobody did."""
    for each in before:
        n = sum(row.people for row in rows if each.covers(row.began_at))
        if n:
            yield n


def unseen(
    view: ProviderView, row: ProviderRow, expected: Expectation, here: Occurrence
) -> str | None:
    """Why a batch may have come to a provider that nobody saw."""
    zone, vendor = expected.schedule.zone, view.vendor.title()
    if not view.capabilities.discovery:
        return f"cannot find new batches at {vendor}"
    if row.baseline_at is None or row.baseline_at > here.due:
        return f"{vendor} was not watched yet when it was due"
    if row.discovered_at is None or row.discovered_at < here.due + expected.within:
        seen = row.discovered_at or row.baseline_at
        return f"the batches at {vendor} were last looked for at {clock(seen, zone, here.due)}"
    if row.failing_since is not None:
        return f"{vendor} cannot be read"
    return None
