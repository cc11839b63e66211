"""What vendors' webhooks brought, and when each change was heard of in which way."""

from sqlalchemy import CheckConstraint, Column, Index, Integer, LargeBinary, Table, Text

from monitor.store.schema.times import UtcDateTime, metadata

inbox = Table(
    "inbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("provider", Text, nullable=False),
    # Of the sender's own id of the message where it signs one, else of the body: what comes
    # twice is there once.
    Column("unique_key", LargeBinary, nullable=False, unique=True),
    Column("received_at", UtcDateTime, nullable=False),
    Column("event", Text, nullable=False),
    Column("proves", Text, nullable=False),
    Column("batch_id", Text),
    Column("call_id", Text),
    # What it says in Offhook's own words, JSON; nothing else of the body is kept.
    Column("told", Text),
    Column("digest", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    Column("why", Text),  # why it is set aside: never the vendor's words
    Column("done_at", UtcDateTime),
    # asked: it proves too little, and the vendor is being asked
    # poison: it cannot be read, or not taken in
    # unanswered: it can be read, and the vendor knows nothing of it
    CheckConstraint("state IN ('new', 'asked', 'done', 'poison', 'unanswered')", name="state"),
)
# what is to be taken in, in order
Index(
    "ix_inbox_new",
    inbox.c.id,
    sqlite_where=inbox.c.state == "new",
    postgresql_where=inbox.c.state == "new",
)
# retention
Index("ix_inbox_received_at", inbox.c.received_at)
# what cannot be read, by provider
Index(
    "ix_inbox_poison",
    inbox.c.provider,
    sqlite_where=inbox.c.state == "poison",
    postgresql_where=inbox.c.state == "poison",
)

# When the end of a call or batch was first heard of by webhook, and when by asking: which of
# the two comes late, and which does not come at all.
arrivals = Table(
    "arrivals",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("subject", Text, primary_key=True),  # the vendor's id of the call or batch
    Column("first_at", UtcDateTime, nullable=False),
    Column("webhook_at", UtcDateTime),
    Column("poll_at", UtcDateTime),
    Column("ended_at", UtcDateTime),  # where the vendor tells it
)
# what arrived in the last hours, and retention
Index("ix_arrivals_first_at", arrivals.c.provider, arrivals.c.first_at)
