"""The numbers of one daemon in Prometheus' text format.

Labels are bounded by the configuration: providers, receivers, rules, jobs. Never a batch,
never a person.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily
from prometheus_client.registry import Collector


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What is counted at one moment."""

    now: datetime
    version: str
    ready: bool
    fresh_at: Mapping[str, datetime | None] = field(default_factory=dict)  # by provider
    open_batches: Mapping[str, int] = field(default_factory=dict)  # by provider
    firing: Mapping[str, int] = field(default_factory=dict)  # by rule instance
    owed: Mapping[str, int] = field(default_factory=dict)  # by receiver
    oldest_owed_at: Mapping[str, datetime | None] = field(default_factory=dict)
    dead_letters: int = 0
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
    registry.register(_Failures(numbers.job_failures))
    return generate_latest(registry)


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
