"""The dead man's ping: sent when all has gone round, withheld when anything has not."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from monitor.app.heartbeat import Heartbeat
from monitor.app.rota import jobs_of
from monitor.app.runtime import HEARTBEAT, Runtime, assemble
from monitor.config import load
from monitor.dispatcher import Failing
from monitor.errors import StoreError
from monitor.store.writer import Priority, Store
from tests.builders import HOUR, MINUTE, SECOND
from tests.delivering import MovedClock, make_alert, routing, tell_all
from tests.loopback import Loopback, Reply, serving

ADDRESS = "{url}/ping/canary?rid=1"
CONFIG = f"""\
[monitor]
data_dir = "data"
heartbeat_url = "{ADDRESS}"
[providers.renewals]
vendor = "graine"
api_key = "gat_simulated"
base_url = "http://127.0.0.1:9/api/v1"
[receivers.hook]
kind = "slack"
webhook_url = "http://127.0.0.1:9/services/T/B/x"
"""


@dataclass
class World:
    runtime: Runtime
    clock: MovedClock
    peer: Loopback
    beat: Heartbeat
    answers: list[Reply] = field(default_factory=list)

    async def minute(self, *, polled: bool = True, judged: bool = True) -> int:
        """A minute in which the parts may have moved; how many pings came of it."""
        before = len(self.peer.asked)
        self.clock.move(MINUTE)
        now = self.clock.monotonic()
        if polled:
            self.runtime.pollers[0].polled_at = now
        if judged:
            self.runtime.judge.judged_at = self.runtime.judge.whole_at = now
        await self.beat.beat()
        return len(self.peer.asked) - before


@asynccontextmanager
async def at_work(directory: Path, address: str = ADDRESS) -> AsyncIterator[World]:
    clock = MovedClock()
    answers: list[Reply] = []
    async with serving(lambda _: answers.pop(0) if answers else Reply(b"OK")) as peer:
        path = directory / "config.toml"
        path.touch(mode=0o600)
        path.write_text(CONFIG.replace(ADDRESS, address).format(url=peer.url))
        config = load(path, environ={})
        store = Store.open(config.monitor.database)
        runtime = await assemble(config, store, clock, clock.now(), b"key")
        assert config.monitor.heartbeat_url is not None
        beat = Heartbeat(config.monitor, runtime, runtime.clients[HEARTBEAT])
        try:
            yield World(runtime, clock, peer, beat, answers)
        finally:
            await runtime.close()
            store.close()


async def test_it_is_sent_each_minute_while_all_goes_round(tmp_path: Path) -> None:
    async with at_work(tmp_path) as world:
        await world.beat.beat()
        assert world.peer.asked == [], "nothing has gone round yet"
        pings = [await world.minute() for _ in range(3)]

        assert pings == [1, 1, 1]
        asked = world.peer.asked[0]
        assert (asked.method, asked.path, asked.params) == ("GET", "/ping/canary", {"rid": "1"})
        assert "heartbeat" in {name for name, _, _ in jobs_of(world.runtime)._jobs}


@pytest.mark.parametrize("missing", ["polled", "judged"])
async def test_it_is_withheld_until_each_part_has_moved(tmp_path: Path, missing: str) -> None:
    async with at_work(tmp_path) as world:
        await world.minute()
        with capture_logs() as logs:
            assert await world.minute(**{missing: False}) == 0
            assert await world.minute(**{missing: False}) == 0
            assert await world.minute() == 1

        told = [each for each in logs if each["event"] == "heartbeat_withheld"]
        assert told[0]["why"]


async def test_it_is_withheld_while_a_round_of_judging_fails(tmp_path: Path) -> None:
    async with at_work(tmp_path) as world:
        judge = world.runtime.judge
        world.clock.move(MINUTE)
        await judge.everything()
        assert await world.minute(judged=False) == 1
        world.clock.move(MINUTE)
        await world.runtime.store.write(
            Priority.EVALUATE,
            lambda conn: conn.exec_driver_sql("ALTER TABLE providers RENAME TO away"),
        )
        with pytest.raises(StoreError):
            await judge.everything()
        assert judge.judged_at == world.clock.monotonic(), "no reason to be started anew"

        assert await world.minute(judged=False) == 0


async def test_it_is_withheld_while_no_receiver_takes_anything(tmp_path: Path) -> None:
    async with at_work(tmp_path) as world:
        await world.runtime.delivering.on_trouble("hook", Failing("it was revoked"))
        assert await world.minute() == 0
        await world.runtime.delivering.on_trouble("hook", None)
        assert await world.minute() == 1


UUID = "5f8f0b5e-1c5c-4b0e-9f43-0d1a2b3c4d5e"


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        pytest.param(f"{{url}}/ping/{UUID}?rid=1", f"/ping/{UUID}/fail", id="as Healthchecks"),
        pytest.param(
            "{url}/ping/Aa0-_Aa0-_Aa0-_Aa0-_A1/batches",
            "/ping/Aa0-_Aa0-_Aa0-_Aa0-_A1/batches/fail",
            id="by a name there",
        ),
        pytest.param('{url}/up"\nheartbeat_fail_url = "{url}/down', "/down", id="as written"),
    ],
)
async def test_a_service_that_knows_failures_is_told_that_nobody_can_be(
    tmp_path: Path, address: str, asked: str
) -> None:
    async with at_work(tmp_path, address) as world:
        assert await world.minute() == 1
        await world.runtime.delivering.on_trouble("hook", Failing("it was revoked"))
        with capture_logs() as logs:
            assert [await world.minute(), await world.minute(polled=False)] == [1, 1]
        await world.runtime.delivering.on_trouble("hook", None)
        assert await world.minute() == 1

        paths = [each.path for each in world.peer.asked]
        assert paths[1:3] == [asked] * 2
        assert paths[3] == paths[0] != asked
        assert logs[0]["event"] == "heartbeat_withheld"
        assert asked not in str(logs)


async def test_it_is_withheld_as_soon_as_no_receiver_is_reached_and_nobody_is_called_yet(
    tmp_path: Path,
) -> None:
    async with at_work(tmp_path, f"{{url}}/ping/{UUID}") as world:
        runtime, now = world.runtime, world.clock.now()
        to = routing("hook", group_wait=timedelta(0))
        await runtime.store.write(
            Priority.EVALUATE, lambda conn: tell_all(conn, make_alert(), now=now, to=to)
        )
        await runtime.dispatcher.drain_once("hook")
        world.clock.move(10 * SECOND)
        await runtime.delivering.watch()
        with capture_logs() as logs:
            assert await world.minute() == 0

        assert [each["why"] for each in logs] == [["no receiver is reached just now"]]


async def test_a_service_may_be_told_of_failures_alone(tmp_path: Path) -> None:
    async with at_work(tmp_path) as world:
        url = world.runtime.config.monitor.heartbeat_url
        settings = world.runtime.config.monitor.model_copy(
            update={"heartbeat_url": None, "heartbeat_fail_url": url}
        )
        world.runtime.config = replace(world.runtime.config, monitor=settings)
        assert "heartbeat" in {name for name, _, _ in jobs_of(world.runtime)._jobs}
        world.beat = Heartbeat(settings, world.runtime, world.runtime.clients[HEARTBEAT])
        assert await world.minute() == 0
        await world.runtime.delivering.on_trouble("hook", Failing("it was revoked"))
        assert await world.minute() == 1


async def test_a_start_is_no_reason_to_warn(tmp_path: Path) -> None:
    async with at_work(tmp_path) as world:
        with capture_logs() as logs:
            await world.beat.beat()
            assert await world.minute() == 1
            assert await world.minute(judged=False) == 0

        assert [each["event"] for each in logs] == ["heartbeat_withheld"]


async def test_it_is_withheld_while_nobody_takes_an_alert(tmp_path: Path) -> None:
    async with at_work(tmp_path) as world:
        to = routing("hook", group_wait=timedelta(0))
        now = world.clock.now()
        await world.runtime.store.write(
            Priority.EVALUATE, lambda conn: tell_all(conn, make_alert(), now=now, to=to)
        )
        assert [await world.minute(), await world.minute()] == [1, 0]


@pytest.mark.parametrize(
    "answer", [Reply(b"no", 404), Reply(b"", 302, {"location": "http://127.0.0.1:1/x"})], ids=str
)
async def test_a_ping_that_fails_is_tried_again_and_its_address_is_in_no_log(
    tmp_path: Path, answer: Reply
) -> None:
    async with at_work(tmp_path) as world:
        world.answers.append(answer)
        with capture_logs() as logs:
            assert await world.minute() == 1
            world.clock.move(MINUTE)
            await world.beat.beat()

        assert len(world.peer.asked) == 2, "what had gone round was not told yet"
        assert [each["event"] for each in logs] == ["heartbeat_failed"]
        assert "canary" not in str(logs)


async def test_a_peer_that_is_not_there_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with at_work(tmp_path) as world:
        caplog.set_level(logging.DEBUG)
        world.clock.move(HOUR)
        url = SecretStr("http://127.0.0.1:9/canary")
        settings = world.runtime.config.monitor.model_copy(update={"heartbeat_url": url})
        gone = Heartbeat(settings, world.runtime, world.runtime.clients[HEARTBEAT])
        now = world.clock.monotonic()
        world.runtime.pollers[0].polled_at = now
        world.runtime.judge.judged_at = world.runtime.judge.whole_at = now
        with capture_logs() as logs:
            await gone.beat()

        assert [each["event"] for each in logs] == ["heartbeat_failed"]
        assert "canary" not in str(logs) + caplog.text
