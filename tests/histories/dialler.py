"""A vendor's dialler at work on one batch, event by event, in a story's world."""

import hashlib
import heapq
import random
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count

from monitor.app.ruletest.batch import BatchWorld
from monitor.core.calendar import is_open, next_opening
from monitor.core.model import (
    AnsweredBy,
    BatchStatus,
    Call,
    CallStatus,
    Contact,
    ContactStatus,
    EndedBy,
    Outcome,
)
from monitor.core.words import BLOCKED, person_of
from tests.histories.habits import Plan

Deed = Callable[[datetime], None]
_TALKS = {Outcome.COMPLETED, Outcome.VOICEMAIL}
_TRIED_AGAIN = {Outcome.NO_ANSWER, Outcome.BUSY, Outcome.FAILED}


def person(key: str, plan: Plan, phone: str | None = None) -> Contact:
    """Somebody with a number that follows from their key, or who has another's."""
    made = hashlib.sha256((phone or key).encode()).digest()[:16]
    return Contact(
        contact_id=key,
        status=ContactStatus.PENDING,
        phone_hash=made,
        phone=f"••{int.from_bytes(made[:4]) % 10_000:04}",
        country=plan.country,
        timezone=plan.zone if plan.tells_zone else None,
    )


class Dialler:
    """Dials one batch. What it does is drawn from a seed; ``habits`` may be changed on the way."""

    def __init__(self, plan: Plan, world: BatchWorld, seed: str) -> None:
        self.plan, self.world, self.habits = plan, world, plan.habits
        self.random = random.Random(seed)
        self.done = 0
        self.live = 0
        self.calls = 0
        self.pending: deque[str] = deque()
        self.held: set[str] = set()  # who is never dialled
        self.on_share: list[tuple[float, Deed]] = []
        self.ended = False
        self.paused = False
        self._events: list[tuple[datetime, int, Deed]] = []
        self._order = count()
        self._retries: list[tuple[datetime, int, str]] = []
        self._parked = 0
        self._opening: datetime | None = None
        world.moved = False
        self.at(plan.begins, self._appear)
        for share, length in plan.pauses:
            self.on_share.append((share, lambda at, length=length: self.pause(at, length)))

    # The clock

    def at(self, when: datetime, deed: Deed) -> None:
        """Let something happen then."""
        heapq.heappush(self._events, (when, next(self._order), deed))

    def advance(self, now: datetime) -> None:
        """Everything until now."""
        while self._events and self._events[0][0] <= now:
            when, _, deed = heapq.heappop(self._events)
            deed(when)

    @property
    def next_at(self) -> datetime | None:
        """When something happens next."""
        return self._events[0][0] if self._events else None

    # The batch

    def _appear(self, at: datetime) -> None:
        self.world.begun_at = at
        plan = self.plan
        for n in range(plan.people):
            self.invite(person(f"{plan.name}-{n:04}", plan))
        for key in list(self.pending)[len(self.pending) - plan.undialled :]:
            self.held.add(key)
        if plan.scheduled_at is None:
            self._start(at)
        else:
            self._stand(BatchStatus.SCHEDULED)
            self.at(plan.scheduled_at + plan.late_start, self._start)

    def invite(self, contact: Contact) -> None:
        """One more person."""
        self.pending.append(contact.contact_id)
        self.put(contact)

    def _start(self, at: datetime) -> None:
        self.world.started_at = at
        self._stand(BatchStatus.RUNNING)
        for _ in range(self.plan.lines):
            self.at(at + timedelta(seconds=self.random.uniform(1, 15)), self._line)

    def _stand(self, status: BatchStatus) -> None:
        self.world.status = status
        self._moved()

    def pause(self, at: datetime, length: timedelta) -> None:
        """Nobody is called for so long."""
        if self.ended:
            return
        self.paused = True
        self._stand(BatchStatus.PAUSED)
        self.at(at + length, self._resume)

    def _resume(self, at: datetime) -> None:
        if not self.ended:
            self.paused = False
            self._stand(BatchStatus.RUNNING)
            self._wake_all(at)

    def end(self, at: datetime, status: BatchStatus, reason: str | None = None) -> None:
        """The vendor says that it is over."""
        self.ended = True
        self.world.ended_at, self.world.reason = at, reason
        self._stand(status)

    def run_again(self, at: datetime, people: int) -> None:
        """It goes on with new people, though it had ended."""
        self.ended, self.world.ended_at = False, None
        for n in range(people):
            self.invite(person(f"{self.plan.name}-again-{n:04}", self.plan))
        self._stand(BatchStatus.RUNNING)
        self._wake_all(at)

    def _moved(self) -> None:
        if self.plan.heard:
            self.world.moved = True

    # Lines

    def _wake_all(self, at: datetime) -> None:
        parked, self._parked = self._parked, 0
        for _ in range(parked):
            self.at(at + timedelta(seconds=self.random.uniform(0.5, 8)), self._line)

    def _wake(self, at: datetime) -> None:
        if self._parked:
            self._parked -= 1
            self._line(at)

    def wake(self, at: datetime) -> None:
        """Let lines that rest look again."""
        self._wake_all(at)

    def _line(self, at: datetime) -> None:
        """A line is free: it calls somebody, or rests until it is woken."""
        if self.ended or self.paused or not self.habits.dials or self._too_busy():
            self._parked += 1
            return
        calendar = None if self.habits.any_hour else self.plan.calendar
        if not is_open(calendar, at):
            self._parked += 1
            opens = next_opening(calendar, at)
            if opens is not None and opens != self._opening:
                self._opening = opens
                self.at(opens, self._wake_all)
            return
        key = self._next(at)
        if key is None:
            self._parked += 1
            return
        self._begin(key, at)

    def _too_busy(self) -> bool:
        most = self.habits.most_busy
        return most is not None and self.live >= most

    def _next(self, at: datetime) -> str | None:
        if self._retries and self._retries[0][0] <= at and self.habits.retries:
            return heapq.heappop(self._retries)[2]
        while self.pending:
            key = self.pending.popleft()
            if key not in self.held:
                return key
        return None

    @property
    def overdue_since(self) -> datetime | None:
        """When the first retry that is still to be made was due."""
        return self._retries[0][0] if self._retries else None

    # Calls

    def _begin(self, key: str, at: datetime) -> None:
        contact = self.world.contacts[key]
        call = self.place(key, at)
        outcome, seconds = self._drawn(call)
        self.live += 1
        self.put(
            contact._replace(
                status=ContactStatus.IN_CALL,
                attempts=call.attempt,
                last_attempt_at=at,
                next_retry_at=None,
            )
        )
        ends = at + timedelta(seconds=seconds)
        self.at(ends, lambda when: self._end(key, call, outcome, when))

    def place(self, key: str, at: datetime, *, follow_up: bool = False) -> Call:
        """A call begins."""
        made = self.world.calls.setdefault(key, {})
        self.calls += 1
        numbers = self.habits.numbers
        call = Call(
            call_id=f"{self.plan.name}-c{self.calls:05}",
            contact_id=key,
            status=CallStatus.IN_PROGRESS,
            attempt=len(made),
            created_at=at,
            started_at=at,
            from_number=self.random.choice(numbers) if numbers else None,
            agent_version=self.habits.version,
            follow_up=follow_up,
        )
        made[call.call_id] = call
        return call

    def _drawn(self, call: Call) -> tuple[Outcome, float]:
        """How a call ends, and how long it takes."""
        habits, number = self.habits, call.from_number or ""
        answered = habits.answered * habits.deaf.get(number, 1)
        failed = max(habits.failed, habits.blocked.get(number, 0))
        drawn = self.random.random()
        shares = (
            (Outcome.FAILED, failed, (1, 4)),
            (Outcome.CANCELLED, habits.cancelled, (1, 4)),
            (Outcome.COMPLETED, answered, (0, 0)),
            (Outcome.VOICEMAIL, habits.voicemail, (16, 32)),
            (Outcome.BUSY, habits.busy, (4, 8)),
        )
        for outcome, share, (least, most) in shares:
            if drawn < share:
                seconds = self.random.uniform(least, most) if most else self._talk()
                return outcome, seconds * habits.slower
            drawn -= share
        return Outcome.NO_ANSWER, self.random.uniform(22, 38) * habits.slower

    def _talk(self) -> float:
        if self.random.random() < self.habits.short:
            return self.random.uniform(3, 11)
        return min(max(16.0, self.random.lognormvariate(0, 0.5) * self.habits.talk_s), 1_200)

    def _end(self, key: str, call: Call, outcome: Outcome, at: datetime) -> None:
        self.live -= 1
        self.finish(key, call, outcome, at)
        rest = timedelta(seconds=self.random.uniform(0.3, 1.7) * self.habits.gap_s)
        self.at(at + rest, self._line)
        if not (self.live or self.pending_now or self._retries or self.ended):
            self.at(at + timedelta(seconds=self.random.uniform(5, 60)), self._complete)

    @property
    def pending_now(self) -> bool:
        """Somebody waits for a first call that is to be made."""
        while self.pending and self.pending[0] in self.held:
            self.pending.popleft()
        return bool(self.pending)

    def _complete(self, at: datetime) -> None:
        if not (self.live or self.pending_now or self._retries or self.ended):
            self.end(at, BatchStatus.COMPLETED)

    def finish(self, key: str, call: Call, outcome: Outcome, at: datetime) -> None:
        """A call is over: what came of it, of its person, and what follows."""
        plan, talked = self.plan, outcome in _TALKS
        status = CallStatus.COMPLETED if talked else CallStatus(outcome.value)
        late = outcome is Outcome.VOICEMAIL and plan.answer_late_s > 0
        by = None if late or not talked else _answered_by(outcome)
        call = call._replace(
            status=status,
            answered_by=by,
            duration_s=(at - (call.started_at or at)).total_seconds(),
            ended_at=at,
            ended_by=EndedBy.VENDOR,
            **self._details(call, outcome),
        )
        cost = self._cost(call) if talked else 0
        if plan.cost_late_s and talked:
            self.at(
                at + timedelta(seconds=plan.cost_late_s),
                lambda _: self._amend(key, call.call_id, cost_micros=cost, currency="USD"),
            )
        else:
            call = call._replace(cost_micros=cost, currency="USD")
        self.world.calls[key][call.call_id] = call
        self._after(key, call, outcome, at)
        if late:
            self.at(
                at + timedelta(seconds=plan.answer_late_s),
                lambda _: self._amend(key, call.call_id, answered_by=AnsweredBy.VOICEMAIL),
            )

    def _details(self, call: Call, outcome: Outcome) -> dict[str, str | bool | None]:
        habits, drawn = self.habits, self.random.random
        if outcome is Outcome.FAILED:
            number = call.from_number or ""
            refused = drawn() < habits.blocked.get(number, 0) / max(habits.failed, 0.01)
            return {"error_class": "SIP ###", "hangup_class": BLOCKED if refused else "error"}
        if outcome is not Outcome.COMPLETED:
            return {"hangup_class": None}
        chance = drawn()
        goal = chance < habits.goal
        silent = chance > 1 - habits.silence
        hangup = "goal_completed" if goal else "silence_timeout" if silent else "user_requested"
        tried = drawn() < habits.handed
        return {
            "hangup_class": hangup,
            "hangup_by": "assistant" if goal else "user",
            "transferred": drawn() >= habits.unhanded if tried else None,
        }

    def _cost(self, call: Call) -> int:
        return int((call.duration_s or 0) / 60 * self.habits.price * 1_000_000)

    def _amend(self, key: str, call_id: str, **told: object) -> None:
        made = self.world.calls[key]
        made[call_id] = call = made[call_id]._replace(**told)  # type: ignore[arg-type]  # by name
        contact = self.world.contacts[key]
        if "answered_by" in told and contact.status is ContactStatus.COMPLETED:
            contact = contact._replace(status=person_of(call.status, call.answered_by))
        self.put(contact)

    def _after(self, key: str, call: Call, outcome: Outcome, at: datetime) -> None:
        contact = self.world.contacts[key]._replace(attempts=call.attempt)
        due = self._due_again(call, outcome, at)
        if due is not None:
            heapq.heappush(self._retries, (due, next(self._order), key))
            self.at(due, self._wake)
            self.put(contact._replace(status=ContactStatus.RETRYING, next_retry_at=due))
            return
        status = person_of(call.status, call.answered_by)
        if self.plan.max_retries is not None and outcome in _TRIED_AGAIN:
            status = ContactStatus.EXHAUSTED
        self.put(contact._replace(status=status, next_retry_at=None))
        self.done += 1
        while self.on_share and self.done >= self.on_share[0][0] * self.plan.people:
            self.on_share.pop(0)[1](at)

    def _due_again(self, call: Call, outcome: Outcome, at: datetime) -> datetime | None:
        most = self.plan.max_retries
        if most is None or outcome not in _TRIED_AGAIN:
            return None
        if call.attempt >= most + self.habits.beyond:
            return None
        if call.attempt and self.random.random() < self.habits.gives_up:
            return None
        wait = self.plan.cooldown * self.habits.sooner
        return at + wait * (2**call.attempt if self.plan.grows else 1)

    def put(self, contact: Contact) -> None:
        """A person stands otherwise now."""
        self.world.contacts[contact.contact_id] = contact
        self.world.unread[contact.contact_id] = None
        self._moved()


def _answered_by(outcome: Outcome) -> AnsweredBy:
    return AnsweredBy.HUMAN if outcome is Outcome.COMPLETED else AnsweredBy.VOICEMAIL
