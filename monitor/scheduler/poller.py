"""Polling one provider: discover, look at what is due; and stand off when refused."""

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import blake2b

import structlog
from sqlalchemy import Connection

from monitor.clock import Clock
from monitor.core.model import Batch, BatchStatus
from monitor.core.pace import SLOWEST, URGENT
from monitor.errors import ProviderError
from monitor.evaluation.context import ProviderView
from monitor.evaluation.vanishing import AT_LAST
from monitor.providers import Discovery, Known, LookFailed, Provider
from monitor.scheduler.asking import Asking, known_of
from monitor.scheduler.judge import Judge
from monitor.scheduler.over import Over
from monitor.scheduler.reader import Reader
from monitor.scheduler.standing import OF_THE_ACCOUNT, Standing
from monitor.settings import ProviderSettings
from monitor.store import absent, batches, providers
from monitor.store.batches import BatchRow
from monitor.store.providers import MISSING, decode_missing, encode_missing
from monitor.store.writer import Priority, Store

log = structlog.get_logger()

# What is due within this share of its wait is looked at in the same go: one list often
# answers for all.
TOGETHER = 0.2
# A look is one of routine where the one before it is no older than so many poll intervals.
_LATELY = 1.5
# What is hinted at beyond that is seen when it is due.
HINTS_AT_MOST = 10_000
# After so many lists with a hole in them, what they showed is the baseline all the same:
# else nothing that ends before it was seen open would ever be told.
INCOMPLETE_AT_MOST = 3
SCOPE, INCOMPLETE = "scope", "incomplete"  # memory keys of our own


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
        reader: Reader,
        standing: Standing,
    ) -> None:
        self.provider = provider
        self.reader = reader
        self._settings = settings
        self._view = view
        self._store = store
        self._clock = clock
        self._judge = judge
        self._standing = standing
        self.asking = Asking(
            provider=provider,
            settings=settings,
            view=view,
            store=store,
            clock=clock,
            judge=judge,
            reader=reader,
            standing=standing,
        )
        self._over = Over(provider, settings, store, clock, reader)
        self._hinted: set[str] = set()
        self._lists_tell = False  # the vendor's lists tell how batches stand
        self.polled_at: float | None = None  # monotonic: when the last poll ended, good or bad

    def hint(self, batch_id: str) -> None:
        """Something moved there: the next ``poll`` looks at it, and at the lists for a new one.

        Many hints are one, and a batch that was looked at within ``URGENT`` waits for that long.
        """
        if len(self._hinted) < HINTS_AT_MOST:
            self._hinted.add(batch_id)

    async def poll(self) -> None:
        """Do what is due. Never raises for what a vendor does; the failure is kept and judged."""
        now = self._clock.now()
        try:
            if self._standing.may_ask():
                await self._poll(now)
            elif await self._standing.resting(now):
                await self._judge.provider(self._view.name)
        except ProviderError as error:
            await self._standing.refused(error, self._clock.now(), self._settings.poll_every)
            await self._judge.provider(self._view.name)
        finally:
            self.polled_at = self._clock.monotonic()
        self.reader.raise_error()

    async def _poll(self, now: datetime) -> None:
        row = await self._store.read(
            lambda conn: providers.load(conn, self._view.name, self._view.vendor)
        )
        refusals = self._standing.refusals
        asked = await self._discover_if_due(row, now)
        due = await self._store.read(lambda conn: self._due(conn, now))
        # Before they are asked: what a vendor tells of while it answers needs another look.
        hinted = self._hinted & {each.batch_id for each in due}
        self._hinted -= hinted
        if due:
            await self._look(due, hinted=hinted)
        if asked or due:
            await self._standing.answered(row, now, refusals)
            await self._judge.provider(self._view.name)

    def _due(self, conn: Connection, now: datetime) -> list[Known]:
        first = batches.next_due(conn, self._view.name)
        longest = max(self._settings.poll_every * SLOWEST, AT_LAST)
        waited_for = self._judge.anything_pending or self._hinted
        if first is None or (now < first <= now + longest and not waited_for):
            return []
        rows = batches.load_open(conn, self._view.name)
        if not any(self._is_due(row, now) for row in rows):
            return []
        due = (row for row in rows if self._is_soon(row, now) or self._is_due(row, now))
        return [replace(known_of(row), routine=self._is_routine(row, now)) for row in due]

    def _is_due(self, row: BatchRow, now: datetime) -> bool:
        # An alert that waits to fire needs to be seen to hold, and soon.
        waited_for = self._judge.is_pending(row.id) or row.look.batch_id in self._hinted
        urgent = waited_for and now - row.fresh_at >= self._urgent
        set_back = row.fresh_at > now  # the clock was, so that the time to look is far away
        return row.due_at <= now or set_back or urgent

    def _is_soon(self, row: BatchRow, now: datetime) -> bool:
        asked = max(row.fresh_at, row.gone_again_at or row.fresh_at)
        wait = max(row.due_at - asked, self._settings.poll_every)
        return row.due_at <= now + wait * TOGETHER

    def _is_routine(self, row: BatchRow, now: datetime) -> bool:
        waited_for = self._judge.is_pending(row.id) or row.look.batch_id in self._hinted
        doubted = row.falling_at or row.reopening_at or row.failure
        runs = row.look.status is BatchStatus.RUNNING and not row.stopped_by_user
        lately = now - row.fresh_at < self._settings.poll_every * _LATELY
        return runs and lately and not (waited_for or doubted)

    @property
    def _urgent(self) -> timedelta:
        return min(self._settings.poll_every, URGENT)

    async def _look(
        self, due: Sequence[Known], *, baseline: bool = False, hinted: Collection[str] = ()
    ) -> None:
        async with aclosing(self.provider.looks(due)) as looks:
            async for look in looks:
                if isinstance(look, LookFailed):
                    await self.reader.failed(look)
                else:
                    told = look.batch_id in hinted
                    await self.reader.take(look, baseline=baseline, hinted=told)
                if not self._standing.may_ask():
                    return  # a reading was refused meanwhile: so would be the rest

    # Discovery

    async def _discover_if_due(self, row: providers.ProviderRow, now: datetime) -> bool:
        """Whether the vendor's lists were asked for."""
        last, every = row.discovered_at, self._settings.discover_every
        unknown = await self._hinted_and_unknown()
        # A hint may be about a batch that nobody watches, again and again.
        wait = max(every / 4, self._urgent) if unknown else every
        waits = last is not None and last <= now < last + wait
        if last is not None and waits and not await self._come_with_looks(now, last + wait):
            return False
        if not self._standing.may_discover():
            return False
        self._hinted -= unknown
        try:
            await self._discover(row, now)
        except ProviderError as error:
            if error.kind in OF_THE_ACCOUNT:
                raise
            await self._standing.lost(error, now, every)
        else:
            self._standing.found()
        return True

    async def _come_with_looks(self, now: datetime, due_at: datetime) -> bool:
        """Whether lists that are due soon come now, as they also answer for batches that are.

        Else the same would be asked for twice, soon after each other.
        """
        if not self._lists_tell or now < due_at - self._settings.poll_every * TOGETHER:
            return False
        return bool(await self._store.read(lambda conn: self._due(conn, now)))

    async def _hinted_and_unknown(self) -> set[str]:
        """Those that a hint named and that are not watched: new, or ended and moving again."""
        hinted = set(self._hinted)
        if not hinted:
            return hinted
        rows = await self._store.read(lambda conn: batches.load_open(conn, self._view.name))
        return hinted - {row.look.batch_id for row in rows}

    async def _discover(self, row: providers.ProviderRow, now: datetime) -> None:
        memory = dict(row.memory)
        if memory.get(SCOPE) != self._scope():
            # Another choice of batches: what has ended under the old one is no news.
            row = replace(row, baseline_at=None)
        known, closed = await self._store.read(self._all_known)
        since = now - self._settings.discover_since
        found = await self.provider.discover(since=since, known=known, memory=memory)
        baseline = row.baseline_at is None
        self._lists_tell = any(each.look is not None for each in found.sightings)
        for look in (each.look for each in found.sightings):
            if look is not None and not _is_old_news(look, closed):
                await self.reader.take(look, baseline=baseline)
        untold = self._untold(found)
        if unseen := [Known(batch_id=each) for each in untold if each not in known]:
            await self._look(unseen, baseline=baseline)
        await self._over.look([each for each in untold if each in closed])
        await self._store.write(
            Priority.INGEST, lambda conn: self._discovered(conn, found, row, now)
        )

    def _untold(self, found: Discovery) -> list[str]:
        """Batches whose state no list tells, and those that the configuration names."""
        silent = [each.batch_id for each in found.sightings if each.look is None]
        told = {each.batch_id for each in found.sightings if each.look is not None}
        named = [each for each in self._settings.batches if each not in told]
        return list(dict.fromkeys(silent + named))

    def _discovered(
        self, conn: Connection, found: Discovery, before: providers.ProviderRow, now: datetime
    ) -> None:
        row = providers.load(conn, self._view.name, self._view.vendor)
        holes = 0 if found.complete else int(row.memory.get(INCOMPLETE, "0")) + 1
        done = found.complete or holes >= INCOMPLETE_AT_MOST
        if holes:
            log.warning("lists_incomplete", provider=self._view.name, in_a_row=holes)
        baseline = before.baseline_at or (now if done else None)
        memory = {**found.memory, SCOPE: self._scope(), INCOMPLETE: str(holes)}
        memory |= self._missing(conn, row.memory, now)
        row = replace(row, discovered_at=now, baseline_at=baseline, memory=memory)
        listed = [each.batch_id for each in found.sightings]
        absent.found_again(conn, self._view.name, listed, now)
        if absent.shows_known(conn, self._view.name, listed):
            row = providers.showed(row, now)
        # Where there is no list nobody was asked: while something runs, only looks are answers.
        runs = any(not each.ended for each in batches.load_open(conn, row.name))
        asked = self.provider.capabilities.discovery or not runs
        providers.save(conn, providers.heard(row, now) if asked else row)

    def _missing(
        self, conn: Connection, memory: Mapping[str, str], now: datetime
    ) -> dict[str, str]:
        """Batches that the configuration names and that were never seen: since when, and why."""
        known = decode_missing(memory)
        missing = {
            each: (known[each][0] if each in known else now, self.reader.why_not(each))
            for each in self._settings.batches
            if batches.find(conn, self._view.name, each) is None
        }
        return {MISSING: encode_missing(missing)} if missing else {}

    def _all_known(self, conn: Connection) -> tuple[dict[str, Known], dict[str, BatchStatus]]:
        closed = batches.load_closed(conn, self._view.name)
        known = {key: Known(batch_id=key) for key in closed}
        for row in batches.load_open(conn, self._view.name):
            known[row.look.batch_id] = known_of(row)
        return known, closed

    def _scope(self) -> str:
        chosen = json.dumps(
            [[str(each) for each in self._view.match], sorted(self._settings.batches)]
        )
        return blake2b(chosen.encode(), digest_size=8).hexdigest()


def _is_old_news(look: Batch, closed: Mapping[str, BatchStatus]) -> bool:
    """Whether it ended as it was known to have ended."""
    return look.status.terminal and closed.get(look.batch_id) is look.status
