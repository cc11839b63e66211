"""What lives: alerts, the audit of their moves, and how far each subject was judged."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from monitor.store.schema.times import UtcDateTime, metadata

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
