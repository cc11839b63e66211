"""Asking one provider at once about what its webhooks name: batches, calls, or all that is open.

It asks beside the polls and by the same rules: nothing while the account is refused, and what
is answered is taken in like any other look.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy import Connection

from monitor.clock import Clock
from monitor.core.model import Batch, BatchStatus, ContactStatus
from monitor.core.tally import CONTACTS, people
from monitor.errors import NotFoundError, ProviderError, StoreError
from monitor.evaluation.context import ProviderView
from monitor.ingest.notices import batch_of, take_item
from monitor.providers import Known, LookFailed, Provider, Told
from monitor.scheduler.judge import Judge
from monitor.scheduler.reader import Reader
from monitor.scheduler.standing import OF_THE_ACCOUNT, Standing
from monitor.settings import ProviderSettings
from monitor.store import batches, providers
from monitor.store.batches import BatchRow
from monitor.store.providers import ProviderRow
from monitor.store.writer import Store

log = structlog.get_logger()


@dataclass(slots=True)
class Answers:
    """What came of asking, by the ids that were asked for; what is in none is to be asked again.

    ``unknown``: the vendor says that there is no such thing. ``elsewhere``: calls of which
    the vendor does not tell whose they are.
    """

    settled: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    elsewhere: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Before:
    """What was known of the batches before they were asked for."""

    row: ProviderRow
    known: Mapping[str, Known]
    over: Mapping[str, BatchStatus]  # watched no longer, with how they ended


class Asking:
    """One provider's questions that do not wait for a poll."""

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
        self._provider = provider
        self._settings = settings
        self._view = view
        self._store = store
        self._clock = clock
        self._judge = judge
        self._reader = reader
        self._standing = standing
        events = provider.facts.webhooks.events if provider.facts.webhooks else ()
        self._tells_whose = any(event.batch_id for event in events)

    def may_ask(self) -> bool:
        """Whether the vendor may be asked anything now."""
        return self._standing.may_ask()

    async def open_batches(self) -> list[str]:
        """The vendor's ids of the batches that are watched."""
        rows = await self._store.read(lambda conn: batches.load_open(conn, self._view.name))
        return [row.look.batch_id for row in rows]

    async def batches(self, ids: Sequence[str], ended: Collection[str] = ()) -> Answers:
        """Look at these batches, known or not.

        Of those in ``ended`` it was told that they have ended: one that still goes on by the
        vendor's answer is not settled by it.
        """
        answers = Answers()
        if not ids or not self.may_ask():
            return answers
        before = await self._store.read(lambda conn: self._before(conn, ids))
        refusals = self._standing.refusals
        try:
            async with aclosing(self._provider.looks(list(before.known.values()))) as looks:
                async for look in looks:
                    await self._looked(look, before, ended, answers)
        except ProviderError as error:
            await self._refused(error)
        else:
            await self._standing.answered(before.row, self._clock.now(), refusals)
        return answers

    async def calls(self, ids: Sequence[str]) -> Answers:
        """Ask for these calls by their ids, all at once: there are few."""
        answers = Answers()
        if not ids or not self.may_ask():
            return answers
        asked = (self._call(each, answers) for each in ids)
        found = await asyncio.gather(*asked, return_exceptions=True)
        unseen: dict[str, set[str]] = {}
        for call_id, result in zip(ids, found, strict=True):
            if isinstance(result, BaseException):
                await self._no_answer(call_id, result, answers)
            elif result is not None:
                unseen.setdefault(result, set()).add(call_id)
        # Batches that were never seen: their lists tell of the call, and of all others.
        looked = await self.batches(list(unseen))
        for batch_id, mine in unseen.items():
            answers.settled |= mine if batch_id in looked.settled else set()
            answers.unknown |= mine if batch_id in looked.unknown else set()
        return answers

    def _before(self, conn: Connection, ids: Sequence[str]) -> _Before:
        row = providers.load(conn, self._view.name, self._view.vendor)
        known, over = {}, {}
        for batch_id in dict.fromkeys(ids):
            found = batches.find(conn, self._view.name, batch_id)
            known[batch_id] = known_of(found) if found else Known(batch_id=batch_id)
            if found is not None and not found.open:
                over[batch_id] = found.look.status
        return _Before(row, known, over)

    async def _looked(
        self, look: Batch | LookFailed, before: _Before, ended: Collection[str], answers: Answers
    ) -> None:
        known = before.known[look.batch_id].look
        if isinstance(look, LookFailed):
            gone = isinstance(look.error, NotFoundError)
            if known is not None:
                await self._reader.failed(look)
            if gone:
                (answers.unknown if known is None else answers.settled).add(look.batch_id)
            return
        settled = look.status.terminal or look.batch_id not in ended
        if not (look.status.terminal and before.over.get(look.batch_id) is look.status):
            old = before.row.baseline_at is None or (known is None and self._is_old(look))
            settled &= await self._reader.take(look, baseline=old, hinted=True)
            if settled and look.batch_id in ended:
                settled = await self._store.read(lambda conn: self._is_over(conn, look.batch_id))
        if settled:
            answers.settled.add(look.batch_id)

    def _is_over(self, conn: Connection, batch_id: str) -> bool:
        """Whether the look was believed: one that is in doubt is asked for again."""
        row = batches.find(conn, self._view.name, batch_id)
        return row is None or not row.open or row.ended

    def _is_old(self, look: Batch) -> bool:
        """Whether it had ended before what Offhook was to look at: no news, whoever names it."""
        if not look.status.terminal:
            return False
        at = look.ended_at or look.created_at
        return at is not None and at < self._clock.now() - self._settings.discover_since

    async def _call(self, call_id: str, answers: Answers) -> str | None:
        """Ask for one call and take it in; its batch when that was never seen."""
        told = await self._provider.call(call_id)
        if told is None:
            answers.elsewhere.add(call_id)
            return None
        row = await self._store.read(lambda conn: self._whose(conn, told))
        if row is not None:
            await self._judge.together(lambda conn: self._take(conn, row.id, told))
        elif told.batch_id is not None:
            return told.batch_id
        if row is None and not self._tells_whose:
            answers.elsewhere.add(call_id)
        else:
            answers.settled.add(call_id)
        return None

    async def _no_answer(self, call_id: str, error: BaseException, answers: Answers) -> None:
        if isinstance(error, StoreError) or not isinstance(error, Exception):
            raise error
        if isinstance(error, NotFoundError):
            answers.unknown.add(call_id)
            return
        told = str(error) if isinstance(error, ProviderError) else type(error).__name__
        log.warning("call_failed", provider=self._view.name, error=told)
        if isinstance(error, ProviderError) and error.kind in OF_THE_ACCOUNT and self.may_ask():
            await self._refused(error)  # once: the others were on their way already

    def _whose(self, conn: Connection, told: Told) -> BatchRow | None:
        if told.batch_id is None:
            return batch_of(conn, self._view.name, told.item)
        return batches.find(conn, self._view.name, told.batch_id)

    def _take(self, conn: Connection, batch: int, told: Told) -> tuple[None, Collection[int]]:
        at: datetime = told.item.contact.seen_at or self._clock.now()
        taken = take_item(conn, batches.load(conn, batch), told.item, at)
        if taken.words:
            words = frozenset(taken.words)
            providers.learn(conn, self._view.name, self._view.vendor, words)
        return None, taken.judge

    async def _refused(self, error: ProviderError) -> None:
        await self._standing.refused(error, self._clock.now(), self._settings.poll_every)
        await self._judge.provider(self._view.name)


def known_of(row: BatchRow) -> Known:
    """What an adapter is told of a batch that is known."""
    return Known(
        batch_id=row.look.batch_id,
        look=row.look,
        contacts=row.tally.get(CONTACTS, 0),
        waiting=people(row.tally, ContactStatus.PENDING),
        stopped=row.stopped_by_user,
    )


async def batches_or_each(asking: Asking, ids: Sequence[str], ended: Collection[str]) -> Answers:
    """The same as asking for all at once, and each by itself if that makes an adapter fail."""
    (found,) = await asyncio.gather(asking.batches(ids, ended), return_exceptions=True)
    if isinstance(found, Answers):
        return found
    if isinstance(found, StoreError) or not isinstance(found, Exception):
        raise found
    log.error("looks_failed", error=type(found).__name__, batches=len(ids))
    answers = Answers()
    for each in ids if len(ids) > 1 else ():
        one = await batches_or_each(asking, [each], ended)
        answers.settled |= one.settled
        answers.unknown |= one.unknown
    return answers
