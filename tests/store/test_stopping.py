"""What people did to batches, as it is kept."""

from pathlib import Path

import pytest
from sqlalchemy import Connection

from monitor.store import audit, batches, stopping
from monitor.store.audit import DONE, REFUSED, UNKNOWN, Deed
from monitor.store.batches import BatchRow
from tests.builders import MINUTE, NOON, make_batch
from tests.stories import hurried


@pytest.fixture
def conn(tmp_path: Path) -> "Connection":
    return hurried(tmp_path / "offhook.db").connect()


def deed(what: str, outcome: str = DONE, provider: str = "renewals", who: str = "ann") -> Deed:
    return Deed(
        at=NOON, who=who, source="cli", what=what, target="b1", outcome=outcome, provider=provider
    )


@pytest.fixture
def row(conn: Connection) -> BatchRow:
    made = BatchRow(
        id=0,
        look=make_batch(batch_id="b1", seen_at=NOON),
        first_seen_at=NOON,
        fresh_at=NOON,
        moved_at=NOON,
        due_at=NOON + 10 * MINUTE,
    )
    return batches.add(conn, made)


def test_only_what_the_vendor_took_at_this_provider_counts(conn: Connection, row: BatchRow) -> None:
    assert stopping.last_done(conn, "renewals", "b1") is None
    audit.record(conn, deed("batch.pause"))
    for other in (
        deed("batch.resume", REFUSED, who="bob"),
        deed("batch.resume", UNKNOWN, who="bob"),
        deed("batch.stop", provider="surveys", who="eve"),
        deed("silence.add", who="bob"),
    ):
        audit.record(conn, other)

    found = stopping.last_done(conn, "renewals", "b1")
    assert found is not None
    assert (found.action, found.who, found.at) == ("pause", "ann", NOON)
    assert stopping.stopped_by(conn, row) is None  # until the row is marked


def test_a_mark_is_set_by_a_pause_and_taken_back_by_a_resume(
    conn: Connection, row: BatchRow
) -> None:
    audit.record(conn, deed("batch.pause"))
    stopping.mark(conn, row, "pause", NOON + MINUTE)
    paused = batches.load(conn, row.id)
    assert (paused.stopped_by_user, paused.due_at, paused.resumed_at) == (
        True,
        NOON + MINUTE,
        None,
    )
    assert stopping.stopped_by(conn, paused) is not None

    stopping.mark(conn, paused, "resume", NOON + 2 * MINUTE)
    resumed = batches.load(conn, row.id)
    assert (resumed.stopped_by_user, resumed.resumed_at) == (False, NOON + 2 * MINUTE)
    assert resumed.idle_at == NOON + 2 * MINUTE


def test_to_hurry_never_puts_a_look_off(conn: Connection, row: BatchRow) -> None:
    stopping.hurry(conn, row.id, NOON + 20 * MINUTE)

    assert batches.load(conn, row.id).due_at == NOON + 10 * MINUTE
