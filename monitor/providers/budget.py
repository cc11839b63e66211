"""What one key may ask of a vendor: so much a minute, in a fair order, nothing while refused.

A key is what vendors count by, so everything that asks with it shares one ``Budget``: all
batches, and all providers of the configuration that have the same key at the same host.
"""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import timedelta
from enum import IntEnum

from monitor.clock import Clock
from monitor.core.pace import backoff
from monitor.errors import ProviderError

Chance = Callable[[], float]  # evenly within 0 and 1

# Waits are drawn out by up to this share, so that not everybody comes back at once.
JITTER = 0.25
# Requests a minute. No vendor says what it bears; this much is less than a busy dashboard.
CEILING = 1200
FLOOR = 6
# So much of a minute's requests may go at once after a pause.
_BURST_S = 1.0
# What a minute of good answers gives back of the ceiling.
_GROWTH = 0.1
# So many requests in a row without any good answer between: it is not single addresses that fail.
_FAILURES = 5
_OUTAGES = frozenset({"unreachable", "timeout", "server"})
_ENOUGH = 1e-6  # of a request: sums of fractions are never exact
_SHORTEST_S = 0.001


class Turn(IntEnum):
    """Who goes first when requests wait; the value is a head start in seconds.

    Looks come first, but for what somebody does by hand. A long list lets them pass, but not
    for ever: who has waited for longer than his head start behind goes before what came later.
    """

    ACT = -60  # somebody pauses or stops a batch
    LOOK = 0
    READ = 2  # the pages where something has moved, and lists of what has just ended
    LIST = 10  # other whole lists
    LATER = 60  # what nobody waits for


# Adapters do not know who waits for their answers; the task that calls them does.
turn: ContextVar[Turn] = ContextVar("turn", default=Turn.LOOK)


def dice() -> Chance:
    """The chance that waits are drawn out by."""
    return random.Random().random  # noqa: S311 - it spreads load and guards nothing


class Circuit:
    """Whether a key may be used: yes; not for a while; or one request tries for all others.

    All that refuses a key ends here: answers that concern the account, however they were
    noticed, and outages in a row.
    """

    def __init__(self, clock: Clock, chance: Chance | None = None) -> None:
        self._clock = clock
        self._chance = chance or dice()
        self._quiet_until = 0.0  # monotonic, as waits must not move with the wall clock
        self._refusals = 0  # in a row
        self._outages = 0  # in a row
        self._doubtful = False
        self._trying: asyncio.Event | None = None
        self._why = ProviderError("unreachable", "not asked yet")

    @property
    def refused(self) -> ProviderError | None:
        """Why the key may not be used, while it may not."""
        return None if self.may_ask() else self._why

    @property
    def quiet_s(self) -> float:
        """For how many seconds the key is left alone."""
        return max(self._quiet_until - self._clock.monotonic(), 0.0)

    def may_ask(self) -> bool:
        """Whether anything may be asked now."""
        return self._clock.monotonic() >= self._quiet_until

    def refuse(self, error: ProviderError, every: timedelta) -> bool:
        """The key was refused: leave it alone, the longer the more often in a row.

        False where it already is left alone, so that answers to requests that were on their
        way count once. A vendor that names a time gets it in any case.
        """
        named = (error.retry_after or 0.0) * self._drawn_out()
        already = not self.may_ask()
        wait = 0.0
        if not already:
            self._refusals += 1
            self._doubtful = True
            self._why = ProviderError(error.kind, error.text)
            wait = backoff(self._refusals, error.kind, every).total_seconds() * self._drawn_out()
        until = self._clock.monotonic() + max(wait, named)
        self._quiet_until = max(self._quiet_until, until)
        return not already

    def failed(self, error: ProviderError, every: timedelta) -> None:
        """One request found no good answer. Several in a row, or the one that tried, are enough."""
        if error.kind not in _OUTAGES:
            self.answered()
            return
        self._outages += 1
        if self._doubtful or self._outages >= _FAILURES:
            self.refuse(error, every)

    def answered(self) -> None:
        """The vendor is there."""
        self._outages = 0
        self._doubtful = not self.may_ask()

    def well(self) -> None:
        """Everything that was asked for was answered: the next refusal is the first again."""
        if self.may_ask():
            self._refusals = 0
            self.answered()

    def check(self) -> None:
        """ProviderError while the key is left alone."""
        if not self.may_ask():
            raise ProviderError(self._why.kind, self._why.text)

    @asynccontextmanager
    async def passing(self) -> AsyncIterator[None]:
        """Around one request. After a pause the first one tries, and the others wait for it."""
        while self._trying is not None and self.may_ask():
            await self._trying.wait()
        self.check()
        if not self._doubtful:
            yield
            return
        self._trying = trying = asyncio.Event()
        try:
            yield
        finally:
            self._trying = None
            trying.set()

    def _drawn_out(self) -> float:
        return 1 + JITTER * self._chance()


class Budget:
    """So many requests a minute: halved when the vendor asks for patience, then slowly more."""

    def __init__(
        self, clock: Clock, ceiling: float = CEILING, chance: Chance | None = None
    ) -> None:
        self.circuit = Circuit(clock, chance)
        self.ceiling = ceiling
        self.per_minute = ceiling
        self._clock = clock
        self._order = itertools.count()
        self._waiting: set[tuple[float, int]] = set()
        self._ready = self._burst()
        self._counted_at = self._grown_at = clock.monotonic()

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return len(self._waiting)

    def limit(self, ceiling: float) -> None:
        """Never more than this from now on."""
        self.ceiling = ceiling
        self.per_minute = min(self.per_minute, ceiling)

    async def turn(self, urgency: Turn) -> float:
        """Wait until a request may leave; how many seconds that took."""
        came = self._clock.monotonic()
        ticket = (came + urgency, next(self._order))
        self._waiting.add(ticket)
        try:
            while (wait := self._wait(ticket)) > 0:
                await self._clock.sleep(wait)
        finally:
            self._waiting.discard(ticket)
        self._ready -= 1
        return self._clock.monotonic() - came

    def good(self) -> None:
        """A good answer: while they are, the budget grows by the same amount a minute."""
        now = self._clock.monotonic()
        minutes = min(now - self._grown_at, 60.0) / 60
        self._grown_at = now
        self.per_minute = min(self.per_minute + self.ceiling * _GROWTH * minutes, self.ceiling)

    def halve(self) -> None:
        """The vendor was asked too much."""
        self._refill()
        self.per_minute = max(self.per_minute / 2, min(FLOOR, self.ceiling))
        self._grown_at = self._clock.monotonic()

    def _wait(self, ticket: tuple[float, int]) -> float:
        """Seconds until it is this one's turn, if nobody more urgent comes."""
        self._refill()
        ahead = sum(other < ticket for other in self._waiting)
        missing = ahead + 1 - self._ready
        return 0.0 if missing <= _ENOUGH else max(missing * 60 / self.per_minute, _SHORTEST_S)

    def _refill(self) -> None:
        now = self._clock.monotonic()
        grown = (now - self._counted_at) * self.per_minute / 60
        self._ready = min(self._ready + grown, self._burst())
        self._counted_at = now

    def _burst(self) -> float:
        return max(self.per_minute * _BURST_S / 60, 1.0)
