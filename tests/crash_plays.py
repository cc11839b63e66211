"""What Offhook does while it is being killed: it delivers alerts that are given."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pydantic import SecretStr
from sqlalchemy import Connection

from monitor.clock import SystemClock
from monitor.core.alert import Alert, Reason
from monitor.core.route import Digest, Route
from monitor.core.rule import Severity
from monitor.dispatcher import Dispatcher, Timing
from monitor.evaluation.telling import Routing, tell
from monitor.http import HttpClient
from monitor.notifiers import Notifier
from monitor.notifiers.email import EmailSettings, Mailer
from monitor.notifiers.pagerduty import PagerDuty, PagerDutySettings
from monitor.notifiers.slack import SlackBot, SlackWebhook
from monitor.store import alerts as alerts_store
from monitor.store import outbox
from monitor.store.writer import Priority, Store
from tests.builders import HOUR, MINUTE, NOON
from tests.delivering import LeapingClock, make_alert, make_report, make_subject, resolved, settled
from tests.fake_slack import CHANNEL, HOOK, TOKEN

RECIPIENTS = ("always@example.com", "later@example.com", "never@example.com")
KINDS = ("bot", "webhook", "pages")  # it can be read; it cannot; a repeat changes nothing there
SOON = Timing(settle=timedelta(seconds=1), lease=timedelta(seconds=2), pace={})

FIRED = make_alert(severity=Severity.WARNING)
WORSE = replace(FIRED, severity=Severity.CRITICAL, reason=Reason.ESCALATED)
OVER = resolved(WORSE)
REPORTED = make_report()
SETTLED = settled(REPORTED, cost="41.90 USD")
STORY = (FIRED, WORSE, OVER, REPORTED, SETTLED)
Steps = Sequence[Sequence[Alert]]


@dataclass(frozen=True)
class Play:
    """Something that runs to an end from wherever its files stand.

    ``live`` takes the database, the kind of channel, its port, and how often it was started
    before. ``ends`` is what the newest message of each rule must say in the end (a pattern);
    rules beyond these must not speak. A channel that edits nothing shows ``webhook_ends``.
    ``shared``: several alerts go as one message. ``kinds`` are the channels it is played to,
    and ``pages`` the keys of what PagerDuty must have resolved in the end. ``crowded``: the
    other alerts stand there as one, under a key of its own with a severity at its end.
    """

    name: str
    live: Callable[[Path, str, int, int], Coroutine[None, None, None]]
    ends: Mapping[str, str]
    webhook_ends: Mapping[str, str]
    shared: bool = False
    kinds: tuple[str, ...] = KINDS
    pages: frozenset[str] = frozenset()
    crowded: bool = False


def make_notifier(kind: str, port: int, http: HttpClient) -> Notifier:
    """The real notifier, before the fake channel."""
    url = f"http://127.0.0.1:{port}"
    if kind == "webhook":
        return SlackWebhook("ops", SecretStr(url + HOOK), http)
    if kind == "pages":
        settings = {"kind": "pagerduty", "routing_key": "0" * 32, "api_url": url}
        return PagerDuty("ops", PagerDutySettings.model_validate(settings), http)
    if kind == "mail":
        mail = {
            "kind": "email",
            "smtp_url": f"smtp+plain://127.0.0.1:{port}",
            "from": "offhook@example.com",
            "to": RECIPIENTS,
        }
        return Mailer("ops", EmailSettings.model_validate(mail), SystemClock())
    return SlackBot("ops", token=SecretStr(TOKEN), channel=CHANNEL, api_url=f"{url}/api", http=http)


def routing_to(notifier: Notifier, **changes: Any) -> Routing:
    values: dict[str, Any] = {"name": "1", "receivers": ("ops",), "group_wait": timedelta(0)}
    return Routing(routes=(Route(**values | changes),), receivers={"ops": notifier.receiver})


# A delivery by itself: alerts that are given change, and are told


async def deliver(path: Path, kind: str, port: int, nth: int) -> None:
    """Take the alerts from wherever they stand to their end, and pay everything."""
    await _tell(path, kind, port, nth, steps=tuple((step,) for step in STORY))


async def _tell(
    path: Path,
    kind: str,
    port: int,
    nth: int,
    *,
    steps: Steps,
    rest: timedelta = timedelta(0),
    **route: Any,
) -> None:
    """Every step in a transaction of its own; ``rest`` is how long what is owed may wait."""
    clock = LeapingClock(NOON + nth * HOUR)
    store, http = Store.open(path), HttpClient(clock)
    notifier = make_notifier(kind, port, http)
    dispatcher = Dispatcher(store, {"ops": notifier}, clock, timing=SOON)
    routing = routing_to(notifier, **route)
    await dispatcher.drain_once("ops")
    for step in steps:
        clock.move(MINUTE)
        await store.write(Priority.EVALUATE, _evaluation(steps, step, routing, clock.now()))
        await dispatcher.drain_once("ops")
        clock.move(rest)
        await dispatcher.drain_once("ops")
    while due := await store.read(
        lambda conn: outbox.next_due(conn, receiver="ops", after=clock.now())
    ):
        clock.move(due - clock.now())
        await dispatcher.drain_once("ops")
    await http.aclose()
    store.close()


def _evaluation(
    steps: Steps, step: Sequence[Alert], routing: Routing, now: datetime
) -> Callable[[Connection], None]:
    """One transaction: the alerts as they are now and what is owed for what of it is news."""

    def evaluate(conn: Connection) -> None:
        known = {alert.key: alerts_store.load_key(conn, alert.key) for alert in step}
        news = [
            alert
            for alert in step
            if (before := known[alert.key]) is None or _place(steps, before) < _place(steps, alert)
        ]
        alerts_store.save(conn, news)
        tell(conn, alerts=news, routing=routing, now=now, inhibited={}, default_zone="UTC")

    return evaluate


def _place(steps: Steps, alert: Alert) -> int:
    return next(
        n for n, step in enumerate(steps) for each in step if _standing(each) == _standing(alert)
    )


def _standing(alert: Alert) -> tuple[object, ...]:
    return alert.key, alert.state, alert.severity, alert.reason


# Several alerts that go as one message: of a group, of a digest, of a storm

_A, _B, _C = (make_alert(name, severity=Severity.WARNING) for name in ("one", "two", "three"))
_WORSE = replace(_B, severity=Severity.CRITICAL, reason=Reason.ESCALATED)
GROUP = (
    (_A, _B),
    (_C, _WORSE),
    (resolved(_A),),
    (resolved(_WORSE), resolved(_C)),
)
DIGEST = ((_A, _B), (resolved(_A), _C), (resolved(_B), resolved(_C)))
_STORM_SIZE = 3  # fewer than there are, so that a play of it is short
_MANY = tuple(
    make_alert(f"many_{n}", subject=make_subject(id=f"btc_{n}")) for n in range(_STORM_SIZE + 3)
)
STORM = (_MANY, tuple(map(resolved, _MANY)))


async def group(path: Path, kind: str, port: int, nth: int) -> None:
    """Three alerts in one conversation that come, get worse and end at different times."""
    changes = {"group_by": ("provider",), "group_interval": 2 * MINUTE}
    await _tell(path, kind, port, nth, steps=GROUP, rest=3 * MINUTE, **changes)


async def digest(path: Path, kind: str, port: int, nth: int) -> None:
    """Three alerts that are told every ten minutes."""
    every = Digest(every=10 * MINUTE)
    await _tell(path, kind, port, nth, steps=DIGEST, rest=10 * MINUTE, digest=every)


async def storm(path: Path, kind: str, port: int, nth: int) -> None:
    """More conversations at once than a channel takes one by one."""
    with patch("monitor.evaluation.cases.STORM_SIZE", _STORM_SIZE):
        await _tell(path, kind, port, nth, steps=STORM)


DELIVERING = Play(
    name="delivery",
    live=deliver,
    ends={"error_spike": r"RESOLVED \(recovered\)", "batch_completed": "41.90 USD"},
    webhook_ends={"error_spike": r"RESOLVED \(recovered\)", "batch_completed": "41.90 USD"},
    pages=frozenset({FIRED.key}),
)
_OVER = r"RESOLVED \(recovered\)"


def _shared(
    name: str, live: Callable[[Path, str, int, int], Coroutine[None, None, None]], steps: Steps
) -> Play:
    alerts = {alert.instance: alert.key for step in steps for alert in step}
    ends = dict.fromkeys(alerts, _OVER)
    return Play(name, live, ends, ends, shared=True, pages=frozenset(alerts.values()))


GROUPING = _shared("group", group, GROUP)
DIGESTING = _shared("digest", digest, DIGEST)
_STORM = _shared("storm", storm, STORM)
_FIRST = frozenset(each.key for each in _MANY[:_STORM_SIZE])
STORMING = replace(_STORM, pages=_FIRST, crowded=True)
PLAYS = (DELIVERING, GROUPING, DIGESTING, STORMING)
