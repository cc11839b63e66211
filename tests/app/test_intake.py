"""From the door to whoever takes in: nobody waits for the disk twice."""

import asyncio
import json
import threading
from hmac import digest
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from monitor.app.intake import Intake
from monitor.store.schema import inbox
from monitor.store.writer import Priority
from monitor.web.server import application
from tests.app.assembled import at_work
from tests.app.site import until
from tests.delivering import MovedClock
from tests.gate import SAMPLES
from tests.webhooks.inprocess import ask

SECRET = "a secret of nobody's webhooks"
CONFIG = f"""\
[monitor]
data_dir = "data"
[providers.surveys]
vendor = "bland"
api_key = "k"
base_url = "http://127.0.0.1:9/v1"
webhook_secret = "{SECRET}"
[receivers.hook]
kind = "slack"
webhook_url = "http://127.0.0.1:9/services/T/B/x"
"""


class RestingClock(MovedClock):
    """Says when somebody rests."""

    def __init__(self) -> None:
        super().__init__()
        self.resting = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.resting.set()
        await super().sleep(seconds)


async def _late() -> Any:
    raise AssertionError


async def test_a_webhook_is_waited_for_by_who_takes_it_in_before_it_is_on_disk(
    tmp_path: Path,
) -> None:
    queued, stop, clock = threading.Event(), asyncio.Event(), RestingClock()
    async with at_work(tmp_path, clock, CONFIG) as runtime:
        write = runtime.store.write

        async def watched(priority: Priority, fn: Any) -> Any:
            def slow(conn: Connection) -> Any:
                done = fn(conn)
                assert queued.wait(5), "who takes in waits for a word of the door"
                return done

            if priority is not Priority.NEWS:
                return await write(priority, slow)
            queued.set()
            taken = await write(priority, fn)
            stop.set()
            return taken

        intake = Intake(runtime.store, clock)
        intake.serve(runtime)
        running = asyncio.create_task(runtime.drain.run(stop))
        await clock.resting.wait()
        runtime.store.write = watched  # type: ignore[method-assign]  # to see who waits for whom
        status = await _send(intake)
        async with asyncio.timeout(5):
            await running
        states = await runtime.store.read(_states)

    assert (status, states) == (200, ["asked"]), "it is of a batch that nobody knows"


async def test_what_has_come_is_kept_though_nobody_is_left_to_be_woken(tmp_path: Path) -> None:
    begun, gone = threading.Event(), threading.Event()

    def busy(conn: Connection) -> None:
        del conn
        begun.set()
        assert gone.wait(5)

    async with at_work(tmp_path, MovedClock(), CONFIG) as runtime:
        store, intake = runtime.store, Intake(runtime.store, MovedClock())
        intake.serve(runtime)

        async def come() -> None:
            sending = asyncio.create_task(_send(intake))
            await asyncio.to_thread(until, store.waiting)
            sending.cancel()

        writing = asyncio.create_task(store.write(Priority.INBOX, busy))
        await asyncio.to_thread(begun.wait, 5)
        await asyncio.to_thread(asyncio.run, come())
        gone.set()
        await writing
        states = await store.write(Priority.RETENTION, _states)

    assert states == ["new"]


async def _send(intake: Intake) -> int:
    body = json.dumps(SAMPLES["surveys"][0]).encode()
    signed = {"X-Webhook-Signature": digest(SECRET.encode(), body, "sha256").hex()}
    app = application(problems=_late, numbers=_late, token="t", receiver=intake.receiver)
    status, _ = await ask(app, "POST", "/webhooks/surveys", headers=signed, body=body)
    return status


def _states(conn: Connection) -> list[str]:
    return list(conn.execute(select(inbox.c.state)).scalars())
