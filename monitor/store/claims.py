"""Taking what is owed for sending.

A row goes ``pending`` → ``attempting`` → ``sent`` | ``pending`` again | ``dead``. It is
``attempting`` in a committed transaction before a byte leaves, under a lease and a fence
that rises with every claim. A lease that has run out means that nobody knows whether the
message is there: such a claim says ``look``, and is never simply sent again.

Within one conversation things happen in order, one attempt at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, literal, select, update

from monitor.core.message import Message
from monitor.core.rule import Severity
from monitor.store import conversations
from monitor.store.coding import decode
from monitor.store.conversations import Conversation
from monitor.store.outbox import OPEN
from monitor.store.schema import UtcDateTime, outbox

MOST_TOGETHER = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """One row of the outbox.

    ``attempt_at`` is when the first attempt began whose outcome is not known.
    """

    id: int
    delivery_key: str
    conversation: int
    alert_key: str
    transition: str
    part: str
    message: Message
    state: str
    created_at: datetime
    due_at: datetime
    attempts: int
    fence: int
    attempt_at: datetime | None
    carried_by: int | None
    remote_id: str | None
    sent_at: datetime | None
    possible_repeat: bool
    plain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One sending: the rows that go as one message, the leader first.

    ``look``: an earlier attempt may have succeeded. ``part`` and ``root`` say where it goes:
    a thread without a root becomes one. ``messages`` are what to show there.
    """

    receiver: str
    conversation: Conversation
    rows: tuple[Owed, ...]
    fence: int
    look: bool
    messages: tuple[Message, ...]
    first_key: str

    @property
    def leader(self) -> Owed:
        """Its key is the key of the whole message."""
        return self.rows[0]

    @property
    def part(self) -> str:
        """root, thread or message."""
        is_thread = self.leader.part == "thread" and self.conversation.remote_id is not None
        return self.leader.part if is_thread or self.leader.part == "message" else "root"

    @property
    def edits(self) -> bool:
        """It changes what stands already, so doing it twice does no harm."""
        return self.part == "root" and self.conversation.remote_id is not None

    @property
    def watched(self) -> bool:
        """It was sent after an attempt of unknown outcome; a second copy may turn up."""
        return self.leader.sent_at is not None


def claim(conn: Connection, *, receiver: str, now: datetime, lease: timedelta) -> Claim | None:
    """Take the next thing that is due for one receiver; None when nothing is."""
    waiting = conn.execute(
        select(outbox.c.conversation)
        .where(outbox.c.receiver == receiver, outbox.c.state.in_(OPEN), outbox.c.due_at <= now)
        .group_by(outbox.c.conversation)
        .order_by(func.min(outbox.c.due_at), outbox.c.conversation)
    ).scalars()
    for conversation in waiting.all():
        rows = choose(_load_open(conn, conversation), now)
        if rows:
            return _take(conn, receiver=receiver, rows=rows, now=now, lease=lease)
    return None


def choose(rows: Sequence[Owed], now: datetime) -> tuple[Owed, ...]:
    """Of a conversation's open rows, oldest first: what goes next as one; nothing when not yet.

    What is under way, or failed and is to be tried again, holds back all that came after.
    What only waits for company holds back its own alert.
    """
    under_way = [row for row in rows if row.state == "attempting"]
    if under_way:
        due = all(row.due_at <= now for row in under_way)
        return tuple(sorted(under_way, key=lambda row: row.carried_by or 0)) if due else ()
    chosen: list[Owed] = []
    held: set[str] = set()
    for row in rows:
        if row.due_at > now:
            if row.attempts:
                break
            held.add(row.alert_key)
        elif row.alert_key in held:
            continue
        elif not chosen:
            chosen.append(row)
        elif not (row.part == chosen[0].part and _together(chosen, row)):
            held.add(row.alert_key)
        else:
            chosen.append(row)
    return tuple(chosen)


def _together(chosen: Sequence[Owed], row: Owed) -> bool:
    """What was refused goes alone, so that it cannot take others with it.

    What may be out already keeps the company it had, and gets no other.
    """
    leader = chosen[0]
    if leader.plain or row.plain or len(chosen) == MOST_TOGETHER:
        return False
    if leader.possible_repeat or row.possible_repeat:
        return row.carried_by == leader.id
    return True


def _take(
    conn: Connection, *, receiver: str, rows: tuple[Owed, ...], now: datetime, lease: timedelta
) -> Claim | None:
    leader, look = rows[0], rows[0].state == "attempting"
    fence = 1 + max(row.fence for row in rows)
    values: dict[str, Any] = {"fence": fence, "lease_until": now + lease, "due_at": now + lease}
    if not look:
        values |= {
            "state": "attempting",
            "attempts": outbox.c.attempts + 1,
            "attempt_at": func.coalesce(outbox.c.attempt_at, literal(now, UtcDateTime)),
        }
    for row in rows:
        taken = conn.execute(
            update(outbox)
            .where(outbox.c.id == row.id, outbox.c.state == row.state, outbox.c.fence == row.fence)
            .values(**values, carried_by=None if row is leader else leader.id)
        )
        if taken.rowcount != 1:
            return None
    return load_claim(conn, receiver=receiver, rows=rows, fence=fence, look=look)


def load_claim(
    conn: Connection, *, receiver: str, rows: tuple[Owed, ...], fence: int, look: bool
) -> Claim:
    """The claimed rows as they stand now, with all that is needed to send them."""
    conversation = conversations.load(conn, rows[0].conversation)
    claimed = Claim(
        receiver=receiver,
        conversation=conversation,
        rows=tuple(_load(conn, [row.id for row in rows])),
        fence=fence,
        look=look,
        messages=tuple(row.message for row in rows),
        first_key=_first_key(conn, conversation.id) or rows[0].delivery_key,
    )
    shown = _standing(conn, claimed) if claimed.part == "root" else claimed.messages
    return replace(claimed, messages=shown)


def _standing(conn: Connection, claimed: Claim) -> tuple[Message, ...]:
    """What the root is to show: of each alert its newest state, the firing and heavy first."""
    told = conn.execute(
        select(outbox.c.id, outbox.c.message).where(
            outbox.c.conversation == claimed.conversation.id,
            outbox.c.part == "root",
            outbox.c.state == "sent",
        )
    ).all()
    messages = {row.id: decode(Message, row.message) for row in told}
    messages |= {row.id: row.message for row in claimed.rows}
    newest = {
        message.key: message for _, message in sorted(messages.items(), key=lambda one: one[0])
    }
    return tuple(sorted(newest.values(), key=_weight, reverse=True)[:MOST_TOGETHER])


def _weight(message: Message) -> tuple[bool, int]:
    return message.state == "FIRING", Severity(message.severity).weight


def _first_key(conn: Connection, conversation: int) -> str | None:
    key: str | None = conn.execute(
        select(outbox.c.delivery_key)
        .where(
            outbox.c.conversation == conversation,
            outbox.c.carried_by.is_(None),
            (outbox.c.state == "sent") | outbox.c.possible_repeat,
        )
        .order_by(outbox.c.id)
        .limit(1)
    ).scalar()
    return key


def _load_open(conn: Connection, conversation: int) -> list[Owed]:
    return _owed(
        conn.execute(
            select(*_COLUMNS)
            .where(outbox.c.conversation == conversation, outbox.c.state.in_(OPEN))
            .order_by(outbox.c.id)
        )
    )


def _load(conn: Connection, ids: Sequence[int]) -> list[Owed]:
    """In the order of ``ids``."""
    found = {
        row.id: row for row in _owed(conn.execute(select(*_COLUMNS).where(outbox.c.id.in_(ids))))
    }
    return [found[each] for each in ids]


_COLUMNS = [outbox.c[name] for name in Owed.__slots__]


def _owed(rows: Any) -> list[Owed]:
    return [Owed(**{**row._asdict(), "message": decode(Message, row.message)}) for row in rows]
