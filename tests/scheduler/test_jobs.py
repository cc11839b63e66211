"""Jobs run again whatever happens, never twice at once, and end when they are told to."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from monitor.scheduler.jobs import Jobs

OFTEN = timedelta(milliseconds=5)
LONG = timedelta(seconds=10)
AT_ONCE = timedelta(0)


@pytest.fixture
async def jobs() -> AsyncIterator[Jobs]:
    made = Jobs()
    yield made
    await made.stop(AT_ONCE)


class Counter:
    """A job that can be waited for."""

    def __init__(self, error: Exception | None = None) -> None:
        self.runs = 0
        self.error = error
        self._changed = asyncio.Condition()

    async def __call__(self) -> None:
        async with self._changed:
            self.runs += 1
            self._changed.notify_all()
        if self.error:
            raise self.error

    async def ran(self, times: int) -> None:
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: self.runs >= times)


async def test_a_job_runs_at_once_and_again(jobs: Jobs) -> None:
    job = Counter()
    jobs.add("poll", OFTEN, job)
    jobs.start()

    await job.ran(3)


async def test_a_job_with_a_long_interval_still_runs_at_once(jobs: Jobs) -> None:
    job = Counter()
    jobs.add("poll", timedelta(days=1), job)
    jobs.start()
    await job.ran(1)

    assert job.runs == 1


async def test_a_job_that_fails_runs_again_and_is_counted(jobs: Jobs) -> None:
    broken, sound = Counter(LookupError("no")), Counter()
    jobs.add("broken", OFTEN, broken)
    jobs.add("sound", OFTEN, sound)
    jobs.start()
    await broken.ran(3)
    await sound.ran(3)

    assert jobs.failures["broken"] >= 2
    assert "sound" not in jobs.failures


async def test_a_job_still_running_is_not_started_twice(jobs: Jobs) -> None:
    ticks, free = Counter(), asyncio.Event()
    running = most = 0

    async def slow() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await free.wait()
        running -= 1

    jobs.add("slow", OFTEN, slow)
    jobs.add("ticks", OFTEN, ticks)
    jobs.start()
    await ticks.ran(5)
    free.set()
    await ticks.ran(ticks.runs + 3)

    assert most == 1


async def test_stopping_waits_for_what_is_running() -> None:
    jobs = Jobs()
    begun, free, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        begun.set()
        await free.wait()
        done.set()

    jobs.add("slow", LONG, slow)
    jobs.start()
    await begun.wait()
    stopping = asyncio.create_task(jobs.stop(LONG))
    await asyncio.sleep(0)
    assert not stopping.done()
    free.set()
    await stopping

    assert done.is_set()


async def test_stopping_cuts_off_what_takes_too_long() -> None:
    jobs = Jobs()
    begun, cut = asyncio.Event(), asyncio.Event()

    async def endless() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cut.set()

    jobs.add("endless", LONG, endless)
    jobs.start()
    await begun.wait()
    await jobs.stop(OFTEN)

    assert cut.is_set()


async def test_nothing_begins_after_stopping() -> None:
    jobs = Jobs()
    job = Counter()
    jobs.add("poll", OFTEN, job)
    jobs.start()
    await job.ran(1)
    await jobs.stop(LONG)
    runs = job.runs
    for _ in range(20):
        await asyncio.to_thread(int)

    assert job.runs == runs


async def test_stopping_what_never_began_is_nothing() -> None:
    await Jobs().stop(AT_ONCE)


async def test_a_job_that_is_wanted_now_does_not_wait_for_its_time(jobs: Jobs) -> None:
    job, other = Counter(), Counter()
    jobs.add("judge", LONG, job)
    jobs.add("poll", LONG, other)
    jobs.hasten("judge")
    assert job.runs == 0  # nothing runs before the start
    jobs.start()
    await job.ran(1)
    await other.ran(1)
    await asyncio.sleep(0)

    jobs.hasten("judge")

    await job.ran(2)
    assert other.runs == 1
