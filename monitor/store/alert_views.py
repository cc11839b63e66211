"""Alerts with who acknowledged them and what silences them, as people and programs see them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from monitor.core.alert import Alert, AlertState
from monitor.core.compose import labels_of
from monitor.core.flapping import LOOK_BACK, Flap, flapping
from monitor.core.silence import Silence, silenced_by
from monitor.store import alerts as kept
from monitor.store import audit, silences, views
from monitor.store.audit import Deed
from monitor.store.schema import alerts, outbox
from monitor.store.silence_views import SilenceView, Standing, view
from monitor.store.views import AlertEventView, DeliveryView
from rules import compliance

OPEN = (AlertState.PENDING, AlertState.FIRING)
CLOSED = (AlertState.RESOLVED, AlertState.INFO)
_MOST_SILENCES = 2 * silences.MOST


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which alerts; None is any."""

    states: Collection[str] = OPEN
    provider: str | None = None
    severity: str | None = None
    rule: str | None = None  # the instance, or the rule's id
    batch: str | None = None
    limit: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertNow:
    """One episode of one alert. ``silenced`` and ``acknowledged`` are what holds it back now.

    ``reason`` is why it moved last, ``unknown`` why it cannot be judged now.
    """

    key: str
    rule: str
    instance: str
    provider: str
    vendor: str
    subject_kind: str
    subject_id: str
    title: str
    campaign: str
    severity: str
    state: str
    episode: int
    since: datetime
    fired_at: datetime | None
    closed_at: datetime | None
    reason: str
    summary: str
    unknown: str | None
    flapping: str | None  # how often it fired of late, in words; None where it does not flap
    labels: Mapping[str, str]
    acknowledged: tuple[SilenceView, ...]
    silenced: SilenceView | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertLife:
    """One alert with every move, what was told of it to whom, and what people did about it.

    ``silences``, the acknowledgements among them, are those that stand over it or are to
    begin; what people did tells of those that are over.
    """

    alert: AlertNow
    silences: tuple[SilenceView, ...]
    events: tuple[AlertEventView, ...]
    told: tuple[DeliveryView, ...]
    deeds: tuple[Deed, ...]


def load(conn: Connection, wanted: Wanted, now: datetime) -> tuple[AlertNow, ...]:
    """These alerts, the heaviest first; firing before pending, and the newest of each first."""
    states = [str(each) for each in wanted.states]
    is_wanted = kept.IS_OPEN if set(states) == set(OPEN) else alerts.c.state.in_(states)
    query = select(alerts.c.key).where(is_wanted)
    if wanted.provider is not None:
        query = query.where(alerts.c.provider == wanted.provider)
    if wanted.severity is not None:
        query = query.where(alerts.c.severity == wanted.severity)
    if wanted.rule is not None:
        query = query.where((alerts.c.instance == wanted.rule) | (alerts.c.rule == wanted.rule))
    if wanted.batch is not None:
        same = alerts.c.subject_id == wanted.batch
        query = query.where(same, alerts.c.subject_kind == "batch")
    heaviest = (kept.WEIGHT.desc(), alerts.c.state, alerts.c.since.desc(), alerts.c.key)
    keys = conn.execute(query.order_by(*heaviest).limit(wanted.limit)).scalars().all()
    return load_these(conn, keys, now)


def load_these(conn: Connection, keys: Sequence[str], now: datetime) -> tuple[AlertNow, ...]:
    """The alerts with these keys, in their order."""
    return _as_now(conn, kept.load_keys(conn, keys), now)


def count_open(conn: Connection) -> Mapping[tuple[str, str], int]:
    """How many are open, by state and severity."""
    columns = (alerts.c.state, alerts.c.severity)
    rows = conn.execute(select(*columns, func.count()).where(kept.IS_OPEN).group_by(*columns))
    return {(state, severity): n for state, severity, n in rows}


def load_life(conn: Connection, key: str, now: datetime) -> AlertLife | None:
    """One alert by its key, or by the beginning of it where only one begins so."""
    found = views.find_alert(conn, key)
    alert = kept.load_key(conn, found.key) if found and key else None
    if alert is None:
        return None
    about = _about(conn, alert)
    shown = [view(each, now) for each in about]
    return AlertLife(
        alert=_as_now(conn, [alert], now)[0],
        silences=tuple(each for each in shown if each.state is not Standing.ENDED),
        events=views.load_history(conn, alert.key),
        told=views.deliveries_where(conn, outbox.c.alert_key == alert.key),
        deeds=audit.load(conn, alert=alert.key, silences=[each.id for each in about]),
    )


def load_deeds(
    conn: Connection, *, alert: str | None = None, target: str | None = None, limit: int = 50
) -> tuple[Deed, ...]:
    """What people did, the newest first; about one alert also the silences that held it back."""
    known = None if alert is None else kept.load_key(conn, alert)
    about = [] if known is None else [each.id for each in _about(conn, known)]
    return audit.load(conn, alert=alert, silences=about, target=target, limit=limit)


def _about(conn: Connection, alert: Alert) -> list[Silence]:
    """Its acknowledgements, and the silences that stand over some of its life."""
    found = silences.load(conn, since=alert.since, limit=_MOST_SILENCES)
    return [each for each in found if _is_about(each, alert)]


def _is_about(silence: Silence, alert: Alert) -> bool:
    if silence.is_ack:
        return silence.alert == alert.key
    over = silence.over_at()
    too_early = over is not None and over <= alert.since
    too_late = alert.closed_at is not None and silence.starts_at > alert.closed_at
    covers = silence.covers(labels_of(alert), alert.rule, compliance())
    return covers and not too_early and not too_late


def _as_now(conn: Connection, found: Sequence[Alert], now: datetime) -> tuple[AlertNow, ...]:
    standing = silences.load_standing(conn, now)
    fired = kept.load_fired(conn, {each.fingerprint for each in found}, now - LOOK_BACK)
    flaps = {name: flapping(times, now) for name, times in fired.items()}
    return tuple(_now(each, standing, flaps.get(each.fingerprint), now) for each in found)


def _now(alert: Alert, standing: Collection[Silence], flap: Flap | None, now: datetime) -> AlertNow:
    silenced = silenced_by(alert, standing, now, compliance()) if alert.state in OPEN else None
    acknowledged = [each for each in standing if each.alert == alert.key and each.stands(now)]
    subject = alert.subject
    return AlertNow(
        key=alert.key,
        rule=alert.rule,
        instance=alert.instance,
        provider=subject.provider,
        vendor=subject.vendor,
        subject_kind=subject.kind,
        subject_id=subject.id,
        title=subject.title or subject.id,
        campaign=subject.campaign,
        severity=alert.severity,
        state=alert.state,
        episode=alert.episode,
        since=alert.since,
        fired_at=alert.fired_at,
        closed_at=alert.closed_at,
        reason=alert.reason,
        summary=(alert.closing or alert.finding).summary,
        unknown=alert.unknown,
        flapping=None if flap is None else flap.words,
        labels=labels_of(alert),
        acknowledged=tuple(view(each, now) for each in acknowledged),
        silenced=None if silenced is None else view(silenced, now),
    )
