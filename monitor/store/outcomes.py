"""Writing down what became of a claim: sent, looked for, to be tried again, or given up.

Every function here changes nothing and says False when the claim is no longer the newest
on its rows: somebody else has them by now.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, literal, select, update

from monitor.store.claims import Claim, load_claim
from monitor.store.schema import UtcDateTime, conversations, deliveries, outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One line of the delivery log."""

    at: datetime
    outcome: str  # sent, found, not_sent, refused, retry, ambiguous
    word: str | None = None
    text: str | None = None


def begin_again(conn: Connection, claim: Claim, *, now: datetime, lease: timedelta) -> Claim | None:
    """Start another attempt at what was looked for in vain; None when somebody else has it."""
    held = _update(
        conn,
        claim,
        fence=claim.fence + 1,
        attempts=outbox.c.attempts + 1,
        possible_repeat=not claim.edits,
        lease_until=now + lease,
        due_at=now + lease,
    )
    if not held:
        return None
    return load_claim(
        conn, receiver=claim.receiver, rows=claim.rows, fence=claim.fence + 1, look=False
    )


def mark_sent(conn: Connection, claim: Claim, *, remote_id: str | None, note: Note) -> bool:
    """The receiver has it; False when the claim was no longer ours to close."""
    held = _update(
        conn,
        claim,
        state="sent",
        sent_at=func.coalesce(outbox.c.sent_at, literal(note.at, UtcDateTime)),
        remote_id=remote_id,
        lease_until=None,
        error=None,
    )
    if held:
        _log(conn, claim, note, remote_id)
        _mark_told(conn, claim, remote_id, note.at)
    return held


def mark_watched(
    conn: Connection, claim: Claim, *, remote_id: str, until: datetime, note: Note
) -> bool:
    """The receiver has it, and may turn out to have it twice: look once more at ``until``."""
    held = _update(
        conn, claim, sent_at=note.at, remote_id=remote_id, lease_until=until, due_at=until
    )
    if held:
        _log(conn, claim, note, remote_id)
        _mark_told(conn, claim, remote_id, note.at)
    return held


def mark_unclear(conn: Connection, claim: Claim, *, until: datetime, note: Note) -> bool:
    """Nobody knows; it stays under way and is looked for at ``until``."""
    held = _update(conn, claim, lease_until=until, due_at=until, error=_text(note))
    if held:
        _log(conn, claim, note, None)
    return held


def put_back(
    conn: Connection,
    claim: Claim,
    *,
    due: datetime,
    note: Note,
    possible_repeat: bool = False,
    plain: bool = False,
    gone: bool = False,
) -> bool:
    """To be tried again at ``due``: as a possible repeat, in plain words, or as a new root."""
    values: dict[str, Any] = {
        "state": "pending",
        "due_at": due,
        "lease_until": None,
        "plain": plain or claim.leader.plain,
        "error": _text(note),
    }
    if possible_repeat or claim.leader.possible_repeat:
        values["possible_repeat"] = True
    else:
        values |= {"attempt_at": None, "carried_by": None}
    held = _update(conn, claim, **values)
    if held:
        _log(conn, claim, note, None)
        if gone:
            conn.execute(
                update(conversations)
                .where(conversations.c.id == claim.conversation.id)
                .values(remote_id=None)
            )
    return held


def bury(conn: Connection, claim: Claim, *, note: Note) -> bool:
    """Give it up: it is kept, shown, and may be replayed."""
    held = _update(conn, claim, state="dead", lease_until=None, error=_text(note))
    if held:
        _log(conn, claim, note, None)
    return held


def adopt(conn: Connection, *, now: datetime, sooner: timedelta) -> int:
    """At the start of the only daemon: whatever is under way has nobody left to finish it.

    Its lease ends ``sooner`` than it would have. Returns how many rows there were.
    """
    rows = conn.execute(
        select(outbox.c.id, outbox.c.lease_until).where(
            outbox.c.state == "attempting", outbox.c.sent_at.is_(None)
        )
    ).all()
    for row in rows:
        until = max(now, row.lease_until - sooner)
        conn.execute(
            update(outbox).where(outbox.c.id == row.id).values(lease_until=until, due_at=until)
        )
    return len(rows)


def _update(conn: Connection, claim: Claim, **values: Any) -> bool:
    """Change the claimed rows if the claim still holds them all."""
    changed = conn.execute(
        update(outbox)
        .where(
            outbox.c.id.in_([row.id for row in claim.rows]),
            outbox.c.state == "attempting",
            outbox.c.fence == claim.fence,
        )
        .values(**values)
    )
    return changed.rowcount == len(claim.rows)


def _mark_told(conn: Connection, claim: Claim, remote_id: str | None, at: datetime) -> None:
    values: dict[str, Any] = {"told_at": at}
    if claim.part == "root" and remote_id is not None:
        values["remote_id"] = remote_id
    conn.execute(
        update(conversations).where(conversations.c.id == claim.conversation.id).values(**values)
    )


def _log(conn: Connection, claim: Claim, note: Note, remote_id: str | None) -> None:
    conn.execute(
        deliveries.insert(),
        [
            {
                "outbox": row.id,
                "at": note.at,
                "attempt": row.attempts,
                "outcome": note.outcome,
                "word": note.word,
                "text": note.text,
                "remote_id": remote_id,
            }
            for row in claim.rows
        ],
    )


def _text(note: Note) -> str:
    return f"{note.word}: {note.text}" if note.word else note.text or note.outcome
