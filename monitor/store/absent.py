"""Batches that a vendor does not know any more, and what shows that it knows others."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from monitor.store import batches, changes
from monitor.store.batches import BatchRow
from monitor.store.schema import batches as table

# What the row of a batch says of that while the vendor knows it.
KNOWN: Mapping[str, Any] = {
    "gone_at": None,
    "gone_again_at": None,
    "gone_times": 0,
    "gone_alone": False,
}


def another_shown(conn: Connection, row: BatchRow, since: datetime) -> bool:
    """Whether a batch known before this one was gone has been looked at since then."""
    others = (
        select(table.c.id)
        .where(table.c.provider == row.look.provider, table.c.id != row.id)
        .where(table.c.first_seen_at < row.gone_at, table.c.fresh_at >= since)
        .limit(1)
    )
    return conn.execute(others).scalar() is not None


def shows_known(conn: Connection, provider: str, listed: Sequence[str]) -> bool:
    """Whether a list shows a batch known before the first of those that are gone was."""
    gone = [each for each in batches.load_open(conn, provider) if each.gone_at is not None]
    first = min((each.gone_at for each in gone if each.gone_at), default=None)
    if first is None:
        return False
    missing = {each.look.batch_id for each in gone}
    rows = (batches.find(conn, provider, each) for each in listed if each not in missing)
    return any(row is not None and row.first_seen_at < first for row in rows)


def found_again(
    conn: Connection, provider: str, listed: Collection[str], asked_at: datetime
) -> None:
    """Let a list, asked for at that time, show batches that were gone before: they are looked at.

    When everything failed they did too, and the first list that comes again shows that the
    account is right: without this it would be taken to show that they alone are gone.
    """
    for row in batches.load_open(conn, provider):
        gone = row.gone_again_at is not None and row.gone_again_at <= asked_at
        if gone and row.look.batch_id in listed:
            told = [changes.known_again(row.look.batch_id)]
            seq = changes.append(conn, row.id, row.seq, asked_at, told)
            back = replace(row, due_at=asked_at, seq=seq, **KNOWN)
            batches.save(conn, back, *KNOWN, "due_at", "seq")
