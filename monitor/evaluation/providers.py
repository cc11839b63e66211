"""Judging one provider: can it be seen, and what is owed while it cannot."""

from datetime import datetime

from sqlalchemy import Connection

from monitor.core.alert import Subject
from monitor.core.calendar import Calendar
from monitor.core.facts import Failure, ProviderFacts
from monitor.core.rule import SubjectKind
from monitor.evaluation.batches import is_fresh
from monitor.evaluation.context import Context, ProviderView
from monitor.evaluation.following import Followed, Following
from monitor.evaluation.judging import opinions
from monitor.store import batches, providers


def evaluate_provider(
    conn: Connection, view: ProviderView, context: Context, now: datetime
) -> Followed:
    """Judge one provider in one transaction."""
    facts = provider_facts(conn, view, context, now)
    following = Following(
        conn=conn,
        context=context,
        subject=Subject(
            kind=SubjectKind.PROVIDER,
            provider=view.name,
            id=view.name,
            title=view.name,
            vendor=view.vendor,
            zone=view.calendar.zone.key if view.calendar else "",
        ),
        now=now,
        # The trouble itself is seen now; what clears it is a fresh answer.
        observed_at=now,
        may_clear=True,
    )
    rules = tuple(
        each for each in context.instances if each.settings.rule.subject is SubjectKind.PROVIDER
    )
    labels = {"provider": view.name, "vendor": view.vendor}
    following.follow(list(opinions(rules, labels, facts)))
    return following.finish()


def provider_facts(
    conn: Connection, view: ProviderView, context: Context, now: datetime
) -> ProviderFacts:
    """What is known of a provider as a whole."""
    row = providers.load(conn, view.name, view.vendor)
    watched = [each for each in batches.load_open(conn, view.name) if not each.ended]
    # A batch that the vendor no longer knows says nothing of the others; all of them do.
    watched = [each for each in watched if each.gone_at is None] or watched
    stale = [each for each in watched if not is_fresh(each, view.blind_after, now)]
    return ProviderFacts(
        now=now,
        provider=view.name,
        vendor=view.vendor,
        # After the clock was set, silence counts from then: the time between never was.
        started_at=max(context.started_at, context.held_since or context.started_at),
        fresh_at=None if row.fresh_at is None else min(row.fresh_at, now),
        blind_after=view.blind_after,
        failure=row.failure or _failure_of(stale),
        failing_since=row.failing_since,
        open_batches=len(watched),
        stale_batches=len(stale),
        batches_seen_at=max((min(each.fresh_at, now) for each in watched), default=None),
        people_waiting=sum(each.look.counts.waiting or 0 for each in watched),
        calendar=view.calendar or _common_calendar(watched),
        default_zone=context.zone,
    )


def _failure_of(stale: list[batches.BatchRow]) -> Failure | None:
    """Why batches cannot be seen, where the account as a whole does not fail."""
    told = [each.failure for each in stale if each.failure]
    return Failure(kind="batches", text=told[0]) if told else None


def _common_calendar(watched: list[batches.BatchRow]) -> Calendar | None:
    found = {each.look.calendar for each in watched}
    return found.pop() if len(found) == 1 else None
