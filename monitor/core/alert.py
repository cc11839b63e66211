"""What lives: pending, firing, resolved, with an episode for each life."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.core.rule import Finding, Severity, SubjectKind


class AlertState(StrEnum):
    """INFO is a report that closed as it was made."""

    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"
    INFO = "info"


class Reason(StrEnum):
    """Why an alert moved. Only RECOVERED says that things are well."""

    HOLDS = "holds"
    HELD_LONG_ENOUGH = "held_long_enough"
    NO_LONGER_HOLDS = "no_longer_holds"  # while pending: it never fired
    RECOVERED = "recovered"
    ESCALATED = "escalated"
    REPORTED = "reported"
    SETTLED = "settled"
    BATCH_ENDED = "batch_ended"
    BATCH_VANISHED = "batch_vanished"
    BATCH_PAUSED = "batch_paused"  # by the user
    RULE_CHANGED = "rule_changed"
    DUE_AGAIN = "due_again"  # what was expected then is a matter of the past

    @property
    def words(self) -> str:
        """For people."""
        return _WORDS[self]

    @property
    def quiet(self) -> bool:
        """Closes without a message of its own."""
        return self in _QUIET


_QUIET = {
    Reason.BATCH_ENDED,
    Reason.BATCH_VANISHED,
    Reason.BATCH_PAUSED,
    Reason.RULE_CHANGED,
    Reason.DUE_AGAIN,
}
_WORDS = {
    Reason.HOLDS: "holds",
    Reason.HELD_LONG_ENOUGH: "held long enough",
    Reason.NO_LONGER_HOLDS: "no longer holds",
    Reason.RECOVERED: "recovered",
    Reason.ESCALATED: "got worse",
    Reason.REPORTED: "reported",
    Reason.SETTLED: "settled",
    Reason.BATCH_ENDED: "batch ended",
    Reason.BATCH_VANISHED: "batch vanished at the vendor",
    Reason.BATCH_PAUSED: "batch paused by you",
    Reason.RULE_CHANGED: "rule changed",
    Reason.DUE_AGAIN: "the next one is due",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What an alert is about. ``id`` is the batch id, a name, or a self_ subject."""

    kind: SubjectKind
    provider: str  # "" for the system
    id: str
    title: str
    vendor: str = ""
    campaign: str = ""
    zone: str = ""  # IANA, of the times in its messages; "" for the configured default
    run: int = 1
    acts: tuple[str, ...] = ()  # what may be done to it from here as it stands now


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One episode of one condition at one subject.

    ``since`` is when it was first seen to hold, ``fired_at`` when it fired, ``clear_since``
    when it was first seen clear while firing, ``evidence_at`` the time of the newest facts
    it was seen to hold on. ``finding`` is the newest one that held, ``closing`` the one at
    the end.
    """

    key: str
    fingerprint: str
    episode: int
    rule: str  # the rule's id
    instance: str  # the name in the configuration
    subject: Subject
    severity: Severity
    state: AlertState
    since: datetime
    finding: Finding
    evidence_at: datetime | None = None
    fired_at: datetime | None = None
    clear_since: datetime | None = None
    closed_at: datetime | None = None
    reason: Reason = Reason.HOLDS
    closing: Finding | None = None
    revision: int = 0  # rises with each transition that people hear of
    unknown: str | None = None  # why it cannot be judged now, while firing
    labels: Mapping[str, str] = field(default_factory=dict)
    runbook_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One step in an alert's life, as the audit keeps it."""

    alert: Alert
    before: AlertState | None
    after: AlertState
    reason: Reason
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What the configuration says of one rule instance's life cycle."""

    pending_for: timedelta = timedelta(0)
    keep_firing_for: timedelta = timedelta(0)
