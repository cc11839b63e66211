"""What Offhook knows of a vendor's world: batches, contacts and calls, in one vocabulary.

Adapters translate into these values; nothing outside an adapter sees a vendor's word
except as ``raw_status``. All times are aware UTC. Contacts and calls are named tuples
because hundreds of thousands of them pass through one sweep.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from monitor.core.calendar import Calendar
from monitor.core.words import (
    FAILED,
    OPEN_CONTACT,
    AnsweredBy,
    BatchStatus,
    CallStatus,
    ContactStatus,
    EndedBy,
    Outcome,
    Sentiment,
    outcome_of,
)

__all__ = [
    "FAILED",
    "OPEN_CONTACT",
    "AccountState",
    "AnsweredBy",
    "Batch",
    "BatchStatus",
    "Call",
    "CallStatus",
    "Cap",
    "Capabilities",
    "Contact",
    "ContactStatus",
    "Counts",
    "EndedBy",
    "Item",
    "Outcome",
    "Rates",
    "RetryPolicy",
    "Sentiment",
    "outcome_of",
]


class Contact(NamedTuple):
    """One person of one batch.

    ``attempts`` counts calls already made or begun beyond the first plus follow-ups, as the
    vendor counts them. ``phone_hash`` is a keyed hash, ``phone`` a masked form; the number
    itself is never stored. ``seen_at`` is when the request that told us was started; None
    where nobody asked: a webhook pushed it, so that all that was asked for goes before it.
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
    timezone: str | None = None  # IANA, where the vendor tells where the person is
    seen_at: datetime | None = None


class Call(NamedTuple):
    """One attempt to reach one person.

    Three groups merge apart (core/merge.py): what every list row tells (up to ``seen_at``),
    the end (``ended_at``, ``ended_by``), and the details, which only some answers carry;
    an observation without them has ``detail_at`` None and leaves them alone. What was pushed
    and not asked for has neither time: it goes behind all that was asked for.
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
    disposition: str | None = None  # the vendor's word for what came of it: "dnc", "converted"
    transferred: bool | None = None  # whether it was handed to somebody; None: nobody tried
    detail_at: datetime | None = None
    # Of what a later view left out: when it was told, by the field's name. In merged views only.
    kept: tuple[tuple[str, datetime | None], ...] = ()

    @property
    def outcome(self) -> Outcome | None:
        """How the call counts once it has ended; None while it is open or unknown."""
        return outcome_of(self.status, self.answered_by)


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
    ``unaccounted`` are calls of an ended batch by which the vendor's own counts do not add up;
    below zero where they add up to more than all.
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
    unaccounted: int | None = None
    estimated: frozenset[str] = frozenset()  # names of these fields that are derived, not told

    def people(self, *statuses: ContactStatus) -> int:
        """How many people are counted in these statuses."""
        return sum(self.by_status.get(status, 0) for status in statuses)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """What the vendor will do after a failed attempt, where it says.

    ``grows``: each wait is longer than the one before, and ``cooldown_s`` is the first.
    """

    max_retries: int | None = None
    cooldown_s: float | None = None
    grows: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One look at one batch: the vendor's own answer, normalised.

    ``seen_at`` is when the request was started, ``version`` the vendor's own clock for this
    batch where it has one. ``shape`` is the adapter's private note of which generation of
    API the id belongs to; nobody else reads it. ``unseen_for``: for so long after its end
    calls may still go on that no list shows and nobody saw begin. ``preparing``: the vendor is
    at work on it before its start, which needs nobody.
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
    unseen_for: timedelta = timedelta(0)
    preparing: bool = False

    @property
    def title(self) -> str:
        """The name people gave it, else its id."""
        return self.name or self.batch_id

    @property
    def began_at(self) -> datetime | None:
        """When it began, or is to begin, or else was made; None where the vendor tells none."""
        return self.started_at or self.scheduled_at or self.created_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a vendor can tell at all.

    ``trusted`` names the counts (fields of Counts) that must agree with the lists before a
    batch is called complete. ``blind_to`` says in people's words what cannot be seen.
    ``unlisted_for``: how long people may stand on no list at all while they are called.
    """

    discovery: bool = False  # finds batches by itself
    counts: bool = False  # the vendor counts, so a look need not read the list
    contacts: bool = False
    calls: bool = False  # each call, with how it ended
    retries: bool = False
    cost: bool = False  # what calls cost, in its lists
    priced: bool = False  # the same in whichever way: lists, webhooks, or the rates of the user
    numbers: bool = False  # which number somebody is called at
    call_times: bool = False
    in_flight: bool = False
    calling_hours: bool = False
    sentiment: bool = False
    voicemail: bool = False
    row_of_call: bool = False  # its lists hold a row a call, and one for each person who waits
    transfers: bool = False  # which calls were handed to somebody, and which could not be
    deliveries: bool = False  # of which calls what comes after them could not be delivered
    account: bool = False  # the account's balance, or its caps
    tells_failures: bool = True  # a failed call is none that was not answered, or busy
    late_changes: bool = True  # what is read of a call may change long after its end
    unlisted_for: timedelta = timedelta(0)
    trusted: frozenset[str] = frozenset()
    blind_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """A limit that a vendor sets to an account, and how much of it is used where it says."""

    name: str  # in people's words: "calls today", "calls at once"
    limit: int
    used: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """What a vendor tells of an account itself. Money is in micros of a currency unit."""

    seen_at: datetime
    balance_micros: int | None = None
    currency: str = "USD"
    caps: tuple[Cap, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What the user says a call costs, where the vendor tells nothing; always an estimate."""

    minute: Decimal | None = None
    attempt: Decimal | None = None
    currency: str = "USD"
