"""The rows of batches: the last look, and all that is known of a batch beside its items."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, insert, literal_column, select

from monitor.core.facts import Report
from monitor.core.idle import Pauses
from monitor.core.model import Batch, BatchStatus, Counts
from monitor.core.tally import Tally, everybody, trimmed
from monitor.store import hot
from monitor.store.coding import decode, encode
from monitor.store.schema import batches, from_micros, to_micros


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """One batch as kept. The comments of the table (schema.py) say what each time means."""

    id: int
    look: Batch
    first_seen_at: datetime
    fresh_at: datetime
    moved_at: datetime
    due_at: datetime
    run: int = 1
    news: bool = True
    open: bool = True
    resumed_at: datetime | None = None
    idle_at: datetime | None = None
    running_at: datetime | None = None
    pauses: Pauses = ()
    typical_gap_s: float | None = None
    terminal_at: datetime | None = None
    seen_open_at: datetime | None = None
    terminal_again_at: datetime | None = None
    reopening_at: datetime | None = None
    stopped_by_user: bool = False
    pruned: bool = False
    swept_at: datetime | None = None
    full_swept_at: datetime | None = None
    read_at: datetime | None = None
    listed_at: datetime | None = None
    complete_at: datetime | None = None
    sweeping_since: datetime | None = None
    tally: Tally = field(default_factory=dict)
    swept_counts: Counts | None = None
    reported_at: datetime | None = None
    report: Report | None = None
    seq: int = 0
    failure: str | None = None
    unlisted_since: datetime | None = None
    unlisted_why: str | None = None
    gone_at: datetime | None = None
    gone_again_at: datetime | None = None
    gone_times: int = 0
    gone_alone: bool = False
    falling_at: datetime | None = None
    fallen_from: Counts | None = None
    unread: int = 0
    marks: str | None = None

    @property
    def ended(self) -> bool:
        """Ended in this run, whatever the newest look says of a next one."""
        return self.terminal_at is not None

    @property
    def began_at(self) -> datetime:
        """When it began, or is to begin, or else was made, or at least seen first."""
        return self.look.began_at or self.first_seen_at

    @property
    def people(self) -> int:
        """How many people it has."""
        return everybody(self.look.counts, self.tally)


def _values(row: BatchRow) -> dict[str, Any]:
    look = row.look
    return {
        "provider": look.provider,
        "batch_id": look.batch_id,
        "name": look.name,
        "campaign": look.campaign,
        "status": str(look.status),
        "look": encode(look),
        "run": row.run,
        "news": row.news,
        "open": row.open,
        "first_seen_at": row.first_seen_at,
        "fresh_at": row.fresh_at,
        "moved_at": row.moved_at,
        "resumed_at": row.resumed_at,
        "idle_at": row.idle_at,
        "running_at": row.running_at,
        "pauses": encode(row.pauses) if row.pauses else None,
        "typical_gap_s": row.typical_gap_s,
        "terminal_at": row.terminal_at,
        "seen_open_at": row.seen_open_at,
        "terminal_again_at": row.terminal_again_at,
        "reopening_at": row.reopening_at,
        "stopped_by_user": row.stopped_by_user,
        "pruned": row.pruned,
        "swept_at": row.swept_at,
        "full_swept_at": row.full_swept_at,
        "read_at": row.read_at,
        "listed_at": row.listed_at,
        "complete_at": row.complete_at,
        "sweeping_since": row.sweeping_since,
        "tally": encode(trimmed(row.tally)),
        "swept_counts": None if row.swept_counts is None else encode(row.swept_counts),
        "reported_at": row.reported_at,
        "report": None if row.report is None else encode(row.report),
        "seq": row.seq,
        "due_at": row.due_at,
        "failure": row.failure,
        "unlisted_since": row.unlisted_since,
        "unlisted_why": row.unlisted_why,
        "gone_at": row.gone_at,
        "gone_again_at": row.gone_again_at,
        "gone_times": row.gone_times,
        "gone_alone": row.gone_alone,
        "falling_at": row.falling_at,
        "fallen_from": None if row.fallen_from is None else encode(row.fallen_from),
        "unread": row.unread,
        "marks": row.marks,
    }


def _of(row: Any) -> BatchRow:
    return BatchRow(
        id=row.id,
        look=decode(Batch, row.look),
        first_seen_at=row.first_seen_at,
        fresh_at=row.fresh_at,
        moved_at=row.moved_at,
        due_at=row.due_at,
        run=row.run,
        news=row.news,
        open=row.open,
        resumed_at=row.resumed_at,
        idle_at=row.idle_at,
        running_at=row.running_at,
        pauses=() if row.pauses is None else decode(Pauses, row.pauses),
        typical_gap_s=row.typical_gap_s,
        terminal_at=row.terminal_at,
        seen_open_at=row.seen_open_at,
        terminal_again_at=row.terminal_again_at,
        reopening_at=row.reopening_at,
        stopped_by_user=row.stopped_by_user,
        pruned=row.pruned,
        swept_at=row.swept_at,
        full_swept_at=row.full_swept_at,
        read_at=row.read_at,
        listed_at=row.listed_at,
        complete_at=row.complete_at,
        sweeping_since=row.sweeping_since,
        tally=decode(dict[str, int], row.tally),
        swept_counts=None if row.swept_counts is None else decode(Counts, row.swept_counts),
        reported_at=row.reported_at,
        report=None if row.report is None else decode(Report, row.report),
        seq=row.seq,
        failure=row.failure,
        unlisted_since=row.unlisted_since,
        unlisted_why=row.unlisted_why,
        gone_at=row.gone_at,
        gone_again_at=row.gone_again_at,
        gone_times=row.gone_times,
        gone_alone=row.gone_alone,
        falling_at=row.falling_at,
        fallen_from=None if row.fallen_from is None else decode(Counts, row.fallen_from),
        unread=row.unread,
        marks=row.marks,
    )


def load(conn: Connection, batch: int) -> BatchRow:
    """One batch by its row id, which must exist."""
    (row,) = hot.read(conn, _ONE, batch=batch)
    return _of(row)


# Made once: this is asked in every evaluation and for every chunk of a list.
_ONE = select(batches).where(batches.c.id == bindparam("batch"))


def find(conn: Connection, provider: str, batch_id: str) -> BatchRow | None:
    """One batch by the vendor's id; None when it was never seen."""
    found = hot.read(conn, _NAMED, provider=provider, batch_id=batch_id)
    return _of(found[0]) if found else None


_NAMED = select(batches).where(
    batches.c.provider == bindparam("provider"), batches.c.batch_id == bindparam("batch_id")
)


def called(conn: Connection, batch_id: str) -> list[BatchRow]:
    """The batches that have this id, at whichever provider."""
    rows = conn.execute(
        select(batches).where(batches.c.batch_id == batch_id).order_by(batches.c.provider)
    )
    return [_of(row) for row in rows]


def load_open(conn: Connection, provider: str) -> list[BatchRow]:
    """The batches of a provider that are still watched."""
    return [_of(row) for row in hot.read(conn, _WATCHED, provider=provider)]


# Made once: each evaluation of a provider asks.
_WATCHED = (
    select(batches)
    .where(batches.c.provider == bindparam("provider"), batches.c.open)
    .order_by(batches.c.id)
)


def load_closed(conn: Connection, provider: str) -> dict[str, BatchStatus]:
    """The batches of a provider that are watched no longer, with how each ended."""
    rows = hot.ask(conn, _CLOSED, provider=provider)
    return {batch_id: BatchStatus(status) for batch_id, status in rows}


def next_due(conn: Connection, provider: str) -> datetime | None:
    """When the next watched batch of a provider is to be looked at."""
    ((due,),) = hot.ask(conn, _NEXT_DUE, provider=provider)
    return None if due is None else from_micros(due)


# Each poll asks for both.
_CLOSED = select(batches.c.batch_id, batches.c.status).where(
    batches.c.provider == bindparam("provider"), ~batches.c.open
)
_NEXT_DUE = select(func.min(batches.c.due_at)).where(
    batches.c.provider == bindparam("provider"), batches.c.open
)


def add(conn: Connection, row: BatchRow) -> BatchRow:
    """Keep a batch that was never seen; the same with its row id."""
    (key,) = conn.execute(insert(batches).values(_values(row)).returning(batches.c.id)).one()
    return replace(row, id=key)


def save(conn: Connection, row: BatchRow, *names: str) -> None:
    """Write the named columns of a batch, or all of them."""
    values = _values(row)
    if names:
        values = {name: values[name] for name in names}
    hot.update(conn, batches, row.id, values)


def previous_report(conn: Connection, row: BatchRow) -> Report | None:
    """The report of the batch that ended before it: of the same campaign, else of the same name."""
    look = row.look
    asked: dict[str, Any] = {"provider": look.provider, "row": row.id}
    if row.terminal_at is not None:
        asked["before"] = to_micros(row.terminal_at)
    for name, value in (("campaign", look.campaign), ("name", look.name)):
        if not value:
            continue
        query = _PREVIOUS[name, row.terminal_at is not None]
        for (text,) in hot.ask(conn, query, value=value, **asked):
            return decode(Report, text)
    return None


def _previous(name: str, *, ended: bool) -> Select[Any]:
    query = select(batches.c.report).where(
        batches.c.provider == bindparam("provider"),
        batches.c[name] == bindparam("value"),
        batches.c.id != bindparam("row"),
        batches.c.report.is_not(None),
    )
    if ended:
        query = query.where(batches.c.terminal_at < bindparam("before"))
    return query.order_by(batches.c.terminal_at.desc()).limit(literal_column("1"))


_PREVIOUS = {
    (name, ended): _previous(name, ended=ended)
    for name in ("campaign", "name")
    for ended in (False, True)
}


def watched_ids(conn: Connection) -> Sequence[int]:
    """The row ids of every batch that is still watched."""
    return [key for (key,) in hot.ask(conn, _WATCHED_IDS)]


_WATCHED_IDS = select(batches.c.id).where(batches.c.open)
