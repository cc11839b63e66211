"""The daemon: started, reloaded, watched over and stopped in order.

A reload reads the file, and only when all of it is good replaces the running parts; the
database and the HTTP server live on. A bad file changes nothing and raises an alert.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Collection
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from watchfiles import awatch

from monitor import __version__
from monitor.app import health
from monitor.app.front import desk_of
from monitor.app.intake import Intake
from monitor.app.opening import put_to_use
from monitor.app.rota import jobs_of
from monitor.app.runtime import Runtime, assemble
from monitor.app.settling import settle
from monitor.clock import Clock, SystemClock
from monitor.config import Config, hash_key, load
from monitor.config.changes import needs_restart
from monitor.config.secrets import secrets_of
from monitor.core.facts import Trouble
from monitor.core.restored import Restored
from monitor.dispatcher import look_back
from monitor.errors import ConfigError, OffhookError, StoreError
from monitor.log import hide
from monitor.providers.line import Lines
from monitor.scheduler.jobs import Jobs
from monitor.store.lock import sole_owner
from monitor.store.writer import Store
from monitor.systemd import Systemd
from monitor.web.access import token_needed
from monitor.web.metrics import Numbers
from monitor.web.server import application, serving

log = structlog.get_logger()

# The whole of a graceful stop must fit into ten seconds.
JOBS_PATIENCE = timedelta(seconds=3)
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
        self._begun_with = config  # what only a restart can change stays as it was
        self._path = path
        self._clock = clock
        self._systemd = Systemd.from_environ(os.environ)
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()
        self._reload_ok = True
        self._jobs = Jobs()
        self._lines = Lines(clock)
        self._key: bytes
        self._restored: Restored | None
        self._runtime: Runtime
        self._store: Store
        self._intake: Intake

    async def run(self) -> None:
        """Everything from start to stop."""
        started_at = self._clock.now()
        self._listen_to_signals()
        # Before the database is made: a database without its key is refused.
        self._key = hash_key(self._config.monitor)
        self._store = await asyncio.to_thread(Store.open, self._config.monitor.database)
        self._intake = Intake(self._store, self._clock, lambda: self._jobs.hasten("judge"))
        try:
            monitor = self._config.monitor
            self._restored = await put_to_use(self._store, monitor, self._key, self._clock.now())
            self._runtime = await self._assembled(self._config, started_at)
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
            receiver=self._intake.receiver,
            slack=self._intake.slack,
            desk=desk_of(lambda: self._runtime, lambda: self._jobs.hasten("judge")),
            token=token_needed(
                token, loopback=web.listen.loopback, public=web.public_url is not None
            ),
            public_url=web.public_url,
            clock=self._clock,
        )
        listening = serving(app, web.listen.host, web.listen.port, self._intake.door)
        async with listening as port, self._watching():
            settle()
            log.info("started", version=__version__, port=port, config=str(self._path))
            while not self._stop.is_set():
                await self._work(started_at)

    async def _work(self, started_at: datetime) -> None:
        """One configuration's time: from its start until a stop or a good reload."""
        runtime = self._runtime
        ended = asyncio.Event()
        jobs = self._jobs = jobs_of(runtime)
        # Either that died would be a silence that looks like health.
        working = {
            asyncio.create_task(self._send(runtime, ended)),
            asyncio.create_task(runtime.drain.run(ended)),
        }
        self._intake.serve(runtime)
        working.add(asyncio.create_task(self._intake.listen(ended)))
        jobs.start()
        self._systemd.ready(_status_line(self._config))
        try:
            following = await self._until_stop_or_reload(started_at, working)
        finally:
            await jobs.stop(JOBS_PATIENCE)
            ended.set()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.gather(*working), DISPATCH_PATIENCE_S)
            await runtime.close()
        if following is not None:
            self._runtime = following

    async def _send(self, runtime: Runtime, ended: asyncio.Event) -> None:
        """Pay the outbox; a database that cannot be used now is tried again."""
        notifiers = runtime.notifiers.values()
        while not ended.is_set():
            try:
                await look_back(self._store, notifiers, self._restored, self._clock)
                await runtime.dispatcher.run(ended)
            except StoreError as error:
                log.error("outbox_unreadable", error=str(error))  # noqa: TRY400 - no traceback helps
                await self._clock.sleep(WATCH_EVERY_S)

    async def _until_stop_or_reload(
        self, started_at: datetime, working: Collection[asyncio.Task[None]]
    ) -> Runtime | None:
        """The next configuration's parts; None to stop.

        What ends too early ends the process with its error, and the service manager starts
        another.
        """
        while True:
            waiting = [
                asyncio.create_task(self._stop.wait()),
                asyncio.create_task(self._reload.wait()),
            ]
            await asyncio.wait({*waiting, *working}, return_when=asyncio.FIRST_COMPLETED)
            for task in waiting:
                task.cancel()
            for each in working:
                if each.done():
                    each.result()
            if self._stop.is_set():
                self._systemd.stopping("finishing what is being sent")
                return None
            # Before the file is read: a change during the reading is one more reload.
            self._reload.clear()
            following = await self._reloaded(started_at)
            if following is not None:
                return following

    async def _reloaded(self, started_at: datetime) -> Runtime | None:
        self._systemd.reloading(self._clock.monotonic())
        try:
            config = await asyncio.to_thread(load, self._path, environ=os.environ)
            hide(secrets_of(config))
            runtime = await self._assembled(config, started_at)
        except ConfigError as error:
            self._refuse(error)
            return None
        except StoreError as error:
            self._reload_ok = False
            log.error("reload_failed", error=str(error))  # noqa: TRY400 - no traceback helps
            return None
        finally:
            self._systemd.ready(_status_line(self._config))
        for text in needs_restart(self._begun_with, config):
            log.warning("restart_needed", text=text)
        runtime.judge.inherit(self._runtime.judge)
        runtime.judge.trouble("configuration", None)
        self._reload_ok = True
        self._config = config
        log.info("reloaded", config=str(self._path))
        return runtime

    async def _assembled(self, config: Config, started_at: datetime) -> Runtime:
        return await assemble(
            config,
            self._store,
            self._clock,
            started_at,
            self._key,
            lines=self._lines,
            refusals=self._intake.receiver.refusals,
            restored=self._restored,
        )

    def _refuse(self, error: ConfigError) -> None:
        self._reload_ok = False
        first = error.problems[0]
        log.error("reload_refused", problems=[str(problem) for problem in error.problems])
        place = Path(first.file).name + (f":{first.line}" if first.line else "")
        what = f"{first.key}: {first.text}" if first.key else first.text
        self._runtime.judge.trouble(
            "configuration",
            Trouble(
                rule="self_config_rejected",
                subject="configuration",
                since=self._clock.now(),
                summary=f"the changed configuration is refused: {place}: {what}",
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
        path = self._path.resolve()
        try:
            async for found in awatch(
                path.parent, recursive=False, stop_event=self._stop, step=200
            ):
                if any(Path(changed).name == path.name for _, changed in found):
                    self._reload.set()
        except (OSError, RuntimeError) as error:
            log.warning("file_not_watched", error=str(error), instead="systemctl reload offhook")

    async def _watch_dog(self) -> None:
        """Tell the service manager that we live, but only while there is real progress."""
        interval = min(self._systemd.watchdog_s or WATCH_EVERY_S, WATCH_EVERY_S)
        while True:
            late = self._runtime.late()
            if not late:
                self._systemd.watchdog()
            await self._clock.sleep(interval)

    async def _problems(self) -> tuple[str, ...]:
        return await health.problems(self._runtime)

    async def _numbers(self) -> Numbers:
        return await health.numbers(
            self._runtime, self._jobs, self._intake, reload_ok=self._reload_ok
        )


def _status_line(config: Config) -> str:
    return f"watching {', '.join(config.providers) or 'nothing'}"
