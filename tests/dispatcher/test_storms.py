"""Thousands of alerts at once, at receivers that keep alerts: few requests, and nobody is lost."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr

from monitor.clock import SystemClock
from monitor.core.alert import Alert
from monitor.core.route import Digest
from monitor.core.rule import Severity
from monitor.core.silence import Source
from monitor.dispatcher import Dispatcher, Timing
from monitor.evaluation import cases
from monitor.evaluation.telling import Routing
from monitor.http import HttpClient
from monitor.notifiers import Notifier
from monitor.notifiers.alertmanager import Alertmanager, AlertmanagerSettings
from monitor.notifiers.pagerduty import PagerDuty, PagerDutySettings
from monitor.simulator.alertmanager import Peer
from monitor.simulator.pagerduty import ROUTING_KEY, Incident, Service
from monitor.store import crowds, silences
from monitor.store.writer import Priority, Store
from tests.builders import HOUR, MINUTE, SECOND
from tests.delivering import (
    MovedClock,
    make_alert,
    make_report,
    make_subject,
    resolved,
    routing,
    tell_all,
)
from tests.loopback import Asked, Reply, serving

AT_ONCE = {"group_wait": timedelta(0), "group_interval": timedelta(0)}


@dataclass
class Keeping:
    """Both receivers, and what their peers were asked."""

    store: Store
    dispatcher: Dispatcher
    clock: MovedClock
    service: Service
    pushes: list[list[Any]]
    to: Routing

    async def tell(self, *alerts: Alert, after: timedelta = timedelta(0)) -> None:
        """In one go, and on to the receivers when the time has come."""
        self.clock.move(after)
        now = self.clock.now()
        await self.store.write(
            Priority.OUTBOX, lambda conn: tell_all(conn, *alerts, to=self.to, now=now)
        )
        await self.drain()

    async def drain(self, after: timedelta = timedelta(0)) -> None:
        self.clock.move(after)
        for name in self.to.receivers:
            await self.dispatcher.drain_once(name)

    def by_batch(self) -> None:
        """Every batch is a conversation, so many at once are a storm."""
        route = replace(self.to.routes[0], group_by=("batch",))
        self.to = replace(self.to, routes=(route,))

    def incidents(self, status: str = "triggered") -> list[Incident]:
        return [each for each in self.service.incidents.values() if each.status == status]


@pytest_asyncio.fixture
async def keeping(tmp_path: Path) -> AsyncIterator[Keeping]:
    service, peer, pushes = Service(), Peer(), []
    clock, http = MovedClock(), HttpClient(SystemClock())

    def answer(asked: Asked) -> Reply:
        if asked.path.startswith("/v2/"):
            status, content, headers = service.answer(asked.path, asked.body)
            return Reply(content, status, headers)
        pushes.append(json.loads(asked.body))
        return Reply(*reversed(peer.answer(asked.method, asked.path, asked.body)))

    async with serving(answer) as server:
        pager = PagerDuty(
            "pager",
            PagerDutySettings(
                kind="pagerduty", routing_key=SecretStr(ROUTING_KEY), api_url=server.url
            ),
            http,
        )
        prom = Alertmanager(
            "prom", AlertmanagerSettings(kind="alertmanager", urls=(server.url,)), http, clock
        )
        store = Store.open(tmp_path / "offhook.db")
        notifiers: dict[str, Notifier] = {"pager": pager, "prom": prom}
        receivers = {name: each.receiver for name, each in notifiers.items()}
        told = routing("hook", **AT_ONCE, group_by=("provider",))
        route = replace(told.routes[0], receivers=tuple(receivers))
        to = replace(told, routes=(route,), receivers=receivers)
        dispatcher = Dispatcher(store, notifiers, clock, timing=Timing(pace={}))
        yield Keeping(store, dispatcher, clock, service, pushes, to)
        store.close()
    await http.aclose()


def many(n: int, **changes: Any) -> list[Alert]:
    return [make_alert(subject=make_subject(id=f"btc_{i}"), **changes) for i in range(n)]


async def test_a_storm_is_a_few_incidents_that_end_with_the_last_of_it(
    keeping: Keeping, *, proof: bool
) -> None:
    keeping.by_batch()
    n = 10_000 if proof else 60
    alerts = many(n, severity=Severity.WARNING)
    alerts[-1] = replace(alerts[-1], severity=Severity.CRITICAL)
    await keeping.tell(*alerts)
    await keeping.drain(5 * MINUTE)

    assert len(keeping.incidents()) == 22, "twenty alone, and one of each severity"
    assert sum("alerts fire, such as" in each.summary for each in keeping.incidents()) == 1
    (many_of_them,) = (each for each in keeping.incidents() if "alerts fire" in each.summary)
    assert many_of_them.summary.startswith(f"{n - 21:,} alerts fire, such as: ")
    assert "offhook alerts --group" in many_of_them.details["more"]
    assert len(keeping.service.seen) <= 22 + n // 1_000
    assert len(keeping.pushes) <= 21 + n // 400
    assert len({each["labels"]["offhook_key"] for push in keeping.pushes for each in push}) == n

    asked, pushed = len(keeping.service.seen), len(keeping.pushes)
    await keeping.tell(*map(resolved, alerts[:-2]), after=MINUTE)
    await keeping.drain(5 * MINUTE)
    assert len(keeping.incidents()) == 2, "two still fire"
    await keeping.tell(*map(resolved, alerts[-2:]), after=MINUTE)
    await keeping.drain(5 * MINUTE)
    assert keeping.incidents() == []
    assert len(keeping.service.seen) - asked <= 20 + 2 + 6 + n // 500
    assert len(keeping.pushes) - pushed <= 22 + n // 400


async def test_of_a_large_group_only_the_first_are_incidents_of_their_own(
    keeping: Keeping,
) -> None:
    alerts = many(25)
    await keeping.tell(*alerts)
    assert len(keeping.incidents()) == 21
    await keeping.tell(*map(resolved, alerts[20:]), after=MINUTE)
    assert len(keeping.incidents()) == 20
    await keeping.tell(*map(resolved, alerts[:20]), after=MINUTE)
    assert keeping.incidents() == []


async def test_what_gets_worse_among_many_calls_somebody(keeping: Keeping) -> None:
    alerts = many(25, severity=Severity.WARNING)
    await keeping.tell(*alerts)
    await keeping.drain(5 * MINUTE)
    assert len(keeping.incidents()) == 21
    worse = replace(alerts[-1], severity=Severity.CRITICAL)
    await keeping.tell(worse, after=MINUTE)
    await keeping.drain(5 * MINUTE)

    assert [each.severity for each in keeping.incidents()].count("critical") == 1
    await keeping.tell(*map(resolved, [*alerts[:-1], worse]), after=MINUTE)
    await keeping.drain(5 * MINUTE)
    assert keeping.incidents() == []


async def test_reports_among_many_are_ended_by_people(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cases, "STORM_SIZE", 2)
    keeping.by_batch()
    alerts = many(7)
    bad = [
        make_report(
            rule="batch_failed", severity=Severity.WARNING, subject=make_subject(id=f"bad_{i}")
        )
        for i in range(5)
    ]
    good = [make_report(subject=make_subject(id=f"good_{i}")) for i in range(5)]
    await keeping.tell(*alerts, *bad, *good)
    await keeping.drain(2 * HOUR)
    assert len(keeping.incidents()) == 4, "two alone, the others, the reports"
    assert len(keeping.service.changes) == 1
    await keeping.tell(*map(resolved, alerts), after=MINUTE)
    await keeping.drain(5 * MINUTE)

    (reports,) = keeping.incidents()
    assert reports.summary.startswith("5 alerts are reported, such as: ")


async def test_an_acknowledgement_of_one_of_many_says_nothing_of_the_others(
    keeping: Keeping,
) -> None:
    alerts = many(25)
    await keeping.tell(*alerts)
    await keeping.drain(5 * MINUTE + SECOND)
    before = len(keeping.service.seen)
    await keeping.store.write(
        Priority.OUTBOX,
        lambda conn: silences.acknowledge(
            conn, alerts[-1].key, by="ana", source=Source.CLI, now=keeping.clock.now()
        ),
    )
    await keeping.tell(*alerts, after=SECOND)
    await keeping.drain(5 * MINUTE)

    assert len(keeping.service.seen) == before
    assert keeping.incidents("acknowledged") == []


async def test_what_was_over_before_it_could_be_told_is_one_line_for_many(
    keeping: Keeping,
) -> None:
    alerts = many(25)
    now = keeping.clock.now()
    await keeping.store.write(
        Priority.OUTBOX, lambda conn: tell_all(conn, *alerts, to=keeping.to, now=now)
    )
    await keeping.tell(*map(resolved, alerts), after=MINUTE)
    await keeping.drain(5 * MINUTE)

    assert keeping.incidents() == []
    assert keeping.service.changes[-1].startswith("5 alerts are over or done, such as: ")
    assert len(keeping.service.changes) == 21, "and the first of the group, one by one"


async def test_a_storm_that_was_lost_half_way_is_told_all(keeping: Keeping) -> None:
    keeping.service.lose = 3
    await keeping.tell(*many(25))
    for _ in range(4):
        await keeping.drain(5 * MINUTE)

    assert len(keeping.incidents()) == 21


async def test_what_one_digest_opened_another_ends(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crowds, "EACH", 2)
    route = replace(keeping.to.routes[0], digest=Digest())
    keeping.to = replace(keeping.to, routes=(route,))
    alerts = many(6)
    await keeping.tell(*alerts)
    await keeping.drain(HOUR)
    assert len(keeping.incidents()) == 3
    await keeping.tell(*map(resolved, alerts[3:]), *many(9)[6:], after=MINUTE)
    await keeping.drain(HOUR)
    assert len(keeping.incidents()) == 4, "of both digests some still fire"
    await keeping.tell(*map(resolved, many(9)), after=MINUTE)
    await keeping.drain(HOUR)

    assert keeping.incidents() == []
