"""Writing down what became of a claim: sent, looked for, to be tried again, or given up.

Every function here changes nothing and says False when the claim is no longer the newest
on its rows: somebody else has them by now.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, literal, select, update

from monitor.errors import Sent
from monitor.store.claims import Claim, load_claim, set_rows
from monitor.store.deadletters import mark_said
from monitor.store.schema import UtcDateTime, conversations, deliveries, outbox
from monitor.store.showing import SHOWN_AT_MOST


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One line of the delivery log."""

    at: datetime
    outcome: str  # sent, found, not_sent, refused, retry, ambiguous, partly
    word: str | None = None
    text: str | None = None
    had: str | None = None  # who has it, of several


def begin_again(conn: Connection, claim: Claim, *, now: datetime, lease: timedelta) -> Claim | None:
    """Start another attempt at what was looked for in vain.

    None when somebody else has it, and when what has become of it since is told instead.
    """
    if _gives_way(conn, claim, now):
        return None
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
    begun = load_claim(
        conn,
        claim.conversation.id,
        receiver=claim.receiver,
        rows=claim.rows,
        fence=claim.fence + 1,
        look=False,
        most=claim.most,
        by_now=now,
    )
    return replace(begun, crowds=claim.crowds)


def _gives_way(conn: Connection, claim: Claim, now: datetime) -> bool:
    """Whether a newer word of its alert is due, which tells it all, and takes its place.

    Only of one message by itself: a company is repeated as it was.
    """
    leader = claim.leader
    if leader.part != "message" or len(claim.rows) > 1:
        return False
    newer = select(outbox.c.id).where(
        outbox.c.alert_key == leader.alert_key,
        outbox.c.receiver == claim.receiver,
        outbox.c.part == leader.part,
        outbox.c.state == "pending",
        outbox.c.due_at <= now,
        outbox.c.id > leader.id,
    )
    if conn.execute(newer.limit(1)).first() is None:
        return False
    return _update(conn, claim, state="superseded", possible_repeat=True, lease_until=None)


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
    gone: bool = False,
) -> bool:
    """To be tried again at ``due``: perhaps as a possible repeat, or as a new root."""
    values: dict[str, Any] = {
        "state": "pending",
        "due_at": due,
        "lease_until": None,
        "error": _text(note),
    }
    if note.outcome == Sent.REFUSED and not gone:
        values["refused"] = refusals(claim, note.word)
    if possible_repeat or claim.leader.possible_repeat:
        values["possible_repeat"] = True
    else:
        values["attempt_at"] = None
        if not claim.leader.plain:
            values["carried_by"] = None
    held = _update(conn, claim, **values)
    if held:
        _log(conn, claim, note, note.had)
        if gone:
            conn.execute(
                update(conversations)
                .where(conversations.c.id == claim.conversation.id)
                .values(remote_id=None)
            )
    return held


def refusals(claim: Claim, word: str | None) -> int:
    """How often the leader has been refused with this word now, with none between."""
    before = (claim.leader.error or "").partition(": ")[0]
    return claim.leader.refused + 1 if before == word else 1


def part_company(conn: Connection, claim: Claim, *, due: datetime, note: Note) -> bool:
    """Refused for what it says: all of it in plain words; refused so too, in smaller companies.

    Whatever could not be shown was not what was refused, and goes apart from what was.
    """
    held = _update(
        conn,
        claim,
        state="pending",
        due_at=due,
        lease_until=None,
        plain=True,
        attempt_at=outbox.c.attempt_at if claim.leader.possible_repeat else None,
        error=_text(note),
    )
    if not held:
        return False
    _log(conn, claim, note, None)
    if claim.leader.plain:
        for first, *others in _companies(claim):
            set_rows(conn, [first], {"carried_by": None})
            set_rows(conn, others, {"carried_by": first})
    return True


def _companies(claim: Claim) -> list[list[int]]:
    ids = sorted(row.id for row in claim.rows)
    seen = [each for each in ids if each in claim.shown] or ids
    unseen = [each for each in ids if each not in set(seen)]
    half = (len(seen) + 1) // 2
    return [each for each in (seen[:half], seen[half:], unseen) if each]


def bury(conn: Connection, claim: Claim, *, note: Note) -> bool:
    """Give it up: it is kept, shown, and may be replayed. ``due_at`` says since when."""
    held = _update(conn, claim, state="dead", due_at=note.at, lease_until=None, error=_text(note))
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
    """Change the claimed rows if the claim still holds them all.

    A conversation has one attempt at a time, so its rows under this fence are the claim's.
    """
    changed = conn.execute(
        update(outbox)
        .where(
            outbox.c.conversation == claim.conversation.id,
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
    if claim.unsaid is not None:
        mark_said(conn, claim.receiver, at)


def _log(conn: Connection, claim: Claim, note: Note, remote_id: str | None) -> None:
    """A line for each row, up to so many; a storm has one for all, by the row that leads it."""
    rows = claim.rows if len(claim.rows) <= SHOWN_AT_MOST else claim.rows[:1]
    conn.execute(
        deliveries.insert(),
        [
            {
                "outbox": row.id,
                "at": note.at,
                "attempt": claim.leader.attempts,
                "outcome": note.outcome,
                "word": note.word,
                "text": note.text,
                "remote_id": remote_id,
            }
            for row in rows
        ],
    )


def _text(note: Note) -> str:
    return f"{note.word}: {note.text}" if note.word else note.text or note.outcome
