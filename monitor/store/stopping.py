"""What people did to batches: kept in the audit, and marked at the batch's own row."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select

from monitor.core.model import BatchStatus
from monitor.core.stopping import ACTIONS, RESUME, SHOWN_WITHIN, StoppedBy
from monitor.store import batches
from monitor.store.audit import DONE
from monitor.store.batches import BatchRow
from monitor.store.schema import audit

_WHAT = {f"batch.{action}": action for action in ACTIONS}


def all_done(conn: Connection, provider: str, batch_id: str) -> list[StoppedBy]:
    """Every action that the vendor took, oldest first."""
    rows = conn.execute(_done(provider, batch_id).order_by(audit.c.id))
    return [StoppedBy(action=_WHAT[row.what], who=row.who, at=row.at) for row in rows]


def _done(provider: str, batch_id: str) -> Select[Any]:
    return (
        select(audit.c.what, audit.c.who, audit.c.at)
        .where(audit.c.target == batch_id, audit.c.provider == provider)
        .where(audit.c.what.in_(_WHAT), audit.c.outcome == DONE)
    )


def last_done(conn: Connection, provider: str, batch_id: str) -> StoppedBy | None:
    """The newest action that the vendor took, a resume included; None when there was none."""
    query = _done(provider, batch_id).order_by(audit.c.id.desc()).limit(1)
    row = conn.execute(query).one_or_none()
    return None if row is None else StoppedBy(action=_WHAT[row.what], who=row.who, at=row.at)


def stopped_by(conn: Connection, row: BatchRow) -> StoppedBy | None:
    """Who stopped the batch in its present run, while that holds."""
    if not row.stopped_by_user:
        return None
    return last_done(conn, row.look.provider, row.look.batch_id)


def mark(conn: Connection, row: BatchRow, action: str, at: datetime) -> None:
    """Note at the batch that the vendor took the action; the poller looks at it next."""
    row = marked(row, action, at)
    batches.save(conn, row, "stopped_by_user", "resumed_at", "idle_at", "due_at")


def marked(row: BatchRow, action: str, at: datetime) -> BatchRow:
    """The row after an action that the vendor took."""
    resumed = action == RESUME
    return replace(
        row,
        stopped_by_user=not resumed,
        resumed_at=at if resumed else row.resumed_at,
        idle_at=at if resumed else row.idle_at,
        due_at=min(row.due_at, at),
    )


def hurry(conn: Connection, batch: int, at: datetime) -> None:
    """Let the poller look at the batch next."""
    row = batches.load(conn, batch)
    batches.save(conn, replace(row, due_at=min(row.due_at, at)), "due_at")


def freed(conn: Connection, before: BatchRow, row: BatchRow) -> BatchRow:
    """The row after a look: a pause is over once the vendor says, later, that it dials again.

    Also one that no look ever showed: somebody resumed it between two.
    """
    if not row.stopped_by_user or row.look.status is not BatchStatus.RUNNING:
        return row
    return freed_from(before, row, stopped_by(conn, row))


def freed_from(before: BatchRow, row: BatchRow, done: StoppedBy | None) -> BatchRow:
    """The same, where what was done is known."""
    if not row.stopped_by_user or row.look.status is not BatchStatus.RUNNING:
        return row
    if done is None or done.final:
        return row
    seen = row.resumed_at if row.resumed_at != before.resumed_at else None
    unseen = row.fresh_at - done.at > SHOWN_WITHIN
    over = unseen or (seen is not None and seen > done.at)
    return replace(row, stopped_by_user=False) if over else row
