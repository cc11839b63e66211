"""One batch of the simulated world: who waits, who is on a line, and how the batch stands."""

import random
from collections import deque
from typing import NamedTuple

from monitor.core.model import BatchStatus
from monitor.simulator import ids
from monitor.simulator import state as s
from monitor.simulator.agenda import Agenda
from monitor.simulator.script import ErrorBurst, Plan
from monitor.simulator.truth import Entry, Truth, What


class Moment(NamedTuple):
    """One step in a batch's life, with its counts at that time."""

    t: float
    status: BatchStatus
    code: str | None
    reason: str | None
    people: int
    finished: int
    good: int


class Batch:
    """State and bookkeeping; monitor.simulator.dialer moves it.

    ``errors`` are the texts that calls of this batch failed with; number 0 is no error and
    number 1 whatever the vendor usually says. ``number`` is unique in the world.
    """

    def __init__(
        self,
        agenda: Agenda,
        truth: Truth,
        vendor: ids.Vendor,
        account: str,
        number: int,
        plan: Plan,
        seed: int,
    ) -> None:
        self.agenda, self.truth = agenda, truth
        self.vendor, self.account, self.number, self.plan = vendor, account, number, plan
        self.batch_id = plan.batch_id or ids.batch_id(vendor, number, legacy=plan.legacy)
        self.random = random.Random(f"{seed}/{account}/{number}")
        self.people = s.People()
        self.calls = s.Calls()
        self.errors: list[str | None] = [None, None]
        self.history: list[Moment] = []
        self.created = agenda.now
        self.updated = agenda.now
        self.run = 1
        self.live = 0
        self.ready: deque[int] = deque()
        self.cursor = 0
        self.next_start = 0.0
        self.wake_at = -1.0
        self.bursts: list[ErrorBurst] = []
        self.stalls = 0
        self.stops = 0

    @property
    def status(self) -> BatchStatus:
        """How the batch stands; scheduled until its first moment."""
        return self.history[-1].status if self.history else BatchStatus.SCHEDULED

    @property
    def started(self) -> float | None:
        """When it first ran."""
        return next((m.t for m in self.history if m.status is BatchStatus.RUNNING), None)

    def person_id(self, person: int) -> str:
        """The id under which the vendor lists a person (where it lists calls: their call)."""
        return ids.person_id(self.vendor, self.number, person)

    def call_id(self, row: int) -> str:
        """The id of one call."""
        return ids.call_id(self.vendor, self.number, self.calls.person[row], row)

    def add_people(self, n: int) -> None:
        """More people, who wait."""
        self.people.add(n, self.agenda.now)
        self.note(What.CONTACT, after=s.STAGES[s.PENDING], n=n)

    def move(self, person: int, stage: int) -> None:
        """Give one person another stage, and write it down."""
        before = self.people.move(person, stage, self.agenda.now)
        self.live += (stage in s.LIVE) - (before in s.LIVE)
        self.updated = self.agenda.now
        if self.truth.detail:
            self.note(
                What.CONTACT,
                (self.person_id(person),),
                before=s.STAGES[before],
                after=s.STAGES[stage],
            )

    def close_call(self, row: int, end: int) -> None:
        """A call is over, in this way."""
        self.calls.ended[row] = self.agenda.now
        self.calls.end[row] = end
        if self.truth.detail:
            ids = (self.call_id(row), self.person_id(self.calls.person[row]))
            self.note(What.CALL, ids, after=s.ENDS[end])

    def turn(
        self, status: BatchStatus, *, code: str | None = None, reason: str | None = None
    ) -> None:
        """The batch gets another status, and it is written down with the counts of now."""
        before = self.status if self.history else ""
        people, ended = self.people, self.people.number((s.COMPLETED, s.FOLLOW_UP))
        finished = len(people) - people.number((*s.WAITING, *s.LIVE))
        now = self.agenda.now
        self.history.append(Moment(now, status, code, reason, len(people), finished, ended))
        self.updated = now
        self.note(What.BATCH, before=before, after=status, note=reason or "")

    def note(
        self,
        what: What,
        ids: tuple[str, ...] = (),
        *,
        before: str = "",
        after: str = "",
        note: str = "",
        n: int = 1,
    ) -> None:
        """Write something into the truth."""
        self.truth.add(
            Entry(self.agenda.now, what, self.account, self.batch_id, ids, before, after, note, n)
        )

    def error_number(self, text: str | None) -> int:
        """The number under which calls refer to an error's text."""
        if text is None:
            return 1
        if text not in self.errors:
            self.errors.append(text)
        return self.errors.index(text)
