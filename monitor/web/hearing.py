"""How each provider's webhooks stand: gauges of the last hours, and what came since the start."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.metrics_core import CounterMetricFamily
from prometheus_client.registry import Collector

from monitor.store.webhook_views import WebhooksView
from monitor.web.receiver import Taken

_ENDS = ("both", "missed", "alone", "late")


def webhook_gauges(registry: CollectorRegistry, webhooks: Mapping[str, WebhooksView]) -> None:
    """Put them in."""

    def gauge(name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"offhook_webhook_{name}", text, ["provider", *labels], registry=registry)

    last = gauge("last_timestamp_seconds", "When the last one was taken in (Unix time).")
    unreadable = gauge("unreadable", "Webhooks set aside that could not be read.")
    ends = gauge(
        "ends", "Ends of calls and batches by who told of them; late are among both.", "heard"
    )
    missed = gauge("missed_ratio", "Of the ends that polls saw, the share no webhook told.")
    late = gauge("late_ratio", "Of the ends that both told, the share whose webhook was late.")
    delay = gauge(
        "delay_seconds", "From an end until it was heard of in this way.", "way", "quantile"
    )
    for name, each in webhooks.items():
        unreadable.labels(name).set(each.unreadable)
        if each.heard_at is not None:
            last.labels(name).set(each.heard_at.timestamp())
        for word in _ENDS if each.ends_named else ():
            ends.labels(name, word).set(getattr(each, word))
        for of, value in ((missed, each.missed_share), (late, each.late_share)):
            if value is not None:
                of.labels(name).set(value)
        for way, told in (("webhook", each.webhook_delays), ("poll", each.poll_delays)):
            if told is not None:
                delay.labels(name, way, "0.5").set(told.p50_s)
                delay.labels(name, way, "0.95").set(told.p95_s)


class Received(Collector):
    """How many webhooks came since the start, by what became of them."""

    def __init__(self, taken: Mapping[str, Taken]) -> None:
        self._taken = taken

    def collect(self) -> list[CounterMetricFamily]:
        """As Prometheus' client asks for it."""
        family = CounterMetricFamily(
            "offhook_webhooks",
            "Webhooks by result; poison ones are accepted, and cannot be read.",
            labels=["provider", "result"],
        )
        for provider, taken in self._taken.items():
            for result in ("accepted", "repeated", "rejected", "poison"):
                family.add_metric([provider, result], getattr(taken, result))
        return [family]
