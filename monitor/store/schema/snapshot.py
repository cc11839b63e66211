"""What is known of vendors: providers, batches, people, calls, pages, and what changed."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from monitor.store.schema.times import UtcDateTime, metadata

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
    # Set by the first complete discovery; what that finds is known and no news.
    Column("baseline_at", UtcDateTime),
    Column("discovered_at", UtcDateTime),
    Column("fresh_at", UtcDateTime),
    Column("failing_since", UtcDateTime),
    Column("failure_kind", Text),
    Column("failure_text", Text),
    # how often in a row it failed in this way
    Column("failures", Integer, nullable=False, server_default="0"),
    # when its lists last showed a batch known before those that are gone: the account is right
    Column("showed_at", UtcDateTime),
    # Words never seen before, JSON: {"batch": ["weird"], "contact": [...], "call": [...]}.
    Column("unknown_words", Text, nullable=False, server_default="{}"),
    # The adapter's own notes between looks, JSON; nobody else reads them.
    Column("memory", Text, nullable=False, server_default="{}"),
    # How it is asked, and what the vendor tells of the account (core.traffic, core.model), JSON.
    Column("traffic", Text),
    Column("account", Text),
    # when the last of its webhooks was taken in, and when the last that looked like one of
    # them was refused
    Column("webhook_at", UtcDateTime),
    Column("refused_at", UtcDateTime),
)

# How providers stood, append-only: a row whenever that was another than before. "account" is
# what the vendor tells of the account, "standing" what failed, "run" that a process began.
provider_states = Table(
    "provider_states",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("value", Text, nullable=False),  # JSON (store/states.py)
    # how one stood, in order
    Index("ix_provider_states_of", "provider", "kind", "id"),
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
    # When it was last seen to stand still (paused, or ended in another run) before that.
    Column("idle_at", UtcDateTime),
    # when this run was first seen dialling
    Column("running_at", UtcDateTime),
    # the spans in which it was seen paused, or ended before it ran again, JSON; none: NULL
    Column("pauses", Text),
    Column("typical_gap_s", Float),
    Column("terminal_at", UtcDateTime),
    # When a look last said that it had not ended, before one said that it had.
    Column("seen_open_at", UtcDateTime),
    # The newest look that said "ended" while this run was already known to have ended.
    Column("terminal_again_at", UtcDateTime),
    # A terminal batch that was seen moving once; twice makes a new run.
    Column("reopening_at", UtcDateTime),
    Column("stopped_by_user", Boolean, nullable=False, server_default="0"),
    # its people, calls, pages and changes are gone (retention)
    Column("pruned", Boolean, nullable=False, server_default="0"),
    Column("swept_at", UtcDateTime),
    Column("full_swept_at", UtcDateTime),
    # the last sweep that read all it set out to read, if only the pages likely to have moved
    Column("read_at", UtcDateTime),
    # the last sweep that came to its end, whatever single items could not be read on the way
    Column("listed_at", UtcDateTime),
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
    # why the last look failed
    Column("failure", Text),
    # since when its list could not be read, and how many rows of it the last time
    Column("unlisted_since", UtcDateTime),
    Column("unlisted_why", Text),
    # since when the vendor answers that it does not know the id, when it last did, how often
    Column("gone_at", UtcDateTime),
    Column("gone_again_at", UtcDateTime),
    Column("gone_times", Integer, nullable=False, server_default="0"),
    # whether the account showed others when that was last said
    Column("gone_alone", Boolean, nullable=False, server_default="0"),
    # counts that never fall were seen lower once; twice, and these are what they were, JSON
    Column("falling_at", UtcDateTime),
    Column("fallen_from", Text),
    Column("unread", Integer, nullable=False, server_default="0"),
    # the last times that ended calls were written, and from which end on (store/marks.py)
    Column("marks", Text),
    UniqueConstraint("provider", "batch_id"),
    # the batch before it of the same campaign or label
    Index("ix_batches_campaign", "provider", "campaign", "terminal_at"),
    Index("ix_batches_name", "provider", "name", "terminal_at"),
    # what is due for a look
    Index("ix_batches_due", "open", "due_at"),
)


def _people(name: str) -> Table:
    """A table of people: the whole of one packed with all their calls (store/snapshot.py).

    So whatever moves about a person is one row to read and one to write. In columns stands only
    what queries look for, and that only where it is so: a column costs whenever a row is written.
    """
    table = Table(
        name,
        metadata,
        Column("batch", Integer, ForeignKey("batches.id"), primary_key=True),
        Column("contact_id", Text, primary_key=True),
        # of people who wait in a retrying state: when their retry is due, or, where none is
        # scheduled, since when they have been waiting
        Column("retry_at", UtcDateTime),
        Column("unscheduled_since", UtcDateTime),
        # of people who are dialled or talked to: since when
        Column("live_since", UtcDateTime),
        Column("value", LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    # retries that are late or unscheduled, and lines that are held
    for waits in (table.c.retry_at, table.c.unscheduled_since, table.c.live_since):
        Index(
            f"ix_{name}_{waits.name}",
            table.c.batch,
            waits,
            table.c.contact_id,
            sqlite_where=waits.is_not(None),
            postgresql_where=waits.is_not(None),
        )
    return table


# Everybody, and those who moved of late as they stand since (store/gathering.py).
contacts = _people("contacts")
moved_contacts = _people("moved_contacts")

# Ended calls in the order of their ends, with what windows ask for: a window costs what lies
# in it. The whole of a call stands with its person.
calls = Table(
    "calls",
    metadata,
    Column("batch", Integer, ForeignKey("batches.id"), primary_key=True),
    # microseconds since 1970; 0 for a call that ended at an unknown time before it was seen
    Column("ended_at", BigInteger, primary_key=True, autoincrement=False),
    Column("contact_id", Text, primary_key=True),
    Column("call_id", Text, primary_key=True),
    Column("outcome", Text, nullable=False),
    Column("error_class", Text),
    Column("from_number", Text),
    # seconds; None: not told
    Column("duration_s", Float),
    Column("hangup", Text),
    Column("disposition", Text),
    Column("agent_version", Text),
    Column("attempt", Integer, nullable=False, server_default="0"),
    # of the person called
    Column("country", Text),
    Column("area", Text),
    Column("sentiment", Text),
    # 1 and 0: handed over, and could not be; NULL: nobody tried
    Column("transferred", Integer),
    Column("cost_micros", BigInteger),
    Column("currency", Text),
    # 1: an estimate
    Column("cost_estimated", Integer, nullable=False, server_default="0"),
    sqlite_with_rowid=False,
)

# the few calls that were to be handed over
Index(
    "ix_calls_transferred",
    calls.c.batch,
    calls.c.ended_at,
    calls.c.transferred,
    sqlite_where=calls.c.transferred.is_not(None),
    postgresql_where=calls.c.transferred.is_not(None),
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
    # the number of the last of its moves that these hold
    Column("moved", Integer, nullable=False),
    # with a rowid: its rows are too long for the leaves of a tree without one
)

# What has moved on pages since their rows were written, a row for each transaction, packed:
# a page's row is long, and most often few of its items move (store/pages.py).
page_moves = Table(
    "page_moves",
    metadata,
    Column("batch", Integer, ForeignKey("batches.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# What moved, append-only, a row for each transaction: its changes stand packed in the order
# in which they are numbered, and ``seq`` is the number of the last (store/changes.py).
changes = Table(
    "changes",
    metadata,
    Column("batch", Integer, ForeignKey("batches.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("value", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
