"""``status``, ``batches``, ``alerts``, ``deliveries``: what the database says."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from monitor.cli.output import (
    FOUND,
    GOOD,
    WRONG,
    ago,
    complain,
    local,
    print_json,
    print_lines,
    print_table,
)
from monitor.cli.places import load_to_read, reading
from monitor.clock import SystemClock
from monitor.config import Config
from monitor.core.model import Counts
from monitor.providers.build import capabilities
from monitor.store import views

SHORT = 12


def status(given: Path | None, *, as_json: bool) -> int:
    """One glance; FOUND while something fires, a provider cannot be read, or mail is stuck."""
    config = load_to_read(given)
    now = SystemClock().now()
    with reading(config) as conn:
        overview, providers = views.overview(conn), views.load_providers(conn)
    unseen = {name: capabilities(each).blind_to for name, each in config.providers.items()}
    if as_json:
        data = {"overview": overview, "providers": providers, "cannot_see": unseen, "at": now}
        print_json(data)
    else:
        print_lines(_glance(overview, now))
        print_table(
            ("provider", "vendor", "batches", "last answer", "state"),
            (
                (each.name, each.vendor, each.open_batches, ago(each.fresh_at, now), _state(each))
                for each in providers
            ),
            "no provider has been read yet",
        )
        print_lines(
            f"cannot see at {name}: {', '.join(what)}" for name, what in unseen.items() if what
        )
    failing = any(each.failing_since for each in providers)
    return FOUND if overview.firing or overview.dead or failing else GOOD


def _glance(overview: views.Overview, now: datetime) -> list[str]:
    firing = ", ".join(f"{n} {severity}" for severity, n in sorted(overview.firing.items()))
    lines = [
        f"alerts:   {firing or 'none'} firing, {overview.pending} pending",
        f"batches:  {overview.open_batches} watched",
        f"messages: {overview.owed} waiting, {overview.dead} given up",
    ]
    if overview.oldest_owed_at:
        lines[2] += f" (the oldest waits since {ago(overview.oldest_owed_at, now)})"
    if overview.dead:
        lines.append("          see: offhook deliveries --state dead")
    return lines


def _state(provider: views.ProviderView) -> str:
    if provider.failing_since:
        return f"cannot be read: {provider.failure_kind}"
    return "ok" if provider.baseline_at else "not yet read completely"


def batches(given: Path | None, provider: str | None, *, ended: bool, as_json: bool) -> int:
    """The watched batches."""
    config = load_to_read(given)
    now = SystemClock().now()
    with reading(config) as conn:
        found = views.load_batches(conn, provider=provider, ended=ended)
    if not found and not _known("provider", provider, config.providers):
        return WRONG
    if as_json:
        print_json(found)
        return GOOD
    print_table(
        ("provider", "batch", "name", "status", "done", "failed", "live", "waiting", "moved"),
        (
            (
                each.provider,
                each.batch_id,
                each.name,
                each.status,
                _done(each.counts),
                each.counts.failed,
                each.counts.live,
                each.counts.waiting,
                ago(each.moved_at, now),
            )
            for each in found
        ),
        "no batches are watched now; those that ended: offhook batches --ended",
    )
    return GOOD


def _known(kind: str, name: str | None, names: Iterable[str]) -> bool:
    """Whether a name that found nothing is one at all; if not, it is said."""
    if name is None or name in names:
        return True
    complain(f"there is no {kind} {name!r}; known: {', '.join(names)}")
    return False


def _done(counts: Counts) -> str:
    if counts.total is None:
        return "" if counts.finished is None else str(counts.finished)
    return f"{'?' if counts.finished is None else counts.finished} of {counts.total}"


def alerts(given: Path | None, key: str | None, *, closed: bool, as_json: bool) -> int:
    """The open alerts, or the life of one; FOUND while something fires."""
    config = load_to_read(given)
    if key is not None:
        return _one_alert(config, key, as_json=as_json)
    with reading(config) as conn:
        found = views.load_alerts(conn, closed=closed)
    if as_json:
        print_json(found)
    else:
        zone = config.monitor.timezone
        print_table(
            ("state", "severity", "rule", "provider", "subject", "since", "what", "key"),
            (
                (
                    each.state,
                    each.severity,
                    each.instance,
                    each.provider,
                    each.title,
                    local(each.since, zone),
                    each.summary,
                    each.key[:SHORT],
                )
                for each in found
            ),
            "no alerts" if closed else "no open alerts",
        )
    return FOUND if any(each.state == "firing" for each in found) else GOOD


def _one_alert(config: Config, key: str, *, as_json: bool) -> int:
    with reading(config) as conn:
        alert = views.find_alert(conn, key)
        events = views.load_history(conn, alert.key) if alert else ()
    if alert is None:
        complain(f"there is no alert {key!r}, or several begin so; see: offhook alerts")
        return WRONG
    if as_json:
        print_json({"alert": alert, "events": events})
        return GOOD
    print_lines((f"{alert.title}: {alert.summary}", f"key {alert.key}, rule {alert.instance}"))
    print_table(
        ("at", "from", "to", "why", "value", "threshold", "n"),
        (
            (
                local(each.at, config.monitor.timezone),
                each.before,
                each.after,
                each.reason,
                each.value,
                each.threshold,
                each.n,
            )
            for each in events
        ),
        "nothing has happened to it",
    )
    return GOOD


def deliveries(
    given: Path | None, key: str | None, state: str | None, receiver: str | None, *, as_json: bool
) -> int:
    """What was sent, waits or was given up; FOUND while something is given up."""
    config = load_to_read(given)
    if key is not None:
        return _one_delivery(config, key, as_json=as_json)
    with reading(config) as conn:
        found = views.load_deliveries(conn, state=state, receiver=receiver)
    if not found and not _known("receiver", receiver, config.receivers):
        return WRONG
    if as_json:
        print_json(found)
    else:
        zone = config.monitor.timezone
        print_table(
            ("state", "receiver", "rule", "subject", "what", "made", "tries", "error", "key"),
            (
                (
                    each.state,
                    each.receiver,
                    each.rule,
                    each.title,
                    f"{each.transition} {each.part}",
                    local(each.created_at, zone),
                    each.attempts,
                    each.error,
                    each.delivery_key[:SHORT],
                )
                for each in found
            ),
            "no messages",
        )
    return FOUND if any(each.state == "dead" for each in found) else GOOD


def _one_delivery(config: Config, key: str, *, as_json: bool) -> int:
    with reading(config) as conn:
        delivery = views.find_delivery(conn, key)
        attempts = views.load_attempts(conn, delivery.delivery_key) if delivery else ()
    if delivery is None:
        complain(f"there is no delivery {key!r}, or several begin so; see: offhook deliveries")
        return WRONG
    if as_json:
        print_json({"delivery": delivery, "attempts": attempts})
        return GOOD
    print_lines(
        (f"{delivery.state}: {delivery.title}, {delivery.transition} to {delivery.receiver}",)
    )
    print_table(
        ("at", "try", "outcome", "word", "text"),
        (
            (
                local(each.at, config.monitor.timezone),
                each.attempt,
                each.outcome,
                each.word,
                each.text,
            )
            for each in attempts
        ),
        "not tried yet",
    )
    return GOOD
