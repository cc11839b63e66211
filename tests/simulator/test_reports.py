"""Whole days of a vendor are watched by the real runtime: what it reports at the end is true."""

import asyncio
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import select

from monitor.app.runtime import Runtime, assemble
from monitor.config import load
from monitor.core.model import BatchStatus, Outcome
from monitor.core.rule import Finding
from monitor.simulator.answers import Manners
from monitor.simulator.hours import WorkingHours
from monitor.simulator.ids import Vendor
from monitor.simulator.script import DialStop, Incident, Mix, Pause, Plan, Reopen, Resume
from monitor.simulator.vendors import vendor_app, vendor_table
from monitor.simulator.world import Account, RunningBatch, World
from monitor.store.coding import decode
from monitor.store.schema import alert_events, alerts
from tests.simulator.hand import START, HandClock
from tests.stories import hurried
from tests.webhooks.inprocess import InProcess, InThread

STEP = timedelta(seconds=30)
TABLES = """
[receivers.nobody]
kind = "slack"
webhook_url = "http://127.0.0.1:9/services/x"
"""
PLAN = Plan(
    name="Survey",
    contacts=40,
    concurrency=5,
    talk=(20.0, 60.0),
    mix=Mix(no_answer=0.2, busy=0.1, failed=0.02),
    details_after=30.0,
)
MIXED = Plan(
    name="Survey",
    contacts=40,
    concurrency=5,
    talk=(20.0, 60.0),
    mix=Mix(no_answer=0.2, busy=0.1, failed=0.02, voicemail=0.2),
)
# ElevenLabs has one word for all who were not reached.
REACHED = Plan(
    name="Survey",
    contacts=40,
    concurrency=5,
    talk=(20.0, 60.0),
    mix=Mix(no_answer=0.03, busy=0.0, failed=0.02, voicemail=0.2),
)
# The world begins on a Sunday at nine, in the middle of these hours.
MORNING = WorkingHours(
    zone="UTC", days={"sunday": ("08:00", "09:05"), "monday": ("08:00", "09:00")}
)


UNPROVEN = (
    "reported complete, unverified: calls under way are on no list, and some may have begun "
    "before the first look"
)


class Told(NamedTuple):
    """One move of an alert, with what it says in the end."""

    at: datetime
    rule: str
    reason: str
    summary: str


@asynccontextmanager
async def watching(
    folder: Path, account: Account, clock: HandClock, manners: Manners
) -> AsyncIterator[Runtime]:
    app = vendor_app(account, clock, manners)
    file = folder / "config.toml"
    head = f'[monitor]\ndata_dir = "{folder}"\ntimezone = "UTC"\n'
    file.write_text(head + vendor_table(account, "http://127.0.0.1:1") + TABLES)
    file.chmod(0o600)
    database = folder / "offhook.db"
    store = InThread(hurried(database), database)
    runtime = await assemble(
        load(file, environ={}),
        store,
        clock,
        clock.at,
        b"k" * 32,
        lambda clock: InProcess(clock, app),
    )
    try:
        yield runtime
    finally:
        await runtime.close()
        store.close()


async def step(runtime: Runtime, clock: HandClock, by: timedelta = STEP) -> None:
    """Time passes, what is due is asked for, and everything is judged."""
    clock.at += by
    (poller,) = runtime.pollers
    await poller.poll()
    await poller.reader.drained()
    poller.reader.raise_error()
    await runtime.judge.everything()
    await asyncio.sleep(0)


async def moves(runtime: Runtime) -> list[Told]:
    """Every move of every alert but the first message, oldest first."""
    query = (
        select(
            alert_events.c.at,
            alerts.c.instance,
            alert_events.c.reason,
            alerts.c.finding,
        )
        .join(alerts, alerts.c.key == alert_events.c.alert_key)
        .where(alerts.c.instance != "self_watching")
        .order_by(alert_events.c.id)
    )
    rows = await runtime.store.read(lambda conn: conn.execute(query).all())
    return [Told(*row[:3], decode(Finding, row.finding).summary) for row in rows]


def reached(batch: RunningBatch) -> tuple[int, int]:
    """How many conversations there were, and people; Svalync has one word for a mailbox too."""
    ended = batch.history[-1]
    at = datetime.fromtimestamp(ended.t, START.tzinfo)
    calls = batch.truth.calls(batch.batch_id, at)
    mailboxes = calls[Outcome.VOICEMAIL] if batch.vendor == "svalync" else 0
    return calls[Outcome.COMPLETED] + mailboxes, len(batch.people)


CASES = [
    pytest.param("graine", PLAN, Manners(), id="graine"),
    pytest.param("bland", MIXED, Manners(), id="bland v2"),
    pytest.param("vogent", MIXED, Manners(), id="vogent, the oldest first"),
    pytest.param("vogent", MIXED, Manners(order="newest"), id="vogent, the newest first"),
    pytest.param("vogent", MIXED, Manners(order="changed", max_limit=7), id="vogent, by change"),
    pytest.param("vogent", MIXED, Manners(flat_status=True, linked=True), id="vogent, one word"),
    pytest.param(
        "vogent", MIXED, Manners(ends_early=True, listed_after=50.0), id="vogent, too early"
    ),
    pytest.param("svalync", MIXED, Manners(), id="svalync"),
    pytest.param("svalync", PLAN, Manners(counts_lag=90.0), id="svalync, counts lag"),
    pytest.param("elevenlabs", REACHED, Manners(ends_early=True), id="elevenlabs, too early"),
]


@pytest.mark.parametrize(("vendor", "plan", "manners"), CASES)
async def test_an_end_is_reported_once_never_early_and_with_true_numbers(
    world: World, clock: HandClock, tmp_path: Path, vendor: Vendor, plan: Plan, manners: Manners
) -> None:
    account = world.account("surveys", vendor, "key")
    batch = account.open(plan)
    async with watching(tmp_path, account, clock, manners) as runtime:
        while not batch.status.terminal:
            await step(runtime, clock)
        for _ in range(9):
            await step(runtime, clock, timedelta(minutes=1))
        told = await moves(runtime)

    report = told[-1]
    numbers = re.search(r"(\d+) of (?:about )?(\d+) people reached", report.summary)
    assert [(each.rule, each.reason) for each in told] == [
        ("batch_completed", "reported"),
        ("batch_completed", "settled"),
    ]
    assert told[0].at.timestamp() >= batch.history[-1].t
    assert "unverified" not in report.summary
    assert numbers, report.summary
    assert (int(numbers[1]), int(numbers[2])) == reached(batch)


@pytest.mark.parametrize(
    ("talk", "unanswered", "summary"),
    [
        pytest.param(50.0, 0.0, "completed, 3 of about 3 people reached (100 %)", id="short"),
        pytest.param(400.0, 0.0, "completed, 3 of about 3 people reached (100 %)", id="long"),
        pytest.param(
            1200.0,
            0.0,
            f"{UNPROVEN}; nobody is known to have been in it",
            id="longer than anybody waits for",
        ),
        pytest.param(1200.0, 0.5, UNPROVEN, id="nobody has talked but who still talks"),
    ],
)
async def test_calls_that_began_before_the_first_look_and_stand_on_no_list_are_waited_for(
    world: World, clock: HandClock, tmp_path: Path, talk: float, unanswered: float, summary: str
) -> None:
    account = world.account("surveys", "vogent", "key")
    answered = Mix(no_answer=unanswered, busy=0.0, failed=0.0)
    plan = Plan(name="Survey", contacts=3, concurrency=5, talk=(talk, talk), mix=answered)
    batch = account.open(plan, after=95)
    async with watching(tmp_path, account, clock, Manners(ends_early=True)) as runtime:
        for _ in range(22):
            await step(runtime, clock, timedelta(minutes=1))
        told = await moves(runtime)

    assert [each.reason for each in told[:2]] == ["reported", "settled"]
    assert told[0].summary == summary
    assert "unverified" in summary or told[0].at.timestamp() >= batch.history[-1].t


async def test_a_short_run_after_the_last_word_is_told_of(
    world: World, clock: HandClock, tmp_path: Path
) -> None:
    account = world.account("surveys", "svalync", "key")
    batch = account.open(MIXED, Reopen(after=720, contacts=5))
    async with watching(tmp_path, account, clock, Manners()) as runtime:
        for _ in range(28):
            await step(runtime, clock, timedelta(minutes=1))
        told = await moves(runtime)

    assert batch.run == 2
    told = [each for each in told if each.rule == "batch_completed"]
    assert [each.reason for each in told] == ["reported", "settled"] * 2
    said = re.findall(r"completed, (\d+) of (\d+) p", told[-1].summary)
    assert [tuple(map(int, each)) for each in said] == [reached(batch)]


def a_day(seed: int) -> tuple[Vendor, Plan, Manners, tuple[Incident, ...]]:
    """Some vendor with some manners, whose batch is paused or stands still now and then."""
    draw = random.Random(seed)
    manners = Manners(
        order=draw.choice(("created", "newest", "changed")),
        max_limit=draw.choice((None, 1, 7, 20)),
        ends_early=draw.random() < 0.4,
        listed_after=draw.choice((0.0, 10.0, 40.0)),
        flat_status=draw.random() < 0.3,
        linked=draw.random() < 0.5,
        counts_lag=draw.choice((0.0, 50.0, 130.0)),
    )
    plan = Plan(
        name="Survey",
        contacts=draw.choice((9, 25, 60)),
        concurrency=draw.choice((1, 3, 5)),
        talk=(20.0, 60.0),
        pace=draw.choice((0.0, 5.0)),
        mix=Mix(no_answer=0.02, busy=0.01, failed=0.0, voicemail=draw.choice((0.0, 0.2))),
        details_after=draw.choice((0.0, 40.0)),
    )
    befalls: tuple[Incident, ...] = draw.choice(
        (
            (),
            (Pause(after=draw.uniform(5, 100)), Resume(after=310)),
            (DialStop(after=draw.uniform(5, 100), lasts=draw.uniform(10, 200)),),
        )
    )
    return draw.choice(("vogent", "vogent", "svalync", "elevenlabs")), plan, manners, befalls


async def test_any_day_of_any_vendor_is_told_once_and_truly(
    tmp_path_factory: pytest.TempPathFactory, *, proof: bool
) -> None:
    for seed in range(60 if proof else 2):
        vendor, plan, manners, befalls = a_day(seed)
        world, clock = World(seed, START), HandClock()
        account = world.account("surveys", vendor, "key")
        batch = account.open(plan, *befalls)
        async with watching(tmp_path_factory.mktemp("day"), account, clock, manners) as runtime:
            while not batch.status.terminal:
                await step(runtime, clock)
            for _ in range(18):
                await step(runtime, clock, timedelta(minutes=1))
            told = await moves(runtime)

        said = re.findall(r"completed, (\d+) of (?:about )?(\d+) p", told[-1].summary)
        assert [each.reason for each in told] == ["reported", "settled"], seed
        assert told[0].at.timestamp() >= batch.history[-1].t, seed
        assert [tuple(map(int, each)) for each in said] == [reached(batch)], seed


QUIET: list[tuple[Plan, tuple[Incident, ...], str]] = [
    (Plan(name="Survey", contacts=900, talk=(20.0, 60.0), hours=MORNING), (), "outside its hours"),
    (PLAN, (Pause(after=100), Resume(after=2500)), "paused"),
]


@pytest.mark.parametrize(
    ("plan", "incidents"), [pytest.param(plan, what, id=name) for plan, what, name in QUIET]
)
async def test_a_job_that_may_not_dial_has_not_stalled(
    world: World, clock: HandClock, tmp_path: Path, plan: Plan, incidents: tuple[Incident, ...]
) -> None:
    account = world.account("surveys", "vogent", "key")
    batch = account.open(plan, *incidents)
    async with watching(tmp_path, account, clock, Manners()) as runtime:
        for _ in range(40):
            await step(runtime, clock, timedelta(minutes=1))
        told = await moves(runtime)

    assert batch.status is not BatchStatus.COMPLETED
    assert told == []


async def test_a_job_that_no_longer_dials_has_stalled(
    world: World, clock: HandClock, tmp_path: Path
) -> None:
    account = world.account("surveys", "vogent", "key")
    account.open(PLAN, DialStop(after=60, lasts=1500))
    async with watching(tmp_path, account, clock, Manners()) as runtime:
        for _ in range(28):
            await step(runtime, clock, timedelta(minutes=1))
        told = await moves(runtime)

    assert [(each.rule, each.reason) for each in told] == [
        ("batch_stalled", "holds"),
        ("batch_stalled", "held_long_enough"),
        ("batch_stalled", "recovered"),
    ]
