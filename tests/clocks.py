"""A clock that a test moves by hand."""

import asyncio
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
