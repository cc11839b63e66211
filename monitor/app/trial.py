"""A test message to real receivers, by the way that alerts take."""

import asyncio
import secrets
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, select

from monitor.app.runtime import Runtime, assemble
from monitor.clock import Clock, SystemClock
from monitor.config import Config
from monitor.core.alert import Alert, AlertState, Reason, Subject
from monitor.core.identity import alert_key, fingerprint
from monitor.core.route import Route
from monitor.core.rule import Finding, Severity, SubjectKind
from monitor.evaluation.telling import Routing, tell
from monitor.store import alerts
from monitor.store.schema import outbox
from monitor.store.writer import Priority, Store

PATIENCE_S = 90.0


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one receiver did with the test message."""

    receiver: str
    ok: bool
    text: str

    def __str__(self) -> str:
        """For people."""
        return f"{self.receiver}: {self.text}"


def send_test(
    config: Config, receivers: tuple[str, ...], rule: str | None
) -> tuple[Delivered, ...]:
    """Send one marked test report to each receiver: composed, owed, claimed and sent as alerts are.

    The outbox is a temporary one, so a running daemon is not disturbed.
    """
    return asyncio.run(_send(config, receivers, rule))


async def _send(
    config: Config, receivers: tuple[str, ...], rule: str | None
) -> tuple[Delivered, ...]:
    clock = SystemClock()
    with tempfile.TemporaryDirectory(prefix="offhook-") as directory:
        store = await asyncio.to_thread(Store.open, Path(directory, "test.db"))
        try:
            runtime = await assemble(config, store, clock, clock.now(), secrets.token_bytes(32))
            try:
                return await _through(runtime, receivers, rule, clock)
            finally:
                await runtime.close()
        finally:
            await asyncio.to_thread(store.close)


async def _through(
    runtime: Runtime, receivers: tuple[str, ...], rule: str | None, clock: Clock
) -> tuple[Delivered, ...]:
    now = clock.now()
    alert = _alert(rule or "test", now)
    routing = Routing(
        routes=(Route(name="test", receivers=receivers),),
        receivers={name: runtime.notifiers[name].receiver for name in receivers},
    )

    def owe(conn: Connection) -> None:
        alerts.save(conn, [alert])
        tell(
            conn,
            alerts=[alert],
            routing=routing,
            now=now,
            inhibited={},
            default_zone=runtime.config.monitor.timezone,
        )

    await runtime.store.write(Priority.EVALUATE, owe)
    return tuple([await _drained(runtime, name) for name in receivers])


async def _drained(runtime: Runtime, receiver: str) -> Delivered:
    try:
        async with asyncio.timeout(PATIENCE_S):
            await runtime.dispatcher.drain_once(receiver)
    except TimeoutError:
        return Delivered(receiver, ok=False, text=f"no answer within {PATIENCE_S:.0f} s")
    return await runtime.store.read(lambda conn: _outcome(conn, receiver))


def _outcome(conn: Connection, receiver: str) -> Delivered:
    state, error = conn.execute(
        select(outbox.c.state, outbox.c.error).where(outbox.c.receiver == receiver)
    ).one()
    if state == "sent":
        return Delivered(receiver, ok=True, text="taken; please look there")
    return Delivered(receiver, ok=False, text=f"not taken: {error or 'no answer yet'}")


def _alert(rule: str, now: datetime) -> Alert:
    print_ = fingerprint("", rule, f"test {now.isoformat()}")
    return Alert(
        key=alert_key(print_, 1),
        fingerprint=print_,
        episode=1,
        rule=rule,
        instance=rule,
        subject=Subject(kind=SubjectKind.SYSTEM, provider="", id="test", title="Test"),
        severity=Severity.INFO,
        state=AlertState.INFO,
        since=now,
        fired_at=now,
        closed_at=now,
        reason=Reason.REPORTED,
        finding=Finding(
            summary="this is a test message from Offhook; nothing is wrong",
            todo="Nothing: if you can read this, messages arrive here.",
            marks=("test",),
        ),
    )
