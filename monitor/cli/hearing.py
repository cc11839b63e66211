"""What ``status`` says of webhooks: one line a provider that listens to them, and what is aside."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from monitor.cli.output import ago
from monitor.config import Config
from monitor.core.hearing import Delays
from monitor.core.wording import counted, percent
from monitor.providers.build import facts_of
from monitor.scheduler.hearing import expected
from monitor.store.arrivals import TOLD_OF
from monitor.store.inbox import Quarantined
from monitor.store.webhook_views import WebhooksView

_REASONS_SHOWN = 3
_DIGEST_SHOWN = 12


def listening(config: Config, now: datetime) -> dict[str, bool]:
    """The providers whose webhooks are listened to, and of each whether these name what ended."""
    return {
        name: expected(facts_of(each).webhooks, now).named
        for name, each in config.providers.items()
        if each.webhook_secret
    }


def hearing_lines(
    webhooks: Mapping[str, WebhooksView], aside: Sequence[Quarantined], now: datetime
) -> Iterator[str]:
    """How they come, what they missed, and how late they and the polls are.

    ``aside`` are the newest that were set aside, newest first.
    """
    for name, each in webhooks.items():
        told = [*_came(name, each, now)]
        told += _ends(each) if each.ends_named else ["they do not say what ended"]
        if each.unreadable:
            told.append(f"{each.unreadable} set aside, unreadable")
        yield f"webhooks of {name}: {'; '.join(told)}"
        yield from _aside([one for one in aside if one.provider == name], now)


def _came(name: str, each: WebhooksView, now: datetime) -> Iterator[str]:
    if each.heard_at is None:
        yield "no good one ever came" if each.is_refused else "none ever came"
    else:
        yield f"the last {'good ' if each.is_refused else ''}one {ago(each.heard_at, now)}"
    if each.is_refused:
        yield (
            f"refused since, the last {ago(each.refused_at, now)}: compare webhook_secret of"
            f" [providers.{name}] with the vendor's secret"
        )


def _ends(each: WebhooksView) -> Iterator[str]:
    seen = each.both + each.missed
    if not seen:
        yield f"polls saw nothing end in {TOLD_OF.total_seconds() / 3600:g} h"
        return
    share = percent(each.missed_share or 0.0)
    yield f"{each.missed} of {counted(seen, 'end')} missed ({share}), {each.late} late"
    ways = {"webhook": each.webhook_delays, "poll": each.poll_delays}
    found = [f"{_delay(of)} by {way}" for way, of in ways.items() if of]
    if found:
        yield f"heard of after {' and '.join(found)}"


def _delay(delays: Delays) -> str:
    return f"{delays.p50_s:.3g} s (95 % within {delays.p95_s:.3g} s)"


def _aside(some: Sequence[Quarantined], now: datetime) -> Iterator[str]:
    """Why they were set aside, each reason with its newest; the whole is in the JSON."""
    by_reason: defaultdict[str, list[Quarantined]] = defaultdict(list)
    for each in some:
        by_reason[each.why].append(each)
    for why, found in list(by_reason.items())[:_REASONS_SHOWN]:
        when = ago(found[0].received_at, now)
        digest = f"SHA-256 {found[0].digest[:_DIGEST_SHOWN]}…"
        yield f"  {len(found)} set aside: {why} (the newest {when}, {digest})"
    if len(by_reason) > _REASONS_SHOWN:
        yield "  and more; offhook status --json lists them"
