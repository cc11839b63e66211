"""The tables. Each index names the query that it serves.

Times are whole microseconds since 1970 in UTC (``UtcDateTime`` refuses a naive one), so the
hot statements carry plain numbers. Words of closed sets are stored as their text.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(at: datetime) -> int:
    """An aware time as the tables keep it; ValueError for a naive one."""
    if at.tzinfo is None:
        msg = f"a time without a zone cannot be stored: {at!r}"
        raise ValueError(msg)
    return (at - EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The aware UTC time that the tables keep so."""
    return EPOCH + timedelta(microseconds=micros)


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in, aware UTC out, whole microseconds inside."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Refuse what has no zone."""
        del dialect
        return None if value is None else to_micros(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Give the zone back."""
        del dialect
        return None if value is None else from_micros(value)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# One row a thing to remember about the installation: salt, cursor of a migration, last wall clock.
settings = Table(
    "settings",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

providers = Table(
    "providers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("vendor", Text, nullable=False),
    # Set by the first complete discovery; what that finds is known and no news (DESIGN.md 9.3).
    Column("baseline_at", UtcDateTime),
    Column("discovered_at", UtcDateTime),
    Column("fresh_at", UtcDateTime),
    Column("failing_since", UtcDateTime),
    Column("failure_kind", Text),
    Column("failure_text", Text),
    # Words never seen before, JSON: {"batch": ["weird"], "contact": [...], "call": [...]}.
    Column("unknown_words", Text, nullable=False, server_default="{}"),
    # The adapter's own notes between looks, JSON; nobody else reads them.
    Column("memory", Text, nullable=False, server_default="{}"),
)

batches = Table(
    "batches",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("batch_id", Text, nullable=False),
    # The last look, the columns that queries need beside the whole of it as JSON.
    Column("name", Text),
    Column("campaign", Text),
    Column("status", Text, nullable=False),
    Column("look", Text, nullable=False),
    Column("run", Integer, nullable=False, server_default="1"),
    Column("news", Boolean, nullable=False),
    # False once the batch is ended, reported and settled: it is no longer polled.
    Column("open", Boolean, nullable=False),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("fresh_at", UtcDateTime, nullable=False),
    Column("moved_at", UtcDateTime, nullable=False),
    Column("resumed_at", UtcDateTime),
    Column("typical_gap_s", Float),
    Column("terminal_at", UtcDateTime),
    # The newest look that said "ended" while this run was already known to have ended.
    Column("terminal_again_at", UtcDateTime),
    # A terminal batch that was seen moving once; twice makes a new run.
    Column("reopening_at", UtcDateTime),
    Column("stopped_by_user", Boolean, nullable=False, server_default="0"),
    Column("swept_at", UtcDateTime),
    Column("full_swept_at", UtcDateTime),
    # the last sweep that read all it set out to read, if only the pages likely to have moved
    Column("read_at", UtcDateTime),
    Column("complete_at", UtcDateTime),
    Column("sweeping_since", UtcDateTime),
    Column("tally", Text, nullable=False, server_default="{}"),
    # The counts that the last finished sweep was made for, JSON; equal counts need no sweep.
    Column("swept_counts", Text),
    Column("reported_at", UtcDateTime),
    Column("report", Text),
    # The last change given out: the next is one more, under this row.
    Column("seq", Integer, nullable=False, server_default="0"),
    Column("due_at", UtcDateTime, nullable=False),
    # Refused looks since the last good one: {"kind": ..., "since": ..., "n": ...}.
    Column("failure", Text),
    UniqueConstraint("provider", "batch_id"),
    # the batch before it of the same campaign or label
    Index("ix_batches_campaign", "provider", "campaign", "terminal_at"),
    Index("ix_batches_name", "provider", "name", "terminal_at"),
    # what is due for a look
    Index("ix_batches_due", "open", "due_at"),
)

# People and calls: what queries ask for stands in columns, the whole value beside it packed
# (MessagePack of core.model), which halves the cost of writing a row.
contacts = Table(
    "contacts",
    metadata,
    Column("batch", Integer, ForeignKey("batches.id"), primary_key=True),
    Column("contact_id", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("next_retry_at", UtcDateTime),
    # since when the person has been in this status, as first seen
    Column("since", UtcDateTime, nullable=False),
    Column("phone_hash", LargeBinary),
    Column("value", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# retries that are late or unscheduled: only people who wait in a retrying state
Index(
    "ix_contacts_retry",
    contacts.c.batch,
    contacts.c.next_retry_at,
    contacts.c.since,
    contacts.c.contact_id,
    sqlite_where=contacts.c.status.in_(("retrying", "follow_up")),
    postgresql_where=contacts.c.status.in_(("retrying", "follow_up")),
)

calls = Table(
    "calls",
    metadata,
    Column("batch", Integer, ForeignKey("batches.id"), primary_key=True),
    # A person's calls lie together, so one range finds them without another index.
    Column("contact_id", Text, primary_key=True),
    Column("call_id", Text, primary_key=True),
    # None for a call that is open, or that ended at an unknown time before it was first seen
    Column("ended_at", UtcDateTime),
    Column("outcome", Text),
    Column("error_class", Text),
    Column("from_number", Text),
    Column("value", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# windows: covering, so a window costs what lies in it
Index(
    "ix_calls_window",
    calls.c.batch,
    calls.c.ended_at,
    calls.c.outcome,
    calls.c.error_class,
    calls.c.from_number,
    sqlite_where=calls.c.ended_at.is_not(None),
    postgresql_where=calls.c.ended_at.is_not(None),
)

# One row a page of a vendor's list: its digest, 8 bytes for each item on it, and 4 bytes
# that say when the item is expected to move (store/pages.py).
pages = Table(
    "pages",
    metadata,
    Column("batch", Integer, ForeignKey("batches.id"), primary_key=True),
    Column("listing", Text, primary_key=True),
    Column("page", Integer, primary_key=True),
    Column("digest", BigInteger, nullable=False),
    Column("slices", LargeBinary, nullable=False),
    Column("dues", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

changes = Table(
    "changes",
    metadata,
    Column("batch", Integer, ForeignKey("batches.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("kind", Text, nullable=False),  # batch, contact, call, baseline
    Column("subject", Text, nullable=False),
    Column("before", Text),
    Column("after", Text),
    sqlite_with_rowid=False,
)

evaluations = Table(
    "evaluations",
    metadata,
    Column("subject", Text, primary_key=True),  # "batch:<id>", "provider:<name>", "system"
    Column("seq", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

alerts = Table(
    "alerts",
    metadata,
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("episode", Integer, nullable=False),
    Column("rule", Text, nullable=False),
    Column("instance", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("subject_kind", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("subject", Text, nullable=False),  # JSON
    Column("severity", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("evidence_at", UtcDateTime),
    Column("fired_at", UtcDateTime),
    Column("clear_since", UtcDateTime),
    Column("closed_at", UtcDateTime),
    Column("reason", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("unknown", Text),
    Column("finding", Text, nullable=False),  # JSON
    Column("closing", Text),  # JSON
    Column("labels", Text, nullable=False),  # JSON
    Column("runbook_url", Text),
    UniqueConstraint("fingerprint", "episode"),
    CheckConstraint("state IN ('pending', 'firing', 'resolved', 'info')", name="state"),
)

# the open alerts of one subject, and one open episode a fingerprint at most
Index(
    "ix_alerts_open",
    alerts.c.provider,
    alerts.c.subject_kind,
    alerts.c.subject_id,
    sqlite_where=alerts.c.state.in_(("pending", "firing")),
    postgresql_where=alerts.c.state.in_(("pending", "firing")),
)
Index(
    "uq_alerts_open_fingerprint",
    alerts.c.fingerprint,
    unique=True,
    sqlite_where=alerts.c.state.in_(("pending", "firing")),
    postgresql_where=alerts.c.state.in_(("pending", "firing")),
)

# The audit: every transition, append-only.
alert_events = Table(
    "alert_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("alert_key", Text, ForeignKey("alerts.key"), nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False),
    Column("before", Text),
    Column("after", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("value", Float),
    Column("threshold", Float),
    Column("n", Integer),
    Column("evidence", Text, nullable=False),  # JSON
    Column("summary", Text, nullable=False),
)

# What is owed to one receiver about one group of alerts: the root message and its thread.
conversations = Table(
    "conversations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("receiver", Text, nullable=False),
    Column("group_key", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
    # when the receiver last took something of it
    Column("told_at", UtcDateTime),
    # where its root message is, in the receiver's own words; none for what cannot be edited
    Column("remote_id", Text),
)
# one open conversation a group and receiver
Index(
    "uq_conversations_open",
    conversations.c.receiver,
    conversations.c.group_key,
    unique=True,
    sqlite_where=conversations.c.closed_at.is_(None),
    postgresql_where=conversations.c.closed_at.is_(None),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("delivery_key", Text, nullable=False, unique=True),
    Column("conversation", Integer, ForeignKey("conversations.id"), nullable=False, index=True),
    Column("receiver", Text, nullable=False),
    Column("alert_key", Text, ForeignKey("alerts.key"), nullable=False, index=True),
    # fired, escalated, resolved, reported, settled, repeat-1, repeat-2, …
    Column("transition", Text, nullable=False),
    Column("part", Text, nullable=False),  # root, thread, message
    Column("message", Text, nullable=False),  # JSON of core.message.Message
    Column("state", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    # attempting: until when the attempt may still be under way, and whose it is
    Column("lease_until", UtcDateTime),
    Column("fence", Integer, nullable=False, server_default="0"),
    Column("attempt_at", UtcDateTime),
    # the row whose message carried this one, when several went as one
    Column("carried_by", Integer),
    Column("remote_id", Text),
    Column("sent_at", UtcDateTime),
    Column("possible_repeat", Boolean, nullable=False, server_default="0"),
    Column("plain", Boolean, nullable=False, server_default="0"),
    Column("error", Text),
    CheckConstraint(
        "state IN ('pending', 'attempting', 'sent', 'superseded', 'dead')", name="state"
    ),
)
# what is due or under way, by receiver
Index(
    "ix_outbox_owed",
    outbox.c.receiver,
    outbox.c.due_at,
    sqlite_where=outbox.c.state.in_(("pending", "attempting")),
    postgresql_where=outbox.c.state.in_(("pending", "attempting")),
)

# what was given up, for people
Index(
    "ix_outbox_dead",
    outbox.c.receiver,
    sqlite_where=outbox.c.state == "dead",
    postgresql_where=outbox.c.state == "dead",
)

# The log of attempts, append-only.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("outbox", Integer, ForeignKey("outbox.id"), nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("outcome", Text, nullable=False),  # sent, not_sent, refused, retry, ambiguous, found
    Column("word", Text),
    Column("text", Text),
    Column("remote_id", Text),
)
