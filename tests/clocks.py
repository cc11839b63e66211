"""Clocks that a test moves by hand."""

import asyncio
import heapq
import itertools
from datetime import datetime, timedelta

from tests.builders import NOON


class ManualClock:
    """Stands still until it is moved; whoever sleeps finds the time passed at once."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now
        self._monotonic = 1_000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        self.move(timedelta(seconds=seconds))
        await asyncio.sleep(0)

    def move(self, by: timedelta) -> None:
        """Time passes."""
        self._now += by
        self._monotonic += by.total_seconds()

    def set_wall(self, by: timedelta) -> None:
        """Somebody sets the wall clock; no time passes."""
        self._now += by


class SteppedClock(ManualClock):
    """Whoever sleeps waits until ``pass_for`` has let so much time pass, all in their order."""

    def __init__(self, now: datetime = NOON) -> None:
        super().__init__(now)
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []
        self._order = itertools.count()

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        sleeper = (self.monotonic() + seconds, next(self._order), woken)
        heapq.heappush(self._sleepers, sleeper)
        await woken.wait()

    async def pass_for(self, time: timedelta) -> None:
        """Let time pass, and everybody do what is theirs to do at each moment of it."""
        until = self.monotonic() + time.total_seconds()
        await _settled()
        while self._sleepers and self._sleepers[0][0] <= until:
            due, _, woken = heapq.heappop(self._sleepers)
            self.move(timedelta(seconds=max(due - self.monotonic(), 0)))
            woken.set()
            await _settled()
        self.move(timedelta(seconds=until - self.monotonic()))


async def _settled() -> None:
    """Give every task that can go on some turns of the loop."""
    for _ in range(10):
        await asyncio.sleep(0)
