"""From the inbox into the state: what webhooks prove is taken in and judged at once.

What they do not prove is asked for: many notices of one thing are one question, and one
provider that answers slowly, or not at all, keeps nobody's notices waiting. A notice that
cannot be taken in is set aside alone.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection

from monitor.clock import Clock
from monitor.errors import StoreError
from monitor.ingest.notices import TakenIn, take_notices
from monitor.scheduler.asking import batches_or_each
from monitor.scheduler.desk import (
    ANYTHING,
    BATCH,
    CALL,
    ENDED_TRIES,
    GIVEN_UP_AFTER,
    UNKNOWN_TRIES,
    Desk,
    Key,
    Owed,
)
from monitor.scheduler.judge import Judge
from monitor.scheduler.poller import Poller
from monitor.store import inbox, providers
from monitor.store.inbox import Arrived
from monitor.store.writer import Priority, Store

log = structlog.get_logger()

# One transaction takes about 50 ms.
AT_ONCE = 100
_AFTER_ERROR_S = 5.0
_IDLE_S = 60.0


class Drain:
    """Empties the inbox. ``run`` does so for good; ``drain`` once, to its end, as tests do."""

    def __init__(self, store: Store, clock: Clock, judge: Judge, pollers: Sequence[Poller]) -> None:
        self._store = store
        self._clock = clock
        self._judge = judge
        self._desks = {poller.provider.name: Desk(poller) for poller in pollers}
        self._awake = asyncio.Event()

    def wake(self) -> None:
        """Something came in."""
        self._awake.set()

    @property
    def owed(self) -> int:
        """How many things are still to be asked for: later, or again."""
        return sum(len(desk.owed) for desk in self._desks.values())

    async def drain(self) -> int:
        """Take in all that waits and ask all that is due now; how many notices there were.

        What was asked for within ``AGAIN_S`` stays owed until the clock has moved on. Lists
        that a look begins to read are read beside this (``Reader.drained``).
        """
        count = 0
        while True:
            taken = await self._take()
            count += taken
            if taken >= AT_ONCE:
                continue
            asked = await asyncio.gather(*map(self._ask, self._desks.values()))
            if not taken and not any(asked):
                return count

    async def adopt(self) -> None:
        """Take up again what another process was asking about when it ended."""
        await self._store.write(Priority.INGEST, inbox.readopt)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop``. What is being asked then is asked again another time."""
        try:
            adopted = False
            while not stop.is_set():
                self._awake.clear()
                (error,) = await asyncio.gather(
                    self._turn(adopt=not adopted), return_exceptions=True
                )
                if error is None:
                    adopted = True
                elif isinstance(error, Exception):
                    log.error("inbox_failed", error=str(error) or type(error).__name__)
                else:
                    raise error
                await self._rest(stop, failed=error is not None)
        finally:
            tasks = [desk.task for desk in self._desks.values() if desk.task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _turn(self, *, adopt: bool) -> None:
        """Take in some of what waits, and begin to ask what is due: neither waits for the other."""
        if adopt:
            await self.adopt()
        if await self._take() >= AT_ONCE:
            self.wake()  # there may be more
        now = self._clock.monotonic()
        for name, desk in self._desks.items():
            busy = desk.task is not None and not desk.task.done()
            if not busy and any(owed.due <= now for owed in desk.owed.values()):
                desk.task = asyncio.create_task(self._ask(desk), name=f"ask {name}")
                desk.task.add_done_callback(self._asked)

    def _asked(self, task: asyncio.Task[bool]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("asking_failed", error=str(error) or type(error).__name__)
        self.wake()

    async def _rest(self, stop: asyncio.Event, *, failed: bool) -> None:
        """Until something comes, something is due, or it is time to stop."""
        waits: list[asyncio.Task[Any]] = [asyncio.create_task(stop.wait())]
        if failed:
            waits.append(asyncio.create_task(self._clock.sleep(_AFTER_ERROR_S)))
        else:
            waits.append(asyncio.create_task(self._awake.wait()))
            waits.append(asyncio.create_task(self._clock.sleep(self._delay())))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()

    def _delay(self) -> float:
        """Seconds until something is due; those who are asking wake it themselves."""
        now = self._clock.monotonic()
        waits = [
            owed.due - now
            for desk in self._desks.values()
            if desk.task is None or desk.task.done()
            for owed in desk.owed.values()
        ]
        return min(max(min(waits, default=_IDLE_S), 0.0), _IDLE_S)

    # Taking in

    async def _take(self) -> int:
        """Take in some of what waits and judge what it moved, in one commit; how many."""
        now = self._clock.now()

        def take(conn: Connection) -> tuple[tuple[int, dict[str, TakenIn]], list[int]]:
            arrived = inbox.waiting(conn, AT_ONCE)
            taken = self._taken(conn, arrived, now)
            return (len(arrived), taken), [row for each in taken.values() for row in each.judge]

        (result,) = await asyncio.gather(self._judge.together(take), return_exceptions=True)
        if isinstance(result, BaseException):
            if isinstance(result, StoreError) or not isinstance(result, Exception):
                raise result
            return await self._take_apart(result)
        count, taken = result
        self._owe(taken)
        return count

    def _taken(
        self, conn: Connection, arrived: Sequence[Arrived], now: datetime
    ) -> dict[str, TakenIn]:
        by_provider: dict[str, list[Arrived]] = defaultdict(list)
        for each in arrived:
            by_provider[each.provider].append(each)
        found = {}
        for name, some in by_provider.items():
            if name not in self._desks:
                rows = [each.id for each in some]
                inbox.unanswered(conn, rows, "no provider of this name is configured", now)
                continue
            found[name] = taken = take_notices(conn, name, some, now)
            if taken.words:
                vendor = self._desks[name].poller.provider.vendor
                providers.learn(conn, name, vendor, frozenset(taken.words))
        return found

    async def _take_apart(self, cause: Exception) -> int:
        """Something among the next ones cannot be taken in: each by itself, and judged apart."""
        log.error("notices_failed", error=type(cause).__name__)
        now = self._clock.now()
        arrived = await self._store.read(lambda conn: inbox.waiting(conn, AT_ONCE))
        judge: dict[int, None] = {}
        for each in arrived:
            (taken,) = await asyncio.gather(self._take_one(each, now), return_exceptions=True)
            if isinstance(taken, StoreError) or not isinstance(taken, dict | Exception):
                raise taken
            if isinstance(taken, Exception):
                await self._set_aside(each, type(taken).__name__, now)
                continue
            self._owe(taken)
            for found in taken.values():
                judge |= found.judge
        for batch in judge:
            await self._judge.batch(batch)
        return len(arrived)

    async def _take_one(self, arrived: Arrived, now: datetime) -> dict[str, TakenIn]:
        return await self._store.write(
            Priority.INGEST, lambda conn: self._taken(conn, [arrived], now)
        )

    async def _set_aside(self, arrived: Arrived, error: str, now: datetime) -> None:
        log.error("notice_set_aside", provider=arrived.provider, row=arrived.id, error=error)
        why = f"it cannot be taken in ({error})"
        await self._store.write(
            Priority.INGEST, lambda conn: inbox.quarantine(conn, [arrived.id], why, now)
        )

    # Asking

    def _owe(self, taken: Mapping[str, TakenIn]) -> None:
        now = self._clock.monotonic()
        for name, each in taken.items():
            desk = self._desks[name]
            for batch_id, rows in each.batches.items():
                desk.owe((BATCH, batch_id), rows, now, ended=batch_id in each.ended)
            for call_id, rows in each.calls.items():
                desk.owe((CALL, call_id), rows, now)
            if each.something:
                desk.owe((ANYTHING, ""), each.something, now)

    async def _ask(self, desk: Desk) -> bool:
        """Ask what is due; whether anything was asked for."""
        due = desk.due(self._clock.monotonic())
        asked = bool(due) and desk.poller.asking.may_ask()
        written: Collection[Key] = ()
        try:
            if asked:
                answered = await self._answers(desk, due)
                await self._settle(due, answered)
                written = answered.keys()
        finally:
            # Also when it is cut off, or cannot be written: nothing is forgotten.
            for key in due.keys() - set(written):
                desk.put_off(key, due[key], self._clock.monotonic(), asked=asked)
        return asked

    async def _answers(self, desk: Desk, due: dict[Key, Owed]) -> dict[Key, str | None]:
        """What is over: None when it was answered, else why it is set aside."""
        asking = desk.poller.asking
        of_calls = await asking.calls([what for kind, what in due if kind == CALL])
        desk.elsewhere(of_calls.elsewhere, due, self._clock.monotonic())
        ids = [what for kind, what in due if kind == BATCH]
        anything = (ANYTHING, "") in due
        if anything:
            desk.poller.hint("")  # perhaps it is a batch that nobody has seen yet
            ids = list(dict.fromkeys(ids + await asking.open_batches()))
        ended = {what for (_, what), owed in due.items() if owed.ended}
        tried = {what for (_, what), owed in due.items() if owed.tries >= ENDED_TRIES}
        of_batches = await batches_or_each(asking, ids, ended - tried)
        found: dict[Key, str | None] = {}
        unclear = set(due)
        for kind, answers in ((CALL, of_calls), (BATCH, of_batches)):
            found |= dict.fromkeys((kind, what) for what in answers.settled)
            unknown = due.keys() & {(kind, what) for what in answers.unknown}
            unclear -= unknown
            found |= dict.fromkeys(_given_up(unknown, due), f"the vendor does not know the {kind}")
        if anything and asking.may_ask():
            found[ANYTHING, ""] = None
        for key in unclear - found.keys():
            if due[key].tries >= GIVEN_UP_AFTER and asking.may_ask():
                found[key] = "the vendor's answers about it cannot be used"
        return found

    async def _settle(self, due: Mapping[Key, Owed], answered: Mapping[Key, str | None]) -> None:
        now = self._clock.now()

        def write(conn: Connection) -> None:
            for key in due.keys() & answered.keys():
                why, rows = answered[key], due[key].rows
                if why is None:
                    inbox.answered(conn, rows, now)
                else:
                    inbox.unanswered(conn, rows, why, now)

        await self._store.write(Priority.INGEST, write)


def _given_up(unknown: Collection[Key], due: Mapping[Key, Owed]) -> list[Key]:
    """Those of which the vendor has said often enough by now that it does not know them."""
    for key in unknown:
        due[key].unknown += 1
    return [key for key in unknown if due[key].unknown >= UNKNOWN_TRIES]
