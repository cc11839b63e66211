"""One delivery to one receiver: what each outcome means, and what is done about it."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from monitor.clock import Clock
from monitor.dispatcher.condition import Condition, OnTrouble
from monitor.dispatcher.copies import CLOCKS_APART, leave_one
from monitor.dispatcher.packing import fit_to_announce, packed
from monitor.dispatcher.schedule import (
    UNKNOWN_AT_MOST,
    Pace,
    Timing,
    asked_delay,
    probe_delay,
    retry_delay,
)
from monitor.errors import DeliveryError, Sent
from monitor.notifiers import Envelope, Notifier, Receipt
from monitor.store import outbox, outcomes
from monitor.store.claims import Claim
from monitor.store.outcomes import Note
from monitor.store.partly import PARTLY
from monitor.store.writer import Priority, Store

_LONGEST_LOOK = timedelta(minutes=10)

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
        on_trouble: OnTrouble,
        chance: Callable[[], float],
    ) -> None:
        self.receiver = notifier.receiver
        self._store = store
        self._notifier = notifier
        self._clock = clock
        self._timing = timing
        self._chance = chance
        self._pace = Pace(timing.pace.get(self.receiver.kind, 0.0), clock)
        self.condition = Condition(
            self.receiver.name, self.receiver.kind, clock, timing, on_trouble
        )

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
        since = (claim.leader.attempt_at or claim.leader.created_at) - CLOCKS_APART
        key = claim.leader.delivery_key
        try:
            found = await self._notifier.find([key], since, claim.conversation.remote_id)
            copies = found.get(key, ())
            await leave_one(self._notifier, copies)
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
            await self._look_later(claim, error, self._look_wait(claim, error, now))
        elif claim.watched:
            await self._sent(claim, claim.leader.remote_id, self._note("sent"))
        else:
            # It cannot be read at all, so it is treated as one that never can.
            await self._again(claim, repeat=True)

    async def _look_later(self, claim: Claim, error: DeliveryError, wait: timedelta) -> None:
        note = self._note("ambiguous", error)
        until = note.at + wait
        await self._write(lambda conn: outcomes.mark_unclear(conn, claim, until=until, note=note))
        await self._failed(claim, error, wait)

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
        claim = fit_to_announce(claim, stateful=self.receiver.stateful)
        envelope = packed(claim, self._clock.now(), repeat=repeat)
        await self._pace.keep()
        outcome = await self._send(envelope)
        if isinstance(outcome, Receipt):
            await self._taken(claim, outcome)
        else:
            await self._not_taken(claim, outcome)

    @property
    def may_send(self) -> bool:
        """Whether a message need not wait: the receiver is well, and the last was a while ago."""
        return self.condition.pause_left() <= 0 and self._pace.left() <= 0

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
            self._pace.begin()

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
        elif error.certainty is Sent.REFUSED and error.simpler:
            await self._plainer(claim, error, now)
        elif error.certainty is Sent.REFUSED or _never_understood(claim, error):
            await self._refused(claim, error, now)
        else:
            await self._later(claim, error, now)

    async def _plainer(self, claim: Claim, error: DeliveryError, now: datetime) -> None:
        """Our fault or that of the data: plain words at once, then whoever of them it is alone."""
        if claim.leader.plain and len(claim.rows) == 1:
            await self._bury(claim, self._note("refused", error), error.text)
            return
        note = self._note("refused", error)
        await self._write(lambda conn: outcomes.part_company(conn, claim, due=now, note=note))

    async def _refused(self, claim: Claim, error: DeliveryError, now: datetime) -> None:
        """Nothing will be taken, or this never: the row is probed, and given up in the end."""
        row = claim.leader.id
        self._log_failure(claim, error)
        await self.condition.refused(error, row)
        poison = self.condition.is_poison(row, outcomes.refusals(claim, error.word))
        due = now + probe_delay(self._chance())
        if poison or self._too_old(claim, due):
            await self._bury(claim, self._note("refused", error), error.text)
        else:
            await self._put_back(claim, error, due=due, refused=True)

    async def _later(self, claim: Claim, error: DeliveryError, now: datetime) -> None:
        wait = self._wait(claim, error)
        unknown = error.certainty is Sent.AMBIGUOUS and not claim.edits
        if unknown and self.receiver.readable:
            await self._look_later(claim, error, max(wait, self._timing.settle))
        elif self._too_old(claim, now + wait):
            await self._bury(claim, self._note(error.certainty, error), error.text)
        else:
            await self._put_back(claim, error, due=now + wait, possible_repeat=unknown)
            await self._failed(claim, error, wait)

    def _wait(self, claim: Claim, error: DeliveryError) -> timedelta:
        """Until the next try."""
        if error.retry_after is not None:
            return asked_delay(error.retry_after)
        return retry_delay(self.receiver.kind, claim.leader.attempts, self._chance())

    def _look_wait(self, claim: Claim, error: DeliveryError, now: datetime) -> timedelta:
        """Until the next look: longer and longer, as looks are not counted."""
        passed = now - (claim.leader.attempt_at or now)
        return max(self._wait(claim, error), min(passed / 2, _LONGEST_LOOK))

    def _too_old(self, claim: Claim, when: datetime) -> bool:
        return when - claim.leader.created_at >= self._timing.life

    async def _put_back(
        self,
        claim: Claim,
        error: DeliveryError,
        *,
        due: datetime,
        possible_repeat: bool = False,
        gone: bool = False,
        refused: bool = False,
    ) -> None:
        outcome = PARTLY if error.sure else error.certainty
        note = self._note("refused" if refused else outcome, error)
        await self._write(
            lambda conn: outcomes.put_back(
                conn, claim, due=due, note=note, possible_repeat=possible_repeat, gone=gone
            )
        )

    async def _bury(self, claim: Claim, note: Note, text: str) -> None:
        await self._write(lambda conn: outcomes.bury(conn, claim, note=note))
        log.error("delivery_dead", **self._about(claim), word=note.word, text=text)
        await self.condition.gave_up(text, claim.leader.id)

    async def _failed(self, claim: Claim, error: DeliveryError, wait: timedelta) -> None:
        self._log_failure(claim, error)
        await self.condition.failed(error, wait)

    def _log_failure(self, claim: Claim, error: DeliveryError) -> None:
        log.warning(
            "delivery_failed",
            **self._about(claim),
            certainty=error.certainty.value,
            word=error.word,
            text=error.text,
        )

    async def _recovered(self, remark: str | None) -> None:
        if self.condition.fails:
            # It takes messages again: what was put off for its sake need not wait longer.
            name, now = self.receiver.name, self._clock.now()
            await self._store.write(
                Priority.OUTBOX, lambda conn: outbox.hasten(conn, receiver=name, now=now)
            )
        if remark:
            log.warning("delivery_incomplete", receiver=self.receiver.name, text=remark)
        await self.condition.took(remark)

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
            had=" ".join(error.had) or None if error else None,
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


def _never_understood(claim: Claim, error: DeliveryError) -> bool:
    """Whether an answer that nobody foresaw has come so often that it is a no."""
    return error.unknown and claim.leader.attempts >= UNKNOWN_AT_MOST
