"""Polling one provider: discover, look, read what moved, judge; and stand off when refused."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import blake2b

import structlog
from sqlalchemy import Connection

from monitor.clock import Clock
from monitor.core.completion import disagreements
from monitor.core.model import Batch, BatchStatus
from monitor.core.pace import URGENT, Reading, Watched, next_look, reading
from monitor.core.route import all_match
from monitor.errors import ProviderError
from monitor.evaluation.batches import labels_of
from monitor.evaluation.context import ProviderView
from monitor.ingest.looks import take_look
from monitor.providers import Discovery, Known, LookFailed, Provider
from monitor.scheduler.judge import Judge
from monitor.scheduler.standing import OF_THE_ACCOUNT, Standing
from monitor.scheduler.sweeper import Sweeper
from monitor.settings import ProviderSettings
from monitor.store import batches, providers
from monitor.store.batches import BatchRow
from monitor.store.writer import Priority, Store

log = structlog.get_logger()

SWEEPS_AT_ONCE = 3
# What is due a little later is looked at in the same go: one list often answers for all.
TOGETHER = 0.2
SCOPE = "scope"  # the memory key of what the configuration watches


class Poller:
    """One provider's polling. ``poll`` is called often and does what is due."""

    def __init__(
        self,
        *,
        provider: Provider,
        settings: ProviderSettings,
        view: ProviderView,
        store: Store,
        clock: Clock,
        judge: Judge,
        sweeper: Sweeper,
        full_every: timedelta,
    ) -> None:
        self.provider = provider
        self._settings = settings
        self._view = view
        self._store = store
        self._clock = clock
        self._judge = judge
        self._sweeper = sweeper
        self._full_every = full_every
        self._standing = Standing(view, store)
        self._log = log.bind(provider=provider.name)
        self.polled_at: float | None = None  # monotonic: when the last poll ended, good or bad

    async def poll(self) -> None:
        """Do what is due. Never raises for what a vendor does; the failure is kept and judged."""
        now = self._clock.now()
        try:
            if self._standing.may_ask(now):
                await self._poll(now)
        except ProviderError as error:
            await self._standing.refused(error, self._clock.now(), self._settings.poll_every)
            await self._judge.provider(self._view.name)
        finally:
            self.polled_at = self._clock.monotonic()

    async def _poll(self, now: datetime) -> None:
        row = await self._store.read(
            lambda conn: providers.load(conn, self._view.name, self._view.vendor)
        )
        asked = await self._discover_if_due(row, now)
        due = await self._store.read(lambda conn: self._due(conn, now))
        if due:
            await self._look(due)
        if asked or due:
            await self._standing.answered(row, now)
            await self._judge.provider(self._view.name)

    def _due(self, conn: Connection, now: datetime) -> list[Known]:
        first = batches.next_due(conn, self._view.name)
        if (first is None or first > now) and not self._judge.anything_pending:
            return []
        rows = batches.load_open(conn, self._view.name)
        if not any(self._is_due(row, now) for row in rows):
            return []
        soon = now + self._settings.poll_every * TOGETHER
        return [_known(row) for row in rows if row.due_at <= soon or self._is_due(row, now)]

    def _is_due(self, row: BatchRow, now: datetime) -> bool:
        # An alert that waits to fire needs to be seen to hold, and soon.
        urgent = now - row.fresh_at >= min(self._settings.poll_every, URGENT)
        return row.due_at <= now or (urgent and self._judge.is_pending(row.id))

    # Discovery

    async def _discover_if_due(self, row: providers.ProviderRow, now: datetime) -> bool:
        """Whether the vendor's lists were asked for."""
        last, every = row.discovered_at, self._settings.discover_every
        if last is not None and last <= now < last + every:
            return False
        if not self._standing.may_discover(now):
            return False
        try:
            await self._discover(row, now)
        except ProviderError as error:
            if error.kind in OF_THE_ACCOUNT:
                raise
            await self._standing.lost(error, now, every)
        else:
            self._standing.found()
        return True

    async def _discover(self, row: providers.ProviderRow, now: datetime) -> None:
        memory = dict(row.memory)
        if memory.get(SCOPE) != self._scope():
            # Another choice of batches: what has ended under the old one is no news.
            row = replace(row, baseline_at=None)
        known, closed = await self._store.read(self._all_known)
        since = now - self._settings.discover_since
        found = await self.provider.discover(since=since, known=known, memory=memory)
        baseline = row.baseline_at is None
        looks = [each.look for each in found.sightings if each.look is not None]
        # What ended as it was known to have ended is not news every minute.
        news = [look for look in looks if closed.get(look.batch_id) is not look.status]
        await self._take_all(news, baseline=baseline)
        if unseen := self._unseen(found, known):
            await self._look(unseen, baseline=baseline)
        await self._store.write(
            Priority.INGEST, lambda conn: self._discovered(conn, found, row, now)
        )
        self._log.debug("discovered", batches=len(found.sightings), complete=found.complete)

    def _unseen(self, found: Discovery, known: Mapping[str, Known]) -> list[Known]:
        """Batches whose state no list tells, or that the configuration names, not yet looked at."""
        silent = [each.batch_id for each in found.sightings if each.look is None]
        told = {each.batch_id for each in found.sightings if each.look is not None}
        named = [each for each in self._settings.batches if each not in told]
        return [Known(batch_id=each) for each in dict.fromkeys(silent + named) if each not in known]

    def _discovered(
        self, conn: Connection, found: Discovery, before: providers.ProviderRow, now: datetime
    ) -> None:
        row = providers.load(conn, self._view.name, self._view.vendor)
        baseline = before.baseline_at or (now if found.complete else None)
        memory = {**found.memory, SCOPE: self._scope()}
        row = replace(row, discovered_at=now, baseline_at=baseline, memory=memory)
        providers.save(conn, providers.answered(row, now))

    def _all_known(self, conn: Connection) -> tuple[dict[str, Known], dict[str, BatchStatus]]:
        closed = batches.load_closed(conn, self._view.name)
        known = {key: Known(batch_id=key) for key in closed}
        for row in batches.load_open(conn, self._view.name):
            known[row.look.batch_id] = _known(row)
        return known, closed

    def _scope(self) -> str:
        chosen = json.dumps(
            [[str(each) for each in self._view.match], sorted(self._settings.batches)]
        )
        return blake2b(chosen.encode(), digest_size=8).hexdigest()

    # Looking and reading

    async def _look(self, due: Sequence[Known], *, baseline: bool = False) -> None:
        gate = asyncio.Semaphore(SWEEPS_AT_ONCE)
        tasks = []
        try:
            async with aclosing(self.provider.looks(due)) as looks:
                async for look in looks:
                    if isinstance(look, LookFailed):
                        await self._look_failed(look)
                    else:
                        taking = self._take_gated(gate, look, baseline=baseline)
                        tasks.append(asyncio.create_task(taking))
        finally:
            # What was told before an error is good, and is taken in to the end.
            found = await asyncio.gather(*tasks, return_exceptions=True)
        _raise_first(found)

    async def _take_all(self, looks: Sequence[Batch], *, baseline: bool) -> None:
        gate = asyncio.Semaphore(SWEEPS_AT_ONCE)
        taking = (self._take_gated(gate, look, baseline=baseline) for look in looks)
        _raise_first(await asyncio.gather(*taking, return_exceptions=True))

    async def _take_gated(self, gate: asyncio.Semaphore, look: Batch, *, baseline: bool) -> None:
        async with gate:
            await self._take(look, baseline=baseline)

    async def _take(self, look: Batch, *, baseline: bool) -> None:
        """Take one look in, read what moved, judge the batch, and say when to look again."""
        if not all_match(self._view.match, labels_of(look, self._view)):
            return
        row = await self._store.write(
            Priority.INGEST, lambda conn: self._taken(conn, look, baseline=baseline)
        )
        if not row.open:
            return
        words: frozenset[tuple[str, str]] = frozenset()
        if look.status is BatchStatus.UNKNOWN and look.raw_status:
            words = frozenset({("batch", look.raw_status)})
        try:
            mode = await self._mode(row)
            if mode is not Reading.NOTHING:
                await self._judge.batch(row.id)
                done = await self._sweeper.sweep(row, mode)
                row, words = done.row, words | done.words
        except ProviderError as error:
            await self._look_failed(LookFailed(look.batch_id, error))
        if words:
            await self._store.write(Priority.INGEST, lambda conn: self._learn(conn, words))
        judged = await self._judge.batch(row.id)
        if judged is not None and not judged.open:
            self._sweeper.forget(row.id)
        await self._schedule(row)

    def _taken(self, conn: Connection, look: Batch, *, baseline: bool) -> BatchRow:
        row = providers.load(conn, self._view.name, self._view.vendor)
        providers.save(conn, providers.heard(row, look.seen_at))
        return take_look(conn, look, baseline=baseline)

    async def _watched(self, row: BatchRow) -> Watched:
        book = await self._sweeper.book(row.id)
        return Watched(
            look=row.look,
            moved_at=row.moved_at,
            terminal_at=row.terminal_at,
            swept_at=row.swept_at,
            full_swept_at=row.full_swept_at,
            complete_at=row.complete_at,
            swept_counts=row.swept_counts,
            sweeping=row.sweeping_since is not None,
            pending=self._judge.is_pending(row.id),
            agrees=not disagreements(row.look, row.tally, self.provider.capabilities),
            overdue=book.overdue(self._clock.now()),
        )

    async def _mode(self, row: BatchRow) -> Reading:
        return reading(
            await self._watched(row),
            self._clock.now(),
            full_every=self._full_every,
            poll_every=self._settings.poll_every,
        )

    async def _schedule(self, row: BatchRow) -> None:
        watched = await self._watched(row)
        now = self._clock.now()
        every, blind_after = self._settings.poll_every, self._view.blind_after
        wait = next_look(watched, now, poll_every=every, blind_after=blind_after)
        await self._store.write(
            Priority.INGEST,
            lambda conn: batches.save(conn, replace(row, due_at=now + wait), "due_at"),
        )

    def _learn(self, conn: Connection, words: frozenset[tuple[str, str]]) -> None:
        row = providers.load(conn, self._view.name, self._view.vendor)
        known = {kind: set(found) for kind, found in row.unknown_words.items()}
        for kind, word in words:
            known.setdefault(kind, set()).add(word[:60])
        merged = {kind: tuple(sorted(found)) for kind, found in known.items()}
        if merged != row.unknown_words:
            providers.save(conn, replace(row, unknown_words=merged))

    # Failing

    async def _look_failed(self, failed: LookFailed) -> None:
        self._log.warning("look_failed", batch=failed.batch_id, error=str(failed.error))
        now = self._clock.now()
        due = now + self._settings.poll_every

        def note(conn: Connection) -> None:
            row = batches.find(conn, self._view.name, failed.batch_id)
            if row is not None:
                batches.save(
                    conn, replace(row, failure=str(failed.error), due_at=due), "failure", "due_at"
                )

        await self._store.write(Priority.INGEST, note)


def _raise_first(found: Sequence[BaseException | None]) -> None:
    """All were done; what went wrong first is raised."""
    for each in found:
        if each is not None:
            raise each


def _known(row: BatchRow) -> Known:
    return Known(batch_id=row.look.batch_id, look=row.look, contacts=row.tally.get("contacts", 0))
