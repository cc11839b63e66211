"""One receiver's worker, and what it needs to know between two turns."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from monitor.dispatcher.attempt import Attempt
from monitor.store.claims import Claim, claim
from monitor.store.crowds import load_crowds


class Lane:
    """The way to one receiver. Who holds its ``turn`` claims for it and sends to it."""

    def __init__(self, attempt: Attempt, lease: timedelta) -> None:
        self.attempt = attempt
        self.name = attempt.receiver.name
        self.awake = asyncio.Event()
        self.turn = asyncio.Lock()
        self.looked_at: datetime | None = None
        self._lease = lease
        self._waiting = 0  # for their turn
        self._again = False

    def wake(self) -> None:
        """Something new may be owed: it is looked for when nobody is at it any more."""
        self._again = True
        if not self.turn.locked():
            self.awake.set()

    async def begin(self) -> None:
        """Wait for one's turn; where the lane rests that takes no time."""
        self._waiting += 1
        try:
            await self.turn.acquire()
        finally:
            self._waiting -= 1
        self._again = False

    def end(self) -> None:
        """Let others have theirs."""
        self.turn.release()
        if self._again:
            self.awake.set()

    @property
    def rests(self) -> bool:
        """Whether nothing is under way or about to be, and a message may leave at once."""
        return not self.turn.locked() and not self._waiting and self.attempt.may_send

    def take(self, conn: Connection, now: datetime) -> Claim | None:
        """Claim what is due next, in a transaction; nothing where that cannot be read."""
        if not self.attempt.receiver.crowds:
            return self._claim(conn, now)
        with conn.begin_nested():  # crowds are read of what is taken already
            found = self._claim(conn, now)
            if found is None:
                return None
            keys = [message.key for message in found.messages]
            return replace(found, crowds=load_crowds(conn, receiver=self.name, keys=keys))

    def _claim(self, conn: Connection, now: datetime) -> Claim | None:
        most = self.attempt.receiver.at_once
        return claim(conn, receiver=self.name, now=now, lease=self._lease, most=most)
