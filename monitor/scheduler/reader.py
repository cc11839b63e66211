"""Taking looks in, and reading lists beside them: a long list keeps no other batch waiting."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from monitor.clock import Clock
from monitor.core.completion import disagreements
from monitor.core.facts import Trouble
from monitor.core.model import Batch, BatchStatus
from monitor.core.pace import Reading, Watched, next_look, reading
from monitor.core.route import all_match
from monitor.errors import NotFoundError, ProviderError
from monitor.evaluation.batches import labels_of
from monitor.evaluation.context import ProviderView
from monitor.ingest.looks import take_look
from monitor.providers import LookFailed, Provider
from monitor.scheduler.judge import Judge
from monitor.scheduler.standing import OF_THE_ACCOUNT, Standing
from monitor.scheduler.sweeper import Sweeper
from monitor.settings import ProviderSettings
from monitor.store import batches, providers
from monitor.store.batches import BatchRow
from monitor.store.writer import Priority, Store

log = structlog.get_logger()

SWEEPS_AT_ONCE = 3
# An id that the vendor does not know is asked for no more often than this.
GONE_EVERY = timedelta(minutes=5)


class Reader:
    """One provider's batches: each look is taken in at once, each list by a task of its own."""

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
        standing: Standing,
        full_every: timedelta,
    ) -> None:
        self._provider = provider
        self._settings = settings
        self._view = view
        self._store = store
        self._clock = clock
        self._judge = judge
        self._sweeper = sweeper
        self._standing = standing
        self._full_every = full_every
        # Whole lists wait for each other; what has just moved does not wait for them.
        self._gates = {mode: asyncio.Semaphore(SWEEPS_AT_ONCE) for mode in Reading}
        self._reading: dict[int, asyncio.Task[None]] = {}
        self._errors: list[BaseException] = []

    def raise_error(self) -> None:
        """Raise what went wrong in a reading since the last time, vendors' failures apart."""
        errors, self._errors = self._errors, []
        if errors:
            raise errors[0]

    async def drained(self) -> None:
        """Wait for the readings under way."""
        while self._reading:
            await asyncio.wait(self._reading.values())

    async def close(self) -> None:
        """Cut off the readings under way: they are begun again another time."""
        tasks = list(self._reading.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def take(self, look: Batch, *, baseline: bool) -> None:
        """Take one look in, begin to read what moved, judge, and say when to look again.

        What goes wrong with one batch keeps no other from being looked at; ``raise_error``
        tells of it.
        """
        (error,) = await asyncio.gather(self._take(look, baseline=baseline), return_exceptions=True)
        if isinstance(error, Exception):
            self._errors.append(error)
            await self._put_off(look.batch_id, str(error), self._settings.poll_every)
        elif error is not None:
            raise error

    async def _take(self, look: Batch, *, baseline: bool) -> None:
        if not all_match(self._view.match, labels_of(look, self._view)):
            await self._leave(look)
            return
        row = await self._store.write(
            Priority.INGEST, lambda conn: self._taken(conn, look, baseline=baseline)
        )
        if not row.open:
            return
        if look.status is BatchStatus.UNKNOWN and look.raw_status:
            await self._learn(frozenset({("batch", look.raw_status)}))
        if row.id not in self._reading:
            mode = reading(
                await self._watched(row),
                self._clock.now(),
                full_every=self._full_every,
                poll_every=self._settings.poll_every,
            )
            if mode is not Reading.NOTHING:
                self._begin(row, mode)
        await self._judged(row)
        await self._schedule(row)

    def _taken(self, conn: Connection, look: Batch, *, baseline: bool) -> BatchRow:
        row = providers.load(conn, self._view.name, self._view.vendor)
        providers.save(conn, providers.heard(row, look.seen_at))
        if self._view.calendar is not None:
            look = replace(look, calendar=self._view.calendar)
        return take_look(conn, look, baseline=baseline)

    async def _leave(self, look: Batch) -> None:
        """The configuration chose other batches: this one is watched no longer."""
        row = await self._store.read(
            lambda conn: batches.find(conn, self._view.name, look.batch_id)
        )
        if row is None or not row.open:
            return
        await self._judge.batch(row.id)
        await self._store.write(
            Priority.INGEST, lambda conn: batches.save(conn, replace(row, open=False), "open")
        )
        self._sweeper.forget(row.id)

    # Reading

    def _begin(self, row: BatchRow, mode: Reading) -> None:
        task = asyncio.create_task(self._read(row, mode), name=f"read {row.look.batch_id}")
        self._reading[row.id] = task
        task.add_done_callback(lambda done: self._ended(row.id, done))

    def _ended(self, batch: int, task: "asyncio.Task[None]") -> None:
        del self._reading[batch]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._errors.append(error)

    async def _read(self, row: BatchRow, mode: Reading) -> None:
        async with self._gates[mode]:
            if not self._standing.may_ask():
                return  # refused since: the next look begins it again
            try:
                done = await self._sweeper.sweep(row, mode)
            except ProviderError as error:
                await self._not_read(row, error)
            else:
                await self._learn(done.words)
                self._tell_unread(done.row)
        await self._judged(row)

    async def _not_read(self, row: BatchRow, error: ProviderError) -> None:
        self._warn(row.look.batch_id, "list_failed", error)
        now = self._clock.now()

        def note(conn: Connection) -> None:
            known = batches.load(conn, row.id)
            since = known.unlisted_since or now
            failed = replace(known, unlisted_since=since, unlisted_why=error.text)
            batches.save(conn, failed, "unlisted_since", "unlisted_why")

        await self._store.write(Priority.INGEST, note)
        self._tell_unread(await self._store.read(lambda conn: batches.load(conn, row.id)))
        if error.kind in OF_THE_ACCOUNT:
            await self._standing.refused(error, now, self._settings.poll_every)
            await self._judge.provider(self._view.name)

    async def failed(self, failed: LookFailed) -> None:
        """One batch could not be looked at."""
        self._warn(failed.batch_id, "look_failed", failed.error)
        gone = isinstance(failed.error, NotFoundError)
        wait = max(self._settings.poll_every, GONE_EVERY) if gone else self._settings.poll_every
        await self._put_off(failed.batch_id, str(failed.error), wait, gone=gone)

    async def _put_off(
        self, batch_id: str, why: str, wait: timedelta, *, gone: bool = False
    ) -> None:
        now = self._clock.now()

        def note(conn: Connection) -> None:
            row = batches.find(conn, self._view.name, batch_id)
            if row is not None:
                since = (row.gone_at or now) if gone else None
                row = replace(row, failure=why, gone_at=since, due_at=now + wait)
                batches.save(conn, row, "failure", "gone_at", "due_at")

        await self._store.write(Priority.INGEST, note)

    def _tell_unread(self, row: BatchRow) -> None:
        """Say that a list cannot be read once that has lasted, and when it is over."""
        subject = f"list of {self._view.name} {row.look.batch_id}"
        since = row.unlisted_since
        if since is None:
            self._judge.trouble(subject, None)
        elif self._clock.now() - since >= self._view.blind_after:
            self._judge.trouble(subject, _unread(subject, self._view.name, row, since))

    def _warn(self, batch: str, event: str, error: ProviderError) -> None:
        log.warning(event, provider=self._view.name, batch=batch, error=str(error))

    async def _learn(self, words: frozenset[tuple[str, str]]) -> None:
        if words:
            name, vendor = self._view.name, self._view.vendor
            await self._store.write(
                Priority.INGEST, lambda conn: providers.learn(conn, name, vendor, words)
            )

    # Judging and pacing

    async def _judged(self, row: BatchRow) -> None:
        judged = await self._judge.batch(row.id)
        if judged is not None and not judged.open:
            self._sweeper.forget(row.id)

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
            sweeping=row.sweeping_since is not None or row.unread > 0,
            pending=self._judge.is_pending(row.id),
            agrees=not disagreements(row.look, row.tally, self._provider.capabilities),
            overdue=book.overdue(self._clock.now()),
        )

    async def _schedule(self, row: BatchRow) -> None:
        now = self._clock.now()
        wait = next_look(
            await self._watched(row),
            now,
            poll_every=self._settings.poll_every,
            blind_after=self._settings.blind_after,
        )
        await self._store.write(
            Priority.INGEST,
            lambda conn: batches.save(conn, replace(row, due_at=now + wait), "due_at"),
        )


def _unread(subject: str, provider: str, row: BatchRow, since: datetime) -> Trouble:
    return Trouble(
        rule="self_list_unread",
        subject=subject,
        provider=provider,
        since=since,
        summary=f"the people of {row.look.title} cannot all be read: {row.unlisted_why}",
        todo="Look at the batch at the vendor itself; rules about its calls may say nothing.",
    )
