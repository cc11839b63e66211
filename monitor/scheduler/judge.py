"""Judging on time: every watched batch every few seconds, and whatever has just changed."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC as _UTC
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from sqlalchemy import Connection

from monitor.clock import Clock
from monitor.core.elsewhere import troubles_of
from monitor.core.facts import Trouble
from monitor.core.hearing import Refusals
from monitor.core.rule import DayRule
from monitor.dates import Dates
from monitor.dispatcher import Ahead
from monitor.errors import StoreError
from monitor.evaluation.batches import BatchEvaluated, evaluate_batch
from monitor.evaluation.context import Context
from monitor.evaluation.daily import evaluate_days
from monitor.evaluation.expectations import evaluate_expectations
from monitor.evaluation.following import Followed
from monitor.evaluation.providers import evaluate_provider
from monitor.evaluation.skews import skewed
from monitor.evaluation.system import close_orphans, evaluate_system
from monitor.scheduler.moves import log_moves
from monitor.scheduler.troubles import crashed, jumped, not_configured, unknown_words
from monitor.store import batches, silences
from monitor.store.writer import Priority, Store

T = TypeVar("T")

log = structlog.get_logger()

# A wall clock that moves this much against the monotonic one has been set, not run.
JUMP = timedelta(seconds=30)
JUMP_TROUBLE_FOR = timedelta(minutes=10)
EXPECTED_EVERY = timedelta(minutes=1)


class Judge:
    """Runs evaluations, one transaction a subject, and remembers Offhook's own troubles."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        context: Context,
        wake: Callable[[], None],
        dates: Mapping[str, Dates] | None = None,
        refusals: Mapping[str, Refusals] | None = None,
        ahead: Callable[[], Ahead] = Ahead,
    ) -> None:
        self._store = store
        self._clock = clock
        self._context = context
        self._wake = wake
        self._ahead = ahead
        self._dates = dates or {}  # what the answers of each provider say of its clock
        # Webhooks that did not prove who sent them, by provider; others keep the account.
        self._refusals = {} if refusals is None else refusals
        self._pending: set[int] = set()
        self._troubles: dict[str, Trouble] = {}
        # Seen to be well in this process, which has read its configuration and its clock.
        self._over: set[str] = {"clock", "configuration"}
        self._crashed: dict[str, set[str]] = {}
        self._drift = self._clock_drift()
        self._begun = False
        self._expected_from = 0.0  # monotonic
        self.judged_at: float | None = None  # monotonic: when the last full round ended
        self.whole_at: float | None = None  # the same, of the last in which nothing failed

    @property
    def context(self) -> Context:
        """What the evaluations go by now."""
        return self._context

    def is_pending(self, batch: int) -> bool:
        """Whether an alert of the batch waits to fire."""
        return batch in self._pending

    @property
    def anything_pending(self) -> bool:
        """Whether any alert waits to fire."""
        return bool(self._pending)

    async def begin(self) -> None:
        """Close what the configuration has no place for any more."""
        now = self._clock.now()
        closed = await self._write(lambda conn: close_orphans(conn, self._context, now))
        self._over |= await self._store.read(lambda conn: not_configured(conn, self._context))
        self._begun = True
        if closed:
            log.info("alerts_closed", reason="rule_changed", count=closed)

    async def batch(self, batch: int) -> BatchEvaluated | None:
        """Judge one batch now."""
        now = self._clock.now()
        done = await self._write(lambda conn: evaluate_batch(conn, batch, self._context, now))
        self._judged(batch, done, now)
        return done

    async def together(self, take: Callable[[Connection], tuple[T, Iterable[int]]]) -> T:
        """Write something and judge the batches that it names, all in one transaction.

        From news to a message on its way it costs one commit. What cannot be judged is not
        written either.
        """
        now = self._clock.now()

        def write(conn: Connection) -> tuple[T, dict[int, BatchEvaluated | None]]:
            made, moved = take(conn)
            judged = {batch: evaluate_batch(conn, batch, self._context, now) for batch in moved}
            if any(done.followed.told for done in judged.values() if done is not None):
                ahead.claim(conn, now)
            return made, judged

        async with self._ahead() as ahead:
            made, judged = await self._write(write, Priority.NEWS)
        await ahead.away()
        for batch, done in judged.items():
            self._judged(batch, done, now)
        return made

    def _judged(self, batch: int, done: BatchEvaluated | None, now: datetime) -> None:
        if done is None:
            return
        (self._pending.add if done.followed.pending else self._pending.discard)(batch)
        self._followed(f"batch {batch}", done.followed, now)
        if not done.open:
            self._recovered_from(f"batch {batch}", set(self._crashed))

    async def provider(self, name: str) -> None:
        """Judge one provider now."""
        now = self._clock.now()
        view = self._context.providers[name]
        refused = self._refusals[name].told() if name in self._refusals else None
        done = await self._write(
            lambda conn: evaluate_provider(conn, view, self._context, now, refused)
        )
        self._followed(f"provider {name}", done, now)

    async def everything(self) -> None:
        """One round: the clock, every provider, every watched batch, Offhook itself.

        A subject that cannot be judged keeps no other from being judged; its error is raised
        at the end.
        """
        self._watch_the_clock()
        if not self._begun:
            await self.begin()
        watched = await self._store.read(batches.watched_ids)
        found = await asyncio.gather(
            self._write(lambda conn: silences.close_ended(conn, self._clock.now())),
            *(self.provider(name) for name in self._context.providers),
            *(self.batch(batch) for batch in watched),
            self.itself(),
            self.days(),
            self.expected(),
            return_exceptions=True,
        )
        self.judged_at = self._clock.monotonic()
        errors = [each for each in found if isinstance(each, BaseException)]
        if errors:
            raise errors[0]
        self.whole_at = self.judged_at
        self._over |= self._never_crashed()

    async def itself(self) -> None:
        """Judge Offhook's own troubles now."""
        now = self._clock.now()
        self._end_old_troubles(now)
        self._compare_clocks(now)
        views = list(self._context.providers.values())
        known = self._troubles | await self._store.read(lambda conn: unknown_words(conn, views))
        over = frozenset(self._over)
        done = await self._write(
            lambda conn: evaluate_system(conn, known, over, self._context, now)
        )
        for each in done:
            self._followed("offhook", each, now)

    async def expected(self) -> None:
        """Judge what is expected, where a minute has passed since: it is due to the minute."""
        if not self._context.expectations or self._clock.monotonic() < self._expected_from:
            return
        now = self._clock.now()
        judged = await self._write(lambda conn: evaluate_expectations(conn, self._context, now))
        self._expected_from = self._clock.monotonic() + EXPECTED_EVERY.total_seconds()
        for expectation, done in zip(self._context.expectations, judged, strict=True):
            self._followed(f"expectation {expectation.name}", done, now)

    async def days(self) -> None:
        """Report the day, where its time has come."""
        if not any(isinstance(each.settings.rule, DayRule) for each in self._context.instances):
            return
        now = self._clock.now()
        for done in await self._write(lambda conn: evaluate_days(conn, self._context, now)):
            self._followed("day", done, now)

    def trouble(self, subject: str, trouble: Trouble | None) -> None:
        """Note a trouble of Offhook's own, or (None) that it is seen to be over.

        A trouble that is merely not known, after a restart, is not over.
        """
        if trouble is None:
            self._troubles.pop(subject, None)
            self._over.add(subject)
            return
        self._over.discard(subject)
        since = self._troubles.get(subject, trouble).since
        self._troubles[subject] = replace(trouble, since=since)

    def inherit(self, before: "Judge") -> None:
        """Take over what only the process knows, of what is still configured."""
        known, crashed, context = before._troubles, before._crashed, before._context  # noqa: SLF001 - one of its own kind
        rules = {each.name for each in self._context.instances}
        gone = {f"rule {name}" for name in crashed if name not in rules}
        gone |= {
            subject
            for name in context.routing.receivers
            if name not in self._context.routing.receivers
            for subject in troubles_of(name)
        }
        self._troubles = {subject: each for subject, each in known.items() if subject not in gone}
        self._over = (before._over | gone) - set(self._troubles)  # noqa: SLF001 - the same
        self._crashed = {name: found for name, found in crashed.items() if name in rules}
        self._context = replace(self._context, held_since=context.held_since, people=context.people)

    async def _write(
        self, fn: Callable[[Connection], T], priority: Priority = Priority.EVALUATE
    ) -> T:
        try:
            return await self._store.write(priority, fn)
        except StoreError:
            self.unwritten()
            raise

    def unwritten(self) -> None:
        """Something could not be written down: no silence of a vendor's, it counts from here."""
        self._context = replace(self._context, started_at=self._clock.now())

    def _recovered_from(self, subject: str, rules: set[str]) -> None:
        """These rules no longer crash on the subject."""
        for rule in rules & set(self._crashed):
            self._crashed[rule].discard(subject)
            if not self._crashed[rule]:
                del self._crashed[rule]
                self.trouble(f"rule {rule}", None)

    def _never_crashed(self) -> set[str]:
        """The subjects of rules that everything was judged by without a crash."""
        names = {each.name for each in self._context.instances}
        return {f"rule {name}" for name in names - set(self._crashed)}

    def _followed(self, subject: str, followed: Followed, now: datetime) -> None:
        for rule, error in followed.crashes.items():
            self._crashed.setdefault(rule, set()).add(subject)
            self.trouble(f"rule {rule}", crashed(rule, error, now))
        self._recovered_from(subject, set(followed.judged) - set(followed.crashes))
        log_moves(followed)
        if followed.told:
            self._wake()

    def _clock_drift(self) -> timedelta:
        return self._clock.now() - datetime.fromtimestamp(self._clock.monotonic(), _UTC)

    def _watch_the_clock(self) -> None:
        drift, before = self._clock_drift(), self._drift
        self._drift = drift
        if abs(drift - before) <= JUMP:
            return
        now = self._clock.now()
        started = min(self._context.started_at, now)
        self._context = replace(self._context, held_since=now, started_at=started)
        seconds = round((drift - before).total_seconds())
        log.warning("clock_jumped", seconds=seconds)
        self.trouble("clock", jumped(seconds, now))

    def _compare_clocks(self, now: datetime) -> None:
        skews: dict[str, list[timedelta]] = {}
        for name, dates in self._dates.items():
            skew = dates.skew
            if skew is not None:
                skews.setdefault(self._context.providers[name].vendor, []).append(skew)
        for subject, trouble in skewed(skews, now).items():
            self.trouble(subject, trouble)

    def _end_old_troubles(self, now: datetime) -> None:
        jump = self._troubles.get("clock")
        if jump is not None and now - jump.since >= JUMP_TROUBLE_FOR:
            self.trouble("clock", None)
