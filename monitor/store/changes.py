"""The changes of each batch, append-only, numbered one by one under the batch's row."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from monitor.store import hot
from monitor.store.schema import changes, to_micros

# kind, subject, before, after
Change = tuple[str, str, str | None, str | None]


@dataclass(frozen=True, slots=True)
class Changed:
    """One change as kept."""

    seq: int
    at: datetime
    kind: str
    subject: str
    before: str | None
    after: str | None


def append(conn: Connection, batch: int, seq: int, at: datetime, rows: Sequence[Change]) -> int:
    """Add changes after number ``seq``; the number of the last."""
    micros = to_micros(at)
    hot.insert(
        conn,
        changes,
        [(batch, seq + i, micros, *change) for i, change in enumerate(rows, start=1)],
    )
    return seq + len(rows)


def since(conn: Connection, batch: int, seq: int, limit: int = 1000) -> list[Changed]:
    """The changes after number ``seq``, oldest first."""
    rows = conn.execute(
        select(changes)
        .where(changes.c.batch == batch, changes.c.seq > seq)
        .order_by(changes.c.seq)
        .limit(limit)
    )
    return [Changed(r.seq, r.at, r.kind, r.subject, r.before, r.after) for r in rows]
