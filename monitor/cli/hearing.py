"""What ``status`` says of webhooks: one line a provider that listens to them."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from monitor.cli.output import ago
from monitor.config import Config
from monitor.core.hearing import Delays
from monitor.core.wording import counted, percent
from monitor.providers.build import facts_of
from monitor.scheduler.hearing import expected
from monitor.store.arrivals import TOLD_OF
from monitor.store.webhook_views import WebhooksView


def listening(config: Config) -> list[str]:
    """The providers whose webhooks are listened to."""
    return [name for name, each in config.providers.items() if each.webhook_secret]


def hearing_lines(
    config: Config, webhooks: Mapping[str, WebhooksView], now: datetime
) -> Iterator[str]:
    """How they come, what they missed, and how late they and the polls are."""
    for name, each in webhooks.items():
        told = [f"the last one {ago(each.heard_at, now)}" if each.heard_at else "none ever came"]
        named = expected(facts_of(config.providers[name]).webhooks, now).named
        told += _ends(each) if named else ["they do not say what ended"]
        if each.unreadable:
            told.append(f"{each.unreadable} set aside, unreadable")
        yield f"webhooks of {name}: {'; '.join(told)}"


def _ends(each: WebhooksView) -> Iterator[str]:
    seen = each.both + each.missed
    if not seen:
        yield f"polls saw nothing end in {TOLD_OF.total_seconds() / 3600:g} h"
        return
    share = percent(each.missed_share or 0.0)
    yield f"{each.missed} of {counted(seen, 'end')} missed ({share}), {each.late} late"
    ways = {"webhook": each.webhook_delays, "poll": each.poll_delays}
    found = [f"{_delay(of)} by {way}" for way, of in ways.items() if of]
    yield f"heard of after {' and '.join(found)}"


def _delay(delays: Delays) -> str:
    return f"{delays.p50_s:.3g} s (95 % within {delays.p95_s:.3g} s)"
