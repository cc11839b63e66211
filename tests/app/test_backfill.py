"""History read back beside a daemon that works on the same file, cut off in every way."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from monitor.clock import SystemClock
from monitor.simulator.graine import graine_app
from monitor.simulator.script import Plan
from monitor.simulator.serving import serve_in_thread
from monitor.simulator.wire import Wire
from monitor.simulator.world import Account, World
from monitor.store.engine import driver
from tests.app.site import REPO, Daemon, environment, until

PAST = 5
PEOPLE = 120
NOW = Plan(name="Today", contacts=400, concurrency=4, pace=0.4, ring=(0.1, 0.2), talk=(0.2, 0.4))


class Gate:
    """Lets a vendor's answers about the people of some batches wait until it is opened."""

    def __init__(self, app: ASGIApp) -> None:
        self.held: frozenset[str] = frozenset()
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        while any(f"/{each}/contacts" in path for each in self.held):  # noqa: ASYNC110 - see below
            await asyncio.sleep(0.02)  # the test opens it from another thread
        await self._app(scope, receive, send)


class Site:
    """A vendor with a past and a present, and an installation that watches it."""

    def __init__(self, directory: Path) -> None:
        self.clock = SystemClock()
        world = World(5, self.clock.now() - timedelta(days=6))
        self.account: Account = world.account("renewals", "graine", "key")
        plan = Plan(name="Yesterday", contacts=PEOPLE, talk=(9.0, 30.0))
        past = [self.account.open(plan, after=n * 86_400.0) for n in range(PAST)]
        self.past = [batch.batch_id for batch in reversed(past)]  # as they are read
        world.advance(self.clock.now())
        self.account.open(NOW)
        self.wire: Wire = graine_app(self.account, self.clock)
        self.gate = Gate(self.wire)
        self.directory = directory
        self.config = directory / "config.toml"
        self.database = directory / "data" / "offhook.db"

    def configure(self, url: str) -> None:
        self.config.touch(mode=0o600)
        self.config.write_text(
            f"""\
[monitor]
data_dir = "data"
log = "json"
[web]
listen = "127.0.0.1:0"
[providers.renewals]
vendor = "graine"
api_key = "key"
base_url = "{url}/api/v1"
poll_every = "1s"
discover_since = "1s"
requests_per_minute = 4000
[receivers.ops]
kind = "slack"
webhook_url = "http://127.0.0.1:9/services/T/B/x"
"""
        )

    def backfill(self) -> subprocess.Popen[str]:
        """Begin to read history back."""
        return subprocess.Popen(
            [sys.executable, "-m", "monitor", "backfill", "--config", str(self.config)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=REPO,
            env=environment(),
        )

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        connection = driver.connect(f"file:{self.database}?mode=ro", uri=True)
        try:
            return list(connection.execute(query))
        finally:
            connection.close()

    def read_whole(self) -> set[str]:
        """The batches of the past that are known whole."""
        found = self.rows("select batch_id from batches where not open and report is not null")
        return {batch_id for (batch_id,) in found}

    def asked_for(self) -> set[str]:
        """The batches whose people were asked for since the last time."""
        seen = [each.asked.path for each in self.wire.to(".*/contacts")]
        self.wire.seen.clear()
        return {path.rsplit("/", 2)[1] for path in seen}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    with serve_in_thread(made.gate) as url:
        made.configure(url)
        yield made


def test_killed_and_stopped_beside_a_daemon_it_comes_to_its_end(site: Site) -> None:
    daemon = Daemon.start(site.config)
    try:
        until(lambda: site.rows("select 1 from batches where open and listed_at is not null"))
        site.asked_for()

        site.gate.held = frozenset(site.past[2:])
        killed = site.backfill()
        until(lambda: site.read_whole() == set(site.past[:2]))
        killed.kill()
        killed.communicate()
        site.asked_for()

        site.gate.held = frozenset(site.past[4:])
        stopped = site.backfill()
        until(lambda: site.read_whole() == set(site.past[:4]))
        stopped.send_signal(signal.SIGINT)
        _, said = stopped.communicate(timeout=30)
        assert stopped.returncode == 1
        assert said == "stopped; what was read is kept, and the same command goes on from there\n"
        assert not site.asked_for() & set(site.past[:2])

        site.gate.held = frozenset()
        last = site.backfill()
        told, said = last.communicate(timeout=60)
        assert (last.returncode, said) == (0, "")
        assert f"1 batch read, {PEOPLE} people; 4 known already" in told
        assert site.read_whole() == set(site.past)
        assert not site.asked_for() & set(site.past[:4])

        moved = daemon.rows("select max(moved_at) from batches where open")
        until(lambda: daemon.rows("select max(moved_at) from batches where open") > moved)
        assert daemon.get("/-/ready").status_code == 200
        assert not daemon.logged("job_failed")
        assert "exception" not in daemon.log.read_text()
    finally:
        assert daemon.stop() == 0
    people = "select count(*) from contacts join batches on id = batch where not open"
    assert site.rows(people) == [(PAST * PEOPLE,)]
    ended = "select batch_id from batches where not open"
    assert site.rows(f"select rule from alerts where subject_id in ({ended})") == []
    assert site.rows("pragma integrity_check") == [("ok",)]
