"""A vendor's dialler at work on one batch, event by event, in a story's world."""

import heapq
import random
from collections import deque
from datetime import datetime, timedelta
from functools import partial

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
from monitor.core.words import person_of
from tests.histories.agenda import Agenda, Deed
from tests.histories.drawing import ANSWERED_BY, cost_of, details, drawn_end, person
from tests.histories.habits import Plan

_TALKS = {Outcome.COMPLETED, Outcome.VOICEMAIL}
_LONGEST_S = 1_500
_TRIED_AGAIN = {Outcome.NO_ANSWER, Outcome.BUSY, Outcome.FAILED}


class Dialler(Agenda):
    """Dials one batch. What it does is drawn from a seed; ``habits`` may be changed on the way."""

    def __init__(self, plan: Plan, world: BatchWorld, seed: str) -> None:
        super().__init__(plan.begins)
        self.plan, self.world, self.habits = plan, world, plan.habits
        self.random = random.Random(seed)
        self.done = 0
        self.live = 0
        self.calls = 0
        self.pending: deque[str] = deque()
        self.held: set[str] = set()  # who is never dialled
        self.stuck = 0  # so many calls that begin from now on never end
        self.over = self.given_up = self.early = 0  # retries: too many, too few, too soon
        self.completed = self.spent = 0  # as the vendor has told
        self.completions: list[datetime] = []
        self.on_end: Deed | None = None
        self.ended = False
        self.paused = False
        self._retries: list[tuple[datetime, int, str]] = []
        self._parked = 0
        self._opening: datetime | None = None
        world.moved = False
        self.at(plan.begins, self._appear)
        for share, length in plan.pauses:
            self.when_done(share, partial(self.pause, length=length))

    # The batch

    def _appear(self, at: datetime) -> None:
        self.world.begun_at = at
        plan = self.plan
        for n in range(plan.people):
            self.invite(person(f"{plan.name}-{n:04}", plan))
        for key in list(self.pending)[len(self.pending) - plan.undialled :]:
            self.held.add(key)
            if plan.skips:
                self.put(self.world.contacts[key]._replace(status=ContactStatus.SKIPPED))
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
        if status is BatchStatus.COMPLETED:
            self.completions.append(at)
        if self.on_end is not None:
            self.on_end(at)

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

    def _line(self, at: datetime) -> None:
        """A line is free: it calls somebody, or rests until it is woken."""
        too_busy = self.live >= self.habits.most_busy
        if self.ended or self.paused or too_busy or not self.habits.dials:
            self._parked += 1
            return
        if not is_open(self.plan.calendar, at):
            self._parked += 1
            opens = next_opening(self.plan.calendar, at)
            if opens is not None and opens != self._opening:
                self._opening = opens
                self.at(opens, self._wake_all)
            return
        key = self._next(at)
        if key is None:
            self._parked += 1
        else:
            self._begin(key, at)

    def _next(self, at: datetime) -> str | None:
        if self._retries and self._retries[0][0] <= at and self.habits.retries:
            return heapq.heappop(self._retries)[2]
        while self.pending:
            key = self.pending.popleft()
            if key not in self.held:
                return key
        return None

    def is_due(self) -> bool:
        """Whether a retry is to be made by now."""
        return bool(self._retries) and self._retries[0][0] <= self.now

    # Calls

    def _begin(self, key: str, at: datetime) -> None:
        contact = self.world.contacts[key]
        call = self.place(key, at)
        outcome, seconds = drawn_end(self.habits, self.random, call.from_number)
        self.live += 1
        contact = contact._replace(status=ContactStatus.IN_CALL, next_retry_at=None)
        self.put(contact._replace(attempts=call.attempt, last_attempt_at=at))
        if self.stuck:
            self.stuck -= 1
            return
        ends = at + timedelta(seconds=min(seconds, _LONGEST_S))
        self.at(ends, lambda when: self._end(key, call, outcome, when))

    def place(self, key: str, at: datetime, *, follow_up: bool = False) -> Call:
        """A call begins."""
        made = self.world.calls.setdefault(key, {})
        self.calls += 1
        self.world.made += 1
        call = Call(
            call_id=f"{self.plan.name}-c{self.calls:05}",
            contact_id=key,
            status=CallStatus.IN_PROGRESS,
            attempt=len(made),
            created_at=at,
            started_at=at,
            from_number=self.random.choice(self.habits.numbers or (None,)),
            agent_version=self.habits.version,
            follow_up=follow_up,
        )
        made[call.call_id] = call
        return call

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
        call = call._replace(
            status=status,
            answered_by=None if late else ANSWERED_BY.get(outcome),
            duration_s=(at - (call.started_at or at)).total_seconds(),
            ended_at=at,
            ended_by=EndedBy.VENDOR,
            **details(self.habits, self.random, outcome, call.from_number),
        )
        cost = cost_of(self.habits, call.duration_s) if talked else 0
        self.completed += outcome is Outcome.COMPLETED
        if plan.cost_late_s and talked:
            self.at(
                at + timedelta(seconds=plan.cost_late_s),
                lambda _: self._amend(key, call.call_id, cost_micros=cost, currency="USD"),
            )
        else:
            call = call._replace(cost_micros=cost, currency="USD")
            self.spent += cost
        self.world.calls[key][call.call_id] = call
        self.world.ended[call.outcome] += 1
        self._after(key, call, outcome, at)
        if late:
            self.at(
                at + timedelta(seconds=plan.answer_late_s),
                lambda _: self._amend(key, call.call_id, answered_by=AnsweredBy.VOICEMAIL),
            )

    def _amend(self, key: str, call_id: str, **told: object) -> None:
        made = self.world.calls[key]
        self.world.ended[made[call_id].outcome] -= 1
        made[call_id] = call = made[call_id]._replace(**told)  # type: ignore[arg-type]  # by name
        self.world.ended[call.outcome] += 1
        contact = self.world.contacts[key]
        if "cost_micros" in told:
            self.spent += call.cost_micros or 0
        if "answered_by" in told and contact.status is ContactStatus.COMPLETED:
            contact = contact._replace(status=person_of(call.status, call.answered_by))
        self.put(contact)

    def _after(self, key: str, call: Call, outcome: Outcome, at: datetime) -> None:
        contact = self.world.contacts[key]._replace(attempts=call.attempt)
        self.over += self.plan.max_retries is not None and call.attempt > self.plan.max_retries
        self.early += bool(call.attempt) and self.habits.sooner < 1
        due = self._due_again(call, outcome, at)
        if due is not None:
            heapq.heappush(self._retries, (due, next(self.order), key))
            self.at(due, self._wake)
            self.put(contact._replace(status=ContactStatus.RETRYING, next_retry_at=due))
            return
        status, most = person_of(call.status, call.answered_by), self.plan.max_retries
        if most is not None and outcome in _TRIED_AGAIN:
            status = ContactStatus.EXHAUSTED
            self.given_up += 0 < call.attempt < most
        self.put(contact._replace(status=status, next_retry_at=None))
        self.done += 1
        self.reached(self.done / self.plan.people, at)

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
        self.world._put(contact)
        self._moved()
