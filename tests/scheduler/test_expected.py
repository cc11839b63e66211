"""What is expected is judged with the rounds, once a minute."""

from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, select

from monitor.core.expectation import Expectation
from monitor.core.schedule import Schedule, Times
from monitor.scheduler.judge import Judge
from monitor.store import providers
from monitor.store.schema import alerts
from monitor.store.writer import Priority
from rules.batch_expected import BatchExpected
from tests.builders import HOUR, MINUTE, SECOND
from tests.lookout import Lookout
from tests.stories import blind_to, make_view, run

DAILY = Expectation(
    name="daily_reminders",
    schedule=Schedule((Times(frozenset(range(7)), time(12)),), ZoneInfo("UTC")),
    providers=("renewals",),
)


@pytest.fixture
def at(tmp_path: Path) -> Lookout:
    return Lookout(tmp_path / "offhook.db", rules=(run(BatchExpected()),), threads=False)


def judge_of(at: Lookout) -> Judge:
    """Who expects something that is due now, NOON."""
    view = make_view(capabilities=blind_to(discovery=True))
    context = replace(at.judge.context, expectations=(DAILY,), providers={"renewals": view})
    return Judge(at.store, at.clock, context, at._wake)


async def seen(at: Lookout) -> None:
    """Its lists were read, before it was due and now."""
    now = at.clock.now()

    def note(conn: Connection) -> None:
        row = providers.load(conn, "renewals", "graine")
        known = replace(row, baseline_at=row.baseline_at or now - 24 * HOUR, discovered_at=now)
        providers.save(conn, replace(known, fresh_at=now))

    await at.store.write(Priority.INGEST, note)


async def states(at: Lookout) -> list[tuple[Any, ...]]:
    query = select(alerts.c.subject_kind, alerts.c.subject_id, alerts.c.state)
    return await at.store.read(lambda conn: [tuple(row) for row in conn.execute(query)])


async def test_it_is_judged_once_a_minute_with_the_rounds(at: Lookout) -> None:
    judge = judge_of(at)
    at.clock.move(29 * MINUTE + 50 * SECOND)
    await seen(at)
    await judge.everything()
    at.clock.move(59 * SECOND)
    await seen(at)
    await judge.everything()
    assert await states(at) == []
    assert at.woken == 0

    at.clock.move(SECOND)
    await judge.everything()
    assert await states(at) == [("expectation", "daily_reminders", "firing")]
    assert at.woken == 1


async def test_nothing_is_asked_where_nothing_is_expected(at: Lookout) -> None:
    at.clock.move(timedelta(hours=2))
    await seen(at)
    await at.judge.everything()

    assert await states(at) == []
