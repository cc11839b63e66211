"""Judging the day: once at its time, for each rule instance that reports it."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from monitor.core.alert import Subject
from monitor.core.day import BatchDay, DayFacts
from monitor.core.digest import next_slot
from monitor.core.identity import alert_key, fingerprint
from monitor.core.instance import RuleInstance
from monitor.core.model import OPEN_CONTACT
from monitor.core.route import Digest, all_match
from monitor.core.rule import DayRule, SubjectKind
from monitor.core.tally import CONTACTS, people
from monitor.evaluation.batches import labels_of
from monitor.evaluation.context import Context
from monitor.evaluation.following import Followed, Following
from monitor.evaluation.judging import Opinion, opinions
from monitor.store import alerts, day_views, deadletters
from monitor.store.batches import BatchRow
from monitor.store.windows import StoredCalls

DAY = timedelta(days=1)
# A day whose report is later than this is told no more: the next one is near.
LATE = timedelta(hours=6)
# Days are this much longer or shorter at most, where clocks are changed.
_CHANGE = timedelta(hours=2)
_ID = "day"


def evaluate_days(conn: Connection, context: Context, now: datetime) -> list[Followed]:
    """Report the day, for each instance whose time has come and that has not yet."""
    done = []
    for instance in context.instances:
        if isinstance(instance.settings.rule, DayRule):
            end = _ended(_daily(instance, context.zone), now)
            if end is not None and not _is_told(conn, instance, _run(end, context.zone)):
                done.append(_report(conn, instance, context, end, now))
    return done


def _daily(instance: RuleInstance, zone: str) -> Digest:
    """When days end: at the rule's time on the wall, also where clocks skip that once."""
    rule = instance.settings.rule
    return Digest(
        every=DAY, at=rule.time if isinstance(rule, DayRule) else None, zone=ZoneInfo(zone)
    )


def _ended(daily: Digest, now: datetime) -> datetime | None:
    """When the last day ended; None where that is too long ago."""
    end = next_slot(daily, now - DAY - _CHANGE)
    while (later := next_slot(daily, end)) <= now:
        end = later
    return end if end <= now < end + LATE else None


def _run(end: datetime, zone: str) -> int:
    return end.astimezone(ZoneInfo(zone)).date().toordinal()


def _is_told(conn: Connection, instance: RuleInstance, run: int) -> bool:
    print_ = fingerprint("", instance.name, f"{SubjectKind.DAY}:{_ID}")
    return alerts.load_key(conn, alert_key(print_, run)) is not None


def _report(
    conn: Connection, instance: RuleInstance, context: Context, end: datetime, now: datetime
) -> Followed:
    subject = subject_of(end, context.zone)
    following = Following(
        conn=conn, context=context, subject=subject, now=now, observed_at=now, may_clear=True
    )
    following.follow(opinions_of(instance, day_facts(conn, instance, context, end, now)))
    return following.finish()


def subject_of(end: datetime, zone: str) -> Subject:
    """The day that ended then."""
    return Subject(
        kind=SubjectKind.DAY,
        provider="",
        id=_ID,
        title=f"{end.astimezone(ZoneInfo(zone)):%A, %-d %B}",
        zone=zone,
        run=_run(end, zone),
    )


def opinions_of(instance: RuleInstance, facts: DayFacts) -> list[Opinion]:
    """What a rule says of a day; its matchers choose batches, and are no condition on the day."""
    return list(opinions((replace(instance, match=()),), {}, facts))


def ends_between(
    instance: RuleInstance, zone: str, start: datetime, end: datetime
) -> list[datetime]:
    """When the days ended of which a rule reports, after ``start`` and until ``end``."""
    daily, found = _daily(instance, zone), []
    while (start := next_slot(daily, start)) <= end:
        found.append(start)
    return found


Fired = Callable[[datetime, datetime], Mapping[tuple[str, str, str], int]]


def day_facts(
    conn: Connection,
    instance: RuleInstance,
    context: Context,
    end: datetime,
    now: datetime,
    fired: Fired | None = None,
) -> DayFacts:
    """What the day until ``end`` brought, as far as the instance is about it.

    ``fired`` counts what fired in a time, by rule instance, provider and subject: what was told.
    """
    zone = ZoneInfo(context.zone)
    start = next_slot(_daily(instance, context.zone), end - DAY - _CHANGE)
    rows = [row for row in day_views.rows_of(conn, start, end) if _is_meant(row, instance, context)]
    known = {(row.look.provider, row.look.batch_id) for row in rows}
    receivers = context.routing.receivers
    found = day_views.fired(conn, start, end) if fired is None else fired(start, end)
    by_rule: Counter[str] = Counter()
    for (name, provider, subject), n in found.items():
        if not instance.match or (provider, subject) in known:
            by_rule[name] += n
    return DayFacts(
        now=now,
        start=start,
        end=end,
        zone=zone,
        batches=tuple(_batch(conn, row, start, end) for row in rows),
        alerts=dict(by_rule),
        given_up=tuple(
            each for each in deadletters.load_by_receiver(conn) if each.receiver in receivers
        ),
    )


def _is_meant(row: BatchRow, instance: RuleInstance, context: Context) -> bool:
    view = context.providers.get(row.look.provider)
    if view is None:
        return False
    labels = labels_of(row.look, view)
    return all_match(view.match, labels) and all_match(instance.match, labels)


def _batch(conn: Connection, row: BatchRow, start: datetime, end: datetime) -> BatchDay:
    look, calls = row.look, StoredCalls(conn, row.id)
    ended = row.terminal_at is not None and row.terminal_at <= end
    report = row.report if ended else None
    spent = calls.spent(start, end)
    return BatchDay(
        provider=look.provider,
        batch_id=look.batch_id,
        title=look.title,
        status=look.status,
        people=report.people if report else row.people,
        finished=_finished(row),
        reached=(report.reached if report else calls.people_reached()) if ended else None,
        never_dialled=report.never_dialled if report else 0,
        spent=dict(spent.micros),
        estimated=spent.estimated,
    )


def _finished(row: BatchRow) -> int:
    """People who are done with, as the vendor counts them, else as they were read."""
    told = row.look.counts.finished
    if told is not None:
        return told
    return row.tally.get(CONTACTS, 0) - people(row.tally, *OPEN_CONTACT)
