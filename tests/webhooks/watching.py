"""A history watched by the real pipeline in process: by polling, by webhooks, or by both.

Time is moved by hand. Whoever does not poll asks the vendor about single batches only, and
for a reason each time: see ``Site.ask``.
"""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Connection, select, update
from structlog.testing import capture_logs

from monitor.app.intake import Intake
from monitor.app.runtime import Runtime, assemble
from monitor.config import Config, load
from monitor.providers.signing import path_secret
from monitor.simulator.vendors import vendor_app, vendor_table
from monitor.simulator.webhooks import Webhook, Webhooks
from monitor.simulator.world import Account, World
from monitor.store import batches as batch_store
from monitor.store.batches import BatchRow
from monitor.store.engine import open_engine
from monitor.store.schema import alerts, outbox
from monitor.store.writer import Priority, Store
from tests.clocks import ManualClock
from tests.stories import unsynced
from tests.webhooks.doubts import IDLE_S, WINDOW_S
from tests.webhooks.inprocess import InProcess, InThread, ask
from tests.webhooks.worlds import KEY, NAME, START, History

SECRET = "a secret of nobody at all"
STEP = timedelta(seconds=10)  # everything is judged so often
# Who does not poll asks about a batch of which nothing was heard for so long,
QUIET = timedelta(seconds=30)
# and about one that was not looked at for so long: half of what would make it stale.
UNSEEN = timedelta(minutes=2, seconds=30)


CONFIG = """
[monitor]
data_dir = "data"
timezone = "UTC"
hash_key = "histories hold nobody's number"

{provider}
[receivers.ops]
kind = "slack"
webhook_url = "http://127.0.0.1:9/services/T/B/x"

[[routes]]
receivers = ["ops"]
group_wait = "0s"

[rules.error_spike]
window = "{window}s"
min_calls = 10

[rules.batch_stalled]
idle = "{idle}s"
gap_factor = 0

[rules.agent_broken]
shorter_than = "2s"  # nobody here talks for less: it never comes near

[rules.batch_completed]
confirm_after = "10s"
settle_after = "30s"
"""
LISTENS = f'webhook_secret = "{SECRET}"'
LINES = (
    'poll_every = "10s"',
    'discover_every = "30s"',
    "requests_per_minute = 60000",
)


@cache
def _fresh() -> Path:
    """A database with its tables and nothing in them: copying one is quicker than making it."""
    folder = TemporaryDirectory()
    _KEPT.append(folder)
    path = Path(folder.name) / "fresh.db"
    open_engine(path, create=True).dispose()
    return path


_KEPT: list[TemporaryDirectory[str]] = []  # until the process ends


def configured(folder: Path, account: Account, *, listens: bool) -> Config:
    """A configuration with one provider, whose webhooks are listened to or not."""
    file = folder / "config.toml"
    file.touch(mode=0o600)
    table = vendor_table(account, "http://127.0.0.1:1", *LINES, *[LISTENS] * listens)
    file.write_text(CONFIG.format(provider=table, window=WINDOW_S, idle=IDLE_S))
    return load(file, environ={})


@dataclass
class Site:
    """One history and the installation that watches it."""

    clock: ManualClock
    world: World
    account: Account
    webhooks: Webhooks
    runtime: Runtime
    intake: Intake
    asked: int = 0  # targeted questions about batches
    refused: list[int] = field(default_factory=list)
    logs: list[Any] = field(default_factory=list)

    @property
    def store(self) -> Store:
        return self.runtime.store

    async def post(self, webhook: Webhook) -> int:
        """Deliver one webhook; the status of the answer."""
        values = {"provider": NAME}
        if not webhook.signed:
            values["secret"] = path_secret(NAME, SECRET)
        status, _ = await ask(
            self.intake.receiver,
            "POST",
            f"/webhooks/{'/'.join(values.values())}",
            headers=webhook.headers,
            body=webhook.body,
            path_params=values,
        )
        if status != 200:
            self.refused.append(status)
        return status

    async def poll(self) -> None:
        """What is due is asked for, as the daemon does each second."""
        (poller,) = self.runtime.pollers
        await poller.poll()
        await self.settle()

    async def settle(self) -> None:
        """Everything that was begun is done."""
        (poller,) = self.runtime.pollers
        await poller.reader.drained()
        poller.reader.raise_error()

    def raise_error(self) -> None:
        """AssertionError for what went wrong unnoticed: webhooks refused, errors in the log."""
        assert not self.refused
        assert not [each for each in self.logs if each["log_level"] in {"error", "critical"}]

    async def ask(self) -> None:
        """Who does not poll asks about single batches, where no webhook can tell.

        That is: one that has ended, until its report has settled; one with an alert that is
        pending or fires; one of which nothing was heard for a while, so that silence is told
        from standstill; and one that would be stale soon.
        """
        now = self.clock.now()
        rows = await self.store.read(lambda conn: batch_store.load_open(conn, NAME))
        alarmed = await self.store.read(_alarmed)
        due = [row.look.batch_id for row in rows if self._is_due(row, alarmed, now)]
        if due:
            self.asked += len(due)
            (poller,) = self.runtime.pollers
            await poller.asking.batches(due)
            await self.settle()

    def _is_due(self, row: BatchRow, alarmed: set[str], now: datetime) -> bool:
        key = row.look.batch_id
        if now - row.fresh_at < STEP:
            return False
        if row.ended or key in alarmed or now - row.fresh_at >= UNSEEN:
            return True
        return now - max(row.fresh_at, row.moved_at) >= QUIET

    async def judge(self) -> None:
        """Everything is judged, and what is owed is taken by its receiver."""
        await self.runtime.judge.everything()
        await self.store.write(Priority.OUTBOX, _delivered)


def _alarmed(conn: Connection) -> set[str]:
    """The batches with an alert that is open."""
    query = select(alerts.c.subject_id).where(alerts.c.state.in_(("pending", "firing")))
    return set(conn.execute(query).scalars())


def _delivered(conn: Connection) -> None:
    conn.execute(
        update(outbox)
        .where(outbox.c.state == "pending")
        .values(state="sent", sent_at=outbox.c.created_at)
    )


@asynccontextmanager
async def watching(history: History, *, listens: bool) -> AsyncIterator[Site]:
    """An installation that has asked for the vendor's lists once, as each does at its start."""
    clock = ManualClock(START)
    world = World(history.seed, START)
    account = world.account(NAME, "bland", KEY)
    webhooks = Webhooks(account, SECRET, history.habits)
    history.open(account)
    app = vendor_app(account, clock, history.manners)
    with TemporaryDirectory() as made, capture_logs() as logs:
        folder = Path(made)
        database = folder / "offhook.db"
        shutil.copy(_fresh(), database)
        config = configured(folder, account, listens=listens)
        store = InThread(unsynced(open_engine(database)), database)
        runtime = await assemble(
            config, store, clock, START, b"k" * 32, lambda clock: InProcess(clock, app)
        )
        for poller in runtime.pollers:
            poller.reader._chance = lambda: 0.0
        intake = Intake(store, clock)
        intake.serve(runtime)
        site = Site(clock, world, account, webhooks, runtime, intake, logs=logs)
        try:
            yield site
        finally:
            await runtime.close()
            store.close()
