"""Judging what is expected: each of ``[[expect]]`` is a subject of its own."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import Connection

from monitor.core.alert import Reason, Subject
from monitor.core.expectation import (
    USUAL_OF,
    Came,
    Expectation,
    ExpectationFacts,
    usual_of,
)
from monitor.core.lifecycle import closed_as
from monitor.core.model import BatchStatus
from monitor.core.people import Overlap
from monitor.core.route import all_match
from monitor.core.rule import SubjectKind
from monitor.core.schedule import Occurrence, occurrences
from monitor.core.tally import CONTACTS
from monitor.core.wording import clock
from monitor.evaluation.context import Context, ProviderView
from monitor.evaluation.following import Followed, Following
from monitor.evaluation.judging import opinions
from monitor.evaluation.people import StoredPeople
from monitor.store import batches, coming, providers
from monitor.store.batches import BatchRow

# So far back is looked for what is usual, and over so many occurrences.
_BACK = timedelta(days=60)
_OCCURRENCES = 12
# Batches may be made so long before they are to begin.
_AHEAD = timedelta(days=2)


def evaluate_expectations(conn: Connection, context: Context, now: datetime) -> list[Followed]:
    """Judge everything that is expected."""
    return [_evaluate(conn, each, context, now) for each in context.expectations]


def _evaluate(conn: Connection, expected: Expectation, context: Context, now: datetime) -> Followed:
    views = _views(expected, context)
    facts = expectation_facts(conn, expected, context, now)
    following = Following(
        conn=conn,
        context=context,
        subject=_subject(expected, context, facts.occurrence, now),
        now=now,
        observed_at=_observed_at(conn, views, now),
        may_clear=True,
    )
    _close_past(following, facts)
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


def _views(expected: Expectation, context: Context) -> list[ProviderView]:
    names = expected.providers or tuple(context.providers)
    return [context.providers[name] for name in names if name in context.providers]


def _subject(
    expected: Expectation, context: Context, at: Occurrence | None, now: datetime
) -> Subject:
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


def _close_past(following: Following, facts: ExpectationFacts) -> None:
    """What was wrong the last time is no news any more once the next one is due, or it is over."""
    for alert in list(following.open.values()):
        if facts.occurrence is not None and alert.since < facts.occurrence.start:
            following.take(closed_as(alert, Reason.DUE_AGAIN, following.now))
        elif facts.over:
            following.take(closed_as(alert, Reason.BATCH_ENDED, following.now))


def expectation_facts(
    conn: Connection, expected: Expectation, context: Context, now: datetime
) -> ExpectationFacts:
    """What is known of it, and of the times before."""
    views = _views(expected, context)
    known = list(islice(occurrences(expected.schedule, expected.early, now), _OCCURRENCES))
    where = " or ".join(dict.fromkeys(each.vendor.title() for each in views))
    if not known:
        return ExpectationFacts(now=now, expectation=expected, occurrence=None, where=where)
    here = known[0]
    since = min(here.start, max(known[-1].start, now - _BACK)) - _AHEAD
    rows = list(_matching(conn, expected, context, since))
    came = [row for row in rows if here.covers(_moment(row))] or [*filter(_is_draft, rows)]
    return ExpectationFacts(
        now=now,
        expectation=expected,
        occurrence=here,
        where=where,
        came=tuple(_came(conn, row, expected, here, context, now) for row in came),
        usual=expected.people or usual_of(list(islice(_sizes(rows, known[1:]), USUAL_OF))),
        unseen=_unseen(conn, views, expected, here),
    )


def _matching(
    conn: Connection, expected: Expectation, context: Context, since: datetime
) -> Iterator[BatchRow]:
    views = {each.name: each for each in _views(expected, context)}
    for row in coming.newest(conn, list(views), since):
        view = views[row.provider]
        labels = {
            "provider": view.name,
            "vendor": view.vendor,
            "batch": row.batch_id,
            "batch_name": row.name or row.batch_id,
            "campaign": row.campaign or "",
        }
        if all_match(view.match, labels) and all_match(expected.match, labels):
            yield batches.load(conn, row.id)


def _moment(row: BatchRow) -> datetime:
    """When a batch began, or is to begin, or else was made."""
    look = row.look
    return look.started_at or look.scheduled_at or look.created_at or row.first_seen_at


def _is_draft(row: BatchRow) -> bool:
    """Whether it waits for somebody to start it; it may be meant where nothing else is there."""
    return row.open and row.look.status is BatchStatus.SCHEDULED and row.look.scheduled_at is None


def _people(row: BatchRow) -> int:
    return max(row.look.counts.total or 0, row.tally.get(CONTACTS, 0))


def _came(
    conn: Connection,
    row: BatchRow,
    expected: Expectation,
    here: Occurrence,
    context: Context,
    now: datetime,
) -> Came:
    return Came(
        title=row.look.title,
        batch_id=row.look.batch_id,
        at=_moment(row),
        begun=row.look.status is not BatchStatus.SCHEDULED,
        seen_at=row.first_seen_at,
        ended_at=row.terminal_at,
        people=_people(row) or None,
        before=_before(conn, row, expected, here, context, now),
    )


def _before(
    conn: Connection,
    row: BatchRow,
    expected: Expectation,
    here: Occurrence,
    context: Context,
    now: datetime,
) -> Overlap | None:
    """Those of its people who talked in another batch in the last days."""
    if not expected.overlap_days or not context.providers[row.look.provider].capabilities.contacts:
        return None
    if not row.tally.get(CONTACTS):
        return Overlap(whole=False)  # nobody is listed yet
    since = here.due - timedelta(days=expected.overlap_days)
    return StoredPeople(conn, row, context.people, now).reached_before(since)


def _sizes(rows: Sequence[BatchRow], before: Sequence[Occurrence]) -> Iterator[int]:
    """How many people came each time before, the newest first; not where nobody did."""
    for each in before:
        n = sum(_people(row) for row in rows if each.covers(_moment(row)))
        if n:
            yield n


def _unseen(
    conn: Connection, views: Sequence[ProviderView], expected: Expectation, here: Occurrence
) -> str | None:
    """Why a batch may have come that nobody saw."""
    zone = expected.schedule.zone
    for view in views:
        vendor = view.vendor.title()
        row = providers.load(conn, view.name, view.vendor)
        if not view.capabilities.discovery:
            return f"cannot find new batches at {vendor}"
        if row.baseline_at is None or row.baseline_at > here.due:
            return f"{vendor} was not watched yet when it was due"
        if row.discovered_at is None or row.discovered_at < here.due + expected.within:
            seen = row.discovered_at or row.baseline_at
            return f"the batches at {vendor} were last looked for at {clock(seen, zone, here.due)}"
        if row.failing_since is not None:
            return f"{vendor} cannot be read"
    return None if views else "none of its providers is configured"
