"""Taking what is owed for sending.

A row goes ``pending`` → ``attempting`` → ``sent`` | ``pending`` again | ``dead``. It is
``attempting`` in a committed transaction before a byte leaves, under a lease and a fence
that rises with every claim. A lease that has run out means that nobody knows whether the
message is there: such a claim says ``look``, and is never simply sent again.

Within one conversation things happen in order, one attempt at a time. One sending takes all
that is due there, however much: what it shows is bounded, what it stands for is not.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, literal, or_, select, update

from monitor.core.message import Message
from monitor.store import conversations
from monitor.store.coding import decode
from monitor.store.conversations import Conversation
from monitor.store.deadletters import Unsaid, load_unsaid
from monitor.store.outbox import OPEN
from monitor.store.schema import UtcDateTime, outbox

SHOWN_AT_MOST = 40
_AT_ONCE = 500  # ids in one statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One row of the outbox, as far as choosing needs it."""

    id: int
    alert_key: str
    part: str
    weight: int
    state: str
    due_at: datetime
    attempts: int
    fence: int
    carried_by: int | None
    possible_repeat: bool
    plain: bool

    @property
    def company(self) -> int:
        """The same for all rows that went as one before."""
        return self.carried_by or self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """The row that lends a sending its key.

    ``attempt_at`` is when the first attempt began whose outcome is not known. ``refused``
    says how often it was refused for good with the word that ``error`` begins with.
    """

    id: int
    delivery_key: str
    alert_key: str
    transition: str
    part: str
    created_at: datetime
    attempts: int
    attempt_at: datetime | None
    remote_id: str | None
    sent_at: datetime | None
    possible_repeat: bool
    plain: bool
    refused: int
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One sending: the rows that go as one message, the leader's first.

    ``look``: an earlier attempt may have succeeded. ``part`` and ``root`` say where it goes:
    a thread without a root becomes one. ``messages`` are what to show there, and ``shown``
    the rows among them; ``total`` counts the alerts that it speaks of. ``unsaid`` are dead
    letters that the receiver does not know of yet.
    """

    receiver: str
    conversation: Conversation
    leader: Owed
    rows: tuple[Waiting, ...]
    fence: int
    look: bool
    messages: tuple[Message, ...]
    shown: frozenset[int]
    total: int
    first_key: str
    unsaid: Unsaid | None = None

    @property
    def part(self) -> str:
        """root, thread or message."""
        return _part(self.leader.part, self.conversation)

    @property
    def edits(self) -> bool:
        """It changes what stands already, so doing it twice does no harm."""
        return self.part == "root" and self.conversation.remote_id is not None

    @property
    def watched(self) -> bool:
        """It was sent after an attempt of unknown outcome; a second copy may turn up."""
        return self.leader.sent_at is not None


def _part(part: str, conversation: Conversation) -> str:
    stays = part == "message" or (part == "thread" and conversation.remote_id is not None)
    return part if stays else "root"


def claim(
    conn: Connection, *, receiver: str, now: datetime, lease: timedelta, most: int | None = None
) -> Claim | None:
    """Take the next thing that is due for one receiver; None when nothing is.

    ``most``: so many rows at once, for a receiver to whom each alert is to be told itself.
    """
    waiting = conn.execute(
        select(outbox.c.conversation)
        .where(outbox.c.receiver == receiver, outbox.c.state.in_(OPEN), outbox.c.due_at <= now)
        .group_by(outbox.c.conversation)
        .order_by(func.min(outbox.c.due_at), outbox.c.conversation)
    ).scalars()
    for conversation in waiting.all():
        rows = choose(_load_open(conn, conversation), now)[:most]
        if rows:
            return _take(conn, conversation, receiver=receiver, rows=rows, now=now, lease=lease)
    return None


def choose(rows: Sequence[Waiting], now: datetime) -> tuple[Waiting, ...]:
    """Of a conversation's open rows, oldest first: what goes next as one; nothing when not yet.

    What is under way, or failed and is to be tried again, holds back all that came after.
    What only waits for company holds back its own alert.
    """
    under_way = [row for row in rows if row.state == "attempting"]
    if under_way:
        due = all(row.due_at <= now for row in under_way)
        return tuple(sorted(under_way, key=lambda row: row.carried_by or 0)) if due else ()
    chosen: list[Waiting] = []
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
        elif not (row.part == chosen[0].part and _together(chosen[0], row)):
            held.add(row.alert_key)
        else:
            chosen.append(row)
    return tuple(chosen)


def _together(leader: Waiting, row: Waiting) -> bool:
    """What was refused goes in the company it was put into, so that it takes no others with it.

    What may be out already keeps the company it had, and gets no other.
    """
    bound = (leader.plain, row.plain, leader.possible_repeat, row.possible_repeat)
    return row.company == leader.company if any(bound) else True


def _take(
    conn: Connection,
    conversation: int,
    *,
    receiver: str,
    rows: tuple[Waiting, ...],
    now: datetime,
    lease: timedelta,
) -> Claim | None:
    leader, look = rows[0], rows[0].state == "attempting"
    newest = max(row.fence for row in rows)
    values: dict[str, Any] = {"fence": newest + 1, "lease_until": now + lease}
    values["due_at"] = now + lease
    if not look:
        values |= {
            "state": "attempting",
            "attempts": outbox.c.attempts + 1,
            "attempt_at": func.coalesce(outbox.c.attempt_at, literal(now, UtcDateTime)),
        }
    as_seen = (outbox.c.state == leader.state, outbox.c.fence <= newest)
    others = [row.id for row in rows[1:]]
    taken = set_rows(conn, [leader.id], values | {"carried_by": None}, *as_seen)
    taken += set_rows(conn, others, values | {"carried_by": leader.id}, *as_seen)
    if taken != len(rows):
        return None
    return load_claim(conn, conversation, receiver=receiver, rows=rows, fence=newest + 1, look=look)


def set_rows(
    conn: Connection, ids: Sequence[int], values: Mapping[str, Any], *where: ColumnElement[bool]
) -> int:
    """Change these rows where they are still so; how many were."""
    return sum(
        conn.execute(update(outbox).where(outbox.c.id.in_(some), *where).values(**values)).rowcount
        for some in (ids[n : n + _AT_ONCE] for n in range(0, len(ids), _AT_ONCE))
    )


def load_claim(
    conn: Connection,
    conversation: int,
    *,
    receiver: str,
    rows: tuple[Waiting, ...],
    fence: int,
    look: bool,
) -> Claim:
    """The claimed rows with all that is needed to send them, as it stands now."""
    home = conversations.load(conn, conversation)
    leader = _load_leader(conn, rows[0].id)
    part = _part(leader.part, home)
    newest = _newest(conn, home, rows) if part == "root" else _of(rows)
    shown = sorted(newest.values(), key=lambda one: one[0], reverse=True)[:SHOWN_AT_MOST]
    messages = _load_messages(conn, [row for _, row in shown])
    anew = not look and not (part == "root" and home.remote_id is not None)
    return Claim(
        receiver=receiver,
        conversation=home,
        leader=leader,
        rows=rows,
        fence=fence,
        look=look,
        messages=tuple(messages[row] for _, row in shown),
        shown=frozenset(messages) & {row.id for row in rows},
        total=len(newest),
        first_key=_first_key(conn, conversation) or leader.delivery_key,
        unsaid=load_unsaid(conn, receiver) if anew else None,
    )


_Newest = dict[str, tuple[int, int]]  # (weight, row) by alert, in the order of first telling


def _of(rows: Iterable[Waiting]) -> _Newest:
    return {row.alert_key: (row.weight, row.id) for row in sorted(rows, key=lambda row: row.id)}


def _newest(conn: Connection, conversation: Conversation, rows: Iterable[Waiting]) -> _Newest:
    """What the root is to show: of each alert the newest state that was told or goes now."""
    told = conn.execute(
        select(outbox.c.id, outbox.c.alert_key, outbox.c.weight).where(
            outbox.c.conversation == conversation.id,
            outbox.c.part == "root",
            outbox.c.state == "sent",
        )
    )
    states = [(row.id, row.alert_key, row.weight) for row in told]
    states += [(row.id, row.alert_key, row.weight) for row in rows]
    return {alert: (weight, row) for row, alert, weight in sorted(states)}


def _load_messages(conn: Connection, ids: Sequence[int]) -> dict[int, Message]:
    found = conn.execute(select(outbox.c.id, outbox.c.message).where(outbox.c.id.in_(ids)))
    return {row.id: decode(Message, row.message) for row in found}


def _first_key(conn: Connection, conversation: int) -> str | None:
    key: str | None = conn.execute(
        select(outbox.c.delivery_key)
        .where(
            outbox.c.conversation == conversation,
            outbox.c.carried_by.is_(None),
            or_(outbox.c.state == "sent", outbox.c.possible_repeat),
        )
        .order_by(outbox.c.id)
        .limit(1)
    ).scalar()
    return key


def _load_open(conn: Connection, conversation: int) -> list[Waiting]:
    rows = conn.execute(
        select(*(outbox.c[name] for name in Waiting.__slots__))
        .where(outbox.c.conversation == conversation, outbox.c.state.in_(OPEN))
        .order_by(outbox.c.id)
    )
    return [Waiting(**row._asdict()) for row in rows]


def _load_leader(conn: Connection, row: int) -> Owed:
    columns = [outbox.c[name] for name in Owed.__slots__]
    found: Row[Any] = conn.execute(select(*columns).where(outbox.c.id == row)).one()
    return Owed(**found._asdict())
