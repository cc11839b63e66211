"""A simulated day: read back afterwards it tells what a daemon told that watched it live."""

import math
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, update
from structlog.testing import capture_logs

from monitor.app.history import History
from monitor.app.runtime import Runtime, assemble
from monitor.config import load
from monitor.core.backtest import Differences, compare
from monitor.evaluation.backtest import replay_one, to_replay, told_since
from monitor.evaluation.replay import replay
from monitor.scheduler.sweeper import Sweeper
from monitor.simulator.ids import Vendor
from monitor.simulator.script import End, ErrorBurst, Mix, Plan
from monitor.simulator.serving import serve
from monitor.simulator.vendors import vendor_app, vendor_table
from monitor.simulator.world import Account, World
from monitor.store.schema import alerts, outbox
from monitor.store.writer import Priority, Store
from tests.app.progress import Watcher
from tests.builders import HOUR, MINUTE, NOON, SECOND
from tests.clocks import ManualClock
from tests.stories import hurried

CONFIG = """\
[monitor]
data_dir = "data"
{provider}
[receivers.ops]
kind = "slack"
webhook_url = "http://127.0.0.1:9/services/T/B/x"
[[routes]]
receivers = ["ops"]
group_wait = "0s"
[rules.error_spike]
window = "2m"
[rules.stalled_retries]
enabled = false
[rules.batch_stalled]
enabled = false
[rules.agent_broken]
enabled = false
"""


@asynccontextmanager
async def installed(
    directory: Path, name: str, clock: ManualClock, account: Account, url: str
) -> AsyncIterator[Runtime]:
    directory = directory / name
    directory.mkdir()
    path = directory / "config.toml"
    path.touch(mode=0o600)
    table = vendor_table(account, url, 'poll_every = "20s"', "requests_per_minute = 60000")
    path.write_text(CONFIG.format(provider=table))
    config = load(path, environ={})
    database = directory / "offhook.db"
    store = Store(hurried(database), database)
    try:
        runtime = await assemble(config, store, clock, clock.now(), b"key")
        try:
            yield runtime
        finally:
            await runtime.close()
    finally:
        store.close()


def deliver(conn: Connection) -> None:
    """Everything owed is taken by its receiver."""
    conn.execute(update(outbox).values(state="sent", sent_at=outbox.c.created_at))


async def told(runtime: Runtime, *rules: str) -> Counter[str]:
    """What was owed by its rule; a settled report with the same numbers is no other message."""
    query = (
        select(alerts.c.instance)
        .join(outbox, outbox.c.alert_key == alerts.c.key)
        .where(outbox.c.transition != "settled", alerts.c.instance.in_(rules))
    )
    rows = await runtime.store.read(lambda conn: conn.execute(query).scalars().all())
    return Counter(rows)


async def test_a_day_read_back_tells_what_the_day_told(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    world = World(11, NOON)
    account = world.account("renewals", "graine", "key")
    mix = Mix(no_answer=0.1, busy=0.05, failed=0.02)
    plan = Plan(name="May", contacts=420, concurrency=10, ring=(2, 4), talk=(8, 20), mix=mix)
    account.open(plan, ErrorBurst(after=120.0, lasts=60.0, share=0.9), after=20.0)
    short = replace(plan, name="June", contacts=60, concurrency=4)
    account.open(short, ErrorBurst(after=120.0, lasts=math.inf), after=30.0)
    account.open(short, End(after=100.0, reason="no balance"), after=40.0)
    rules = ("error_spike", "batch_completed", "batch_failed")
    with capture_logs():
        async with serve(vendor_app(account, clock)) as url:
            async with installed(tmp_path, "live", clock, account, url) as live:
                await passes(17 * MINUTE, live, world, clock)
                heard = await told(live, *rules)
                found = await live.store.read(lambda conn: beside(conn, live, clock))
                again = await live.store.read(
                    lambda conn: replay(conn, live.judge.context, NOON - HOUR)
                )
            async with installed(tmp_path, "later", clock, account, url) as later:
                finished = await read_back(later, clock)
                past = await later.store.read(
                    lambda conn: replay(conn, later.judge.context, NOON - HOUR)
                )
                silent = await told(later, *rules)

    check(found)
    # One spike that recovers, one that ends with its batch without a word.
    assert heard == {"error_spike": 3, "batch_completed": 2, "batch_failed": 1}
    assert again.messages == heard
    assert past.messages == heard
    assert (finished, silent) == (3, {})


async def passes(length: timedelta, live: Runtime, world: World, clock: ManualClock) -> None:
    """So much time, with a look at everything each 20 s."""
    (poller,) = live.pollers
    until = clock.now() + length
    while clock.now() < until:
        clock.move(20 * SECOND)
        world.advance(clock.now())
        await poller.poll()
        await poller.reader.drained()
        await live.judge.everything()
        await live.store.write(Priority.OUTBOX, deliver)


def check(found: Differences) -> None:
    """The same alerts, for the same reasons, within a tick."""
    assert (found.new, found.gone) == ((), ())
    for told_then, replayed in found.same:
        assert told_then.episode.key == replayed.episode.key
        assert told_then.reason == replayed.reason
        assert abs(told_then.episode.fired_at - replayed.episode.fired_at) <= 10 * SECOND


BOTH = {"error_spike", "batch_completed"}
# With what fires there: not every vendor tells which calls failed.
VENDORS: dict[Vendor, set[str]] = {
    "bland": BOTH,
    "vogent": BOTH,
    "svalync": BOTH,
    "elevenlabs": {"batch_completed"},
}


@pytest.mark.parametrize(("vendor", "fires"), VENDORS.items(), ids=VENDORS)
async def test_so_it_does_at_any_vendor(tmp_path: Path, vendor: Vendor, fires: set[str]) -> None:
    clock = ManualClock(NOON)
    world = World(11, NOON)
    account = world.account("renewals", vendor, "key")
    mix = Mix(no_answer=0.1, busy=0.05, failed=0.02)
    plan = Plan(name="May", contacts=100, concurrency=10, ring=(2, 4), talk=(8, 20), mix=mix)
    account.open(plan, ErrorBurst(after=40.0, lasts=60.0, share=0.9), after=20.0)
    with capture_logs():
        async with (
            serve(vendor_app(account, clock)) as url,
            installed(tmp_path, "live", clock, account, url) as live,
        ):
            await passes(14 * MINUTE, live, world, clock)
            found = await live.store.read(lambda conn: beside(conn, live, clock))

    check(found)
    assert {each.instance for _, each in found.same} >= fires


def beside(conn: Connection, live: Runtime, clock: ManualClock) -> Differences:
    """What a backtest by the same rules tells, beside what they told."""
    context, since, until = live.judge.context, NOON, clock.now()
    batches = [batch for _, batch in to_replay(conn, context, since)]
    lives = [replay_one(conn, each, context, since, until, 20 * SECOND) for each in batches]
    replayed = [each for life in lives if life is not None for each in life.fired]
    assert replayed
    return compare(told_since(conn, context, since, until, batches), replayed)


async def read_back(runtime: Runtime, clock: ManualClock) -> int:
    """How many batches the vendor's history gave."""
    (vendor,) = runtime.providers.values()
    history = History(
        provider=vendor,
        settings=runtime.config.providers["renewals"],
        view=runtime.judge.context.providers["renewals"],
        store=runtime.store,
        clock=clock,
        sweeper=Sweeper(vendor, runtime.store, clock, seed=7),
        circuit=runtime.line_of["renewals"].budget.circuit,
        progress=Watcher(),
    )
    return (await history.read(clock.now() - timedelta(days=1))).read
