"""Judging Offhook itself: one subject for each trouble, there or just over."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from monitor.core.alert import Reason, Subject
from monitor.core.facts import SystemFacts, Trouble
from monitor.core.instance import RuleInstance
from monitor.core.lifecycle import closed_as
from monitor.core.rule import SubjectKind
from monitor.evaluation.context import Context
from monitor.evaluation.following import Followed, Following
from monitor.evaluation.judging import opinions
from monitor.evaluation.telling import tell
from monitor.store import alerts


def evaluate_system(
    conn: Connection,
    troubles: Mapping[str, Trouble],
    over: frozenset[str],
    context: Context,
    now: datetime,
) -> list[Followed]:
    """Judge every trouble, and those that alerts still speak of; by subject.

    ``over`` are the subjects that are seen to be well in this process; an alert of any other
    whose trouble is not known stays as it is.
    """
    rules: dict[str, list[RuleInstance]] = {}
    for each in context.rules_about(SubjectKind.SYSTEM):
        rules.setdefault(each.settings.rule.id, []).append(each)
    known = alerts.load_firing(conn, *rules) if rules else []
    cases = {
        (each.subject.provider, each.subject.id, each.rule)
        for each in known
        if each.subject.id in over
    }
    cases |= {(each.provider, subject, each.rule) for subject, each in troubles.items()}
    done = []
    for provider, subject, rule in sorted(cases):
        trouble = troubles.get(subject)
        facts = SystemFacts(now=now, troubles={subject: trouble} if trouble else {})
        following = Following(
            conn=conn,
            context=context,
            subject=_subject(provider, subject, context),
            now=now,
            observed_at=now,
            may_clear=True,
        )
        instances = tuple(rules.get(rule, ()))
        following.follow(list(opinions(instances, {"provider": provider}, facts)))
        done.append(following.finish())
    return done


def _subject(provider: str, subject: str, context: Context) -> Subject:
    view = context.providers.get(provider)
    return Subject(
        kind=SubjectKind.SYSTEM,
        provider=provider,
        id=subject,
        title="Offhook",
        vendor=view.vendor if view else "",
    )


def close_orphans(conn: Connection, context: Context, now: datetime) -> int:
    """Close, without a word, the alerts of providers and rules that are configured no more."""
    instances = [each.name for each in context.instances]
    closed = []
    for kind in SubjectKind:
        closed += alerts.load_orphans(conn, kind, context.providers, instances)
    expected = {(each.provider, each.name) for each in context.expectations}
    closed += [
        alert
        for alert in alerts.load_orphans(conn, SubjectKind.EXPECTATION, (), ())
        if (alert.subject.provider, alert.subject.id) not in expected and alert not in closed
    ]
    steps = [closed_as(alert, Reason.RULE_CHANGED, now) for alert in closed]
    alerts.save(conn, [step.alert for step in steps if step.alert is not None])
    alerts.record(conn, [transition for step in steps for transition in step.transitions])
    tell(
        conn,
        alerts=[step.alert for step in steps if step.alert is not None],
        routing=context.routing,
        now=now,
        inhibited={},
        default_zone=context.zone,
    )
    return len(steps)
