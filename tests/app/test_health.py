"""What readiness and metrics say, from a database and the parts of one configuration."""

import asyncio
import contextlib
import socket
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from monitor.app import health
from monitor.app.daemon import WATCH_EVERY_S, _Daemon
from monitor.app.intake import Intake
from monitor.app.runtime import LATE_S, POLL_LATE_S, Runtime, assemble
from monitor.config import load
from monitor.core.facts import Trouble
from monitor.scheduler.jobs import Jobs
from monitor.store import inbox
from monitor.store.schema import alerts
from monitor.store.writer import Priority
from tests.app.assembled import CONFIG, at_work
from tests.builders import NOON
from tests.delivering import MovedClock, make_alert, routing, tell_all
from tests.notices import arrived


async def owe(runtime: Runtime) -> None:
    """One fired alert is owed to the webhook, and to a mailbox that is configured no more."""
    to = routing("hook", "mail", group_wait=timedelta(0))
    await runtime.store.write(
        Priority.EVALUATE, lambda conn: tell_all(conn, make_alert(), now=NOON, to=to)
    )


async def unpaid(runtime: Runtime) -> list[str]:
    """What is said of messages."""
    return [each for each in await health.problems(runtime) if "messages" in each]


async def test_each_part_that_makes_no_progress_is_named(tmp_path: Path) -> None:
    clock = MovedClock()
    async with at_work(tmp_path, clock) as runtime:
        assert await health.problems(runtime) == ()

        clock.move(timedelta(seconds=LATE_S + 1))
        assert await health.problems(runtime) == ("the evaluation makes no progress",)

        clock.move(timedelta(seconds=POLL_LATE_S))
        assert "polling of renewals makes no progress" in await health.problems(runtime)

        await runtime.judge.everything()
        assert await health.problems(runtime) == ("polling of renewals makes no progress",)


async def test_an_outbox_that_is_not_paid_is_late(tmp_path: Path) -> None:
    clock = MovedClock()
    async with at_work(tmp_path, clock) as runtime:
        await owe(runtime)
        clock.move(health.OUTBOX_LATE)
        assert await unpaid(runtime) == []

        clock.move(timedelta(seconds=1))
        assert await unpaid(runtime) == ["messages to hook wait since 12:00:00 UTC"]


async def test_retries_that_are_put_off_do_not_look_like_health(tmp_path: Path) -> None:
    clock = MovedClock()
    async with at_work(tmp_path, clock) as runtime:
        await owe(runtime)
        await runtime.dispatcher.drain_once("hook")
        clock.move(health.OUTBOX_LATE + timedelta(seconds=1))
        await runtime.store.write(Priority.OUTBOX, put_off)

        assert await unpaid(runtime) == ["messages to hook wait since 12:00:00 UTC"]


def put_off(conn: Connection) -> None:
    """The next try is an hour away."""
    conn.exec_driver_sql("UPDATE outbox SET due_at = due_at + 3600000000 WHERE receiver = 'hook'")


async def test_numbers_are_of_what_is_configured(tmp_path: Path) -> None:
    clock = MovedClock()
    async with at_work(tmp_path, clock) as runtime:
        await owe(runtime)
        clock.move(timedelta(seconds=5))

        numbers = await health.numbers(
            runtime, Jobs(), Intake(runtime.store, runtime.clock), reload_ok=True
        )

    assert numbers.ready
    assert numbers.owed == {"hook": 1}
    assert numbers.oldest_owed_at == {"hook": NOON}
    assert numbers.open_batches == {"renewals": 0}
    assert numbers.fresh_at == {"renewals": None}
    assert numbers.firing == {"error_spike": 1}


async def test_a_database_that_cannot_be_read_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    async with at_work(tmp_path, MovedClock()) as runtime:
        path = runtime.config.monitor.database
        away = path.rename(path.with_name("away"))
        runtime.store.engine.dispose()

        (problem,) = await health.problems(runtime)
        away.rename(path)

    assert problem.startswith(f"the database {path} cannot be opened")


class ListeningClock(MovedClock):
    """Whoever sleeps finds the time passed, and what was said before heard; after 5 min it ends."""

    def __init__(self, manager: socket.socket) -> None:
        super().__init__()
        self._manager = manager
        self.heard: list[tuple[float, bytes]] = []

    async def sleep(self, seconds: float) -> None:
        with contextlib.suppress(BlockingIOError):
            self.heard.append((self.monotonic(), self._manager.recv(64)))
        self.move(timedelta(seconds=seconds))
        if self.monotonic() > 300:
            raise asyncio.CancelledError


async def test_the_watchdog_is_fed_only_while_there_is_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(0)
        clock = ListeningClock(manager)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "60000000")
        async with at_work(tmp_path, clock) as runtime:
            daemon = _Daemon(runtime.config, runtime.config.path, clock)
            daemon._runtime = runtime
            with pytest.raises(asyncio.CancelledError):
                await daemon._watch_dog()

    # Until nothing has been evaluated for longer than is allowed.
    assert clock.heard == [
        (float(at), b"WATCHDOG=1") for at in range(0, int(LATE_S) + 1, int(WATCH_EVERY_S))
    ]


async def test_a_reload_keeps_the_troubles_of_what_is_still_configured(tmp_path: Path) -> None:
    clock = MovedClock()
    spare = '[receivers.spare]\nkind = "slack"\nwebhook_url = "http://127.0.0.1:9/services/T/B/y"\n'
    async with at_work(tmp_path, clock, CONFIG + spare) as before:
        for name in ("hook", "spare"):
            trouble = Trouble(
                rule="self_delivery_failed", subject=f"receiver {name}", since=NOON, summary="away"
            )
            before.judge.trouble(trouble.subject, trouble)
        await before.judge.everything()
        assert await firing(before) == {"receiver hook", "receiver spare"}

        (tmp_path / "config.toml").write_text(CONFIG)
        config = load(tmp_path / "config.toml", environ={})
        after = await assemble(config, before.store, clock, NOON, b"key")
        clock.move(timedelta(seconds=10))
        after.judge.inherit(before.judge)
        await after.judge.everything()
        await after.close()

        assert await firing(before) == {"receiver hook"}


async def firing(runtime: Runtime) -> set[str]:
    """What the alerts that fire are about."""
    query = select(alerts.c.subject_id).where(alerts.c.state == "firing")
    return await runtime.store.read(lambda conn: set(conn.execute(query).scalars()))


async def test_webhooks_that_nobody_takes_in_are_late(tmp_path: Path) -> None:
    clock = MovedClock()
    async with at_work(tmp_path, clock) as runtime:
        waiting = [arrived("hint", "b1", at=NOON), arrived("hint", "b2", at=NOON)]
        await runtime.store.write(Priority.INBOX, lambda conn: inbox.put(conn, waiting))
        clock.move(health.INBOX_LATE)
        assert not [each for each in await health.problems(runtime) if "webhooks" in each]

        clock.move(timedelta(seconds=1))
        late = "webhooks wait to be taken in since 12:00:00 UTC"
        assert late in await health.problems(runtime)

        await runtime.store.write(Priority.INBOX, lambda conn: inbox.asked(conn, [1, 2]))
        assert late not in await health.problems(runtime)
