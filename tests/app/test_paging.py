"""An incident elsewhere follows its alert: opened, taken on by somebody here, and ended."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.app.runtime import Runtime
from monitor.core.alert import Alert, Reason
from monitor.core.route import Route
from monitor.core.silence import Source
from monitor.evaluation.telling import Routing
from monitor.simulator.pagerduty import ROUTING_KEY, Service
from monitor.store import silences
from monitor.store.writer import Priority
from tests.app.assembled import CONFIG, at_work
from tests.builders import MINUTE, NOON
from tests.delivering import MovedClock, make_alert, resolved, tell_all
from tests.loopback import serving
from tests.notifiers.test_pagerduty import answered

PAGER = """\
[receivers.pager]
kind = "pagerduty"
routing_key = "{key}"
api_url = "{url}"
send_resolved = {resolves}
"""


@dataclass
class Scene:
    """A runtime whose one receiver is a service at PagerDuty."""

    runtime: Runtime
    service: Service
    clock: MovedClock

    async def tell(self, alert: Alert) -> None:
        route = Route(name="1", receivers=("pager",), group_wait=timedelta(0))
        receivers = {"pager": self.runtime.notifiers["pager"].receiver}
        to = Routing(routes=(route,), receivers=receivers)
        await self.runtime.store.write(
            Priority.EVALUATE, lambda conn: tell_all(conn, alert, now=self.clock.now(), to=to)
        )
        await self.runtime.dispatcher.drain_once("pager")

    @property
    def status(self) -> list[str]:
        return [incident.status for incident in self.service.incidents.values()]


@asynccontextmanager
async def on_call(tmp_path: Path, *, resolves: bool = True) -> AsyncIterator[Scene]:
    clock, service = MovedClock(), Service()
    async with serving(answered(service)) as server:
        pager = PAGER.format(key=ROUTING_KEY, url=server.url, resolves=str(resolves).lower())
        text = CONFIG.partition("[receivers")[0] + pager
        async with at_work(tmp_path, clock, text) as runtime:
            yield Scene(runtime, service, clock)


async def test_who_acknowledges_here_has_acknowledged_there(tmp_path: Path) -> None:
    async with on_call(tmp_path) as scene:
        await scene.tell(make_alert())
        assert scene.status == ["triggered"]

        def acknowledge(conn: Any) -> Any:
            now = scene.clock.now()
            return silences.acknowledge(
                conn, make_alert().key, by="Ana", source=Source.CLI, now=now
            )

        await scene.runtime.store.write(Priority.EVALUATE, acknowledge)
        await scene.tell(replace(make_alert(), revision=2))
        assert scene.status == ["acknowledged"]

        scene.clock.move(MINUTE)
        await scene.tell(resolved(make_alert(revision=3)))
        assert scene.status == ["resolved"]


@pytest.mark.parametrize("reason", [Reason.RECOVERED, Reason.BATCH_ENDED, Reason.RULE_CHANGED])
async def test_no_incident_is_left_open_by_an_end_that_is_quiet_elsewhere(
    tmp_path: Path, reason: Reason
) -> None:
    async with on_call(tmp_path) as scene:
        await scene.tell(make_alert())
        await scene.tell(resolved(make_alert(revision=2), reason))

        assert scene.status == ["resolved"]


async def test_who_wants_to_end_incidents_himself_is_left_to_it(tmp_path: Path) -> None:
    async with on_call(tmp_path, resolves=False) as scene:
        await scene.tell(make_alert())
        await scene.tell(resolved(make_alert(revision=2)))

        assert scene.status == ["triggered"]


async def test_a_lost_answer_makes_no_second_incident(tmp_path: Path) -> None:
    async with on_call(tmp_path) as scene:
        scene.service.lose = 1
        await scene.tell(make_alert())
        assert scene.status == ["triggered"]
        scene.clock.move(MINUTE)
        await scene.runtime.dispatcher.drain_once("pager")

        assert scene.status == ["triggered"]
        assert len(scene.service.seen) == 2
        assert scene.clock.now() == NOON + MINUTE
