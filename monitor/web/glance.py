"""What the status page shows, read in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from monitor.core.alert import AlertState
from monitor.core.compose import compose
from monitor.core.message import Message
from monitor.core.rule import Severity
from monitor.store import alert_views, alerts, audit, moves, provider_views, views
from monitor.store.alert_views import AlertLife, AlertNow, Wanted
from monitor.store.audit import Deed
from monitor.store.provider_views import ProviderView
from monitor.store.silence_views import SilenceView, load_views
from monitor.store.views import BatchView, DeliveryView
from monitor.store.webhook_views import WebhooksView, load_webhooks
from monitor.web.desk import House, Watched

MOST_ALERTS = 100
MOST_BATCHES = 60
MOST_SILENCES = 100
MOST_DEAD = 20
MOST_DEEDS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderNow:
    """One configured provider; ``kept`` is None before it was ever read."""

    watched: Watched
    kept: ProviderView | None
    webhooks: WebhooksView | None

    @property
    def is_blind(self) -> bool:
        """Whether it cannot be read now."""
        return self.kept is not None and self.kept.failing_since is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchNow:
    """One open batch; ``stale``: nothing fresh is known of it."""

    batch: BatchView
    stale: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """Everything on one page."""

    open: Mapping[tuple[str, str], int]  # alerts by state and severity
    open_batches: int
    alerts: tuple[AlertNow, ...]
    providers: tuple[ProviderNow, ...]
    batches: tuple[BatchNow, ...]
    silences: tuple[SilenceView, ...]
    given_up: int
    dead: tuple[DeliveryView, ...]  # the newest of them
    deeds: tuple[Deed, ...]

    @property
    def firing(self) -> tuple[tuple[str, int], ...]:
        """How many fire of each severity, the heaviest first."""
        heaviest = sorted(Severity, key=lambda each: -each.weight)
        found = ((str(each), self.open.get(("firing", each), 0)) for each in heaviest)
        return tuple((severity, n) for severity, n in found if n)

    @property
    def pending(self) -> int:
        """How many wait to fire."""
        return sum(n for (state, _), n in self.open.items() if state == "pending")

    @property
    def blind(self) -> tuple[str, ...]:
        """The providers that cannot be read now."""
        return tuple(each.watched.name for each in self.providers if each.is_blind)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPage:
    """One alert: its message as of now, its life, and what stands about it."""

    life: AlertLife
    message: Message


def load_glance(conn: Connection, house: House, now: datetime) -> Glance:
    """As things stand."""
    kept = {each.name: each for each in provider_views.load_providers(conn)}
    listened = {name: each.ends_named for name, each in house.providers.items() if each.webhooks}
    webhooks = load_webhooks(conn, listened, now)
    given_up, dead = views.load_given_up(conn, MOST_DEAD)
    return Glance(
        open=alert_views.count_open(conn),
        open_batches=sum(each.open_batches for each in kept.values()),
        alerts=alert_views.load(conn, Wanted(limit=MOST_ALERTS), now),
        providers=tuple(
            ProviderNow(watched=each, kept=kept.get(name), webhooks=webhooks.get(name))
            for name, each in house.providers.items()
        ),
        batches=tuple(
            _batch(each, house.providers, now)
            for each in views.load_batches(conn, limit=MOST_BATCHES)
        ),
        silences=load_views(conn, now, limit=MOST_SILENCES),
        given_up=given_up,
        dead=dead,
        deeds=audit.load(conn, limit=MOST_DEEDS),
    )


def _batch(batch: BatchView, providers: Mapping[str, Watched], now: datetime) -> BatchNow:
    watched = providers.get(batch.provider)
    if watched is None:
        return BatchNow(batch=batch, stale=False)
    # What has ended is looked at ever more seldom, where it is watched for long.
    since_end = timedelta(0) if batch.terminal_at is None else batch.fresh_at - batch.terminal_at
    stale = now - batch.fresh_at > max(watched.blind_after, since_end / 2)
    return BatchNow(batch=batch, stale=stale)


def load_alert(conn: Connection, key: str, house: House, now: datetime) -> AlertPage | None:
    """One alert by its key, or by how only it begins."""
    life = alert_views.load_life(conn, key, now)
    alert = alerts.load_key(conn, life.alert.key) if life else None
    if life is None or alert is None:
        return None
    closed = alert.state is AlertState.RESOLVED
    fired = moves.fired_with(conn, alert.key) if closed else None
    message = compose(alert, at=now, default_zone=house.zone, fired=fired)
    return AlertPage(life=life, message=message)
