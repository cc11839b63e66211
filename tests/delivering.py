"""What tests of delivery are made of: alerts, a clock that a test moves, and a channel."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from monitor.core.alert import Alert, AlertState, Reason, Subject
from monitor.core.identity import alert_key, fingerprint
from monitor.core.message import Message
from monitor.core.route import Receiver, Route
from monitor.core.rule import Finding, Severity, SubjectKind
from monitor.errors import DeliveryError, Sent
from monitor.evaluation.telling import Routing, tell
from monitor.notifiers import Envelope, Receipt
from monitor.store import alerts as alerts_store
from monitor.store.schema import outbox
from tests.builders import MINUTE, NOON

WEBHOOK = Receiver(name="hook", kind="slack")
BOT = Receiver(name="bot", kind="slack", edits=True, readable=True)
MAIL = Receiver(name="mail", kind="email", settled_only=True)
ALL = {each.name: each for each in (WEBHOOK, BOT, MAIL)}

SPIKE = Finding(
    summary="19 of 42 calls failed in 10 min (45 %, usually 4 %); 404 people wait",
    value=45.2,
    threshold=25.0,
    unit="%",
    n=42,
    affected=19,
    total=42,
    waiting=404,
    details=(("commonest error", "carrier block # (17 of 19)"),),
    evidence=("call_1", "call_2", "call_3", "call_4"),
    todo="Pause the batch, then look at the calls named here.",
)
CALM = Finding(summary="2 of 40 calls failed in 10 min (5 %)", value=5.0, unit="%", n=40)


def make_subject(**changes: Any) -> Subject:
    values: dict[str, Any] = {
        "kind": SubjectKind.BATCH,
        "provider": "renewals",
        "id": "btc_1",
        "title": "Renewals May",
        "vendor": "graine",
        "zone": "Europe/Berlin",
    }
    return Subject(**values | changes)


def make_alert(instance: str = "error_spike", *, episode: int = 1, **changes: Any) -> Alert:
    """An error spike that fires at NOON."""
    subject = changes.pop("subject", None) or make_subject()
    print_ = fingerprint(subject.provider, instance, subject.id)
    values: dict[str, Any] = {
        "key": alert_key(print_, episode),
        "fingerprint": print_,
        "episode": episode,
        "rule": "error_spike",
        "instance": instance,
        "subject": subject,
        "severity": Severity.CRITICAL,
        "state": AlertState.FIRING,
        "since": NOON,
        "fired_at": NOON,
        "finding": SPIKE,
        "reason": Reason.HELD_LONG_ENOUGH,
        "revision": 1,
    }
    return Alert(**values | changes)


def resolved(alert: Alert, reason: Reason = Reason.RECOVERED, after: timedelta = MINUTE) -> Alert:
    return replace(
        alert,
        state=AlertState.RESOLVED,
        reason=reason,
        closing=CALM if reason is Reason.RECOVERED else None,
        closed_at=(alert.fired_at or NOON) + after,
    )


def make_report(**changes: Any) -> Alert:
    """A batch completed; its numbers will settle."""
    finding = Finding(
        summary="completed, 380 of 412 people reached (92 %)",
        affected=32,
        total=412,
        since=NOON,
        details=(("cost", "41.20 USD"),),
        marks=("settling",),
    )
    values: dict[str, Any] = {
        "rule": "batch_completed",
        "severity": Severity.INFO,
        "state": AlertState.INFO,
        "reason": Reason.REPORTED,
        "closed_at": NOON,
        "finding": finding,
    }
    return make_alert("batch_completed", **values | changes)


def settled(report: Alert, *, cost: str = "41.20 USD") -> Alert:
    finding = replace(report.finding, marks=(), details=(("cost", cost),))
    return replace(report, reason=Reason.SETTLED, finding=finding)


def routing(*names: str, **changes: Any) -> Routing:
    """Everything to these receivers, or to all."""
    receivers = {name: ALL[name] for name in names or ALL}
    values: dict[str, Any] = {"name": "1", "receivers": tuple(receivers)}
    return Routing(routes=(Route(**values | changes),), receivers=receivers)


def tell_all(
    conn: Connection,
    *told: Alert,
    now: datetime = NOON,
    to: Routing | None = None,
    inhibited: Mapping[str, str] | None = None,
) -> int:
    """Store the alerts and owe what they call for, as an evaluation does."""
    alerts_store.save(conn, told)
    return tell(
        conn,
        alerts=told,
        routing=to or routing(),
        now=now,
        inhibited=inhibited or {},
        default_zone="UTC",
    )


def owed(conn: Connection, **where: Any) -> list[tuple[str, str, str]]:
    """(transition, part, state) of the rows, in order."""
    query = select(outbox.c.transition, outbox.c.part, outbox.c.state).order_by(outbox.c.id)
    for name, value in where.items():
        query = query.where(outbox.c[name] == value)
    return [(row.transition, row.part, row.state) for row in conn.execute(query)]


class MovedClock:
    """Stands still until somebody moves it; whoever sleeps wakes when his time has come."""

    def __init__(self, now: datetime = NOON) -> None:
        self.at = now
        self.slept: list[float] = []
        self._sleepers: list[tuple[datetime, asyncio.Event]] = []

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - NOON).total_seconds()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        woken = asyncio.Event()
        self._sleepers.append((self.at + timedelta(seconds=seconds), woken))
        await woken.wait()

    def move(self, by: timedelta) -> None:
        self.at += by
        for until, woken in self._sleepers:
            if until <= self.at:
                woken.set()
        self._sleepers = [one for one in self._sleepers if one[0] > self.at]


class LeapingClock(MovedClock):
    """Whoever sleeps finds that the time has passed."""

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.move(timedelta(seconds=seconds))


@dataclass
class Standing:
    """One message in the channel."""

    remote_id: str
    key: str
    envelope: Envelope
    thread_of: str | None = None
    edits: list[Envelope] = field(default_factory=list)

    @property
    def message(self) -> Message:
        return (self.edits or [self.envelope])[-1].messages[0]


@dataclass
class Channel:
    """A notifier with its channel in one, which fails as it is told.

    ``plan`` holds what happens to the next sends: nothing, an error, or an error after it
    was posted all the same. ``late`` messages turn up only when ``settle`` is called.
    """

    receiver: Receiver
    standing: list[Standing] = field(default_factory=list)
    sent: list[Envelope] = field(default_factory=list)
    plan: list[DeliveryError | tuple[str, DeliveryError] | Exception | None] = field(
        default_factory=list
    )
    late: list[Standing] = field(default_factory=list)
    looks: list[tuple[tuple[str, ...], str | None]] = field(default_factory=list)
    blind: DeliveryError | None = None
    unreadable: set[str] = field(default_factory=set)  # roots whose threads cannot be read
    removed: list[str] = field(default_factory=list)
    keeps: DeliveryError | None = None  # what a removal is answered
    before: Callable[[Envelope], Any] | None = None
    remark: str | None = None

    async def send(self, envelope: Envelope) -> Receipt:
        self.sent.append(envelope)
        if self.before:
            await self.before(envelope)
        step = self.plan.pop(0) if self.plan else None
        if isinstance(step, Exception):
            raise step
        if step and step[0] == "late":
            self.late.append(self._made(envelope))
            raise step[1]
        remote_id = self._post(envelope)
        if step:
            raise step[1]
        return Receipt(remote_id=remote_id if self.receiver.edits else None, remark=self.remark)

    def _post(self, envelope: Envelope) -> str:
        if envelope.root and envelope.part == "root":
            found = [one for one in self.standing if one.remote_id == envelope.root]
            if not found:
                raise DeliveryError(Sent.REFUSED, "gone", "it was deleted", gone=True)
            found[0].edits.append(envelope)
            return envelope.root
        made = self._made(envelope)
        self.standing.append(made)
        return made.remote_id

    def _made(self, envelope: Envelope) -> Standing:
        n = len(self.standing) + len(self.late) + len(self.removed) + 1
        below = envelope.root if envelope.part == "thread" else None
        return Standing(f"C:{n}", envelope.key, envelope, thread_of=below)

    def settle(self) -> None:
        self.standing += self.late
        self.late.clear()

    async def find(
        self, keys: Sequence[str], since: datetime, root: str | None = None
    ) -> dict[str, tuple[str, ...]]:
        self.looks.append((tuple(keys), root))
        if self.blind:
            raise self.blind
        if root in self.unreadable:
            raise DeliveryError(Sent.REFUSED, "thread_not_found", "it was deleted", gone=True)
        return {
            key: tuple(one.remote_id for one in self.standing if one.key == key) for key in keys
        }

    async def remove(self, remote_id: str) -> None:
        if self.keeps:
            raise self.keeps
        self.removed.append(remote_id)
        self.standing = [one for one in self.standing if one.remote_id != remote_id]

    async def check(self) -> str:
        return "ready"

    async def close(self) -> None:
        pass

    @property
    def roots(self) -> list[Standing]:
        return [one for one in self.standing if one.thread_of is None]

    @property
    def replies(self) -> list[Standing]:
        return [one for one in self.standing if one.thread_of is not None]
