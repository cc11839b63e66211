"""One delivery to one receiver: what each outcome means, and what is done about it."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from monitor.clock import Clock
from monitor.dispatcher.schedule import Timing, asked_delay, retry_delay
from monitor.errors import DeliveryError, Sent
from monitor.notifiers import Envelope, Notifier, Receipt
from monitor.store import outbox, outcomes
from monitor.store.claims import Claim
from monitor.store.outcomes import Note
from monitor.store.writer import Priority, Store

# The clocks of a channel and of this machine may differ.
_CLOCKS_APART = timedelta(minutes=2)
_LONGEST_PAUSE = timedelta(seconds=30)

log = structlog.get_logger()


class Attempt:
    """Delivers to one receiver, and remembers how that receiver has fared."""

    def __init__(
        self,
        *,
        store: Store,
        notifier: Notifier,
        clock: Clock,
        timing: Timing,
        on_trouble: Callable[[str, str | None], Awaitable[None]],
        chance: Callable[[], float],
    ) -> None:
        self.receiver = notifier.receiver
        self._store = store
        self._notifier = notifier
        self._clock = clock
        self._timing = timing
        self._on_trouble = on_trouble
        self._chance = chance
        self._paused_until = self._sent_at = float("-inf")
        self._failing_since: float | None = None
        self._in_trouble: bool | None = None  # not known before the first outcome

    def pause_left(self) -> float:
        """Seconds for which the receiver is to be left alone."""
        return self._paused_until - self._clock.monotonic()

    async def deliver(self, claim: Claim) -> None:
        """Take one claim as far as it goes now."""
        if not claim.look:
            await self._attempt(claim, repeat=claim.leader.possible_repeat)
        elif claim.watched or (self.receiver.readable and not claim.edits):
            await self._look(claim)
        else:
            await self._again(claim, repeat=not claim.edits)

    async def _look(self, claim: Claim) -> None:
        """Send again only what the channel does not hold, and leave one copy of what it holds."""
        since = (claim.leader.attempt_at or claim.leader.created_at) - _CLOCKS_APART
        key = claim.leader.delivery_key
        try:
            found = await self._notifier.find([key], since, claim.conversation.remote_id)
            copies = found.get(key, ())
            for younger in copies[1:]:
                await self._notifier.remove(younger)
        except DeliveryError as error:
            await self._not_found_out(claim, error)
            return
        if copies or claim.watched:
            remote_id = copies[0] if copies else claim.leader.remote_id
            await self._sent(claim, remote_id, self._note("found"))
        else:
            # Readers need no mark: the channel was read a moment ago, and is once more later.
            await self._again(claim, repeat=False)

    async def _not_found_out(self, claim: Claim, error: DeliveryError) -> None:
        now = self._clock.now()
        if error.certainty is not Sent.REFUSED and not self._too_old(claim, now):
            await self._look_later(claim, error, now + self._wait(claim, error))
        elif claim.watched:
            await self._sent(claim, claim.leader.remote_id, self._note("sent"))
        else:
            # It cannot be read at all, so it is treated as one that never can.
            await self._again(claim, repeat=True)

    async def _look_later(self, claim: Claim, error: DeliveryError, until: datetime) -> None:
        note = self._note("ambiguous", error)
        await self._write(lambda conn: outcomes.mark_unclear(conn, claim, until=until, note=note))
        await self._failed(claim, error)

    async def _again(self, claim: Claim, *, repeat: bool) -> None:
        if self._too_old(claim, self._clock.now()):
            await self._bury(claim, self._note("ambiguous"), "it is a day old")
            return
        now, lease = self._clock.now(), self._timing.lease
        begun = await self._store.write(
            Priority.OUTBOX,
            lambda conn: outcomes.begin_again(conn, claim, now=now, lease=lease),
        )
        if begun is not None:
            await self._attempt(begun, repeat=repeat)

    async def _attempt(self, claim: Claim, *, repeat: bool) -> None:
        envelope = Envelope(
            key=claim.leader.delivery_key,
            first_key=claim.first_key,
            part=claim.part,
            messages=claim.messages,
            root=claim.conversation.remote_id,
            possible_repeat=repeat,
            plain=claim.leader.plain,
        )
        await self._keep_pace()
        outcome = await self._send(envelope)
        if isinstance(outcome, Receipt):
            await self._taken(claim, outcome)
        else:
            await self._not_taken(claim, outcome)

    async def _keep_pace(self) -> None:
        pace = self._timing.pace.get(self.receiver.kind, 0.0)
        left = self._sent_at + pace - self._clock.monotonic()
        if left > 0:
            await self._clock.sleep(left)

    async def _send(self, envelope: Envelope) -> Receipt | DeliveryError:
        try:
            return await self._notifier.send(envelope)
        except DeliveryError as error:
            return error
        except Exception as error:  # one delivery must not stop those behind it
            log.exception("delivery_crashed", receiver=self.receiver.name)
            word = type(error).__name__
            return DeliveryError(Sent.AMBIGUOUS, word, "the notifier failed; see the log")
        finally:
            self._sent_at = self._clock.monotonic()

    async def _taken(self, claim: Claim, receipt: Receipt) -> None:
        note = self._note("sent", text=receipt.remark)
        remote_id = receipt.remote_id or claim.conversation.remote_id
        unsure = claim.leader.possible_repeat and self.receiver.readable and not claim.edits
        if unsure and remote_id is not None:
            until = note.at + self._timing.settle
            await self._write(
                lambda conn: outcomes.mark_watched(
                    conn, claim, remote_id=remote_id, until=until, note=note
                )
            )
            await self._recovered(receipt.remark)
        else:
            await self._sent(claim, remote_id, note, remark=receipt.remark)

    async def _sent(
        self, claim: Claim, remote_id: str | None, note: Note, remark: str | None = None
    ) -> None:
        await self._write(
            lambda conn: outcomes.mark_sent(conn, claim, remote_id=remote_id, note=note)
        )
        log.info("delivered", **self._about(claim), outcome=note.outcome)
        await self._recovered(remark)

    async def _not_taken(self, claim: Claim, error: DeliveryError) -> None:
        now = self._clock.now()
        if error.gone and (claim.edits or claim.part == "thread"):
            await self._put_back(claim, error, due=now, gone=True)
        elif error.certainty is Sent.REFUSED and error.simpler and not claim.leader.plain:
            await self._put_back(claim, error, due=now, plain=True)
        elif error.certainty is Sent.REFUSED:
            await self._bury(claim, self._note("refused", error), error.text)
        else:
            await self._later(claim, error, now)

    async def _later(self, claim: Claim, error: DeliveryError, now: datetime) -> None:
        wait = self._wait(claim, error)
        unknown = error.certainty is Sent.AMBIGUOUS and not claim.edits
        if unknown and self.receiver.readable:
            await self._look_later(claim, error, now + max(wait, self._timing.settle))
        elif self._too_old(claim, now + wait):
            await self._bury(claim, self._note(error.certainty, error), error.text)
        else:
            await self._put_back(claim, error, due=now + wait, possible_repeat=unknown)
            await self._failed(claim, error)

    def _wait(self, claim: Claim, error: DeliveryError) -> timedelta:
        """Until the next try; a receiver that is away or asks for peace gets none meanwhile."""
        wait = retry_delay(self.receiver.kind, claim.leader.attempts, self._chance())
        if error.retry_after is not None:
            wait = asked_delay(error.retry_after)
            self._pause(wait)
        elif error.certainty is Sent.NOT_SENT:
            self._pause(min(wait, _LONGEST_PAUSE))
        return wait

    def _pause(self, wait: timedelta) -> None:
        self._paused_until = self._clock.monotonic() + wait.total_seconds()

    def _too_old(self, claim: Claim, when: datetime) -> bool:
        return when - claim.leader.created_at >= self._timing.life

    async def _put_back(
        self,
        claim: Claim,
        error: DeliveryError,
        *,
        due: datetime,
        possible_repeat: bool = False,
        plain: bool = False,
        gone: bool = False,
    ) -> None:
        note = self._note(error.certainty, error)
        await self._write(
            lambda conn: outcomes.put_back(
                conn,
                claim,
                due=due,
                note=note,
                possible_repeat=possible_repeat,
                plain=plain,
                gone=gone,
            )
        )

    async def _bury(self, claim: Claim, note: Note, text: str) -> None:
        await self._write(lambda conn: outcomes.bury(conn, claim, note=note))
        log.error("delivery_dead", **self._about(claim), word=note.word, text=text)
        await self._troubled(f"a message was given up: {text}")

    async def _failed(self, claim: Claim, error: DeliveryError) -> None:
        log.warning(
            "delivery_failed",
            **self._about(claim),
            certainty=error.certainty.value,
            word=error.word,
            text=error.text,
        )
        now = self._clock.monotonic()
        if self._failing_since is None:
            self._failing_since = now
        if now - self._failing_since >= self._timing.trouble_after.total_seconds():
            await self._troubled(f"no message has been taken for minutes: {error.text}")

    async def _troubled(self, text: str) -> None:
        if self._in_trouble is not True:
            self._in_trouble = True
            await self._on_trouble(self.receiver.name, text)

    async def _recovered(self, remark: str | None) -> None:
        if self._failing_since is not None:
            # It takes messages again: what was put off for its sake need not wait longer.
            name, now = self.receiver.name, self._clock.now()
            await self._store.write(
                Priority.OUTBOX, lambda conn: outbox.hasten(conn, receiver=name, now=now)
            )
        self._failing_since = None
        if remark:
            log.warning("delivery_incomplete", receiver=self.receiver.name, text=remark)
            await self._troubled(remark)
        elif self._in_trouble is not False:
            self._in_trouble = False
            await self._on_trouble(self.receiver.name, None)

    async def _write(self, fn: Callable[[Connection], bool]) -> None:
        if not await self._store.write(Priority.OUTBOX, fn):
            log.warning("delivery_taken_over", receiver=self.receiver.name)

    def _note(
        self, outcome: str, error: DeliveryError | None = None, *, text: str | None = None
    ) -> Note:
        return Note(
            at=self._clock.now(),
            outcome=str(outcome),
            word=error.word if error else None,
            text=error.text if error else text,
        )

    def _about(self, claim: Claim) -> dict[str, str | int]:
        return {
            "receiver": self.receiver.name,
            "alert": claim.leader.alert_key,
            "transition": claim.leader.transition,
            "part": claim.part,
            "delivery": claim.leader.delivery_key,
            "attempt": claim.leader.attempts,
        }
