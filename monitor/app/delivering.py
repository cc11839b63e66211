"""Watching over deliveries: receivers that fail, others that hear instead, strays."""

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from functools import partial

import structlog
from sqlalchemy import Connection

from monitor.clock import Clock
from monitor.core.day import GivenUp
from monitor.core.elsewhere import FAILED, GIVEN_UP, about, given_up
from monitor.core.facts import Trouble
from monitor.core.wording import clock, zone_named
from monitor.dispatcher import Dispatcher, Failing, Timing
from monitor.evaluation.fallback import FellBack, fall_back
from monitor.notifiers import Notifier
from monitor.scheduler.judge import Judge
from monitor.store import alerts, deadletters, overdue
from monitor.store.overdue import Overdue
from monitor.store.writer import Priority, Store

log = structlog.get_logger()

WATCH_EVERY = timedelta(seconds=10)
_STRAY = "outbox "  # begins the subject of a trouble with what is owed to nobody
_AT_ONCE = 200  # in one transaction
_HELD_FOR = timedelta(minutes=1)  # what is silenced is looked at again after so long


class Delivering:
    """What becomes of messages that their receivers do not take."""

    def __init__(
        self, store: Store, clock: Clock, notifiers: Mapping[str, Notifier], started_at: datetime
    ) -> None:
        self._store = store
        self._clock = clock
        self._names = tuple(notifiers)
        self._started_at = started_at
        self._failing: set[str] = set()
        self.is_alone = False  # nobody can be told of anything, and the log says so
        self._seen_to: frozenset[Overdue] = frozenset()
        self._held: frozenset[Overdue] = frozenset()  # by a silence, which may end
        self._held_until = started_at
        self._judge: Judge
        self._dispatcher: Dispatcher

    def join(self, judge: Judge, dispatcher: Dispatcher) -> None:
        """Who is to hear of troubles, and who sends; they are made after this."""
        self._judge = judge
        self._dispatcher = dispatcher

    def problems(self) -> tuple[str, ...]:
        """For people: that nobody can be told of anything."""
        return ("no receiver takes messages",) if self._nobody_listens() else ()

    async def on_trouble(self, receiver: str, failing: Failing | None) -> None:
        """A receiver fails, or (None) takes messages again."""
        self._judge.trouble(about(receiver), _undelivered(receiver, failing, self._clock.now()))
        deaf = failing is not None and not failing.partly
        (self._failing.add if deaf else self._failing.discard)(receiver)
        self._say_if_alone()

    def unwritten(self) -> None:
        """What a lane could not write down kept the polls waiting, too: no vendor was silent."""
        self._judge.unwritten()

    async def watch(self) -> None:
        """Have others told of what is not taken, and see to what is owed to nobody."""
        self._say_if_alone()
        now = self._clock.now()
        found = await self._store.read(
            lambda conn: overdue.load_overdue(conn, now, since=self._started_at)
        )
        if now >= self._held_until:
            self._held, self._held_until = frozenset(), now + _HELD_FOR
        told, known = 0, self._seen_to | self._held
        new = [each for each in found if each not in known]
        for some in (new[n : n + _AT_ONCE] for n in range(0, len(new), _AT_ONCE)):
            done = await self._store.write(Priority.OUTBOX, partial(self._fall_back, some, now))
            told += done.parts
            self._held |= done.held
        self._seen_to = frozenset(found) - self._held
        if told:
            self._dispatcher.wake()
        await self._see_to_strays(now)
        await self._tell_of_lost(now)

    async def untold(self) -> int:
        """How many alerts nobody has taken that somebody ought to have."""
        now, since = self._clock.now(), self._started_at
        return await self._store.read(
            lambda conn: overdue.untold(conn, self._names, now, since=since)
        )

    def _say_if_alone(self) -> None:
        """In the log, where whoever looks after the machine may see it when nobody else can.

        Sooner than others would be told: there is nobody whom a moment's trouble would call.
        """
        away = self._dispatcher.away()
        alone = bool(away) and all(gone or name in self._failing for name, gone in away.items())
        if alone and not self.is_alone:
            log.critical(
                "nobody_can_be_told",
                receivers=sorted(away),
                todo="look at offhook status; whatever happens is kept, and told when one is back",
            )
        elif self.is_alone and not alone:
            log.warning("somebody_can_be_told_again")
        self.is_alone = alone

    def _nobody_listens(self) -> bool:
        return bool(self._names) and self._failing.issuperset(self._names)

    def _fall_back(self, some: list[Overdue], now: datetime, conn: Connection) -> FellBack:
        context = self._judge.context
        return fall_back(conn, some, context.routing, context.zone, now)

    async def _tell_of_lost(self, now: datetime) -> None:
        """What was given up is told of until it was sent again."""
        found = await self._store.read(deadletters.load_by_receiver)
        lost = {each.receiver: each for each in found}
        zone = zone_named(self._judge.context.zone)
        for name in self._names:
            trouble = _lost(lost[name], zone, now) if name in lost else None
            self._judge.trouble(given_up(name), trouble)

    async def _see_to_strays(self, now: datetime) -> None:
        """A receiver was renamed or removed with messages still owed to it."""
        before = now - Timing().life

        def read(conn: Connection) -> tuple[Mapping[str, int], set[str]]:
            told = {each.subject.id for each in alerts.load_firing(conn, FAILED)}
            return overdue.load_stray(conn, self._names), told

        stray, told = await self._store.read(read)
        for subject in {each for each in told if each.startswith(_STRAY)} - set(map(_of, stray)):
            self._judge.trouble(subject, None)
        for name, n in stray.items():
            self._judge.trouble(_of(name), _stray(name, n, now))
        if stray:
            buried = await self._store.write(
                Priority.OUTBOX,
                lambda conn: overdue.bury_stray(conn, self._names, before=before, now=now),
            )
            log.warning("owed_to_nobody", receivers=dict(stray), given_up=buried)


_WAITS = "Look at offhook deliveries; nothing is lost, and offhook deliveries replay sends it."
_REFUSED = "Put right in the configuration what is refused; all the others have their messages."


def _of(receiver: str) -> str:
    return f"{_STRAY}{receiver}"


def _stray(receiver: str, n: int, now: datetime) -> Trouble:
    messages = "1 message is" if n == 1 else f"{n} messages are"
    return Trouble(
        rule=FAILED,
        subject=_of(receiver),
        since=now,
        summary=f"{messages} owed to receiver {receiver}, which the configuration does not have",
        todo="Give it back its name, or read what it missed: offhook deliveries --receiver"
        f" {receiver}; after a day it is given up.",
    )


def _lost(lost: GivenUp, zone: tzinfo, now: datetime) -> Trouble:
    when = clock(lost.oldest, zone, now)
    what, again = f"1 message to {lost.receiver}, of {when}, was", "it"
    if lost.n > 1:
        what = f"{lost.n:,} messages to {lost.receiver}, the oldest of {when}, were"
        again = "the oldest"
    return Trouble(
        rule=GIVEN_UP,
        subject=given_up(lost.receiver),
        since=lost.oldest,
        summary=f"{what} given up",
        todo=f"See why with offhook deliveries --state dead --receiver {lost.receiver};"
        f" offhook deliveries replay {lost.key} sends {again} again.",
    )


def _undelivered(receiver: str, failing: Failing | None, now: datetime) -> Trouble | None:
    if failing is None:
        return None
    what = "everything" if failing.partly else "messages"
    return Trouble(
        rule=FAILED,
        subject=about(receiver),
        since=now,
        summary=f"receiver {receiver} does not take {what}: {failing.text}",
        todo=_REFUSED if failing.partly else _WAITS,
        critical=failing.critical,
    )
