"""Taking one look at one batch into its row: moves, runs, first sight."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection

from monitor.core.model import Batch, BatchStatus, Counts
from monitor.store import batches, changes, stopping
from monitor.store.advancing import advanced, falls, first_row
from monitor.store.batches import BatchRow
from monitor.store.coding import encode

# Answers overtake each other by less than this.
_AHEAD_AT_MOST = timedelta(hours=1)
OVERTAKEN_WITHIN = timedelta(minutes=5)
# However slowly a batch is looked at: that nobody did for so long is worth remembering.
_UNSEEN_FOR = timedelta(minutes=3)


def take_look(conn: Connection, look: Batch, *, baseline: bool) -> BatchRow:
    """Keep what one look says; the row afterwards.

    ``baseline``: the provider's first complete discovery is not over, so a batch that is
    already ended is history and not news. A look older than the one that is known changes
    nothing. A batch that had ended and moves again becomes a new run once two looks agree.
    """
    if look.version and look.version > look.seen_at + _AHEAD_AT_MOST:
        look = replace(look, version=None)  # else nothing later would ever be newer
    known = batches.find(conn, look.provider, look.batch_id)
    if known is None:
        return _first_sight(conn, look, baseline=baseline)
    if _is_overtaken(known.look, look):
        return known
    if _is_old(known.look, look):
        row = replace(known, failure="stale: the answers are older than what was known before")
    elif falls(known, look) and known.falling_at in {None, look.seen_at}:
        row = replace(known, falling_at=look.seen_at)
    else:
        row = stopping.freed(conn, known, advanced(known, look))
    moves = _moves(known, row)
    if moves:
        seq = changes.append(conn, row.id, row.seq, look.seen_at, moves)
        row = replace(row, seq=seq)
    batches.save(conn, row)
    return row


def _first_sight(conn: Connection, look: Batch, *, baseline: bool) -> BatchRow:
    row = batches.add(conn, first_row(look, baseline=baseline))
    kind = "baseline" if baseline else "batch"
    moves: list[changes.Change] = [(kind, look.batch_id, None, str(look.status))]
    if look.counts != Counts():
        moves.append((changes.COUNTS, look.batch_id, None, encode(look.counts)))
    row = replace(row, seq=changes.append(conn, row.id, 0, look.seen_at, moves))
    batches.save(conn, row, "seq")
    return row


def _is_overtaken(known: Batch, look: Batch) -> bool:
    """An answer that a later question's answer has overtaken.

    What is older by more than any request takes is not overtaken: the clock was set back.
    """
    return known.seen_at - OVERTAKEN_WITHIN < look.seen_at < known.seen_at


def _is_old(known: Batch, look: Batch) -> bool:
    """A cached answer, by the vendor's own clock for this batch."""
    return bool(look.version and known.version and look.version < known.version)


def _moves(known: BatchRow, row: BatchRow) -> list[changes.Change]:
    found: list[changes.Change] = []
    subject = row.look.batch_id
    if row.run != known.run:
        found.append(("batch", subject, str(known.look.status), "reopened"))
    if row.look.status != known.look.status:
        found.append(("batch", subject, str(known.look.status), _word(row.look)))
    if row.look.counts != known.look.counts:
        # What a replay of the batch's life cannot find out from its people and calls.
        found.append((changes.COUNTS, subject, None, encode(row.look.counts)))
    if known.gone_at is not None and row.gone_at is None:
        found.append(changes.known_again(subject))
    if row.fresh_at - known.fresh_at > _UNSEEN_FOR:
        found.append(changes.unseen(subject, known.fresh_at))
    return found


def _word(look: Batch) -> str:
    return f"unknown: {look.raw_status}" if look.status is BatchStatus.UNKNOWN else look.status
