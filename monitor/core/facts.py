"""What a rule may know: values about one subject, and narrow questions about its calls.

The questions (``CallLog``, ``RetryLadder``) are protocols, because their answers come from
indexed queries whose cost follows the calls asked about and not the size of the batch. A
test answers them from plain lists.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Protocol

from monitor.core.calendar import Calendar, is_open, permitted_between
from monitor.core.hearing import Hearing, Lately, Refused
from monitor.core.model import Batch, Capabilities, ContactStatus, Counts, Outcome
from monitor.core.standing import Failure, ProviderFacts, SystemFacts, Trouble, Unread
from monitor.core.stopping import StoppedBy
from monitor.core.tally import Tally, people
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
    "Share",
    "SystemFacts",
    "Trouble",
    "Unread",
    "Window",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedCall:
    """One ended call, as windows see it."""

    call_id: str
    ended_at: datetime
    outcome: Outcome
    error_class: str | None = None
    from_number: str | None = None  # masked


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The calls that ended in a span of time, counted."""

    start: datetime
    end: datetime
    outcomes: Mapping[Outcome, int]
    last_ended_at: datetime | None = None

    @property
    def n(self) -> int:
        """How many calls ended in the window."""
        return sum(self.outcomes.values())

    def count(self, outcomes: frozenset[Outcome]) -> int:
        """How many of them ended in one of these ways."""
        return sum(self.outcomes.get(outcome, 0) for outcome in outcomes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How often one value stands among some calls: what the failures have most in common."""

    label: str  # "error", "from-number"
    value: str
    n: int
    of: int


class CallLog(Protocol):
    """Questions about the ended calls of one batch."""

    def window(self, start: datetime, end: datetime) -> Window:
        """Calls with start < ended_at <= end."""
        ...

    def last_ended(self, n: int) -> tuple[EndedCall, ...]:
        """The n calls that ended last, newest first; fewer when there are fewer."""
        ...

    def common(
        self, start: datetime, end: datetime, outcomes: frozenset[Outcome]
    ) -> tuple[Share, ...]:
        """Of the calls in the window with these outcomes, the commonest value of each pivot."""
        ...

    def evidence(
        self, start: datetime, end: datetime, outcomes: frozenset[Outcome], limit: int
    ) -> tuple[str, ...]:
        """Up to ``limit`` ids of such calls, newest first."""
        ...

    def people_reached(self) -> int:
        """People with at least one call that a person answered."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LateRetry:
    """A person whose next call should have been made, or is not even planned."""

    contact_id: str
    due_at: datetime | None  # None: waits in a retrying state with nothing scheduled
    since: datetime  # due_at, or when it was first seen waiting unscheduled


# People who wait for a retry are counted no further than this, unless a rule asks for more:
# so many are enough to know, and counting a million takes longer than all rules together.
COUNTED_MOST = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LateRetries:
    """How many people wait too long, counted no further than asked, and the three oldest."""

    n: int
    oldest: tuple[LateRetry, ...] = ()


class RetryLadder(Protocol):
    """Questions about the people of one batch who wait for another call.

    Each counts no further than ``most``.
    """

    def overdue(self, until: datetime, most: int = COUNTED_MOST) -> LateRetries:
        """People whose retry was due at ``until`` or earlier."""
        ...

    def unscheduled(self, until: datetime, most: int = COUNTED_MOST) -> LateRetries:
        """People who have waited since ``until`` or longer with no retry scheduled."""
        ...

    def scheduled_after(self, now: datetime, most: int = COUNTED_MOST) -> int:
        """How many people have a retry in the future."""
        ...


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


@dataclass(frozen=True, slots=True, kw_only=True)
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
    calendar: Calendar | None = None
    run: int = 1
    news: bool = True
    first_seen_at: datetime | None = None
    moved_at: datetime | None = None
    resumed_at: datetime | None = None
    idle_at: datetime | None = None  # when it last stood still, before it was resumed
    typical_gap: timedelta | None = None
    terminal_at: datetime | None = None
    confirmed_at: datetime | None = None  # the newest of the later looks that said so again
    reported_at: datetime | None = None  # when batch_completed was first told, in this run
    previous: Report | None = None
    stopped_by: StoppedBy | None = None  # through Offhook, in this run
    closed_alerts: tuple[str, ...] = ()  # rule instances that were firing when it ended
    gone: Gone | None = None
    fallen_from: Counts | None = None  # counts that never fall, before they fell all the same
    vendor: str = ""
    default_zone: str = "UTC"

    @property
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

    @property
    def people(self) -> int:
        """How many people the batch has, the vendor's total first."""
        counted = self.tally.get("contacts", 0)
        return max(self.batch.counts.total or 0, counted)

    def estimates(self, count: str) -> bool:
        """Whether a count of this name is derived from what was seen, and not told."""
        return count in self.batch.counts.estimated

    @property
    def waiting(self) -> int:
        """People to be dialled now: pending, or with a retry that is due (COUNTED_MOST of them)."""
        if self.batch.counts.waiting is not None:
            fresh = self.batch.counts.waiting
        else:
            fresh = people(self.tally, ContactStatus.PENDING)
        late = self.retries.overdue(self.now).n + self.retries.unscheduled(self.now).n
        return fresh + late

    @property
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


Facts = BatchFacts | ProviderFacts | SystemFacts
