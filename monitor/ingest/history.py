"""Taking in batches that ended before anybody watched them: history, never news.

Nothing of this can make an alert: such a batch is closed from the start, and no evaluation
looks at closed ones. A running daemon may write beside it, so each function decides by what
the database says in its own transaction.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection

from monitor.core.completion import report
from monitor.core.facts import BatchFacts, Certainty, Report
from monitor.core.model import Batch, Capabilities
from monitor.core.pastpeople import KnownPeople
from monitor.ingest.looks import take_look
from monitor.store import batches, providers
from monitor.store.batches import BatchRow
from monitor.store.windows import StoredCalls


class Place(StrEnum):
    """Where a batch that a vendor's history names belongs."""

    TO_READ = "to_read"
    READ = "read"  # whole, in an earlier backfill or when it was watched
    OPEN = "open"  # not ended, or still watched: not of the past
    NEWS = "news"  # ended since the last discovery: the daemon is to tell of it


def is_read(row: BatchRow) -> bool:
    """Whether all of an ended batch is known, or was and has been forgotten since."""
    if row.pruned:
        return True
    if row.swept_at is None or row.terminal_at is None:
        return False
    return not row.unread and row.swept_at >= row.terminal_at


def admit(
    conn: Connection, look: Batch, vendor: str, discovers: timedelta
) -> tuple[Place, BatchRow | None]:
    """Make room for an ended batch, unless it is known whole or none of history.

    ``discovers`` is how far back the daemon's own discovery reaches: once that has a baseline,
    a batch from within it that is not known is news, which only the daemon may tell.
    """
    known = batches.find(conn, look.provider, look.batch_id)
    if known is None:
        if not look.status.terminal:
            return Place.OPEN, None
        baseline = providers.load(conn, look.provider, vendor).baseline_at
        created = look.created_at
        if baseline is not None and (created is None or created >= look.seen_at - discovers):
            return Place.NEWS, None
        return Place.TO_READ, _dated(conn, take_look(conn, look, baseline=True))
    if known.open or not look.status.terminal:
        return Place.OPEN, known
    if is_read(known):
        return Place.READ, known
    return Place.TO_READ, _dated(conn, take_look(conn, look, baseline=True))


def _dated(conn: Connection, row: BatchRow) -> BatchRow:
    """With the end that the vendor tells in the place of when it was first seen ended."""
    if row.news or row.run > 1 or row.open:
        return row  # it was watched to its end
    ended = row.look.ended_at or _last_end(conn, row) or row.look.began_at
    at = min(ended or row.first_seen_at, row.look.seen_at)
    row = replace(row, terminal_at=at)
    batches.save(conn, row, "terminal_at")
    return row


def _last_end(conn: Connection, row: BatchRow) -> datetime | None:
    last = StoredCalls(conn, row.id).last_ended(1)
    return last[0].ended_at if last else None


def keep_report(conn: Connection, batch: int, capabilities: Capabilities) -> BatchRow:
    """Keep the report of a batch of history that was read whole, for the batch after it."""
    row = batches.load(conn, batch)
    if row.open or not is_read(row) or row.pruned:
        return row
    row = _dated(conn, row)
    row = replace(row, report=_report(conn, row, capabilities))
    batches.save(conn, row, "report")
    return row


def _report(conn: Connection, row: BatchRow, capabilities: Capabilities) -> Report:
    facts = BatchFacts(
        now=row.look.seen_at,
        batch=row.look,
        capabilities=capabilities,
        certainty=Certainty(
            observed_at=row.fresh_at,
            fresh=True,
            swept_at=row.swept_at,
            complete_at=row.complete_at,
        ),
        tally=row.tally,
        calls=StoredCalls(conn, row.id),
        retries=KnownPeople(),
        run=row.run,
        news=row.news,
        terminal_at=row.terminal_at,
    )
    made = report(facts)
    told = row.look.ended_at or _last_end(conn, row)
    if told is None and not row.news:
        # Neither the vendor nor any call says when it ended.
        return replace(made, ended_at=None, duration_s=None)
    return made
