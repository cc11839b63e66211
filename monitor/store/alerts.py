"""Alerts and the audit of their every move."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    case,
    func,
    literal_column,
    select,
)

from monitor.core.alert import Alert, AlertState, Reason, Subject, Transition
from monitor.core.rule import Finding, Severity, SubjectKind
from monitor.store import among, hot
from monitor.store.coding import decode, encode
from monitor.store.schema import alert_events, alerts, evaluations, from_micros, to_micros

_OPEN = ("pending", "firing")


def load_open(conn: Connection, provider: str, kind: SubjectKind, subject: str) -> list[Alert]:
    """The open alerts of one subject."""
    found = hot.read(conn, _OF_SUBJECT, provider=provider, kind=str(kind), subject=subject)
    return [_of(row) for row in found]


# The words of the partial index stand in the text: bound ones would miss it.
IS_OPEN: ColumnElement[bool] = literal_column("state IN ('pending', 'firing')")
_OF_SUBJECT = (
    select(alerts)
    .where(
        IS_OPEN,
        alerts.c.provider == bindparam("provider"),
        alerts.c.subject_kind == bindparam("kind"),
        alerts.c.subject_id == bindparam("subject"),
    )
    .order_by(alerts.c.since, alerts.c.key)
)


def load_all_open(conn: Connection) -> list[Alert]:
    """Every open alert."""
    return _load(conn, select(alerts).where(IS_OPEN))


def load_firing(conn: Connection, *rules: str) -> list[Alert]:
    """Every firing alert, or those of some rules."""
    asked = among.filled(rules, len(rules)) if rules else {}
    return [_of(row) for row in hot.read(conn, _all_firing(len(rules)), **asked)]


# Each round of judging asks.
@cache
def _all_firing(rules: int) -> Select[Any]:
    query = select(alerts).where(IS_OPEN, literal_column("state = 'firing'"))
    if rules:
        query = query.where(alerts.c.rule.in_(among.listed(rules)))
    return query.order_by(alerts.c.since, alerts.c.key)


def load_fired(
    conn: Connection, fingerprints: Iterable[str], since: datetime
) -> dict[str, list[datetime]]:
    """When these conditions fired since then."""
    rows = conn.execute(
        select(alerts.c.fingerprint, alerts.c.fired_at).where(
            alerts.c.fingerprint.in_(list(fingerprints)),
            alerts.c.fired_at >= since,
            alerts.c.state != "info",
        )
    )
    found: dict[str, list[datetime]] = {}
    for row in rows:
        found.setdefault(row.fingerprint, []).append(row.fired_at)
    return found


def is_firing(conn: Connection, rule: str, provider: str) -> bool:
    """Whether an alert of this rule fires for the provider."""
    return bool(hot.ask(conn, _FIRING, provider=provider, rule=rule))


_FIRING = (
    select(alerts.c.key)
    .where(
        IS_OPEN,
        literal_column("state = 'firing'"),
        alerts.c.provider == bindparam("provider"),
        alerts.c.rule == bindparam("rule"),
    )
    .limit(literal_column("1"))
)


def load_orphans(
    conn: Connection, kind: SubjectKind, providers: Iterable[str], instances: Iterable[str]
) -> list[Alert]:
    """Open alerts of providers or rule instances that the configuration no longer has."""
    query = select(alerts).where(alerts.c.state.in_(_OPEN), alerts.c.subject_kind == kind)
    gone = alerts.c.provider.not_in([*providers, ""]) | alerts.c.instance.not_in(list(instances))
    return _load(conn, query.where(gone))


def load_key(conn: Connection, key: str) -> Alert | None:
    """One alert by its key."""
    found = hot.read(conn, _KEY, key=key)
    return _of(found[0]) if found else None


_KEY = select(alerts).where(alerts.c.key == bindparam("key"))


def load_keys(conn: Connection, keys: Sequence[str]) -> list[Alert]:
    """The alerts with these keys, in their order."""
    found = {
        row.key: _of(row)
        for start in range(0, len(keys), _AT_ONCE)
        for row in hot.read(conn, _KEYS, **among.filled(keys[start : start + _AT_ONCE], _AT_ONCE))
    }
    return [found[key] for key in keys if key in found]


# As Severity.weight has it.
WEIGHT = case({str(each): each.weight for each in Severity}, value=alerts.c.severity, else_=0)


def closed_with_batch(
    conn: Connection, provider: str, batch_id: str, since: datetime
) -> tuple[str, ...]:
    """The rule instances that were firing for a batch when it ended."""
    asked = {"provider": provider, "batch": batch_id, "since": to_micros(since)}
    return tuple(instance for (instance,) in hot.ask(conn, _CLOSED_WITH, **asked))


_CLOSED_WITH = (
    select(alerts.c.instance)
    .where(
        alerts.c.provider == bindparam("provider"),
        alerts.c.subject_kind == str(SubjectKind.BATCH),
        alerts.c.subject_id == bindparam("batch"),
        alerts.c.reason == str(Reason.BATCH_ENDED),
        alerts.c.fired_at.is_not(None),
        alerts.c.closed_at >= bindparam("since"),
    )
    .distinct()
    .order_by(alerts.c.instance)
)


def last_episodes(conn: Connection, fingerprints: Sequence[str]) -> dict[str, int]:
    """The number of the newest episode of each condition that ever had one."""
    found: dict[str, int] = {}
    for start in range(0, len(fingerprints), _AT_ONCE):
        some = fingerprints[start : start + _AT_ONCE]
        found |= dict(hot.ask(conn, _EPISODES, **among.filled(some, _AT_ONCE)))
    return found


_AT_ONCE = 32
_EPISODES = (
    select(alerts.c.fingerprint, func.max(alerts.c.episode))
    .where(alerts.c.fingerprint.in_(among.listed(_AT_ONCE)))
    .group_by(alerts.c.fingerprint)
)
_KEYS = select(alerts).where(alerts.c.key.in_(among.listed(_AT_ONCE)))


def save(conn: Connection, moved: Iterable[Alert]) -> None:
    """Write alerts, new or known."""
    hot.upsert(conn, alerts, [_row(alert) for alert in moved])


def record(conn: Connection, transitions: Iterable[Transition]) -> None:
    """Append transitions to the audit."""
    for transition in transitions:
        hot.add(conn, alert_events, _event(transition))


def mark_evaluated(conn: Connection, subject: str, seq: int, at: datetime) -> None:
    """Note up to which change, and when, a subject was last judged on fresh facts."""
    hot.upsert(conn, evaluations, [(subject, seq, to_micros(at))])


def last_evaluated(conn: Connection, subject: str) -> tuple[int, datetime | None]:
    """Up to which change, and when, a subject was last judged; (0, None) for never."""
    for seq, at in hot.ask(conn, _EVALUATED, subject=subject):
        return seq, from_micros(at)
    return 0, None


_EVALUATED = select(evaluations.c.seq, evaluations.c.at).where(
    evaluations.c.subject == bindparam("subject")
)


def _load(conn: Connection, query: Select[Any]) -> list[Alert]:
    return [_of(row) for row in conn.execute(query.order_by(alerts.c.since, alerts.c.key))]


def _row(alert: Alert) -> hot.Row:
    values = _values(alert)
    return tuple(values[column.name] for column in alerts.columns)


def _values(alert: Alert) -> dict[str, Any]:
    return {
        "key": alert.key,
        "fingerprint": alert.fingerprint,
        "episode": alert.episode,
        "rule": alert.rule,
        "instance": alert.instance,
        "provider": alert.subject.provider,
        "subject_kind": str(alert.subject.kind),
        "subject_id": alert.subject.id,
        "subject": encode(alert.subject),
        "severity": str(alert.severity),
        "state": str(alert.state),
        "since": _micros(alert.since),
        "evidence_at": _micros(alert.evidence_at),
        "fired_at": _micros(alert.fired_at),
        "clear_since": _micros(alert.clear_since),
        "closed_at": _micros(alert.closed_at),
        "reason": str(alert.reason),
        "revision": alert.revision,
        "unknown": alert.unknown,
        "finding": encode(alert.finding),
        "closing": None if alert.closing is None else encode(alert.closing),
        "labels": encode(dict(alert.labels)),
        "runbook_url": alert.runbook_url,
    }


def _micros(at: datetime | None) -> int | None:
    return None if at is None else to_micros(at)


def _of(row: Any) -> Alert:
    return Alert(
        key=row.key,
        fingerprint=row.fingerprint,
        episode=row.episode,
        rule=row.rule,
        instance=row.instance,
        subject=decode(Subject, row.subject),
        severity=Severity(row.severity),
        state=AlertState(row.state),
        since=row.since,
        finding=decode(Finding, row.finding),
        evidence_at=row.evidence_at,
        fired_at=row.fired_at,
        clear_since=row.clear_since,
        closed_at=row.closed_at,
        reason=Reason(row.reason),
        closing=None if row.closing is None else decode(Finding, row.closing),
        revision=row.revision,
        unknown=row.unknown,
        labels=decode(dict[str, str], row.labels),
        runbook_url=row.runbook_url,
    )


def _event(transition: Transition) -> dict[str, Any]:
    alert = transition.alert
    finding = alert.closing or alert.finding
    return {
        "alert_key": alert.key,
        "at": transition.at,
        "before": None if transition.before is None else str(transition.before),
        "after": str(transition.after),
        "reason": str(transition.reason),
        "severity": str(alert.severity),
        "value": finding.value,
        "threshold": finding.threshold,
        "n": finding.n,
        "evidence": encode(finding.evidence),
        "summary": finding.summary,
    }
