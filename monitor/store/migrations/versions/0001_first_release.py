"""Everything that the first release keeps."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table in an empty database."""
    _settings()
    _providers()
    _provider_states()
    _batches()
    _contacts("contacts")
    _contacts("moved_contacts")
    _calls()
    _pages()
    _page_moves()
    _changes()
    _people()
    _evaluations()
    _alerts()
    _alert_events()
    _conversations()
    _outbox()
    _deliveries()
    _inbox()
    _arrivals()
    _silences()
    _audit()


def _some(kind: Any, names: str, *, null: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind(), nullable=null) for name in names.split()]


def _index(
    name: str, table: str, columns: list[str], where: str = "", *, unique: bool = False
) -> None:
    some: Any = (
        {"sqlite_where": sa.text(where), "postgresql_where": sa.text(where)} if where else {}
    )
    op.create_index(name, table, columns, unique=unique, **some)


def _settings() -> None:
    op.create_table(
        "settings",
        *_some(sa.Text, "name value"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_settings")),
    )


def _providers() -> None:
    op.create_table(
        "providers",
        *_some(sa.Text, "name vendor"),
        *_some(sa.BigInteger, "baseline_at discovered_at fresh_at failing_since", null=True),
        *_some(sa.Text, "failure_kind failure_text", null=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("showed_at", sa.BigInteger(), nullable=True),
        sa.Column("unknown_words", sa.Text(), server_default="{}", nullable=False),
        sa.Column("memory", sa.Text(), server_default="{}", nullable=False),
        *_some(sa.Text, "traffic account", null=True),
        *_some(sa.BigInteger, "webhook_at refused_at", null=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_providers")),
    )


def _provider_states() -> None:
    op.create_table(
        "provider_states",
        sa.Column("id", sa.Integer(), nullable=False),
        *_some(sa.Text, "provider kind"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_states")),
    )
    _index("ix_provider_states_of", "provider_states", ["provider", "kind", "id"])


def _batches() -> None:
    op.create_table(
        "batches",
        sa.Column("id", sa.Integer(), nullable=False),
        *_some(sa.Text, "provider batch_id"),
        *_some(sa.Text, "name campaign", null=True),
        *_some(sa.Text, "status look"),
        sa.Column("run", sa.Integer(), server_default="1", nullable=False),
        *_some(sa.Boolean, "news open"),
        *_some(sa.BigInteger, "first_seen_at fresh_at moved_at"),
        *_some(sa.BigInteger, "resumed_at idle_at running_at", null=True),
        sa.Column("pauses", sa.Text(), nullable=True),
        sa.Column("typical_gap_s", sa.Float(), nullable=True),
        *_some(sa.BigInteger, "terminal_at seen_open_at terminal_again_at reopening_at", null=True),
        sa.Column("stopped_by_user", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("pruned", sa.Boolean(), server_default="0", nullable=False),
        *_some(
            sa.BigInteger,
            "swept_at full_swept_at read_at listed_at complete_at sweeping_since",
            null=True,
        ),
        sa.Column("tally", sa.Text(), server_default="{}", nullable=False),
        sa.Column("swept_counts", sa.Text(), nullable=True),
        sa.Column("reported_at", sa.BigInteger(), nullable=True),
        sa.Column("report", sa.Text(), nullable=True),
        sa.Column("seq", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("unlisted_since", sa.BigInteger(), nullable=True),
        sa.Column("unlisted_why", sa.Text(), nullable=True),
        *_some(sa.BigInteger, "gone_at gone_again_at", null=True),
        sa.Column("gone_times", sa.Integer(), server_default="0", nullable=False),
        sa.Column("gone_alone", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("falling_at", sa.BigInteger(), nullable=True),
        sa.Column("fallen_from", sa.Text(), nullable=True),
        sa.Column("unread", sa.Integer(), server_default="0", nullable=False),
        sa.Column("marks", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
        sa.UniqueConstraint("provider", "batch_id", name=op.f("uq_batches_provider_batch_id")),
    )
    _index("ix_batches_campaign", "batches", ["provider", "campaign", "terminal_at"])
    _index("ix_batches_due", "batches", ["open", "due_at"])
    _index("ix_batches_name", "batches", ["provider", "name", "terminal_at"])


def _contacts(name: str) -> None:
    op.create_table(
        name,
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Text(), nullable=False),
        *_some(sa.BigInteger, "retry_at unscheduled_since live_since", null=True),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["batch"], ["batches.id"], name=op.f(f"fk_{name}_batch")),
        sa.PrimaryKeyConstraint("batch", "contact_id", name=op.f(f"pk_{name}")),
        sqlite_with_rowid=False,
    )
    for waits in ("retry_at", "unscheduled_since", "live_since"):
        _index(
            f"ix_{name}_{waits}",
            name,
            ["batch", waits, "contact_id"],
            f"{waits} IS NOT NULL",
        )


def _calls() -> None:
    op.create_table(
        "calls",
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False, autoincrement=False),
        *_some(sa.Text, "contact_id call_id outcome"),
        *_some(sa.Text, "error_class from_number", null=True),
        sa.Column("duration_s", sa.Float(), nullable=True),
        *_some(sa.Text, "hangup disposition agent_version", null=True),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        *_some(sa.Text, "country area sentiment", null=True),
        sa.Column("transferred", sa.Integer(), nullable=True),
        sa.Column("cost_micros", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("cost_estimated", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["batch"], ["batches.id"], name=op.f("fk_calls_batch")),
        sa.PrimaryKeyConstraint(
            "batch", "ended_at", "contact_id", "call_id", name=op.f("pk_calls")
        ),
        sqlite_with_rowid=False,
    )
    _index(
        "ix_calls_transferred",
        "calls",
        ["batch", "ended_at", "transferred"],
        "transferred IS NOT NULL",
    )


def _pages() -> None:
    op.create_table(
        "pages",
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("listing", sa.Text(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("digest", sa.BigInteger(), nullable=False),
        *_some(sa.LargeBinary, "slices dues"),
        sa.Column("moved", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["batch"], ["batches.id"], name=op.f("fk_pages_batch")),
        sa.PrimaryKeyConstraint("batch", "listing", "page", name=op.f("pk_pages")),
    )


def _page_moves() -> None:
    op.create_table(
        "page_moves",
        *_some(sa.Integer, "batch number"),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["batch"], ["batches.id"], name=op.f("fk_page_moves_batch")),
        sa.PrimaryKeyConstraint("batch", "number", name=op.f("pk_page_moves")),
        sqlite_with_rowid=False,
    )


def _changes() -> None:
    op.create_table(
        "changes",
        *_some(sa.Integer, "batch seq"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["batch"], ["batches.id"], name=op.f("fk_changes_batch")),
        sa.PrimaryKeyConstraint("batch", "seq", name=op.f("pk_changes")),
        sqlite_with_rowid=False,
    )


def _people() -> None:
    op.create_table(
        "people",
        sa.Column("person", sa.LargeBinary(), nullable=False),
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["batch"], ["batches.id"], name=op.f("fk_people_batch")),
        sa.PrimaryKeyConstraint("person", "batch", "contact_id", name=op.f("pk_people")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "people_moves",
        *_some(sa.Integer, "id batch"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("persons", sa.LargeBinary(), nullable=False),
        sa.Column("unnumbered", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people_moves")),
    )
    op.create_table(
        "opt_outs",
        sa.Column("person", sa.LargeBinary(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_opt_outs")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "erased",
        sa.Column("tombstone", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tombstone", name=op.f("pk_erased")),
        sqlite_with_rowid=False,
    )


def _evaluations() -> None:
    op.create_table(
        "evaluations",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_evaluations")),
    )


def _alerts() -> None:
    op.create_table(
        "alerts",
        *_some(sa.Text, "key fingerprint"),
        sa.Column("episode", sa.Integer(), nullable=False),
        *_some(sa.Text, "rule instance provider subject_kind subject_id subject severity state"),
        sa.Column("since", sa.BigInteger(), nullable=False),
        *_some(sa.BigInteger, "evidence_at fired_at clear_since closed_at", null=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("unknown", sa.Text(), nullable=True),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.Column("closing", sa.Text(), nullable=True),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("runbook_url", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'firing', 'resolved', 'info')", name=op.f("ck_alerts_state")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_alerts")),
        sa.UniqueConstraint("fingerprint", "episode", name=op.f("uq_alerts_fingerprint_episode")),
    )
    _index(
        "ix_alerts_open",
        "alerts",
        ["provider", "subject_kind", "subject_id"],
        "state IN ('pending', 'firing')",
    )
    _index(
        "uq_alerts_open_fingerprint",
        "alerts",
        ["fingerprint"],
        "state IN ('pending', 'firing')",
        unique=True,
    )


def _alert_events() -> None:
    op.create_table(
        "alert_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("alert_key", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        *_some(sa.Text, "after reason severity"),
        *_some(sa.Float, "value threshold", null=True),
        sa.Column("n", sa.Integer(), nullable=True),
        *_some(sa.Text, "evidence summary"),
        sa.ForeignKeyConstraint(
            ["alert_key"], ["alerts.key"], name=op.f("fk_alert_events_alert_key")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_events")),
    )
    _index("ix_alert_events_alert_key", "alert_events", ["alert_key"])


def _conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", sa.Integer(), nullable=False),
        *_some(sa.Text, "receiver group_key route"),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        *_some(sa.BigInteger, "closed_at told_at", null=True),
        sa.Column("remote_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
    )
    _index(
        "uq_conversations_open",
        "conversations",
        ["receiver", "group_key"],
        "closed_at IS NULL",
        unique=True,
    )
    _index("ix_conversations_opened", "conversations", ["receiver", "opened_at"])


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("delivery_key", sa.Text(), nullable=False),
        sa.Column("conversation", sa.Integer(), nullable=False),
        *_some(sa.Text, "receiver alert_key transition part message"),
        sa.Column("weight", sa.Integer(), server_default="0", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        *_some(sa.BigInteger, "created_at owed_since due_at"),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("refused", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("attempt_at", sa.BigInteger(), nullable=True),
        sa.Column("carried_by", sa.Integer(), nullable=True),
        sa.Column("remote_id", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("possible_repeat", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("plain", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("announced_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'attempting', 'sent', 'superseded', 'dead')",
            name=op.f("ck_outbox_state"),
        ),
        sa.ForeignKeyConstraint(["alert_key"], ["alerts.key"], name=op.f("fk_outbox_alert_key")),
        sa.ForeignKeyConstraint(
            ["conversation"], ["conversations.id"], name=op.f("fk_outbox_conversation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("delivery_key", name=op.f("uq_outbox_delivery_key")),
    )
    _index("ix_outbox_alert_key", "outbox", ["alert_key"])
    _index("ix_outbox_conversation", "outbox", ["conversation"])
    _index("ix_outbox_dead", "outbox", ["receiver"], "state = 'dead'")
    _index("ix_outbox_owed", "outbox", ["receiver", "due_at"], "state IN ('pending', 'attempting')")


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        *_some(sa.Integer, "id outbox"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        *_some(sa.Text, "word text remote_id", null=True),
        sa.ForeignKeyConstraint(["outbox"], ["outbox.id"], name=op.f("fk_deliveries_outbox")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
    )
    _index("ix_deliveries_outbox", "deliveries", ["outbox"])


def _inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("unique_key", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        *_some(sa.Text, "event proves"),
        *_some(sa.Text, "batch_id call_id told", null=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state IN ('new', 'asked', 'done', 'poison', 'unanswered')",
            name=op.f("ck_inbox_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sa.UniqueConstraint("unique_key", name=op.f("uq_inbox_unique_key")),
    )
    _index("ix_inbox_new", "inbox", ["id"], "state = 'new'")
    _index("ix_inbox_received_at", "inbox", ["received_at"])
    _index("ix_inbox_poison", "inbox", ["provider"], "state = 'poison'")


def _arrivals() -> None:
    op.create_table(
        "arrivals",
        *_some(sa.Text, "provider subject"),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        *_some(sa.BigInteger, "webhook_at poll_at ended_at", null=True),
        sa.PrimaryKeyConstraint("provider", "subject", name=op.f("pk_arrivals")),
    )
    _index("ix_arrivals_first_at", "arrivals", ["provider", "first_at"])


def _silences() -> None:
    op.create_table(
        "silences",
        *_some(sa.Text, "id matchers"),
        *_some(sa.Text, "alert_key provider batch", null=True),
        sa.Column("run", sa.Integer(), nullable=True),
        *_some(sa.Text, "author source comment"),
        *_some(sa.BigInteger, "created_at starts_at"),
        *_some(sa.BigInteger, "ends_at ended_at", null=True),
        sa.CheckConstraint(
            "alert_key IS NOT NULL OR ends_at IS NOT NULL OR batch IS NOT NULL",
            name=op.f("ck_silences_has_an_end"),
        ),
        sa.ForeignKeyConstraint(["alert_key"], ["alerts.key"], name=op.f("fk_silences_alert_key")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_silences")),
    )
    _index("ix_silences_ended_at", "silences", ["ended_at"])
    _index("ix_silences_alert", "silences", ["alert_key"])


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        *_some(sa.Text, "who source what target"),
        *_some(sa.Text, "provider alert_key", null=True),
        *_some(sa.Text, "outcome detail"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    _index("ix_audit_target", "audit", ["target"])
    _index("ix_audit_alert_key", "audit", ["alert_key"])
