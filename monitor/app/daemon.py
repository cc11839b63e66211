"""The daemon: started, reloaded, watched over and stopped in order.

A reload reads the file, and only when all of it is good replaces the running parts; the
database and the HTTP server live on. A bad file changes nothing and raises an alert.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import Connection
from watchfiles import awatch

from monitor import __version__
from monitor.app.runtime import (
    JUDGE_EVERY,
    OUTBOX_LATE,
    POLL_TICK,
    PRUNE_EVERY,
    Runtime,
    assemble,
)
from monitor.clock import Clock, SystemClock
from monitor.config import Config, hash_key, load
from monitor.config.secrets import secrets_of
from monitor.core.facts import Trouble
from monitor.errors import ConfigError, OffhookError
from monitor.log import hide
from monitor.scheduler.jobs import Jobs
from monitor.store import numbers as counted
from monitor.store import outbox
from monitor.store.lock import sole_owner
from monitor.store.writer import Store
from monitor.systemd import Systemd
from monitor.web.metrics import Numbers
from monitor.web.server import application, serving

log = structlog.get_logger()

# The whole of a graceful stop must fit into ten seconds.
JOBS_PATIENCE = timedelta(seconds=4)
DISPATCH_PATIENCE_S = 3.0
WATCH_EVERY_S = 5.0
FAILED = 1
WRONG = 2


def run_daemon(config: Config, path: Path) -> int:
    """Run until SIGTERM or SIGINT; the status to exit with."""
    try:
        with sole_owner(config.monitor.database):
            asyncio.run(_Daemon(config, path, SystemClock()).run())
    except ConfigError as error:
        log.critical("stopped", error=str(error))
        return WRONG
    except OffhookError as error:
        log.critical("stopped", error=str(error))
        return FAILED
    return 0


class _Daemon:
    """One process's life."""

    def __init__(self, config: Config, path: Path, clock: Clock) -> None:
        self._config = config
        self._path = path
        self._clock = clock
        self._systemd = Systemd.from_environ(os.environ)
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()
        self._reload_ok = True
        self._jobs = Jobs()
        self._runtime: Runtime
        self._store: Store

    async def run(self) -> None:
        """Everything from start to stop."""
        started_at = self._clock.now()
        self._listen_to_signals()
        # Before the database is made: a database without its key is refused.
        key = hash_key(self._config.monitor)
        self._store = await asyncio.to_thread(Store.open, self._config.monitor.database)
        try:
            self._runtime = await assemble(self._config, self._store, self._clock, started_at, key)
            await self._serve(started_at)
        finally:
            await asyncio.to_thread(self._store.close)
        log.info("stopped")

    async def _serve(self, started_at: datetime) -> None:
        web = self._config.web
        token = web.api_token.get_secret_value() if web.api_token else None
        app = application(
            problems=self._problems,
            numbers=self._numbers,
            token=None if web.listen.loopback else token,
        )
        async with serving(app, web.listen.host, web.listen.port) as port, self._watching():
            log.info("started", version=__version__, port=port, config=str(self._path))
            while not self._stop.is_set():
                await self._work(started_at)
            self._systemd.stopping("stopping")

    async def _work(self, started_at: datetime) -> None:
        """One configuration's time: from its start until a stop or a good reload."""
        runtime = self._runtime
        ended = asyncio.Event()
        jobs = self._jobs = _jobs_of(runtime)
        await runtime.judge.begin()
        sending = asyncio.create_task(runtime.dispatcher.run(ended))
        jobs.start()
        self._systemd.ready(_status_line(self._config))
        try:
            following = await self._until_stop_or_reload(started_at, sending)
        finally:
            await jobs.stop(JOBS_PATIENCE)
            ended.set()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(sending, DISPATCH_PATIENCE_S)
            await runtime.close()
        if following is not None:
            self._runtime = following

    async def _until_stop_or_reload(
        self, started_at: datetime, sending: asyncio.Task[None]
    ) -> Runtime | None:
        """The next configuration's parts; None to stop.

        A dispatcher that died would be a silence that looks like health: its error ends the
        process, and the service manager starts another.
        """
        while True:
            self._reload.clear()
            waiting = [
                asyncio.create_task(self._stop.wait()),
                asyncio.create_task(self._reload.wait()),
            ]
            await asyncio.wait({*waiting, sending}, return_when=asyncio.FIRST_COMPLETED)
            for task in waiting:
                task.cancel()
            if sending.done():
                sending.result()
            if self._stop.is_set():
                return None
            following = await self._reloaded(started_at)
            if following is not None:
                return following

    async def _reloaded(self, started_at: datetime) -> Runtime | None:
        self._systemd.reloading(self._clock.monotonic())
        try:
            config = await asyncio.to_thread(load, self._path, environ=os.environ)
            key = hash_key(self._config.monitor)
            runtime = await assemble(config, self._store, self._clock, started_at, key)
        except ConfigError as error:
            self._refuse(error)
            return None
        finally:
            self._systemd.ready(_status_line(self._config))
        for text in _needs_restart(self._config, config):
            log.warning("restart_needed", text=text)
        for subject, trouble in self._runtime.judge.troubles.items():
            runtime.judge.trouble(subject, trouble)
        runtime.judge.trouble("configuration", None)
        hide(secrets_of(config))
        self._reload_ok = True
        self._config = config
        log.info("reloaded", config=str(self._path))
        return runtime

    def _refuse(self, error: ConfigError) -> None:
        self._reload_ok = False
        first = error.problems[0]
        log.error("reload_refused", problems=[str(problem) for problem in error.problems])
        place = f"{Path(first.file).name}{f':{first.line}' if first.line else ''}"
        self._runtime.judge.trouble(
            "configuration",
            Trouble(
                rule="self_config_rejected",
                subject="configuration",
                since=self._clock.now(),
                summary=f"the changed configuration is refused: {place}: {first.key}: {first.text}",
                todo="Run offhook check-config; the old configuration keeps running.",
            ),
        )

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload.set)

    @contextlib.asynccontextmanager
    async def _watching(self) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self._watch_file()), asyncio.create_task(self._watch_dog())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch_file(self) -> None:
        """A changed file reloads; editors replace files, so it is the directory that is watched."""
        name = self._path.resolve().name
        async for found in awatch(
            self._path.resolve().parent, recursive=False, stop_event=self._stop, step=200
        ):
            if any(Path(changed).name == name for _, changed in found):
                self._reload.set()

    async def _watch_dog(self) -> None:
        """Tell the service manager that we live, but only while there is real progress."""
        interval = min(self._systemd.watchdog_s or WATCH_EVERY_S, WATCH_EVERY_S)
        while True:
            late = self._runtime.late()
            if not late:
                self._systemd.watchdog()
            await self._clock.sleep(interval)

    async def _problems(self) -> tuple[str, ...]:
        late = self._runtime.late()
        owed = await self._store.read(outbox.load_owing)
        now = self._clock.now()
        stuck = [
            f"messages to {each.receiver} wait since {each.due_at:%H:%M:%S} UTC"
            for each in owed
            if each.due_at is not None and now - each.due_at > OUTBOX_LATE
        ]
        return (*late, *stuck)

    async def _numbers(self) -> Numbers:
        ready = not await self._problems()
        return await self._store.read(lambda conn: self._counted(conn, ready=ready))

    def _counted(self, conn: Connection, *, ready: bool) -> Numbers:
        owed = outbox.load_owing(conn)
        return Numbers(
            now=self._clock.now(),
            version=__version__,
            ready=ready,
            fresh_at=counted.fresh_at(conn),
            open_batches=counted.open_batches(conn),
            firing=counted.firing(conn),
            owed={each.receiver: each.waiting for each in owed},
            oldest_owed_at={each.receiver: each.due_at for each in owed},
            dead_letters=outbox.count_dead(conn),
            job_failures=self._jobs.failures,
            reload_ok=self._reload_ok,
        )


def _jobs_of(runtime: Runtime) -> Jobs:
    jobs = Jobs()
    for poller in runtime.pollers:
        jobs.add(f"poll {poller.provider.name}", POLL_TICK, poller.poll)
    jobs.add("judge", JUDGE_EVERY, runtime.judge.everything)
    jobs.add("prune", PRUNE_EVERY, runtime.prune)
    return jobs


def _status_line(config: Config) -> str:
    return f"watching {', '.join(config.providers) or 'nothing'}"


def _needs_restart(old: Config, new: Config) -> list[str]:
    """What a reload cannot change."""
    pairs = (
        ("web.listen", old.web.listen, new.web.listen),
        ("monitor.data_dir", old.monitor.data_dir, new.monitor.data_dir),
        ("monitor.database_url", old.monitor.database_url, new.monitor.database_url),
    )
    return [f"{name} changed: restart offhook to use it" for name, a, b in pairs if a != b]
