"""``status``: one glance at what fires, what is owed, and how each provider is asked."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from monitor.cli.expected import expected_data, expected_lines
from monitor.cli.hearing import hearing_lines, listening
from monitor.cli.output import FOUND, GOOD, ago, print_json, print_lines, print_table
from monitor.cli.places import load_to_read, reading
from monitor.clock import SystemClock
from monitor.core.duration import format_duration
from monitor.core.model import AccountState, Cap
from monitor.core.traffic import HOUR_S, Asked, Traffic
from monitor.providers.build import capabilities
from monitor.store import inbox, overdue, provider_views, views
from monitor.store.lock import is_owned
from monitor.store.provider_views import ProviderView
from monitor.store.webhook_views import load_webhooks

# The process that asks writes this down once a minute; older than that, it is not running.
_OLD = timedelta(minutes=3)
_NOT_RUNNING = "daemon:   not running: nothing is watched; start it: offhook run"
_COLUMNS = (
    "provider",
    "vendor",
    "batches",
    "last answer",
    "last complete sweep",
    "requests",
    "received",
    "budget",
    "errors",
    "state",
)


def status(given: Path | None, *, as_json: bool) -> int:
    """One glance; FOUND while no daemon runs, or something fires, cannot be read or is stuck."""
    config = load_to_read(given)
    now = SystemClock().now()
    with reading(config) as conn:
        overview, providers = views.overview(conn), provider_views.load_providers(conn)
        webhooks = load_webhooks(conn, listening(config, now), now)
        quarantine = inbox.quarantined(conn)
        stray = overdue.load_stray(conn, list(config.receivers))
    running = is_owned(config.monitor.database)
    unseen = {name: capabilities(each).blind_to for name, each in config.providers.items()}
    if as_json:
        data = {"running": running, "overview": overview, "providers": providers}
        data["webhooks"] = webhooks
        data |= {"quarantine": quarantine, "stray": stray, "cannot_see": unseen, "at": now}
        data["expected"] = expected_data(config.expectations, now)
        print_json(data)
    else:
        print_lines(() if running else (_NOT_RUNNING,))
        print_lines(_glance(overview, now))
        print_lines(
            f"          {n} owed to receiver {name}, which the configuration does not have"
            for name, n in stray.items()
        )
        rows = (_row(each, now) for each in providers)
        print_table(_COLUMNS, rows, "no provider has been read yet")
        print_lines(line for each in providers for line in _notes(each, now))
        print_lines(hearing_lines(webhooks, quarantine, now))
        print_lines(expected_lines(config.expectations, now))
        print_lines(
            f"cannot see at {name}: {', '.join(what)}" for name, what in unseen.items() if what
        )
    failing = any(each.failing_since for each in providers)
    found = not running or overview.firing or overview.dead or failing
    return FOUND if found else GOOD


def _glance(overview: views.Overview, now: datetime) -> list[str]:
    firing = ", ".join(f"{n} {severity}" for severity, n in sorted(overview.firing.items()))
    lines = [
        f"alerts:   {firing or 'none'} firing, {overview.pending} pending",
        f"batches:  {overview.open_batches} watched",
        f"messages: {overview.owed} waiting, {overview.dead} given up",
    ]
    if overview.oldest_owed_at:
        lines[2] += f" (the oldest was made {ago(overview.oldest_owed_at, now)})"
    if overview.dead:
        lines.append("          see: offhook deliveries --state dead")
    return lines


def _row(provider: ProviderView, now: datetime) -> tuple[object, ...]:
    told = provider.traffic
    return (
        provider.name,
        provider.vendor,
        provider.open_batches,
        ago(provider.fresh_at, now),
        ago(provider.complete_at, now),
        _requests(told.hour) if told else None,
        _bytes(told.hour.received) if told else None,
        _budget(told, now) if told else None,
        _errors(told.hour, provider) if told else None,
        _state(provider),
    )


def _state(provider: ProviderView) -> str:
    if provider.failing_since:
        return f"cannot be read: {provider.failure_kind}"
    return "ok" if provider.baseline_at else "not yet read completely"


def _requests(asked: Asked) -> str:
    if asked.seconds >= HOUR_S:
        return f"{asked.requests} an hour"
    return f"{asked.requests} in {format_duration(timedelta(seconds=asked.seconds))}"


def _bytes(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"


def _budget(traffic: Traffic, now: datetime) -> str:
    told = traffic.allowance
    quiet = timedelta(seconds=told.quiet_s) - (now - traffic.at)
    if told.refused and quiet > timedelta(0):
        return f"left alone for {format_duration(quiet)}: {told.refused}"
    pace = f"{told.ceiling:g} a minute"
    if told.per_minute < told.ceiling:
        pace = f"{told.per_minute:g} of {pace}"
    return f"{pace}, {told.waiting} waiting" if told.waiting else pace


def _errors(asked: Asked, provider: ProviderView) -> str:
    """Requests are counted once a minute: what failed since is not said to be none."""
    since, traffic = provider.failing_since, provider.traffic
    late = since is not None and traffic is not None and traffic.at < since
    none = f"{provider.failure_kind}, not counted yet" if late else "none"
    return ", ".join(f"{n} {kind}" for kind, n in asked.errors.items()) or none


def _notes(provider: ProviderView, now: datetime) -> Iterator[str]:
    traffic, account = provider.traffic, provider.account
    if traffic is not None and now - traffic.at > _OLD:
        yield f"the requests of {provider.name} were counted {ago(traffic.at, now)}"
    if account is not None and (told := _account(account)):
        yield f"account of {provider.name}: {told} ({ago(account.seen_at, now)})"


def _account(account: AccountState) -> str:
    told = [_cap(each) for each in account.caps]
    if account.balance_micros is not None:
        told.insert(0, f"balance {account.balance_micros / 1e6:,.2f} {account.currency}")
    return ", ".join(told)


def _cap(cap: Cap) -> str:
    return f"{cap.name} {'at most' if cap.used is None else f'{cap.used} of'} {cap.limit}"
