"""Claiming where it is owed: what is news leaves without a commit and a turn of its own."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

import msgspec
from sqlalchemy import Connection

from monitor.dispatcher.lane import Lane
from monitor.store.claims import Claim

Send = Callable[[Lane, Claim, datetime], asyncio.Task[None]]

# How long anything else waits for a message to be away, in seconds.
_MOMENT_S = 0.02


def _nobody(lane: Lane, claim: Claim, now: datetime) -> asyncio.Task[None]:
    raise AssertionError((lane, claim, now))


class Ahead:
    """Lanes that rest, held for the time of one transaction, which may claim for them.

    What it claims is sent once it is committed: the lanes are held until then, and let go
    with nothing sent when it fails. A claim whose committing nobody saw is found by its lease.
    """

    def __init__(self, lanes: Sequence[Lane] = (), send: Send = _nobody) -> None:
        self._lanes = [lane for lane in lanes if lane.rests]
        self._send = send
        self._claimed: list[tuple[Lane, Claim, datetime]] = []
        self._sending: list[asyncio.Task[None]] = []

    def claim(self, conn: Connection, now: datetime) -> None:
        """Within the transaction: take for each lane what is due first, if anything is.

        Where something of that cannot be read, nothing is taken: whose lane it is has to say so.
        """
        for lane in self._lanes:
            with contextlib.suppress(msgspec.DecodeError):
                claim = lane.take(conn, now)
                if claim is not None:
                    self._claimed.append((lane, claim, now))

    async def __aenter__(self) -> Self:
        """Hold the lanes; they rest, so nobody waits."""
        for lane in self._lanes:
            await lane.begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Send what is claimed for good."""
        claimed = self._claimed if error is None else []
        for lane in {*self._lanes} - {lane for lane, _, _ in claimed}:
            lane.end()
        self._sending = [self._send(lane, claim, now) for lane, claim, now in claimed]

    async def away(self) -> None:
        """Give what is being sent a moment, before anything is done that nobody waits for."""
        if self._sending:
            await asyncio.wait(self._sending, timeout=_MOMENT_S)
