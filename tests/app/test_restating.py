"""What fires is said to an Alertmanager again and again, and nothing that has ended."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.app.restating import Restating, add_jobs
from monitor.app.runtime import Runtime, assemble
from monitor.core.alert import Alert, Reason
from monitor.core.route import Route
from monitor.evaluation.telling import Routing
from monitor.notifiers.alertmanager import Alertmanager
from monitor.scheduler.jobs import Jobs
from monitor.simulator.alertmanager import Peer
from monitor.store.writer import Priority
from tests.app.assembled import CONFIG, at_work
from tests.app.test_health import firing
from tests.builders import MINUTE, NOON
from tests.delivering import MovedClock, make_alert, make_subject, resolved, tell_all
from tests.loopback import Loopback, serving
from tests.notifiers.test_alertmanager import behind

PUSH = """\
[receivers.prometheus]
kind = "alertmanager"
urls = ["{url}"]
"""


@dataclass
class Scene:
    """A runtime whose one receiver is an Alertmanager, and that one's clock."""

    runtime: Runtime
    peer: Peer
    server: Loopback
    clock: MovedClock

    @property
    def notifier(self) -> Alertmanager:
        found = self.runtime.notifiers["prometheus"]
        assert isinstance(found, Alertmanager)
        return found

    async def tell(self, *alerts: Alert) -> None:
        """Store them, owe what they call for in one conversation, and send that."""
        route = Route(name="1", receivers=("prometheus",), group_by=(), group_wait=timedelta(0))
        to = Routing(routes=(route,), receivers={"prometheus": self.notifier.receiver})
        await self.runtime.store.write(
            Priority.EVALUATE, lambda conn: tell_all(conn, *alerts, now=self.clock.now(), to=to)
        )
        await self.runtime.dispatcher.drain_once("prometheus")

    def restating(self) -> Restating:
        return Restating(self.notifier, self.runtime.store, self.clock, self.runtime.judge)

    def pushes(self) -> int:
        return len(self.server.asked)


@asynccontextmanager
async def on_stage(tmp_path: Path) -> AsyncIterator[Scene]:
    clock = MovedClock()
    peer = Peer(clock=clock)
    async with serving(behind(peer)) as server:
        text = CONFIG.partition("[receivers")[0] + PUSH.format(url=server.url)
        async with at_work(tmp_path, clock, text) as runtime:
            yield Scene(runtime, peer, server, clock)


async def test_what_fires_is_said_before_it_ends_there_and_its_end_is_told(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as scene:
        restating = scene.restating()
        await scene.tell(make_alert())
        for _ in range(10):
            scene.clock.move(MINUTE)
            assert len(scene.peer.active()) == 1, "it never ends in between"
            await restating.restate()

        ended = resolved(make_alert(revision=2), after=scene.clock.now() - NOON)
        await scene.tell(ended)
        assert scene.peer.active() == []
        before = scene.pushes()
        await restating.restate()
        assert scene.pushes() == before, "nothing fires, so nothing is said"


async def test_a_quiet_end_is_told_as_well(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as scene:
        await scene.tell(make_alert())
        await scene.tell(resolved(make_alert(revision=2), Reason.BATCH_ENDED))

        assert scene.peer.active() == []


async def test_each_alert_of_a_crowd_is_told_and_each_end(tmp_path: Path) -> None:
    crowd = [make_alert(subject=make_subject(id=f"btc_{n}")) for n in range(90)]
    async with on_stage(tmp_path) as scene:
        await scene.tell(*crowd)
        assert len(scene.peer.active()) == 90

        await scene.tell(*(resolved(replace(each, revision=2)) for each in crowd))
        assert scene.peer.active() == []


async def test_a_daemon_that_started_anew_knows_what_to_say(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as scene:
        await scene.tell(make_alert())
        scene.peer.alerts.clear()  # it was started anew as well
        await scene.restating().restate()

        assert len(scene.peer.active()) == 1


async def test_whoever_cannot_be_told_in_time_is_reported_once(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as scene:
        troubles = scene.runtime.judge._troubles
        restating = scene.restating()
        await scene.tell(make_alert())
        scene.peer.down = True
        await restating.restate()
        assert troubles == {}, "one failure ends nothing there"
        await restating.restate()
        (trouble,) = troubles.values()
        assert trouble.rule == "self_delivery_failed"
        assert "Alertmanager answered 503" in trouble.summary

        scene.peer.down = False
        await restating.restate()
        assert troubles == {}


async def test_word_of_that_outlives_a_restart_and_ends_with_the_first_yes(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as scene:
        runtime = scene.runtime
        restating = scene.restating()
        await scene.tell(make_alert())
        scene.peer.down = True
        for _ in range(2):
            await restating.restate()
        await runtime.judge.everything()
        assert await firing(runtime) >= {"receiver prometheus, said again"}

        again = await assemble(runtime.config, runtime.store, scene.clock, NOON, b"key")
        anew = Restating(scene.notifier, runtime.store, scene.clock, again.judge)
        await anew.restate()
        scene.clock.move(MINUTE)
        await again.judge.everything()
        assert await firing(runtime) >= {"receiver prometheus, said again"}

        scene.peer.down = False
        await anew.restate()
        scene.clock.move(MINUTE)
        await again.judge.everything()
        await again.close()
        assert "receiver prometheus, said again" not in await firing(runtime)


async def test_only_receivers_that_forget_get_a_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_stage(tmp_path) as scene:
        added: list[tuple[str, timedelta]] = []
        jobs = Jobs()
        monkeypatch.setattr(jobs, "add", lambda name, every, _: added.append((name, every)))
        add_jobs(jobs, scene.runtime)

        assert added == [("say again to prometheus", MINUTE)]
