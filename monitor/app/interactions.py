"""What people press in Slack, done: one function for all of it, whichever way it came in.

Slack wants an answer within three seconds, and no database and no vendor promises that. So a
press is answered at once, done after that, and what came of it is told to whoever pressed.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from sqlalchemy import Connection

from monitor.app.acting import Acted, Outcome, RefusedError
from monitor.app.replies import Reply, say
from monitor.clock import Clock
from monitor.core.alert import Alert, AlertState
from monitor.core.compose import compose, labels_of
from monitor.core.route import Matcher
from monitor.core.rule import SubjectKind
from monitor.core.silence import Source, acknowledged_by, silenced_by
from monitor.core.wish import SilenceError, Wish, in_words
from monitor.errors import DeliveryError, StoreError
from monitor.notifiers import Envelope
from monitor.notifiers.slack import SlackBot
from monitor.notifiers.slack.bot import channel_of
from monitor.notifiers.slack.buttons import Deed, stop_form, value_of
from monitor.notifiers.slack.press import Press, objection, read
from monitor.notifiers.slack.render import blocks
from monitor.store import alerts, roots, runs, series, silences
from monitor.store.writer import Priority, Store
from monitor.web.slack import BusyError
from rules import compliance

log = structlog.get_logger()

HOUR = timedelta(hours=1)
FORM_DEADLINE_S = 2.5  # a form can be opened for three seconds
MOST_AT_ONCE = 50
MOST_WAITING = 2_000  # hours of the work of one channel
_REMEMBERED = 5_000  # presses that would be known again
_COMMENT = "pressed in Slack"
_PATIENCE_S = 2.0

_FOREIGN = (
    "This button belongs to another Offhook, or to one that was set up differently."
    " Nothing was done."
)
_UNKNOWN = "Offhook does not know this alert any more. Nothing was done."
_ELSEWHERE = "This alert was never told here. Nothing was done."
_NO_STORE = "The database cannot be used just now. Nothing was done; try again in a minute."


class Acts(Protocol):
    """Whoever acts at vendors as ``Acting`` does."""

    def action(self, provider_name: str, action: str) -> object:
        """RefusedError where nobody may do it from here."""
        ...

    async def act(
        self, provider_name: str, batch_id: str, action: str, *, who: str, source: Source
    ) -> Acted:
        """Do it, or say why not."""
        ...


class Interactions:
    """The presses of one configuration's receivers."""

    def __init__(
        self,
        *,
        bots: Mapping[str, SlackBot],
        store: Store,
        clock: Clock,
        acting: Acts,
        zone: str,
        link: Callable[[Alert], str | None],
        changed: Callable[[], None],
    ) -> None:
        """``changed`` has the alerts looked at soon, so that messages show what was done."""
        self._bots = bots
        self._store = store
        self._clock = clock
        self._acting = acting
        self._zone = zone
        self._link, self._changed = link, changed
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns = asyncio.Semaphore(MOST_AT_ONCE)
        self._seen: OrderedDict[str, None] = OrderedDict()

    def take(self, payload: Any, receivers: Collection[str]) -> dict[str, Any] | None:
        """Begin to do it; what to answer at once, None for a mere "heard".

        ``receivers`` are those whose secret proved that this came from Slack. BusyError when
        so much waits that it is not heard: whoever passes that on lets Slack say so.
        """
        wrong = objection(payload)
        press = read(payload)
        if wrong is not None or press is None or press.once in self._seen:
            return wrong
        if len(self._tasks) >= MOST_WAITING:
            log.warning("press_left_out", why="too many wait", receiver=press.receiver)
            raise BusyError
        self._note(press.once)
        task = asyncio.create_task(self._work(press, receivers))
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return None

    async def handle(self, press: Press) -> Reply | None:
        """Do what is asked for and say what came of it; None when a form asks once more."""
        if press.deed is None:
            return Reply(text=_FOREIGN)
        try:
            found = await self._store.read(lambda conn: _meant(conn, press))
            if isinstance(found, Reply):
                return found
            return await self._done(press, press.deed, found)
        except StoreError as error:
            log.warning("press_not_done", receiver=press.receiver, error=str(error))
            return Reply(text=_NO_STORE)
        except SilenceError as error:
            return Reply(text=": ".join(part for part in (str(error), error.hint) if part))
        except RefusedError as error:
            return Reply(text=str(error))

    async def close(self) -> None:
        """Give what is being done a moment to end."""
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=_PATIENCE_S)
            for task in late:
                task.cancel()
            if late:
                log.warning("presses_cut_off", n=len(late))

    async def _done(self, press: Press, deed: Deed, alert: Alert) -> Reply | None:
        now = self._clock.now()
        match deed:
            case Deed.DETAILS:
                return await self._store.read(lambda conn: self._details(conn, alert, now))
            case Deed.ACK:
                return await self._store.write(
                    Priority.OUTBOX, lambda conn: _acknowledged(conn, press, now)
                )
            case Deed.HOUR | Deed.BATCH:
                return await self._store.write(
                    Priority.OUTBOX, lambda conn: _silenced(conn, press, alert, now)
                )
            case Deed.PAUSE | Deed.RESUME | Deed.STOP:
                return await self._acted(press, deed, alert)

    async def _acted(self, press: Press, deed: Deed, alert: Alert) -> Reply | None:
        subject = alert.subject
        if subject.kind is not SubjectKind.BATCH:
            return Reply(text="This is not about a batch. Nothing was done.")
        self._acting.action(subject.provider, deed.value)  # RefusedError where nobody may
        if deed is Deed.STOP and not press.sure:
            return await self._asked_again(press, alert)
        acted = await self._acting.act(
            subject.provider, subject.id, deed.value, who=press.who, source=Source.SLACK
        )
        return Reply(text=acted.text, told=acted.outcome in {Outcome.DONE, Outcome.UNKNOWN})

    async def _asked_again(self, press: Press, alert: Alert) -> Reply | None:
        """What cannot be undone is asked twice: in the button's dialog, and in a form."""
        value = value_of(press.receiver, press.alert)
        form = stop_form(value, alert.subject.title, press.channel, press.thread)
        asked = {"trigger_id": press.trigger or "", "view": form}
        try:
            api = self._bots[press.receiver].api
            await api.call("views.open", asked, deadline=FORM_DEADLINE_S)
        except DeliveryError as error:
            log.warning("form_not_opened", receiver=press.receiver, word=error.word)
            return Reply(text="Slack did not open the second question. Nothing was done.")
        return None

    def _details(self, conn: Connection, alert: Alert, now: datetime) -> Reply:
        """All that is known of the alert now, with who has it and what holds it back."""
        message = compose(alert, at=now, default_zone=self._zone, link=self._link(alert))
        subject = alert.subject
        if subject.kind is SubjectKind.BATCH:
            shown = series.load(conn, subject.provider, subject.id, now)
            message = replace(message, series=shown)
        standing = silences.load_standing(conn, now)
        acked = acknowledged_by(alert, standing, now)
        silenced = silenced_by(alert, standing, now, compliance())
        if silenced is not None:
            line = ("silenced", f"{in_words(silenced)} (by {silenced.author}, id {silenced.id})")
            message = replace(message, lines=(*message.lines, line))
        if acked is not None and not message.acknowledged:
            message = replace(message, acknowledged=acked.author)
        envelope = Envelope(key=alert.key, first_key=alert.key, part="thread", messages=(message,))
        return Reply(text=message.sentence, blocks=tuple(blocks(envelope)))

    async def _work(self, press: Press, receivers: Collection[str]) -> None:
        """In its turn: many at once wait for each other, and none is left out."""
        async with self._turns:
            await self._do(press, receivers)

    async def _do(self, press: Press, receivers: Collection[str]) -> None:
        bot = self._bots.get(press.receiver) if press.receiver in receivers else None
        if bot is None or not bot.is_at(press.channel):
            bot = next((self._bots[name] for name in receivers if name in self._bots), None)
            press = replace(press, deed=None)
        log.info("pressed", receiver=press.receiver, alert=press.alert, deed=press.deed or "")
        reply = await self.handle(press)
        if press.deed is not Deed.DETAILS:
            self._changed()
        if bot is None or reply is None:
            return
        try:
            await say(bot, press, reply)
        except DeliveryError as error:
            log.warning("reply_not_sent", receiver=press.receiver, word=error.word, text=error.text)

    def _note(self, once: str) -> None:
        self._seen[once] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("press_failed", error=type(error).__name__)


def _meant(conn: Connection, press: Press) -> Alert | Reply:
    """The alert, if its receiver told of it in this channel; else what to say."""
    alert = alerts.load_key(conn, press.alert)
    if alert is None:
        return Reply(text=_UNKNOWN)
    places = roots.load_places(conn, alert=press.alert, receiver=press.receiver)
    if places is None or not (places == set() or press.channel in map(channel_of, places)):
        return Reply(text=_ELSEWHERE)
    return alert


def _acknowledged(conn: Connection, press: Press, now: datetime) -> Reply:
    held = silences.acknowledge(conn, press.alert, by=press.who, source=Source.SLACK, now=now)
    if not held.new:
        return Reply(text="You have acknowledged this already.")
    return Reply(
        text="Acknowledged: it is not repeated until it is over. The message says so soon."
    )


def _silenced(conn: Connection, press: Press, alert: Alert, now: datetime) -> Reply:
    """One rule about one subject, and nothing else, for an hour or until the batch ends."""
    if alert.state not in {AlertState.FIRING, AlertState.PENDING}:
        return Reply(text=f"It is over already: {alert.reason.words}. Nothing was silenced.")
    run = None
    if press.deed is Deed.BATCH:
        run = runs.find_run(conn, alert.subject.id, alert.subject.provider)
    standing = silenced_by(alert, silences.load_standing(conn, now), now, compliance())
    if standing is not None and standing.author == press.who:
        lasts = standing.over_at()
        if standing.until_end_of == run and (run or lasts is None or lasts > now + HOUR / 2):
            return Reply(text=f"You have silenced this already: {_ending(standing.id)}.")
    labels = labels_of(alert)
    named = [name for name in ("rule", "provider", "batch") if labels.get(name)]
    wish = Wish(
        author=press.who,
        source=Source.SLACK,
        comment=_COMMENT,
        matchers=tuple(Matcher(name, "=", labels[name]) for name in named),
        lasts=None if run else HOUR,
        until_end_of=run,
    )
    held = silences.add(conn, wish, now)
    until = "until the batch ends" if run else "for 1 h"
    return Reply(
        text=f"Silenced {until}, this rule here only; {held.text}. {_ending(held.silence.id)}."
    )


def _ending(silence: str) -> str:
    return f"offhook silence expire {silence} ends it"
