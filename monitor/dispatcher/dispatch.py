"""One worker a receiver: claim, commit, send, write down what became of it.

A receiver that hangs delays nobody but itself. A message whose fate is unknown is looked
for before it is sent again, where the channel can be read; where it cannot, it is sent
again with the same key and says so.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

import structlog

from monitor.clock import Clock
from monitor.dispatcher.ahead import Ahead
from monitor.dispatcher.attempt import Attempt
from monitor.dispatcher.condition import Failing, OnTrouble
from monitor.dispatcher.lane import Lane
from monitor.dispatcher.schedule import Timing
from monitor.errors import StoreError
from monitor.notifiers import Notifier
from monitor.store import claims, outbox, outcomes
from monitor.store.writer import Priority, Store

IDLE_S = 60.0
GRACE_S = 5.0
_AFTER_STORE_ERROR_S = 5.0

log = structlog.get_logger()


async def _nobody(receiver: str, failing: Failing | None) -> None:
    del receiver, failing


def _ignore() -> None:
    """Nobody wants to know."""


class Dispatcher:
    """Sends what the outbox owes to the receivers that it was built with.

    ``on_trouble`` hears once when a receiver fails for good or for long, once more when that
    gets worse, and once when it takes messages again (None). ``unwritten`` hears of a database
    that failed a lane. ``sole``: no other dispatcher works on this database, so what is found
    under way at the start is nobody's any more.
    """

    def __init__(
        self,
        store: Store,
        notifiers: Mapping[str, Notifier],
        clock: Clock,
        *,
        timing: Timing | None = None,
        on_trouble: OnTrouble = _nobody,
        unwritten: Callable[[], None] = _ignore,
        chance: Callable[[], float] = random.random,
        sole: bool = True,
    ) -> None:
        self._store = store
        self._clock = clock
        self._timing = timing or Timing()
        self._unwritten = unwritten
        self._sole = sole
        self._stopping = False
        self._running = False
        self._lanes = {
            name: Lane(
                Attempt(
                    store=store,
                    notifier=notifier,
                    clock=clock,
                    timing=self._timing,
                    on_trouble=on_trouble,
                    chance=chance,
                ),
                self._timing.lease,
            )
            for name, notifier in notifiers.items()
        }
        self._under_way: set[asyncio.Task[None]] = set()

    def wake(self, receiver: str | None = None) -> None:
        """Something new may be owed: look now."""
        for name, lane in self._lanes.items():
            if receiver in {None, name}:
                lane.wake()

    def ahead(self) -> Ahead:
        """For a transaction that owes: what falls due in it leaves right behind its commit."""
        return Ahead(tuple(self._lanes.values()) if self._running else (), self._send_ahead)

    def away(self) -> dict[str, bool]:
        """By receiver, whether nothing reaches it now, as far as this process knows."""
        return {name: lane.attempt.condition.is_away for name, lane in self._lanes.items()}

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop``. What is being sent then gets a moment to end."""
        self._stopping = False
        if self._sole:
            await self._adopt()
        self._running = True
        workers = [asyncio.create_task(self._work(lane)) for lane in self._lanes.values()]
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({stopped, *workers}, return_when=asyncio.FIRST_COMPLETED)
            await self._finish(workers)
        finally:
            self._running = False
            tasks = (stopped, *workers, *self._under_way)
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def drain_once(self, receiver: str) -> int:
        """Send all that is due now; how many sendings that took."""
        lane = self._lanes[receiver]
        await lane.begin()
        try:
            return await self._drain(lane)
        finally:
            lane.end()

    async def _drain(self, lane: Lane) -> int:
        done = 0
        condition = lane.attempt.condition
        await condition.watch()
        if condition.pause_left() > 0 and condition.may_be_mended and await self._urgent(lane.name):
            condition.pause(timedelta(0))
        while not self._stopping and condition.pause_left() <= 0:
            now = lane.looked_at = self._clock.now()
            claimed = await self._store.write(Priority.OUTBOX, partial(lane.take, now=now))
            if claimed is None:
                break
            await lane.attempt.deliver(claimed)
            done += 1
        return done

    async def _urgent(self, receiver: str) -> bool:
        now = self._clock.now()
        return await self._store.read(
            lambda conn: outbox.critical_waits(conn, receiver=receiver, now=now)
        )

    def _send_ahead(self, lane: Lane, claim: claims.Claim, now: datetime) -> asyncio.Task[None]:
        """Send what was claimed for a lane by who holds its turn, and look for more then."""
        lane.looked_at = now
        task = asyncio.create_task(lane.attempt.deliver(claim), name=f"deliver {lane.name}")
        self._under_way.add(task)
        task.add_done_callback(partial(self._sent_ahead, lane))
        return task

    def _sent_ahead(self, lane: Lane, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self._lane_failed(lane, error)
        lane.end()
        lane.wake()

    async def _adopt(self) -> None:
        """Take over what nobody finishes, and try what may have been put right with the restart."""
        sooner = self._timing.lease - self._timing.settle
        now = self._clock.now()
        adopted = await self._store.write(
            Priority.OUTBOX, lambda conn: outcomes.adopt(conn, now=now, sooner=sooner)
        )
        for receiver in self._lanes:
            await self._store.write(
                Priority.OUTBOX, partial(outbox.hasten_refused, receiver=receiver, now=now)
            )
        if adopted:
            log.warning("deliveries_interrupted", n=adopted)

    async def _work(self, lane: Lane) -> None:
        while not self._stopping:
            lane.awake.clear()
            (delay,) = await asyncio.gather(self._turn(lane), return_exceptions=True)
            if isinstance(delay, Exception):
                # Nothing is lost: what was under way is looked for when its lease ends. And
                # one receiver's trouble, even a fault of ours, keeps no other waiting.
                self._lane_failed(lane, delay)
                delay = _AFTER_STORE_ERROR_S
            elif isinstance(delay, BaseException):
                raise delay
            if not self._stopping:
                await self._rest(lane, delay)
        async with lane.turn:
            pass  # whoever has it may still be sending

    def _lane_failed(self, lane: Lane, error: Exception) -> None:
        log.error("lane_failed", receiver=lane.name, error=str(error) or type(error).__name__)
        if isinstance(error, StoreError):
            self._unwritten()

    async def _turn(self, lane: Lane) -> float:
        await self.drain_once(lane.name)
        return await self._delay(lane)

    async def _delay(self, lane: Lane) -> float:
        """Seconds until there may be something to do, or to tell."""
        condition = lane.attempt.condition
        watch_in = condition.watch_in()
        latest = IDLE_S if watch_in is None else min(IDLE_S, watch_in)
        if (pause := condition.pause_left()) > 0:
            return min(pause, latest)
        after = lane.looked_at or self._clock.now()
        due = await self._store.read(
            lambda conn: outbox.next_due(conn, receiver=lane.name, after=after)
        )
        if due is None:
            return latest
        return min(max((due - self._clock.now()) / timedelta(seconds=1), 0.0), latest)

    async def _rest(self, lane: Lane, seconds: float) -> None:
        waits = {
            asyncio.create_task(self._clock.sleep(seconds)),
            asyncio.create_task(lane.awake.wait()),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()

    async def _finish(self, workers: list[asyncio.Task[None]]) -> None:
        self._stopping, self._running = True, False
        self.wake()
        grace: asyncio.Future[None] = asyncio.ensure_future(self._clock.sleep(GRACE_S))
        while alive := {worker for worker in workers if not worker.done()}:
            await asyncio.wait({grace, *alive}, return_when=asyncio.FIRST_COMPLETED)
            if grace.done():
                break
        grace.cancel()
