"""What Offhook knows of a vendor's world: batches, contacts and calls, in one vocabulary.

Adapters translate into these values; nothing outside an adapter sees a vendor's word
except as ``raw_status``. All times are aware UTC. Contacts and calls are named tuples
because hundreds of thousands of them pass through one sweep.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from monitor.core.calendar import Calendar


class BatchStatus(StrEnum):
    """Where a batch stands. UNKNOWN keeps it open: a word we do not know ends nothing."""

    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNKNOWN = "unknown"

    @property
    def terminal(self) -> bool:
        """The vendor will not dial for this batch again."""
        return self in _TERMINAL_BATCH


_TERMINAL_BATCH = frozenset(
    {
        BatchStatus.COMPLETED,
        BatchStatus.PARTIAL,
        BatchStatus.FAILED,
        BatchStatus.CANCELLED,
        BatchStatus.EXPIRED,
    }
)


class ContactStatus(StrEnum):
    """Where one person of a batch stands."""

    PENDING = "pending"
    DISPATCHED = "dispatched"
    IN_CALL = "in_call"
    FAILED = "failed"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    RETRYING = "retrying"
    VOICEMAIL = "voicemail"
    COMPLETED = "completed"
    FOLLOW_UP = "follow_up"
    EXHAUSTED = "exhausted"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"

    @property
    def rank(self) -> int:
        """How far along one attempt this status is; merging never goes back within it."""
        return _CONTACT_RANK[self]

    @property
    def live(self) -> bool:
        """A line is, or is about to be, in use for this person."""
        return self in {ContactStatus.DISPATCHED, ContactStatus.IN_CALL}

    @property
    def open(self) -> bool:
        """The vendor may still dial this person."""
        return self in OPEN_CONTACT


_CONTACT_RANK = {
    ContactStatus.UNKNOWN: 0,
    ContactStatus.PENDING: 0,
    ContactStatus.DISPATCHED: 1,
    ContactStatus.IN_CALL: 2,
    ContactStatus.FAILED: 3,
    ContactStatus.BUSY: 3,
    ContactStatus.NO_ANSWER: 3,
    ContactStatus.RETRYING: 4,
    ContactStatus.VOICEMAIL: 5,
    ContactStatus.COMPLETED: 5,
    ContactStatus.FOLLOW_UP: 6,
    ContactStatus.EXHAUSTED: 7,
    ContactStatus.SKIPPED: 7,
}

OPEN_CONTACT = frozenset(
    {
        ContactStatus.PENDING,
        ContactStatus.DISPATCHED,
        ContactStatus.IN_CALL,
        ContactStatus.RETRYING,
        ContactStatus.FOLLOW_UP,
        ContactStatus.UNKNOWN,
    }
)


class CallStatus(StrEnum):
    """Where one call (one attempt) stands. ERROR: the vendor's own queue or platform failed."""

    QUEUED = "queued"
    RINGING = "ringing"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    FAILED = "failed"
    ERROR = "error"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @property
    def rank(self) -> int:
        """Merging keeps the highest; every terminal status has the same."""
        return _CALL_RANK.get(self, 3)

    @property
    def terminal(self) -> bool:
        """The call is over."""
        return self not in _CALL_RANK


_CALL_RANK = {
    CallStatus.UNKNOWN: 0,
    CallStatus.QUEUED: 0,
    CallStatus.RINGING: 1,
    CallStatus.IN_PROGRESS: 2,
}


class AnsweredBy(StrEnum):
    """Who or what picked up, where the vendor says."""

    HUMAN = "human"
    VOICEMAIL = "voicemail"
    NO_ANSWER = "no_answer"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """How an ended call counts. A call that reached a mailbox is not a conversation."""

    COMPLETED = "completed"
    VOICEMAIL = "voicemail"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    FAILED = "failed"
    ERROR = "error"
    CANCELLED = "cancelled"


class EndedBy(StrEnum):
    """How the end of a call is known, best first (DESIGN.md 9.5)."""

    VENDOR = "vendor"  # the vendor names the time
    DERIVED = "derived"  # start plus duration
    HISTORY = "history"  # ended before we looked, at an unknown time: in no window
    SEEN = "seen"  # the moment we first saw it ended

    @property
    def rank(self) -> int:
        """Merging keeps the best."""
        return _ENDED_RANK[self]


_ENDED_RANK = {EndedBy.SEEN: 0, EndedBy.HISTORY: 1, EndedBy.DERIVED: 2, EndedBy.VENDOR: 3}


class Sentiment(StrEnum):
    """The vendor's reading of a conversation."""

    POSITIVE = "positive"
    NEUTRAL = "neutral"
    NEGATIVE = "negative"


class Contact(NamedTuple):
    """One person of one batch.

    ``attempts`` counts calls already made or begun beyond the first plus follow-ups, as the
    vendor counts them. ``phone_hash`` is a keyed hash, ``phone`` a masked form; the number
    itself is never stored. ``seen_at`` is when the request that told us was started.
    """

    contact_id: str
    status: ContactStatus
    raw_status: str | None = None  # only where status is UNKNOWN
    attempts: int = 0
    follow_ups: int = 0
    last_attempt_at: datetime | None = None
    next_retry_at: datetime | None = None
    phone_hash: bytes | None = None
    phone: str | None = None
    country: str | None = None
    area: str | None = None
    seen_at: datetime | None = None


class Call(NamedTuple):
    """One attempt to reach one person.

    Three groups merge apart (core/merge.py): what every list row tells (up to ``seen_at``),
    the end (``ended_at``, ``ended_by``), and the details, which only some answers carry;
    an observation without them has ``detail_at`` None and leaves them alone.
    Money is in micros of a currency unit, durations in seconds.
    """

    call_id: str
    contact_id: str
    status: CallStatus
    raw_status: str | None = None  # only where status is UNKNOWN
    answered_by: AnsweredBy | None = None
    attempt: int = 0
    follow_up: bool = False
    created_at: datetime | None = None
    duration_s: float | None = None
    error_class: str | None = None  # digits masked
    from_number: str | None = None  # masked
    seen_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: EndedBy | None = None
    started_at: datetime | None = None
    cost_micros: int | None = None
    currency: str | None = None
    cost_estimated: bool = False
    sentiment: Sentiment | None = None
    hangup_by: str | None = None
    hangup_class: str | None = None
    agent_version: str | None = None
    detail_at: datetime | None = None

    @property
    def outcome(self) -> Outcome | None:
        """How the call counts once it has ended; None while it is open or unknown."""
        return outcome_of(self.status, self.answered_by)


def outcome_of(status: CallStatus, answered_by: AnsweredBy | None) -> Outcome | None:
    """The outcome that a status and an answering party make together."""
    if status is CallStatus.COMPLETED:
        if answered_by is AnsweredBy.VOICEMAIL:
            return Outcome.VOICEMAIL
        if answered_by is AnsweredBy.NO_ANSWER:
            return Outcome.NO_ANSWER
        return Outcome.COMPLETED
    return _OUTCOME.get(status)


_OUTCOME = {
    CallStatus.NO_ANSWER: Outcome.NO_ANSWER,
    CallStatus.BUSY: Outcome.BUSY,
    CallStatus.FAILED: Outcome.FAILED,
    CallStatus.ERROR: Outcome.ERROR,
    CallStatus.CANCELLED: Outcome.CANCELLED,
}


class Item(NamedTuple):
    """One row of a vendor's list: a person, and those of their calls that the row carries."""

    contact: Contact
    calls: tuple[Call, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What the vendor itself counts in a batch; None where it does not say.

    ``finished`` are calls or people that are done in whatever way; ``live`` hold a line now;
    ``waiting`` are to be dialled now (not those with a retry in the future).
    ``by_status`` are people by status, only those statuses that the vendor counts.
    """

    total: int | None = None
    finished: int | None = None
    succeeded: int | None = None
    failed: int | None = None
    live: int | None = None
    waiting: int | None = None
    by_status: Mapping[ContactStatus, int] = field(default_factory=dict)
    requested: int | None = None  # rows handed to the vendor
    rejected: int | None = None  # rows that it refused to dial


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """What the vendor will do after a failed attempt, where it says."""

    max_retries: int | None = None
    cooldown_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One look at one batch: the vendor's own answer, normalised.

    ``seen_at`` is when the request was started, ``version`` the vendor's own clock for this
    batch where it has one. ``shape`` is the adapter's private note of which generation of
    API the id belongs to; nobody else reads it.
    """

    provider: str
    batch_id: str
    status: BatchStatus
    seen_at: datetime
    raw_status: str | None = None
    name: str | None = None
    campaign: str | None = None
    counts: Counts = field(default_factory=Counts)
    version: datetime | None = None
    created_at: datetime | None = None
    scheduled_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    concurrency: int | None = None
    retry: RetryPolicy | None = None
    timezone: str | None = None
    calendar: Calendar | None = None
    reason: str | None = None  # why it ended, digits masked
    reason_code: str | None = None
    shape: str | None = None

    @property
    def title(self) -> str:
        """The name people gave it, else its id."""
        return self.name or self.batch_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a vendor can tell at all (DESIGN.md 9.10).

    ``trusted`` names the counts (fields of Counts) that must agree with the lists before a
    batch is called complete. ``blind_to`` says in people's words what cannot be seen.
    """

    contacts: bool = False
    retries: bool = False
    cost: bool = False
    call_times: bool = False
    in_flight: bool = False
    calling_hours: bool = False
    sentiment: bool = False
    voicemail: bool = False
    trusted: frozenset[str] = frozenset()
    blind_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What the user says a call costs, where the vendor tells nothing; always an estimate."""

    minute: Decimal | None = None
    attempt: Decimal | None = None
    currency: str = "USD"
