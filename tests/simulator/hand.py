"""A clock that is set by hand, and the shape of asking a service without a socket."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import httpx

START = datetime(2026, 5, 10, 9, tzinfo=UTC)


class HandClock:
    """A clock that shows what it is set to."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    def after(self, seconds: float) -> datetime:
        """Set it so many seconds after the start."""
        self.at = START + timedelta(seconds=seconds)
        return self.at


Ask = Callable[..., Awaitable[httpx.Response]]
