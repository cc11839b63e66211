"""What the API can be asked: the bodies and the queries, as types."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from monitor.core.rule import Severity

Time = Annotated[datetime, Meta(tz=True)]
Limit = Annotated[int, Meta(ge=1, le=1000)]


class SilenceRequest(Struct, forbid_unknown_fields=True, kw_only=True):
    """A silence. Its end is ``duration``, ``ends_at``, or that of ``batch``, by its id.

    ``dry_run``: nothing is made, the answer says what it would hold back now.
    """

    author: str
    comment: str
    matchers: list[str] = msgspec.field(default_factory=list)
    duration: str | None = None
    starts_at: Time | None = None
    ends_at: Time | None = None
    batch: str | None = None
    provider: str | None = None
    dry_run: bool = False


class AckRequest(Struct, forbid_unknown_fields=True, kw_only=True):
    """Who acknowledges an alert, and what is being done about it."""

    author: str
    comment: str = ""


class ReplayRequest(Struct, forbid_unknown_fields=True, kw_only=True):
    """Who has a message sent again that was given up."""

    author: str


class Nothing(Struct, forbid_unknown_fields=True, kw_only=True):
    """No query."""


class ReportQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """Whose batch it is, where several providers have one of this id."""

    provider: str | None = None


class Which(StrEnum):
    """Alerts by their state; open ones are pending or fire, closed ones are over."""

    OPEN = "open"
    CLOSED = "closed"
    ALL = "all"
    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"
    INFO = "info"


class AlertQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which alerts; ``rule`` is the instance or the rule's id."""

    state: Which = Which.OPEN
    provider: str | None = None
    severity: Severity | None = None
    rule: str | None = None
    batch: str | None = None
    limit: Limit = 200


class BatchQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which batches; with ``ended`` those that are over, too."""

    provider: str | None = None
    ended: bool = False
    limit: Limit = 200


class SilenceQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which silences; with ``ended`` those that have ended, too."""

    ended: bool = False
    limit: Limit = 200


class EndQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """Who ends it."""

    author: str


class AuditQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which deeds: about one alert by its whole key, or about one target."""

    alert: str | None = None
    target: str | None = None
    limit: Limit = 50


class DeliveryQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which messages; the dead were given up."""

    state: Literal["pending", "attempting", "sent", "superseded", "dead", "all"] = "dead"
    receiver: str | None = None
    limit: Limit = 200


class Failed(Struct, omit_defaults=True):
    """What went wrong, and what to do."""

    error: str
    hint: str | UnsetType = UNSET


class Replayed(Struct):
    """How many parts of the message are owed again."""

    delivery_key: str
    parts: int
