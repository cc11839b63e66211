"""Reading back, once, the batches that ended before Offhook watched them.

Runs in a process of its own, with or without a daemon on the same file. That is safe because
SQLite lets writers take turns, every transaction decides by what it finds, and a daemon holds
nothing in memory of batches that are closed, which are the only ones written here. To stay
out of its way this process rests as long as each write took, and asks vendors for a part of
what the key may ask.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine

from monitor.app.history import Finished, History, Progress
from monitor.app.opening import check_key, digest_seed
from monitor.app.runtime import Runtime, assemble
from monitor.clock import Clock, SystemClock
from monitor.config import Config, hash_key
from monitor.errors import StoreError
from monitor.evaluation.replay import Replayed, replay
from monitor.evaluation.watching import keep_estimate
from monitor.scheduler.sweeper import Sweeper
from monitor.store.engine import open_engine
from monitor.store.lock import is_owned, sole_backfill, sole_owner
from monitor.store.writer import Priority, Store

T = TypeVar("T")

# What a daemon with the same key leaves over: it looks at open batches with the rest.
SHARE = 0.25
# A daemon's transactions are short, but a long row of them may stand before ours.
BUSY_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfilled:
    """What came of it, by provider, and what all batches of the time would have told."""

    since: datetime
    until: datetime
    providers: tuple[Finished, ...]
    replayed: Replayed

    @property
    def well(self) -> bool:
        """Everything that there is was read."""
        return not any(each.failures for each in self.providers)


def backfill(
    config: Config, since: timedelta, names: Sequence[str], progress: Progress
) -> Backfilled:
    """Read what ended within ``since`` at these providers; StoreError beside another backfill."""
    key = hash_key(config.monitor)
    with sole_backfill(config.monitor.database):
        engine, alone = _opened(config.monitor.database)
        return asyncio.run(_backfill(config, engine, key, since, names, progress, alone=alone))


def _opened(path: Path) -> tuple[Engine, bool]:
    """The database, and whether no daemon runs now; only then it may be made or upgraded."""
    try:
        with sole_owner(path):
            return open_engine(path, create=True, busy_ms=BUSY_MS), True
    except StoreError:
        if not is_owned(path):
            raise
    return open_engine(path, busy_ms=BUSY_MS), False


async def _backfill(
    config: Config,
    engine: Engine,
    key: bytes,
    since: timedelta,
    names: Sequence[str],
    progress: Progress,
    *,
    alone: bool,
) -> Backfilled:
    clock = SystemClock()
    store = _Beside(engine, config.monitor.database, clock)
    try:
        now = clock.now()
        await check_key(store, config.monitor, key)
        runtime = await assemble(config, store, clock, now, key)
        try:
            if not alone:
                _leave_most(runtime)
            finished = await _read(runtime, names, now - since, progress)
        finally:
            await runtime.close()
        context = runtime.judge.context
        replayed = await store.read(lambda conn: replay(conn, context, now - since))
        await store.write(Priority.RETENTION, lambda conn: keep_estimate(conn, replayed, now))
        return Backfilled(since=now - since, until=now, providers=finished, replayed=replayed)
    finally:
        await asyncio.to_thread(store.close)


def _leave_most(runtime: Runtime) -> None:
    for line in runtime.line_of.values():
        line.budget.limit(max(line.budget.ceiling * SHARE, 1.0))


async def _read(
    runtime: Runtime, names: Sequence[str], since: datetime, progress: Progress
) -> tuple[Finished, ...]:
    seed = await runtime.store.write(Priority.RETENTION, digest_seed)
    context = runtime.judge.context
    histories = [
        History(
            provider=vendor,
            settings=runtime.config.providers[name],
            view=context.providers[name],
            store=runtime.store,
            clock=runtime.clock,
            sweeper=Sweeper(vendor, runtime.store, runtime.clock, seed),
            circuit=runtime.line_of[name].budget.circuit,
            progress=progress,
        )
        for name, vendor in runtime.providers.items()
        if name in names
    ]
    return tuple(await asyncio.gather(*(each.read(since) for each in histories)))


class _Beside(Store):
    """The store of a guest: after each write the file is left to others for as long."""

    def __init__(self, engine: Engine, path: Path, clock: Clock) -> None:
        super().__init__(engine, path, alone=False)
        self._clock = clock

    async def write(self, priority: Priority, fn: Callable[[Connection], T]) -> T:
        """See Store."""
        began = self._clock.monotonic()
        try:
            return await super().write(priority, fn)
        finally:
            await self._clock.sleep(self._clock.monotonic() - began)
