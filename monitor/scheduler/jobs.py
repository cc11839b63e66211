"""The clockwork: the one module that knows APScheduler.

Jobs live in memory and only say "look whether something is due"; what is due stands in the
database. A job that is late runs late and once (no grace time, coalesced), one that is still
running is not started twice, and one that fails leaves a trace and runs again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, timedelta

import structlog
from apscheduler.events import EVENT_JOB_MISSED, JobEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from monitor.errors import StoreError

log = structlog.get_logger()

Job = Callable[[], Awaitable[None]]


def _ignore() -> None:
    """Nobody wants to know."""


class Jobs:
    """Named jobs at fixed intervals, in UTC. ``unwritten`` hears of a database that failed one."""

    def __init__(self, unwritten: Callable[[], None] = _ignore) -> None:
        self._unwritten = unwritten
        self._scheduler = AsyncIOScheduler(
            timezone=UTC,
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._scheduler.add_listener(_missed, EVENT_JOB_MISSED)
        self._jobs: list[tuple[str, timedelta, Job]] = []
        self._running: set[asyncio.Task[None]] = set()
        self.failures: dict[str, int] = {}

    def add(self, name: str, every: timedelta, job: Job) -> None:
        """Run a job at an interval, the first time at once."""
        self._jobs.append((name, every, job))

    def start(self) -> None:
        """Begin; needs the running loop."""
        for name, every, job in self._jobs:
            # The scheduler only starts tasks: it would cancel a running coroutine when it stops.
            self._scheduler.add_job(
                self._due, "interval", seconds=every.total_seconds(), args=(name, job), id=name
            )
            self._launch(name, job)
        self._scheduler.start()

    def hasten(self, name: str) -> None:
        """Run a job now, beside its interval; one that is running is not started twice."""
        if self._scheduler.running:
            for known, _, job in self._jobs:
                if known == name:
                    self._launch(name, job)

    async def _due(self, name: str, job: Job) -> None:
        # A coroutine, because the scheduler runs plain functions in a thread.
        self._launch(name, job)

    def _launch(self, name: str, job: Job) -> None:
        if any(task.get_name() == name for task in self._running):
            return
        task = asyncio.get_running_loop().create_task(self._run(name, job), name=name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run(self, name: str, job: Job) -> None:
        try:
            await job()
        except StoreError as error:
            # The database's trouble, in words of its own; nothing is concluded from it.
            if name.startswith("poll "):
                self._unwritten()
            self.failures[name] = self.failures.get(name, 0) + 1
            log.error("job_failed", job=name, error=str(error))  # noqa: TRY400 - no traceback helps
        except Exception as error:
            # A job that died would be a silence that looks like health: it must run again.
            self.failures[name] = self.failures.get(name, 0) + 1
            log.exception("job_failed", job=name, error=type(error).__name__)

    async def stop(self, patience: timedelta) -> None:
        """Start nothing more, and wait this long for what is running; then cut it off."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        running = set(self._running)
        if running:
            _, late = await asyncio.wait(running, timeout=patience.total_seconds())
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await asyncio.sleep(0)  # the scheduler lets go at the loop's next turn


def _missed(event: JobEvent) -> None:
    log.warning("job_late", job=event.job_id)
