"""What is owed and what became of it: conversations, the outbox, the log of attempts."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
)

from monitor.store.schema.times import UtcDateTime, metadata

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
# how many were opened lately, which is how a storm is seen
Index("ix_conversations_opened", conversations.c.receiver, conversations.c.opened_at)

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
    # what goes first where not everything can be shown: firing, then by severity
    Column("weight", Integer, nullable=False, server_default="0"),
    Column("state", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    # when the first of what this row took the place of was to go; it is late by that
    Column("owed_since", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    # how often the receiver has refused it for good with one and the same word
    Column("refused", Integer, nullable=False, server_default="0"),
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
    # dead: when the receiver was told that there are such
    Column("announced_at", UtcDateTime),
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
    # sent, found, not_sent, refused, retry, ambiguous; partly: some of several have it
    Column("outcome", Text, nullable=False),
    Column("word", Text),
    Column("text", Text),
    Column("remote_id", Text),  # where it is, or the marks of those who have it
)
