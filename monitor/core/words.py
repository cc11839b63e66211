"""The closed sets of words that batches, people and calls are described with.

A vendor's own words are translated into these; what is not known is UNKNOWN, never a guess.
"""

from enum import StrEnum


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
    """How the end of a call is known, best first."""

    VENDOR = "vendor"  # the vendor names the time
    DERIVED = "derived"  # start plus duration
    HISTORY = "history"  # ended before we looked, at an unknown time: in no window
    SEEN = "seen"  # the moment we first saw it ended

    @property
    def rank(self) -> int:
        """Merging keeps the best."""
        return _ENDED_RANK[self]


_ENDED_RANK = {EndedBy.SEEN: 0, EndedBy.HISTORY: 1, EndedBy.DERIVED: 2, EndedBy.VENDOR: 3}


# The hang-up reason of a call that a carrier refused as spam (SIP 608), at whatever vendor.
BLOCKED = "carrier_blocked"
# The error of a call that went well itself, while what was to be delivered after it did not.
UNDELIVERED = "not delivered after the call"
# The mark of a report whose numbers may still move.
SETTLING = "settling"


class Sentiment(StrEnum):
    """The vendor's reading of a conversation."""

    POSITIVE = "positive"
    NEUTRAL = "neutral"
    NEGATIVE = "negative"


FAILED = frozenset({Outcome.FAILED, Outcome.ERROR})


def outcome_of(status: CallStatus, answered_by: AnsweredBy | None) -> Outcome | None:
    """The outcome that a status and an answering party make together."""
    found = _OUTCOME.get(status)
    return found if found is not _COMPLETED else _ANSWERED.get(answered_by, found)


def person_of(status: CallStatus, answered_by: AnsweredBy | None) -> ContactStatus:
    """Where a person stands by what their last call says, where nothing else tells it."""
    found = _PERSON[status]
    return found if found is not _REACHED else _TAKEN.get(answered_by, found)


# Tables, because reading a member off its class costs more than both look-ups.
_COMPLETED = Outcome.COMPLETED
_OUTCOME = {
    CallStatus.COMPLETED: Outcome.COMPLETED,
    CallStatus.NO_ANSWER: Outcome.NO_ANSWER,
    CallStatus.BUSY: Outcome.BUSY,
    CallStatus.FAILED: Outcome.FAILED,
    CallStatus.ERROR: Outcome.ERROR,
    CallStatus.CANCELLED: Outcome.CANCELLED,
}
_ANSWERED: dict[AnsweredBy | None, Outcome] = {
    AnsweredBy.VOICEMAIL: Outcome.VOICEMAIL,
    AnsweredBy.NO_ANSWER: Outcome.NO_ANSWER,
}
_REACHED = ContactStatus.COMPLETED
_PERSON = {
    CallStatus.QUEUED: ContactStatus.PENDING,
    CallStatus.RINGING: ContactStatus.IN_CALL,
    CallStatus.IN_PROGRESS: ContactStatus.IN_CALL,
    CallStatus.COMPLETED: ContactStatus.COMPLETED,
    CallStatus.NO_ANSWER: ContactStatus.NO_ANSWER,
    CallStatus.BUSY: ContactStatus.BUSY,
    CallStatus.FAILED: ContactStatus.FAILED,
    CallStatus.ERROR: ContactStatus.FAILED,
    CallStatus.CANCELLED: ContactStatus.SKIPPED,
    CallStatus.UNKNOWN: ContactStatus.UNKNOWN,
}
_TAKEN: dict[AnsweredBy | None, ContactStatus] = {
    AnsweredBy.VOICEMAIL: ContactStatus.VOICEMAIL,
    AnsweredBy.NO_ANSWER: ContactStatus.NO_ANSWER,
}
