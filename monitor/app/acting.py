"""Pausing, resuming and stopping a batch at its vendor, for whoever asks and from wherever.

What is about to be asked is written down before, and what came of it after, so that a crash in
between leaves a trace. The vendor is asked once. Where no answer says what became of it, a look
at the batch does.
"""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, assert_never
from weakref import WeakValueDictionary

import structlog
from sqlalchemy import Connection

from monitor.clock import Clock
from monitor.config import Config
from monitor.core.model import Batch, BatchStatus
from monitor.core.silence import Source
from monitor.core.stopping import AFTER, PAST, StoppedBy, already, named, unfit
from monitor.errors import ProviderError, StoreError
from monitor.evaluation.batches import is_chosen
from monitor.evaluation.context import ProviderView
from monitor.providers import Known, LookFailed, Provider
from monitor.providers.build import facts_of
from monitor.providers.facts import Action, Taken, Took, VendorFacts
from monitor.settings import ProviderSettings
from monitor.store import audit, batches, stopping
from monitor.store.audit import Deed
from monitor.store.batches import BatchRow
from monitor.store.writer import Priority, Store

log = structlog.get_logger()

_ID = 200  # characters of an id that is kept of what was refused


class Outcome(StrEnum):
    """What came of it."""

    DONE = "done"
    ALREADY = "already"  # it stands as was asked for; the vendor was not asked
    REFUSED = "refused"  # by Offhook, or by the vendor
    UNKNOWN = "unknown"  # the vendor may have done it


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """What came of one action; ``text`` is the sentence for whoever asked.

    ``usage``: it was refused because it cannot be asked for like that, whatever the vendor
    would say.
    """

    provider: str
    batch: str
    action: str
    outcome: Outcome
    text: str
    title: str = ""
    status: str | None = None  # of the batch, as far as is known now
    usage: bool = False


class RefusedError(Exception):
    """It is not asked of the vendor; the text is for people."""

    def __init__(self, text: str, *, already: bool = False, usage: bool = True) -> None:
        super().__init__(text)
        self.already = already
        self.usage = usage


def actions_of(settings: ProviderSettings, facts: VendorFacts) -> tuple[str, ...]:
    """What people may do to the batches of a provider: what is documented, where it is allowed."""
    if not getattr(settings, "actions", False):
        return ()
    return tuple(each.name for each in facts.actions)


class Acting:
    """One configuration's way to act at vendors."""

    def __init__(
        self,
        config: Config,
        views: Mapping[str, ProviderView],
        providers: Mapping[str, Provider],
        store: Store,
        clock: Clock,
    ) -> None:
        self._config = config
        self._views = views
        self._providers = providers
        self._store = store
        self._clock = clock
        self._one_by_one: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def act(
        self, provider_name: str, batch_id: str, action: str, *, who: str, source: Source
    ) -> Acted:
        """Do it, or say why not. Of two who ask for the same, the second hears that it is done.

        StoreError where nothing can be written down: then nothing is asked of the vendor.
        """
        asked = _Asked(provider_name, batch_id[:_ID], action, named(who), source)
        one = self._one_by_one.setdefault((asked.provider, asked.batch), asyncio.Lock())
        async with one:
            try:
                row, chosen = await self._checked(asked)
            except RefusedError as error:
                outcome = Outcome.ALREADY if error.already else Outcome.REFUSED
                await self._note(asked, audit.REFUSED, str(error))
                return asked.acted(outcome, str(error), usage=error.usage)
            await self._note(asked, audit.UNKNOWN, "about to ask the vendor")
            return await self._asked_for(asked, row, chosen)

    async def _asked_for(self, asked: "_Asked", row: BatchRow, chosen: Action) -> Acted:
        """Ask the vendor, once; what came of it is told also where it cannot be written down."""
        log.info("acting", provider=asked.provider, batch=asked.batch, action=asked.action)
        took = await self._providers[asked.provider].act(chosen, row.look)
        if took.taken is Taken.UNKNOWN:
            took = await self._found_out(row, asked.action, took)
        acted = _acted(asked, row, took)
        log.info("acted", provider=asked.provider, batch=asked.batch, outcome=acted.outcome.value)
        try:
            await self._keep(asked, row, took)
        except StoreError as error:
            log.error("act_not_kept", provider=asked.provider, error=str(error))  # noqa: TRY400 - no traceback helps
            text = f"{acted.text}; but that could not be written down: {error}"
            return replace(acted, text=text)
        return acted

    def action(self, provider_name: str, action: str) -> Action:
        """The vendor's action of this name; RefusedError where nobody may do it from here."""
        settings = self._config.providers.get(provider_name)
        if settings is None:
            known = ", ".join(self._config.providers)
            raise RefusedError(f"there is no provider {provider_name!r}; known: {known}")
        facts = facts_of(settings)
        chosen = facts.action(action)
        if chosen is None:
            vendor = self._providers[provider_name].vendor
            others = ", ".join(each.name for each in facts.actions)
            what = f"documents no {action}, only {others}" if others else "documents no actions"
            raise RefusedError(f"{vendor} {what}; use the vendor's own page")
        if action not in actions_of(settings, facts):
            raise RefusedError(
                f"nobody may act at {provider_name} from here; to allow it, add to"
                f" [providers.{provider_name}]: actions = true"
            )
        return chosen

    async def _checked(self, asked: "_Asked") -> tuple[BatchRow, Action]:
        """The batch and the action, where both are there and go together; else RefusedError."""
        if not asked.who:
            raise RefusedError("say who you are")
        chosen = self.action(asked.provider, asked.action)
        row, done = await self._store.read(lambda conn: _known(conn, asked))
        view = self._views[asked.provider]
        if row is None:
            raise RefusedError(f"there is no batch {asked.batch!r} at {asked.provider}")
        if not is_chosen(row.look, view):
            raise RefusedError(f"{row.look.title} is not watched: match leaves it out")
        if not row.open:
            raise RefusedError(f"{row.look.title} is watched no longer: it has ended", usage=False)
        reason = unfit(asked.action, _standing(row, done))
        if reason is not None:
            # What is known may be old by now, and somebody may be in a hurry.
            look = await self._look(row, stopped=row.stopped_by_user)
            status = _standing(row, done) if look is None else look.status
            reason = unfit(asked.action, status)
            if reason is not None:
                stands = already(asked.action, status)
                text = f"{row.look.title}: {reason}"
                raise RefusedError(text, already=stands, usage=False)
        return row, chosen

    async def _look(self, row: BatchRow, *, stopped: bool) -> Batch | None:
        """How the batch stands at the vendor now; None where that cannot be learnt."""
        known = Known(batch_id=row.look.batch_id, look=row.look, stopped=stopped)
        try:
            async with aclosing(self._providers[row.look.provider].looks([known])) as looks:
                async for look in looks:
                    return None if isinstance(look, LookFailed) else look
        except ProviderError as error:
            log.info("look_failed", provider=row.look.provider, error=str(error))
        return None

    async def _found_out(self, row: BatchRow, action: str, took: Took) -> Took:
        """What a look tells of an action that may have been taken."""
        look = await self._look(row, stopped=row.stopped_by_user)
        if look is None:
            return Took(Taken.UNKNOWN, f"{took.text}; nor can the batch be looked at now")
        if look.status is AFTER[action]:
            return Took(Taken.DONE, f"{took.text}; a look shows that it is {PAST[action]}")
        stands = look.raw_status or look.status.value.replace("_", " ")
        return Took(Taken.UNKNOWN, f"{took.text}; the vendor calls it {stands} now")

    async def _keep(self, asked: "_Asked", row: BatchRow, took: Took) -> None:
        now = self._clock.now()

        def write(conn: Connection) -> None:
            audit.record(conn, asked.deed(now, _OUTCOME[took.taken], took.text))
            if took.taken is Taken.DONE:
                newest = batches.load(conn, row.id)
                if newest.run == row.run:
                    stopping.mark(conn, newest, asked.action, now)
            else:
                stopping.hurry(conn, row.id, now)

        await self._store.write(Priority.OUTBOX, write)

    async def _note(self, asked: "_Asked", outcome: str, detail: str) -> None:
        now = self._clock.now()
        await self._store.write(
            Priority.OUTBOX, lambda conn: audit.record(conn, asked.deed(now, outcome, detail))
        )


_OUTCOME = {
    Taken.DONE: audit.DONE,
    Taken.REFUSED: audit.REFUSED,
    Taken.UNKNOWN: audit.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class _Asked:
    """One action as somebody asked for it."""

    provider: str
    batch: str
    action: str
    who: str
    source: Source

    def deed(self, at: datetime, outcome: str, detail: str) -> Deed:
        """It, as the audit keeps it."""
        return Deed(
            at=at,
            who=self.who,
            source=self.source.value,
            what=f"batch.{self.action}",
            target=self.batch,
            outcome=outcome,
            detail=detail,
            provider=self.provider,
        )

    def acted(self, outcome: Outcome, text: str, **more: Any) -> Acted:
        """What came of it."""
        return Acted(
            provider=self.provider,
            batch=self.batch,
            action=self.action,
            outcome=outcome,
            text=text,
            **more,
        )


def _acted(asked: _Asked, row: BatchRow, took: Took) -> Acted:
    title = row.look.title
    match took.taken:
        case Taken.DONE:
            text = f"{title}: {PAST[asked.action]} by {asked.who}"
            status = AFTER[asked.action].value
            return asked.acted(Outcome.DONE, text, title=title, status=status)
        case Taken.REFUSED:
            text = f"{title}: not {PAST[asked.action]}: {took.text}"
            return asked.acted(Outcome.REFUSED, text, title=title, status=row.look.status.value)
        case Taken.UNKNOWN:
            text = f"{title}: nobody knows yet whether it is {PAST[asked.action]}: {took.text}"
            return asked.acted(Outcome.UNKNOWN, text, title=title)
        case _:
            assert_never(took.taken)


def _known(conn: Connection, asked: _Asked) -> tuple[BatchRow | None, StoppedBy | None]:
    row = batches.find(conn, asked.provider, asked.batch)
    return row, stopping.last_done(conn, asked.provider, asked.batch)


def _standing(row: BatchRow, done: StoppedBy | None) -> BatchStatus:
    """How the batch stands: by its newest look, or by what was done since."""
    if done is not None and done.at >= row.look.seen_at:
        return AFTER[done.action]
    return row.look.status
