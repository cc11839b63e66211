"""``batches``, ``alerts``, ``deliveries``: what the database says."""

from collections.abc import Iterable, Iterator
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
from monitor.cli.silencing import ending
from monitor.clock import SystemClock
from monitor.config import Config
from monitor.core.model import Counts
from monitor.store import alert_views, views
from monitor.store.alert_views import AlertNow
from monitor.store.silence_views import SilenceView
from monitor.store.views import BatchView

SHORT = 12


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
                _done(each),
                each.counts.failed,
                _count(each.counts, "live"),
                _count(each.counts, "waiting"),
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


def _count(counts: Counts, name: str) -> str:
    """A count for people; one that the vendor does not tell is marked."""
    n = getattr(counts, name)
    return "" if n is None else f"about {n}" if name in counts.estimated else str(n)


def _done(batch: BatchView) -> str:
    counts = batch.counts
    done = "" if batch.done is None else str(batch.done)
    if batch.done is not None and counts.finished is not None:
        done = _count(counts, "finished")
    if counts.total is None:
        return done
    return f"{done or '?'} of {_count(counts, 'total')}"


def alerts(
    given: Path | None, key: str | None, *, closed: bool, group: int | None, as_json: bool
) -> int:
    """The open alerts, all of one message, or the life of one; FOUND while something fires."""
    config = load_to_read(given)
    if key is not None:
        return _one_alert(config, key, as_json=as_json)
    with reading(config) as conn:
        listed = (
            views.load_alerts(conn, closed=closed)
            if group is None
            else views.load_group(conn, group)
        )
        found = alert_views.load_these(conn, [each.key for each in listed], SystemClock().now())
    if group is not None and not found:
        complain(f"there is no message {group}; its number stands below what it tells")
        return WRONG
    if as_json:
        print_json(found)
    else:
        zone = config.monitor.timezone
        print_table(
            ("state", "severity", "rule", "provider", "subject", "since", "what", "held", "key"),
            (
                (
                    each.state,
                    each.severity,
                    each.instance,
                    each.provider,
                    each.title,
                    local(each.since, zone),
                    each.summary,
                    "; ".join(_held(each, zone)),
                    each.key[:SHORT],
                )
                for each in found
            ),
            "no alerts" if closed else "no open alerts",
        )
    return FOUND if any(each.state == "firing" for each in found) else GOOD


def _held(alert: AlertNow, zone: str) -> Iterator[str]:
    """Who has it, and what silences it until when."""
    if alert.acknowledged:
        yield f"acknowledged by {', '.join(each.author for each in alert.acknowledged)}"
    if alert.silenced is not None:
        yield f"silenced by {alert.silenced.author} until {ending(alert.silenced, zone)}"


def _one_alert(config: Config, key: str, *, as_json: bool) -> int:
    with reading(config) as conn:
        life = alert_views.load_life(conn, key, SystemClock().now())
    if life is None:
        complain(f"there is no alert {key!r}, or several begin so; see: offhook alerts")
        return WRONG
    if as_json:
        print_json({name: getattr(life, name) for name in ("alert", "silences", "events", "deeds")})
        return GOOD
    alert, zone = life.alert, config.monitor.timezone
    print_lines((f"{alert.title}: {alert.summary}", f"key {alert.key}, rule {alert.instance}"))
    print_lines(_standing(life.silences, zone))
    print_table(
        ("at", "from", "to", "why", "value", "threshold", "n"),
        (
            (
                local(each.at, zone),
                each.before,
                each.after,
                each.reason,
                each.value,
                each.threshold,
                each.n,
            )
            for each in life.events
        ),
        "nothing has happened to it",
    )
    print_table(
        ("at", "who", "from", "did", "to"),
        (
            (local(each.at, zone), each.who, each.source, each.what, each.detail)
            for each in life.deeds
        ),
        "nobody has acknowledged or silenced it",
    )
    return GOOD


def _standing(found: Iterable[SilenceView], zone: str) -> Iterator[str]:
    """What holds it back, by whom, until when and why, and how to end that."""
    for each in found:
        what = "acknowledged" if each.alert else "silenced"
        begins = f" from {local(each.starts_at, zone)}" if each.state == "pending" else ""
        why = f": {each.comment}" if each.comment else ""
        yield (
            f"{what} by {each.author}{begins} until {ending(each, zone)}{why};"
            f" end it: offhook silence expire {each.id}"
        )


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
