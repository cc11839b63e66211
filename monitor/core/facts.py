"""What a rule may know: values about one subject, and narrow questions about its calls.

The questions (``CallLog``, ``RetryLadder``, ``PeopleLog``, ``Peers``) are protocols, because
their answers come from indexed queries whose cost follows what is asked about and not the
size of the batch. A test answers them from plain lists.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from functools import cached_property

from monitor.core.calendar import Calendar, is_open, permitted_between
from monitor.core.calls import CallLog, EndedCall, NoPeers, Peers, Spent, Window
from monitor.core.day import DayFacts
from monitor.core.expectation import ExpectationFacts
from monitor.core.hearing import Hearing, Lately, Refused
from monitor.core.idle import Pauses, dialling_between, paused_since
from monitor.core.model import Batch, Capabilities, ContactStatus, Counts
from monitor.core.money import so_far
from monitor.core.people import NobodyCalled, PeopleLog
from monitor.core.retries import COUNTED_MOST, LateRetries, LateRetry, RetryLadder
from monitor.core.standing import Failure, ProviderFacts, SystemFacts, Trouble, Unread
from monitor.core.stopping import StoppedBy
from monitor.core.tally import Tally, everybody, people
from monitor.core.wording import zone_named

__all__ = [
    "COUNTED_MOST",
    "BatchFacts",
    "CallLog",
    "Certainty",
    "EndedCall",
    "Facts",
    "Failure",
    "Gone",
    "Hearing",
    "LateRetries",
    "LateRetry",
    "Lately",
    "ProviderFacts",
    "Refused",
    "Report",
    "RetryLadder",
    "SystemFacts",
    "Trouble",
    "Unread",
    "Window",
]

# What nobody looked at for so long before its end was seen is taken to have ended with its last
# call, or when somebody last looked, if that was later.
_SOON = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The end of a batch in numbers: what batch_completed tells, kept for the next batch."""

    batch_id: str
    title: str
    ended_at: datetime | None
    people: int
    reached: int
    contacts: Mapping[str, int]  # by status
    outcomes: Mapping[str, int]  # by outcome
    never_dialled: int
    rejected: int
    retries: int
    calls: int
    talk_s: float
    cost_micros: Mapping[str, int]  # by currency
    cost_estimated: bool
    sentiment: Mapping[str, int]
    duration_s: float | None
    people_estimated: bool = False  # the vendor does not tell how many people there are
    duration_estimated: bool = False  # until its last call: the end was seen long after


@dataclass(frozen=True, slots=True, kw_only=True)
class Certainty:
    """How well the subject is known now.

    ``observed_at``: the newest answer of the vendor about it. ``fresh``: that answer is
    newer than the limit. ``swept_at`` / ``complete_at``: the last sweep that read every page
    / whose distinct ids also matched the vendor's total. ``read_at``: the last reading that
    took in all that was expected to have moved, if not every page. ``mid_sweep``: one runs.
    """

    observed_at: datetime | None
    fresh: bool
    listed: bool = True  # its people and calls can be read
    swept_at: datetime | None = None
    complete_at: datetime | None = None
    read_at: datetime | None = None
    mid_sweep: bool = False
    recounted: bool = False  # its counts were the same before and after its lists were read


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """The vendor answers that it does not know the batch.

    ``elsewhere``: the same account has shown another batch since, so it is the right one.
    """

    since: datetime
    times: int
    elsewhere: bool


@dataclass(frozen=True, kw_only=True)
class BatchFacts:
    """One batch, as known at ``now``.

    ``moved_at`` is the last time anything of the batch moved (status, counts, a contact, a
    call), a resume included. ``typical_gap`` is the usual time between two moves while it
    was open. ``terminal_at`` is when it was first seen ended in this run, ``run`` counts
    its runs from 1. ``news`` is False for a batch that had already ended when the baseline
    found it; one that was open then is news once it ends. ``default_zone`` is the configured
    IANA zone of times in sentences, for a batch that has none of its own.
    """

    now: datetime
    batch: Batch
    capabilities: Capabilities
    certainty: Certainty
    tally: Tally
    calls: CallLog
    retries: RetryLadder
    persons: PeopleLog = field(default_factory=NobodyCalled)
    peers: Peers = field(default_factory=NoPeers)
    calendar: Calendar | None = None
    run: int = 1
    news: bool = True
    first_seen_at: datetime | None = None
    moved_at: datetime | None = None
    resumed_at: datetime | None = None
    idle_at: datetime | None = None  # when it last stood still, before it was resumed
    running_at: datetime | None = None  # when this run was first seen dialling
    pauses: Pauses = ()  # seen so, the newest; the last may go on
    typical_gap: timedelta | None = None
    terminal_at: datetime | None = None
    seen_open_at: datetime | None = None  # the last look before that; None: there was none
    confirmed_at: datetime | None = None  # the newest of the later looks that said so again
    reported_at: datetime | None = None  # when batch_completed was first told, in this run
    previous: Report | None = None
    stopped_by: StoppedBy | None = None  # through Offhook, in this run
    closed_alerts: tuple[str, ...] = ()  # rule instances that were firing when it ended
    gone: Gone | None = None
    fallen_from: Counts | None = None  # counts that never fall, before they fell all the same
    vendor: str = ""
    default_zone: str = "UTC"

    @cached_property
    def zone(self) -> tzinfo:
        """The zone of times in sentences about the batch: its own, its hours', the default."""
        hours = self.calendar.zone.key if self.calendar else None
        return zone_named(self.batch.timezone, hours, self.default_zone)

    @property
    def open_now(self) -> bool:
        """Calls may be made at this moment."""
        return is_open(self.calendar, self.now)

    def permitted_since(self, start: datetime) -> timedelta:
        """Permitted time from ``start`` until now, of which what lies before a resume is none."""
        if self.resumed_at is not None and self.resumed_at > start:
            start = self.resumed_at
        return permitted_between(self.calendar, start, self.now)

    def dialling_between(self, start: datetime, end: datetime) -> timedelta:
        """The time in which calls could be made: permitted, and not paused."""
        return dialling_between(self.calendar, self.pauses, start, end)

    @property
    def paused_since(self) -> datetime | None:
        """When it was first seen in the pause that goes on; None when it is in none."""
        return paused_since(self.pauses)

    @cached_property
    def began_at(self) -> datetime | None:
        """When this run began, as the vendor says, else as it was seen to."""
        batch = self.batch
        if self.run > 1:
            return self.running_at
        if batch.started_at or batch.scheduled_at:
            return batch.started_at or batch.scheduled_at
        if self.running_at is not None and self.running_at != self.first_seen_at:
            return self.running_at
        return batch.created_at or self.first_seen_at

    @cached_property
    def ended_by_call(self) -> datetime | None:
        """When it ended at the earliest, where that was seen long after; None: the end is known."""
        began, seen, looked = self.batch.began_at, self.terminal_at, self.seen_open_at
        if self.batch.ended_at or seen is None or began is None:
            return None
        last = next((each.ended_at for each in self.calls.last_ends(1)), None)
        if last is not None and looked is not None:
            last = max(last, looked)
        return last if last is not None and began < last < seen - _SOON else None

    @property
    def lasted(self) -> timedelta | None:
        """From its beginning to its end; None where one of them is not known."""
        began = self.batch.began_at
        ended = self.batch.ended_at or self.ended_by_call or self.terminal_at
        return None if began is None or ended is None else max(ended - began, timedelta(0))

    @cached_property
    def people(self) -> int:
        """How many people the batch has."""
        return everybody(self.batch.counts, self.tally)

    def estimates(self, count: str) -> bool:
        """Whether a count of this name is derived from what was seen, and not told."""
        return count in self.batch.counts.estimated

    @cached_property
    def spent(self) -> Spent:
        """What all its ended calls have cost, as far as it is known."""
        return so_far(self.tally)

    @cached_property
    def waiting(self) -> int:
        """People to be dialled now: pending, or with a retry that is due (COUNTED_MOST of them)."""
        if self.batch.counts.waiting is not None:
            fresh = self.batch.counts.waiting
        else:
            fresh = people(self.tally, ContactStatus.PENDING)
        late = self.retries.overdue(self.now).n + self.retries.unscheduled(self.now).n
        return fresh + late

    @cached_property
    def live(self) -> int:
        """Lines in use, as the vendor counts them, else as the snapshot does."""
        if self.batch.counts.live is not None:
            return self.batch.counts.live
        return people(self.tally, ContactStatus.DISPATCHED, ContactStatus.IN_CALL)

    @property
    def free_lines(self) -> int | None:
        """Lines that nobody talks on; None where the vendor does not tell of its lines."""
        if self.batch.concurrency is None or not self.capabilities.in_flight:
            return None
        return max(self.batch.concurrency - self.live, 0)


Facts = BatchFacts | ProviderFacts | SystemFacts | DayFacts | ExpectationFacts
