"""What came of the alerts of a month, read from what is kept anyway.

Alerts, the outbox, silences and the audit are never pruned, so nothing is counted while
alerts are made. Costs of calls are: a batch whose details are gone has none to tell.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, func, select

from monitor.core.alert import Alert, AlertState, Reason
from monitor.core.compose import labels_of
from monitor.core.ledger import ACTED_WITHIN, Episode, Spent
from monitor.core.model import Call, EndedBy
from monitor.core.rule import SubjectKind
from monitor.core.silence import Silence
from monitor.store import alerts as alerts_store
from monitor.store import silences as silences_store
from monitor.store import snapshot
from monitor.store.audit import DONE
from monitor.store.schema import alerts, audit, batches, outbox, silences
from rules import compliance

_AT_ONCE = 500
_ALL = 1_000_000


@dataclass(frozen=True, slots=True)
class Month:
    """The episodes that fired in it, and what was spent after them by rule instance."""

    episodes: tuple[Episode, ...]
    spent: Mapping[str, Spent]


def load_month(conn: Connection, start: datetime, end: datetime, now: datetime) -> Month:
    """What fired from ``start`` until before ``end``, with what came of it until ``now``."""
    fired = load_fired(conn, start, end)
    return Month(load_episodes(conn, fired, start, end, now), _spent(conn, fired))


def load_fired(conn: Connection, start: datetime, end: datetime) -> list[Alert]:
    """The alerts that fired from ``start`` until before ``end``, the earliest first."""
    within = (alerts.c.fired_at >= start, alerts.c.fired_at < end)
    found = conn.execute(select(alerts.c.key).where(*within).order_by(alerts.c.fired_at)).scalars()
    return alerts_store.load_keys(conn, found.all())


def load_episodes(
    conn: Connection, fired: Sequence[Alert], start: datetime, end: datetime, now: datetime
) -> tuple[Episode, ...]:
    """What came of these alerts until ``now``."""
    keys = [alert.key for alert in fired]
    sent, acknowledged = _sent(conn, keys), _acknowledged(conn, keys)
    held = [each for each in silences_store.load(conn, ended=True, limit=_ALL) if not each.is_ack]
    deeds = _deeds(conn, start, end)
    return tuple(
        replace(
            _episode(alert, now),
            sent=sent.get(alert.key, 0),
            acknowledged_at=acknowledged.get(alert.key),
            acted_at=_acted_at(alert, deeds),
            silenced=_held_back(alert, held, now),
        )
        for alert in fired
    )


def _episode(alert: Alert, now: datetime) -> Episode:
    return Episode(
        key=alert.key,
        fingerprint=alert.fingerprint,
        instance=alert.instance,
        since=alert.since,
        fired_at=alert.fired_at or now,
        closed_at=alert.closed_at,
        recovered=alert.reason is Reason.RECOVERED,
        report=alert.state is AlertState.INFO,
    )


def _sent(conn: Connection, keys: Sequence[str]) -> dict[str, int]:
    """How many messages about each were taken: a receiver and a transition once, in any parts."""
    found: dict[str, int] = {}
    told = select(outbox.c.alert_key, outbox.c.receiver, outbox.c.transition).distinct()
    for some in _pieces(keys):
        taken = told.where(outbox.c.alert_key.in_(some), outbox.c.state == "sent").subquery()
        counted = select(taken.c.alert_key, func.count()).group_by(taken.c.alert_key)
        found |= {row[0]: row[1] for row in conn.execute(counted)}
    return found


def _acknowledged(conn: Connection, keys: Sequence[str]) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    first = select(silences.c.alert_key, func.min(silences.c.created_at))
    for some in _pieces(keys):
        rows = conn.execute(
            first.where(silences.c.alert_key.in_(some)).group_by(silences.c.alert_key)
        )
        found |= {row[0]: row[1] for row in rows}
    return found


def _pieces(keys: Sequence[str]) -> Iterable[Sequence[str]]:
    return (keys[start : start + _AT_ONCE] for start in range(0, len(keys), _AT_ONCE))


Deeds = Mapping[tuple[str, str], Sequence[datetime]]


def _deeds(conn: Connection, start: datetime, end: datetime) -> Deeds:
    """When something was done to a batch, by provider and batch."""
    found: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    rows = conn.execute(
        select(audit.c.provider, audit.c.target, audit.c.at)
        .where(audit.c.what.like("batch.%"), audit.c.outcome == DONE)
        .where(audit.c.at >= start, audit.c.at < end + ACTED_WITHIN)
        .order_by(audit.c.at)
    )
    for provider, target, at in rows:
        found[provider or "", target].append(at)
    return found


def _acted_at(alert: Alert, deeds: Deeds) -> datetime | None:
    """When somebody did something to its batch, here or at the vendor's own desk."""
    fired = alert.fired_at
    if fired is None or alert.subject.kind is not SubjectKind.BATCH:
        return None
    times = [at for at in deeds.get((alert.subject.provider, alert.subject.id), ()) if at >= fired]
    if alert.reason is Reason.BATCH_PAUSED and alert.closed_at is not None:
        times.append(alert.closed_at)
    return min(times, default=None)


def _held_back(alert: Alert, silences: Iterable[Silence], now: datetime) -> bool:
    """Whether one of the silences stood over some of the time for which it fired."""
    standing = [each for each in silences if _stood_over(each, alert, now)]
    labels = labels_of(alert) if standing else {}
    return any(each.covers(labels, alert.rule, compliance()) for each in standing)


def _stood_over(silence: Silence, alert: Alert, now: datetime) -> bool:
    fired, over = alert.fired_at, silence.over_at()
    if fired is None or silence.starts_at > (alert.closed_at or now):
        return False
    return over is None or over > fired


def _spent(conn: Connection, fired: Iterable[Alert]) -> dict[str, Spent]:
    """What each batch cost after its first alert of each rule; every call once a rule."""
    first: dict[tuple[str, str], dict[str, datetime]] = defaultdict(dict)
    for alert in fired:
        if alert.subject.kind is SubjectKind.BATCH and alert.state is not AlertState.INFO:
            of_batch = first[alert.subject.provider, alert.subject.id]
            at = alert.fired_at or alert.since
            of_batch[alert.instance] = min(of_batch.get(alert.instance, at), at)
    found: dict[str, _Sum] = defaultdict(_Sum)
    for (provider, batch_id), since in first.items():
        row = conn.execute(
            select(batches.c.id, batches.c.pruned).where(
                batches.c.provider == provider, batches.c.batch_id == batch_id
            )
        ).first()
        calls = () if row is None or row.pruned else tuple(snapshot.every_call(conn, row.id))
        for instance, at in since.items():
            found[instance].add(calls, at)
    return {instance: each.spent() for instance, each in found.items()}


class _Sum:
    def __init__(self) -> None:
        self._micros: dict[str, int] = defaultdict(int)
        self._estimated = False
        self._whole = True

    def add(self, calls: Sequence[Call], since: datetime) -> None:
        if not any(call.cost_micros is not None for call in calls):
            self._whole = False
            return
        for call in calls:
            if call.cost_micros is None or call.ended_at is None or call.ended_at <= since:
                continue
            self._micros[call.currency or "USD"] += call.cost_micros
            self._estimated |= call.cost_estimated or call.ended_by is EndedBy.SEEN

    def spent(self) -> Spent:
        return Spent(micros=dict(self._micros), estimated=self._estimated, whole=self._whole)
