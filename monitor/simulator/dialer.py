"""The dialler of one batch: walks its list with a limit on lines, and tries again later."""

from monitor.core.model import BatchStatus
from monitor.simulator import state as s
from monitor.simulator.batch import Batch
from monitor.simulator.truth import What

MAX_ATTEMPT = 255


class Dialer:
    """Moves one batch. Everything it does happens at the agenda's present instant."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch

    def open(self, _: int = 0) -> None:
        """The batch exists from now on."""
        batch, plan = self.batch, self.batch.plan
        batch.created = batch.agenda.now
        batch.add_people(plan.contacts)
        self._head_start(int(plan.head_start * plan.contacts))
        if plan.starts_after > 0:
            batch.turn(BatchStatus.SCHEDULED)
            batch.agenda.at(batch.agenda.now + plan.starts_after, self.begin)
        else:
            self.begin()

    def begin(self, _: int = 0) -> None:
        """The batch goes from waiting for its time to dialling."""
        if self.batch.status is BatchStatus.SCHEDULED:
            self.batch.turn(BatchStatus.RUNNING)
            self.dial()

    def dial(self, _: int = 0) -> None:
        """Start calls while lines, people, hours and pace allow it."""
        batch, plan, now = self.batch, self.batch.plan, self.batch.agenda.now
        if batch.status is not BatchStatus.RUNNING or batch.stops:
            return
        if plan.hours and (opening := plan.hours.next_open(now)) > now:
            self._wake(opening)
            return
        while batch.live < plan.concurrency:
            if now < batch.next_start:
                self._wake(batch.next_start)
                return
            person = self._next_person()
            if person < 0:
                break
            self._start(person)
            batch.next_start = now + plan.pace
        self._finish_when_done()

    def _wake(self, t: float) -> None:
        batch = self.batch
        if not batch.agenda.now < batch.wake_at <= t:
            batch.wake_at = t
            batch.agenda.at(t, self.dial)

    def _next_person(self) -> int:
        batch = self.batch
        stage = batch.people.stage
        while batch.ready and not batch.stalls:
            person = batch.ready.popleft()
            if stage[person] in {s.RETRYING, s.FOLLOW_UP}:
                return person
        while batch.cursor < len(stage):
            batch.cursor += 1
            if stage[batch.cursor - 1] == s.PENDING:
                return batch.cursor - 1
        return -1

    def _start(self, person: int) -> None:
        batch, plan, now = self.batch, self.batch.plan, self.batch.agenda.now
        people, calls = batch.people, batch.calls
        last = people.last_call[person]
        following = people.stage[person] == s.FOLLOW_UP
        attempt = 0 if last < 0 else min(calls.attempt[last] + (not following), MAX_ATTEMPT)
        end, error = self._draw()
        talks = end in {s.TALKED, s.MAILBOX}
        talk = batch.random.uniform(*plan.talk) if talks else 0.0
        row = calls.start(person, last, now, talk, end, error, attempt)
        calls.follow_up[row] = following
        people.last_call[person] = row
        people.next_at.pop(person, None)
        batch.move(person, s.DISPATCHED)
        ring = 0.0 if end == s.QUEUE_ERROR else batch.random.uniform(*plan.ring)
        batch.agenda.at(now + ring, self._connect if talks else self._end, row)

    def _draw(self) -> tuple[int, int]:
        """How a call that starts now will end, and with which error."""
        batch, mix = self.batch, self.batch.plan.mix
        for burst in batch.bursts:
            if batch.random.random() < burst.share:
                return s.BROKEN, batch.error_number(burst.error)
        drawn = batch.random.random()
        for end, share in (
            (s.UNANSWERED, mix.no_answer),
            (s.ENGAGED, mix.busy),
            (s.MAILBOX, mix.voicemail),
            (s.BROKEN, mix.failed),
            (s.QUEUE_ERROR, mix.error),
        ):
            if drawn < share:
                return end, int(end in {s.BROKEN, s.QUEUE_ERROR})
            drawn -= share
        return s.TALKED, 0

    def _connect(self, row: int) -> None:
        batch = self.batch
        if not batch.calls.ended[row]:
            batch.move(batch.calls.person[row], s.IN_CALL)
            batch.agenda.at(batch.agenda.now + batch.calls.talk[row], self._end, row)

    def _end(self, row: int) -> None:
        batch, calls = self.batch, self.batch.calls
        if calls.ended[row]:
            return
        person, end = calls.person[row], calls.end[row]
        batch.close_call(row, end)
        batch.move(person, self._stage_after(person, row, end))
        self.dial()
        self._finish_when_done()

    def _stage_after(self, person: int, row: int, end: int) -> int:
        """Where a person goes after a call, with the time of their next one."""
        batch, plan, calls = self.batch, self.batch.plan, self.batch.calls
        if end in {s.TALKED, s.MAILBOX}:
            if calls.follow_up[row] or batch.random.random() >= plan.follow_up:
                return s.COMPLETED
            self._due(person, plan.follow_up_after)
            return s.FOLLOW_UP
        attempt = calls.attempt[row]
        if attempt < plan.max_retries:
            self._due(person, plan.cooldown * (2**attempt if plan.strategy != "fixed" else 1))
            return s.RETRYING
        return s.EXHAUSTED if plan.exhausted_word and plan.max_retries else s.STAGE_AFTER[end]

    def _due(self, person: int, wait: float) -> None:
        due = self.batch.agenda.now + wait
        self.batch.people.next_at[person] = due
        self.batch.agenda.at(due, self._retry, person)

    def _retry(self, person: int) -> None:
        self.batch.ready.append(person)
        self.dial()

    def _finish_when_done(self) -> None:
        batch = self.batch
        if batch.status is BatchStatus.RUNNING and not batch.people.number((*s.WAITING, *s.LIVE)):
            batch.turn(BatchStatus.COMPLETED)

    def _head_start(self, n: int) -> None:
        """The first ``n`` people are through: their calls lie before the batch was opened."""
        batch, plan, people, calls = (
            self.batch,
            self.batch.plan,
            self.batch.people,
            self.batch.calls,
        )
        uniform = batch.random.uniform
        before = list(people.counts)
        t = batch.created - n * sum(plan.ring + plan.talk) / max(plan.concurrency, 1)
        t -= plan.max_retries * plan.cooldown
        for person in range(n):
            for attempt in range(plan.max_retries + 1):
                end, error = self._draw()
                talk = uniform(*plan.talk) if end in {s.TALKED, s.MAILBOX} else 0.0
                start = t + attempt * plan.cooldown
                row = calls.start(
                    person, people.last_call[person], start, talk, end, error, attempt
                )
                calls.ended[row] = start + uniform(*plan.ring) + talk
                people.last_call[person] = row
                if talk:
                    break
            t += sum(plan.ring + plan.talk) / 2 / max(plan.concurrency, 1)
            people.move(person, s.STAGE_AFTER[end], calls.ended[row])
        batch.cursor = n
        self._note_head_start(before)

    def _note_head_start(self, before: list[int]) -> None:
        batch = self.batch
        for stage, (old, new) in enumerate(zip(before, batch.people.counts, strict=True)):
            if new > old:
                batch.note(
                    What.CONTACT, before=s.STAGES[s.PENDING], after=s.STAGES[stage], n=new - old
                )
        for end, outcome in enumerate(s.ENDS):
            if n := batch.calls.end.count(end):
                batch.note(What.CALL, after=outcome, n=n)

    def stop_waiting(self) -> None:
        """Everybody who still waits or is about to be called is skipped."""
        batch = self.batch
        for person, stage in enumerate(bytes(batch.people.stage)):
            if stage in {*s.WAITING, s.DISPATCHED}:
                if stage == s.DISPATCHED:
                    batch.close_call(batch.people.last_call[person], s.CALLED_OFF)
                batch.people.next_at.pop(person, None)
                batch.move(person, s.SKIPPED)
