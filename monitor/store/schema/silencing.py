"""What people asked for: silences and acknowledgements, and everything anybody did."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text

from monitor.store.schema.times import UtcDateTime, metadata

# Silences, and the acknowledgements of one alert each: one thing, see core.silence.
silences = Table(
    "silences",
    metadata,
    Column("id", Text, primary_key=True),
    Column("matchers", Text, nullable=False),  # JSON, empty for an ack
    Column("alert_key", Text, ForeignKey("alerts.key")),
    # until this run of this batch ends
    Column("provider", Text),
    Column("batch", Text),
    Column("run", Integer),
    Column("author", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    CheckConstraint(
        "alert_key IS NOT NULL OR ends_at IS NOT NULL OR batch IS NOT NULL", name="has_an_end"
    ),
)
# what stands, and what ended lately
Index("ix_silences_ended_at", silences.c.ended_at)
Index("ix_silences_alert", silences.c.alert_key)

# Everything that people did, append-only: silenced, acknowledged, ended one, paused a batch.
audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("who", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("what", Text, nullable=False),  # silence.add, silence.end, ack.add, batch.pause, …
    Column("target", Text, nullable=False, index=True),  # the id of what it was done to
    Column("provider", Text),
    Column("alert_key", Text, index=True),
    Column("outcome", Text, nullable=False),  # done | refused | unknown
    Column("detail", Text, nullable=False),  # for people
)
