"""Taking looks in, and reading lists beside them: a long list keeps no other batch waiting."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import structlog
from sqlalchemy import Connection

from monitor.clock import Clock
from monitor.core.completion import disagreements, uncounted
from monitor.core.model import Batch, BatchStatus
from monitor.core.pace import Reading, Watched, next_look, reading
from monitor.core.rule import Severity, SubjectKind
from monitor.core.steady import goes_on
from monitor.errors import NotFoundError, ProviderError
from monitor.evaluation.batches import is_chosen, lingers
from monitor.evaluation.context import ProviderView
from monitor.evaluation.vanishing import gone_again
from monitor.ingest.ends import note_batch
from monitor.ingest.looks import take_look
from monitor.ingest.sweeps import fail_sweep
from monitor.providers import LookFailed, Provider
from monitor.providers.budget import Chance, Turn, turn
from monitor.scheduler.hearing import Reliance
from monitor.scheduler.judge import Judge
from monitor.scheduler.standing import OF_THE_ACCOUNT, Standing
from monitor.scheduler.sweeper import Sweeper
from monitor.scheduler.underway import is_behind_counts, is_contradicted
from monitor.settings import ProviderSettings
from monitor.store import absent, alerts, batches, providers
from monitor.store.batches import BatchRow
from monitor.store.writer import Priority, Store

log = structlog.get_logger()

SWEEPS_AT_ONCE = 3


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
        chance: Chance,
        reliance: Reliance | None = None,
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
        self._chance = chance
        self._reliance = reliance  # on webhooks, where they are listened to
        # Whole lists wait for each other; what has just moved does not wait for them.
        self._gates = {mode: asyncio.Semaphore(SWEEPS_AT_ONCE) for mode in Reading}
        self._reading: dict[int, asyncio.Task[None]] = {}
        self._hinted: set[int] = set()  # until a reading is begun after the hint
        self._errors: list[BaseException] = []
        self._never_seen: dict[str, str] = {}  # why not, by id

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

    async def take(self, look: Batch, *, baseline: bool, hinted: bool = False) -> bool:
        """Take one look in, begin to read what moved, judge, and say when to look again.

        ``hinted``: it was asked for because something moved, which is to be read at once.
        Whether all went well: what goes wrong with one batch keeps no other from being looked
        at, and ``raise_error`` tells of it.
        """
        taken = self._take(look, baseline=baseline, hinted=hinted)
        (error,) = await asyncio.gather(taken, return_exceptions=True)
        if isinstance(error, Exception):
            self._errors.append(error)
            await self._put_off(look.batch_id, str(error))
        elif error is not None:
            raise error
        return error is None

    def chooses(self, look: Batch) -> bool:
        """Whether the configuration has this batch watched."""
        return is_chosen(look, self._view)

    async def _take(self, look: Batch, *, baseline: bool, hinted: bool) -> None:
        if not self.chooses(look):
            await self._leave(look)
            return
        row = await self._store.write(
            Priority.INGEST, lambda conn: self._taken(conn, look, baseline=baseline)
        )
        if not row.open:
            return
        if look.status is BatchStatus.UNKNOWN and look.raw_status:
            await self._learn(frozenset({("batch", look.raw_status)}))
        if hinted:
            self._hinted.add(row.id)
        if row.id not in self._reading:
            steady = row.id not in self._hinted and await self._is_steady(row)
            mode = reading(
                await self._watched(row, steady=steady),
                self._clock.now(),
                full_every=self._full_every,
                poll_every=self._settings.poll_every,
            )
            # Another look may have begun it meanwhile: webhooks and polls ask side by side.
            if mode is not Reading.NOTHING and row.id not in self._reading:
                self._begin(row, mode)
        await self._judged(row)
        await self._schedule(row)

    def _taken(self, conn: Connection, look: Batch, *, baseline: bool) -> BatchRow:
        if self._view.calendar is not None:
            look = replace(look, calendar=self._view.calendar)
        taken = take_look(conn, look, baseline=baseline)
        if taken.fresh_at == look.seen_at:  # not old, nor in doubt
            row = providers.load(conn, self._view.name, self._view.vendor)
            providers.save(conn, providers.heard(row, look.seen_at))
            if self._reliance is not None:
                note_batch(conn, taken, look, self._reliance.expected)
        return taken

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
        self._hinted.discard(row.id)
        task = asyncio.create_task(self._read(row, mode), name=f"read {row.look.batch_id}")
        self._reading[row.id] = task
        task.add_done_callback(lambda done: self._ended(row.id, done))

    def _ended(self, batch: int, task: "asyncio.Task[None]") -> None:
        del self._reading[batch]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._errors.append(error)

    async def _read(self, row: BatchRow, mode: Reading) -> None:
        awaited = mode is Reading.HOT or row.ended
        turn.set(Turn.READ if awaited else Turn.LIST)  # of this task alone
        async with self._gates[mode]:
            if not self._standing.may_ask():
                return  # refused since: the next look begins it again
            try:
                done = await self._sweeper.sweep(row, mode)
            except ProviderError as error:
                await self._not_read(row, error)
            else:
                await self._learn(done.words)
        await self._judged(row)

    async def _not_read(self, row: BatchRow, error: ProviderError) -> None:
        self._warn(row.look.batch_id, "list_failed", error)
        now = self._clock.now()
        await self._store.write(
            Priority.INGEST, lambda conn: fail_sweep(conn, row.id, error.text, now)
        )
        if error.kind in OF_THE_ACCOUNT:
            await self._standing.refused(error, now, self._settings.poll_every)
            await self._judge.provider(self._view.name)

    def why_not(self, batch_id: str) -> str:
        """Why a batch was never seen."""
        return self._never_seen.get(batch_id, "it was never seen")

    async def failed(self, failed: LookFailed) -> None:
        """One batch could not be looked at."""
        self._warn(failed.batch_id, "look_failed", failed.error)
        gone = isinstance(failed.error, NotFoundError)
        await self._put_off(failed.batch_id, str(failed.error), gone=gone)

    async def _put_off(self, batch_id: str, why: str, *, gone: bool = False) -> None:
        now, every = self._clock.now(), self._settings.poll_every

        def note(conn: Connection) -> None:
            row = batches.find(conn, self._view.name, batch_id)
            if row is None:
                self._never_seen[batch_id] = why
                return
            row = replace(row, failure=why, due_at=now + every)
            if gone:
                row = gone_again(conn, row, now, every)
            batches.save(conn, row, *_FAILED)

        await self._store.write(Priority.INGEST, note)

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

    async def _is_steady(self, row: BatchRow) -> bool:
        """Whether it goes on as it did when its list was read, and nothing critical fires."""
        before, look = row.swept_counts, row.look
        if before is None or before == look.counts or look.status is not BatchStatus.RUNNING:
            return False
        retried = await self._sweeper.retries_due(row.id, self._clock.now())
        if not goes_on(before, look.counts, row.tally, retried=retried):
            return False
        of_batch = (look.provider, SubjectKind.BATCH, look.batch_id)
        firing = await self._store.read(lambda conn: alerts.load_open(conn, *of_batch))
        return all(each.severity is not Severity.CRITICAL for each in firing)

    async def _watched(self, row: BatchRow, *, steady: bool = False) -> Watched:
        book = await self._sweeper.book(row.id)
        capabilities, now = self._provider.capabilities, self._clock.now()
        contradicted, trusted = is_contradicted(row, capabilities, now), capabilities.trusted
        moves_counted = (
            row.look.counts.by_status if "by_status" in trusted else "finished" in trusted
        )
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
            doubted=row.falling_at is not None or row.reopening_at is not None,
            contradicted=contradicted,
            borne_out=bool(moves_counted) and not contradicted and not is_behind_counts(row),
            agrees=not disagreements(row.look, row.tally, capabilities),
            uncounted=uncounted(row.look, capabilities),
            overdue=book.overdue(now),
            late_changes=capabilities.late_changes,
            told=await self._reliance.intervals(self._settings.poll_every) if self._reliance else 1,
            lingers=lingers(row, now),
            read_at=row.read_at,
            steady=steady,
        )

    async def _schedule(self, row: BatchRow) -> None:
        now = self._clock.now()
        wait = next_look(
            await self._watched(row),
            now,
            poll_every=self._settings.poll_every,
            blind_after=self._settings.blind_after,
            chance=self._chance(),
        )
        due = replace(row, due_at=now + wait)
        await self._store.write(Priority.INGEST, lambda conn: batches.save(conn, due, "due_at"))


_FAILED = ("failure", "due_at", "seq", *absent.KNOWN)
