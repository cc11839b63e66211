"""The numbers of one daemon in Prometheus' text format.

Labels are bounded: what the configuration names, kinds of error, jobs, caps. Never a batch,
never a person.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily
from prometheus_client.registry import Collector

from monitor.core.model import AccountState
from monitor.core.traffic import Traffic
from monitor.store.webhook_views import WebhooksView
from monitor.web.hearing import Received, webhook_gauges
from monitor.web.receiver import Taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What is counted at one moment."""

    now: datetime
    version: str
    ready: bool
    fresh_at: Mapping[str, datetime | None] = field(default_factory=dict)  # by provider
    complete_at: Mapping[str, datetime | None] = field(default_factory=dict)  # by provider
    open_batches: Mapping[str, int] = field(default_factory=dict)  # by provider
    traffic: Mapping[str, Traffic] = field(default_factory=dict)  # by provider
    accounts: Mapping[str, AccountState] = field(default_factory=dict)  # by provider
    webhooks: Mapping[str, WebhooksView] = field(default_factory=dict)  # by provider
    received: Mapping[str, Taken] = field(default_factory=dict)  # webhooks, by provider
    firing: Mapping[str, int] = field(default_factory=dict)  # by rule instance
    owed: Mapping[str, int] = field(default_factory=dict)  # by receiver
    oldest_owed_at: Mapping[str, datetime | None] = field(default_factory=dict)
    dead_letters: int = 0
    connections_closed: int = 0  # for being slow, or too many
    job_failures: Mapping[str, int] = field(default_factory=dict)
    reload_ok: bool = True


CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def render(numbers: Numbers) -> bytes:
    """The exposition of these numbers."""
    registry = CollectorRegistry()

    def gauge(name: str, text: str, label: str, values: Mapping[str, float]) -> None:
        found = Gauge(f"offhook_{name}", text, [label], registry=registry)
        for key, value in values.items():
            found.labels(key).set(value)

    def single(name: str, text: str, value: float) -> None:
        Gauge(f"offhook_{name}", text, registry=registry).set(value)

    gauge("build_info", "The running version.", "version", {numbers.version: 1})
    single("ready", "1 while pollers, evaluation and outbox keep up.", float(numbers.ready))
    gauge(
        "provider_last_answer_timestamp_seconds",
        "When the provider last answered (Unix time).",
        "provider",
        {name: at.timestamp() for name, at in numbers.fresh_at.items() if at},
    )
    gauge(
        "provider_last_complete_sweep_timestamp_seconds",
        "When a list of the provider was last read completely (Unix time).",
        "provider",
        {name: at.timestamp() for name, at in numbers.complete_at.items() if at},
    )
    registry.register(_Asking(numbers.traffic))
    _budgets(registry, numbers.traffic)
    _accounts(registry, numbers.accounts)
    webhook_gauges(registry, numbers.webhooks)
    registry.register(Received(numbers.received))
    gauge("open_batches", "Batches watched now.", "provider", numbers.open_batches)
    gauge("alerts_firing", "Alerts firing now.", "rule", numbers.firing)
    gauge("outbox_owed", "Notifications not yet taken.", "receiver", numbers.owed)
    gauge(
        "outbox_oldest_age_seconds",
        "Age of the oldest notification that is due and not taken.",
        "receiver",
        {
            name: max((numbers.now - at).total_seconds(), 0.0) if at else 0.0
            for name, at in numbers.oldest_owed_at.items()
        },
    )
    single("dead_letters", "Notifications given up; see offhook deliveries.", numbers.dead_letters)
    single("config_last_reload_successful", "1 unless the file on disk is bad.", numbers.reload_ok)
    registry.register(_Closed(numbers.connections_closed))
    registry.register(_Failures(numbers.job_failures))
    return generate_latest(registry)


def _budgets(registry: CollectorRegistry, traffic: Mapping[str, Traffic]) -> None:
    """What each provider's key may ask now; who shares a key shows the same."""
    told = (
        ("requests_per_second", "Requests that the provider's key may make now."),
        ("ceiling_requests_per_second", "The most that they may become."),
        ("waiting_requests", "Requests that wait for their turn."),
        ("pause_seconds", "For how long the key is left alone from now on; 0 when it is not."),
    )
    gauges = [
        Gauge(f"offhook_provider_budget_{name}", text, ["provider"], registry=registry)
        for name, text in told
    ]
    for name, each in traffic.items():
        found = each.allowance
        values = (found.per_minute / 60, found.ceiling / 60, found.waiting, found.quiet_s)
        for one, value in zip(gauges, values, strict=True):
            one.labels(name).set(value)


def _accounts(registry: CollectorRegistry, accounts: Mapping[str, AccountState]) -> None:
    """What vendors tell of the accounts, as it was when it was last read."""

    def gauge(name: str, text: str, *labels: str) -> Gauge:
        return Gauge(
            f"offhook_provider_account_{name}", text, ["provider", *labels], registry=registry
        )

    read = gauge("last_read_timestamp_seconds", "When the account was last read (Unix time).")
    balance = gauge("balance", "What is left, in units of the currency.", "currency")
    limit = gauge("cap_limit", "A limit that the vendor sets.", "cap")
    used = gauge("cap_used", "How much of it is used.", "cap")
    for name, each in accounts.items():
        read.labels(name).set(each.seen_at.timestamp())
        if each.balance_micros is not None:
            balance.labels(name, each.currency).set(each.balance_micros / 1e6)
        for cap in each.caps:
            limit.labels(name, cap.name).set(cap.limit)
            if cap.used is not None:
                used.labels(name, cap.name).set(cap.used)


class _Asking(Collector):
    """What was asked of each provider since the start, and what came of it."""

    def __init__(self, traffic: Mapping[str, Traffic]) -> None:
        self._totals = {name: each.total for name, each in traffic.items()}

    def collect(self) -> Iterator[CounterMetricFamily]:
        """As Prometheus' client asks for it."""
        plain = (
            ("requests", "Requests made.", "requests"),
            ("received_bytes", "Bytes of bodies, as they came over the wire.", "received"),
            ("not_modified", "Answers that nothing had changed.", "not_modified"),
            ("budget_wait_seconds", "Time that requests waited for their turn.", "waited_s"),
        )
        for name, text, field_name in plain:
            family = CounterMetricFamily(f"offhook_provider_{name}", text, labels=["provider"])
            for provider, total in self._totals.items():
                family.add_metric([provider], getattr(total, field_name))
            yield family
        text = "Requests without a usable answer, by kind."
        family = CounterMetricFamily("offhook_provider_errors", text, labels=["provider", "kind"])
        for provider, total in self._totals.items():
            for kind, n in total.errors.items():
                family.add_metric([provider, kind], n)
        yield family


class _Closed(Collector):
    """How many connections were closed since the start."""

    def __init__(self, closed: int) -> None:
        self._closed = closed

    def collect(self) -> list[CounterMetricFamily]:
        """As Prometheus' client asks for it."""
        text = "Connections closed for being slow, or too many."
        name = "offhook_http_connections_closed"
        return [CounterMetricFamily(name, text, value=self._closed)]


class _Failures(Collector):
    """How often each job ended in an error since the start."""

    def __init__(self, failures: Mapping[str, int]) -> None:
        self._failures = failures

    def collect(self) -> list[CounterMetricFamily]:
        """As Prometheus' client asks for it."""
        family = CounterMetricFamily(
            "offhook_job_failures", "Jobs that ended in an error.", labels=["job"]
        )
        for job, n in self._failures.items():
            family.add_metric([job], n)
        return [family]
