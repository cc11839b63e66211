"""The simulated world: accounts at vendors, their batches, and what is scripted to happen.

One seed makes one world. It never reads a clock: ``advance`` says how late it is, and how
finely it is called changes nothing. Cost follows what happens, so a world of a million people
may stand still for free.
"""

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property

from monitor.core.model import BatchStatus
from monitor.simulator import state as s
from monitor.simulator.agenda import Agenda
from monitor.simulator.batch import Batch
from monitor.simulator.dialer import Dialer
from monitor.simulator.ids import Vendor
from monitor.simulator.script import (
    Cancel,
    DialStop,
    End,
    ErrorBurst,
    Incident,
    Pause,
    Plan,
    Reopen,
    Resume,
    RetriesStall,
)
from monitor.simulator.truth import Truth, What

# These dial a person once, and again only when somebody asks for it.
DIALS_ONCE = frozenset({"vogent", "elevenlabs"})


class World:
    """Everything simulated. ``detail=False`` keeps people and calls out of the truth."""

    def __init__(self, seed: int, start: datetime, *, detail: bool = True) -> None:
        self.seed = seed
        self.agenda = Agenda(start.timestamp())
        self.truth = Truth(detail=detail)
        self.accounts: dict[str, Account] = {}
        self._batches = 0

    @property
    def now(self) -> datetime:
        """How late it is in the world, aware UTC."""
        return datetime.fromtimestamp(self.agenda.now, UTC)

    def advance(self, now: datetime) -> int:
        """Let everything happen up to ``now``; an earlier time than the world's does nothing."""
        return self.agenda.run(now.timestamp())

    def account(self, name: str, vendor: Vendor, key: str) -> "Account":
        """A new account at a vendor, reached with an API key."""
        self.accounts[name] = made = Account(self, name, vendor, key)
        return made

    def next_number(self) -> int:
        """A number that no other batch of this world has."""
        self._batches += 1
        return self._batches


class Account:
    """One account at one vendor, and its batches in the order of their opening."""

    def __init__(self, world: World, name: str, vendor: Vendor, key: str) -> None:
        self.world, self.name, self.vendor, self.key = world, name, vendor, key
        self.batches: dict[str, RunningBatch] = {}
        self.by_number: dict[int, RunningBatch] = {}

    def open(
        self, plan: Plan, *incidents: Incident, after: float = 0.0, held: bool = False
    ) -> "RunningBatch":
        """Order a batch that exists ``after`` seconds from now, and script what befalls it.

        A ``held`` one dials nobody until ``let_go``. ValueError for what the vendor never does.
        """
        if self.vendor in DIALS_ONCE and (plan.max_retries or plan.follow_up):
            msg = f"{plan.name}: {self.vendor} calls nobody again by itself"
            raise ValueError(msg)
        number = self.world.next_number()
        agenda = self.world.agenda
        batch = RunningBatch(
            agenda, self.world.truth, self.vendor, self.name, number, plan, self.world.seed
        )
        batch.stops = int(held)
        agenda.at(agenda.now + after, self._opened, number)
        self.by_number[number] = batch
        for incident in incidents:
            batch.script(incident, from_now=after)
        agenda.run(agenda.now)
        return batch

    def _opened(self, number: int) -> None:
        batch = self.by_number[number]
        self.batches[batch.batch_id] = batch
        batch.dialer.open()

    def __iter__(self) -> "Iterator[RunningBatch]":
        """The batches that exist by now, oldest first."""
        return iter(self.batches.values())


class RunningBatch(Batch):
    """A batch, with what its owner and fate can do to it."""

    @cached_property
    def dialer(self) -> Dialer:
        """What moves it."""
        return Dialer(self)

    def script(self, incident: Incident, *, from_now: float = 0.0) -> None:
        """Let an incident befall this batch, its times counted from now (plus ``from_now``)."""
        begin = self.agenda.now + from_now + incident.after
        self.agenda.at(begin, lambda _: self._befall(incident))
        if isinstance(incident, ErrorBurst | RetriesStall | DialStop) and math.isfinite(
            incident.lasts
        ):
            self.agenda.at(begin + incident.lasts, lambda _: self._pass_over(incident))

    def let_go(self) -> None:
        """Dial, after having been opened as held."""
        self.stops -= 1
        self.dialer.dial()

    def begin(self) -> None:
        """Dial now, whatever time was planned; only what never began begins."""
        self.dialer.begin()

    def pause(self) -> None:
        """Dial nobody any more; live calls finish and retries keep their times."""
        if self.status in {BatchStatus.RUNNING, BatchStatus.SCHEDULED}:
            self.turn(BatchStatus.PAUSED)

    def resume(self) -> None:
        """Dial again."""
        if self.status is BatchStatus.PAUSED:
            self.turn(BatchStatus.RUNNING)
            self.dialer.dial()

    def cancel(self) -> None:
        """End it: who waits is skipped, who talks may finish."""
        if not self.status.terminal:
            self.dialer.stop_waiting()
            self.turn(BatchStatus.CANCELLED)

    def redial(self) -> None:
        """Call everybody again who was not reached: a new run of an ended batch."""
        if not self.status.terminal:
            return
        self.run += 1
        for person, stage in enumerate(bytes(self.people.stage)):
            if stage in {s.FAILED, s.BUSY, s.NO_ANSWER}:
                self.move(person, s.RETRYING)
                self.ready.append(person)
        self.turn(BatchStatus.RUNNING)
        self.dialer.dial()

    def _befall(self, incident: Incident) -> None:
        self.note(What.INCIDENT_BEGAN, note=type(incident).__name__)
        match incident:
            case ErrorBurst():
                self.bursts.append(incident)
            case RetriesStall():
                self.stalls += 1
            case DialStop():
                self.stops += 1
            case End(status=status, code=code, reason=reason):
                if not self.status.terminal:
                    self.turn(status, code=code, reason=reason)
            case Pause():
                self.pause()
            case Resume():
                self.resume()
            case Cancel():
                self.cancel()
            case Reopen(contacts=contacts):
                self._reopen(contacts)

    def _pass_over(self, incident: ErrorBurst | RetriesStall | DialStop) -> None:
        match incident:
            case ErrorBurst():
                self.bursts.remove(incident)
            case RetriesStall():
                self.stalls -= 1
            case DialStop():
                self.stops -= 1
        self.note(What.INCIDENT_ENDED, note=type(incident).__name__)
        self.dialer.dial()

    def _reopen(self, contacts: int) -> None:
        if self.status.terminal:
            self.run += 1
            self.add_people(contacts)
            self.turn(BatchStatus.RUNNING)
            self.dialer.dial()
