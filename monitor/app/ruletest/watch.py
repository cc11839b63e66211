"""Offhook's side of a story: looking, reading, judging and telling, as the daemon does each."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from monitor.app.ruletest import shown
from monitor.app.ruletest.batch import BatchWorld
from monitor.app.ruletest.vendors import Vendors
from monitor.core.alert import AlertState
from monitor.core.message import Message
from monitor.core.pace import REREAD_EVERY
from monitor.core.rule import SubjectKind
from monitor.evaluation.batches import evaluate_batch, is_chosen
from monitor.evaluation.context import Context, ProviderView
from monitor.evaluation.daily import evaluate_days
from monitor.evaluation.expectations import evaluate_expectations
from monitor.evaluation.following import Followed
from monitor.evaluation.judging import Opinion
from monitor.evaluation.providers import evaluate_provider
from monitor.evaluation.saying import (
    batch_opinions,
    expectation_opinions,
    provider_opinions,
)
from monitor.evaluation.vanishing import gone_again
from monitor.ingest.items import take_items
from monitor.ingest.looks import take_look
from monitor.ingest.sweeps import Swept, finish_sweep
from monitor.scheduler.judge import EXPECTED_EVERY
from monitor.store import batches, providers
from monitor.store.batches import BatchRow
from monitor.store.coding import decode
from monitor.store.schema import conversations, outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One message that a receiver took."""

    at: datetime
    receiver: str
    transition: str
    message: Message


class Watch:
    """One installation, on a transaction of which nothing is kept."""

    def __init__(
        self,
        conn: Connection,
        context: Context,
        vendors: Vendors,
        start: datetime,
        *,
        poll: timedelta,
        tick: timedelta,
    ) -> None:
        self._conn = conn
        self._context = context
        self._vendors = vendors
        self._start = start
        self._poll = poll
        self._tick = tick
        kinds = {each.settings.rule.subject for each in context.instances}
        self._of_providers = SubjectKind.PROVIDER in kinds
        # Of accounts as such nothing else is judged.
        self._of_accounts = self._of_providers or bool(context.expectations)
        self._of_days = SubjectKind.DAY in kinds
        self._asked: dict[str, datetime] = {}  # by provider: when it is asked next
        self._looked: dict[str, datetime] = {}  # by batch: when it is looked at next
        self._rows: dict[str, BatchRow] = {}  # as last written here
        self._alarmed: dict[str, set[str]] = {}  # by provider: its open alerts
        self._owed = False
        for view in context.providers.values():
            # What is there at the start is known, and no news.
            row = providers.answered(providers.load(conn, view.name, view.vendor), start)
            providers.save(conn, replace(row, baseline_at=start, discovered_at=start))

    def tick(self, now: datetime) -> Iterator[Followed]:
        """Look at what has moved or is due, read it, and judge everything."""
        for view in self._context.providers.values():
            due = self._of_accounts and now >= self._asked.get(view.name, now)
            if due or view.name in self._vendors.moved:
                self._ask(view, now)
        self._vendors.moved.clear()
        for name, world in self._vendors.worlds.items():
            if world.begun_at is not None and not self._vendors.failure(world.described.provider):
                self._look(name, world, now)
        for each in self._judged(now):
            self._owed = self._owed or each.told > 0
            yield each

    def _judged(self, now: datetime) -> Iterator[Followed]:
        # A provider that no rule looks at has no alerts, so that nothing could come of it.
        if self._of_providers:
            for view in self._context.providers.values():
                if self._may_move(view, now):
                    yield self._judge_provider(view, now)
        if self._context.expectations and (now - self._start) % EXPECTED_EVERY < self._tick:
            yield from evaluate_expectations(self._conn, self._context, now)
        if self._of_days:
            yield from evaluate_days(self._conn, self._context, now)
        for name, row in self._rows.items():
            if not row.open:
                continue
            done = evaluate_batch(self._conn, row.id, self._context, now)
            if done is not None:
                if not done.open or row.ended:
                    self._rows[name] = batches.load(self._conn, row.id)
                yield done.followed

    def _may_move(self, view: ProviderView, now: datetime) -> bool:
        """Whether time alone can move a provider's alerts, or it was asked just now.

        It answers, tells of no account, knows its batches, and has no alert: then nothing does
        until it is asked again.
        """
        vendors = self._vendors
        return (
            self._asked.get(view.name) == now + self._poll
            or self._poll >= view.blind_after
            or bool(self._alarmed.get(view.name))
            or vendors.failure(view.name) is not None
            or vendors.account(view.name, now) is not None
            or vendors.is_one_gone(view.name)
        )

    def _judge_provider(self, view: ProviderView, now: datetime) -> Followed:
        followed = evaluate_provider(self._conn, view, self._context, now)
        alarmed = self._alarmed.setdefault(view.name, set())
        for each in followed.transitions:
            if each.after in _OPEN:
                alarmed.add(each.alert.key)
            else:
                alarmed.discard(each.alert.key)
        return followed

    # Looking

    def _ask(self, view: ProviderView, now: datetime) -> None:
        """Whether the account can be read, and what it tells of itself."""
        self._asked[view.name] = now + self._poll
        row = providers.load(self._conn, view.name, view.vendor)
        failure = self._vendors.failure(view.name)
        if failure is not None:
            providers.save(self._conn, providers.failed(row, failure, now))
            return
        providers.save(self._conn, replace(providers.answered(row, now), discovered_at=now))
        if account := self._vendors.account(view.name, now):
            providers.save_account(self._conn, view.name, view.vendor, account)

    def _look(self, name: str, world: BatchWorld, now: datetime) -> None:
        """Look and read if it is time, as webhooks make it whenever something moves."""
        row = self._rows.get(name)
        if world.gone:
            if row is not None and now >= row.due_at:
                self._rows[name] = gone_again(self._conn, row, now, self._poll)
                batches.save(self._conn, self._rows[name])
            return
        if not (world.moved or _is_due(row, self._looked.get(name, now), now)):
            return
        self._looked[name] = now + self._poll
        view = self._context.providers[world.described.provider]
        look = shown.look(world, now)
        world.moved = False
        if not is_chosen(look, view):
            return
        if view.calendar is not None:
            look = replace(look, calendar=view.calendar)
        row = take_look(self._conn, look, baseline=now == self._start)
        if row.open and _is_read(row, world, now):
            row = self._read(world, row, now)
        self._rows[name] = replace(row, due_at=now)

    def _read(self, world: BatchWorld, row: BatchRow, now: datetime) -> BatchRow:
        # All of it in one transaction, so that nobody sees it begun and not ended.
        taken = take_items(self._conn, row, shown.items(world, now), now).row
        swept = Swept(
            counts=taken.look.counts,
            rows=shown.rows(world),
            run=taken.run,
            every_page=True,
            anew=True,
            row_of_call=world.capabilities.row_of_call,
        )
        return finish_sweep(self._conn, row.id, swept, now)

    # What came of it

    def delivered(self, now: datetime) -> Iterator[Heard]:
        """Every receiver takes what is due, at once."""
        if not self._owed:
            return
        waits = self._conn.execute(
            select(outbox).where(outbox.c.state == "pending").order_by(outbox.c.id)
        ).all()
        for row in waits:
            if row.due_at <= now:
                self._take(row, now)
                message = decode(Message, row.message)
                yield Heard(
                    at=now, receiver=row.receiver, transition=row.transition, message=message
                )
        self._owed = any(row.due_at > now for row in waits)

    def _take(self, row: Any, now: datetime) -> None:
        sent = update(outbox).where(outbox.c.id == row.id)
        self._conn.execute(sent.values(state="sent", sent_at=now))
        told: dict[str, Any] = {"told_at": now}
        if row.part == "root" and self._context.routing.receivers[row.receiver].edits:
            told["remote_id"] = f"message {row.id}"
        talk = update(conversations).where(conversations.c.id == row.conversation)
        self._conn.execute(talk.values(told))

    def opinions(
        self, now: datetime, context: Context | None = None
    ) -> Iterator[tuple[frozenset[str], Opinion]]:
        """What every rule says now, with the names of what it says it of.

        ``context``: what the rules of another configuration would say.
        """
        context = context or self._context
        for view in context.providers.values():
            for opinion in provider_opinions(self._conn, view, context, now):
                yield frozenset({view.name}), opinion
        for name, opinion in expectation_opinions(self._conn, context, now):
            yield frozenset({name}), opinion
        for row in self._rows.values():
            said = batch_opinions(self._conn, row.id, context, now)
            for opinion in said.opinions if said else ():
                look = row.look
                yield frozenset({look.batch_id, look.title, look.provider}), opinion


_OPEN = {AlertState.PENDING, AlertState.FIRING}


def _is_due(row: BatchRow | None, due_at: datetime, now: datetime) -> bool:
    """Whether it is looked at though nothing moved; soon again where an end is to be confirmed."""
    if row is None:
        return True
    if not row.open:
        return False
    return now >= due_at or (row.ended and row.reported_at is None)


def _is_read(row: BatchRow, world: BatchWorld, now: datetime) -> bool:
    """Whether the lists are read: something moved or should have, or an end is to be proven."""
    if world.unread or row.listed_at is None or row.look.counts != row.swept_counts:
        return True
    if world.is_retry_due(now):
        return True
    read = row.read_at or row.listed_at
    if now - read >= REREAD_EVERY:
        return True
    ended = row.terminal_at
    return ended is not None and (row.complete_at is None or row.complete_at < ended)
