"""Taking what is owed for sending.

A row goes ``pending`` → ``attempting`` → ``sent`` | ``pending`` again | ``dead``. It is
``attempting`` in a committed transaction before a byte leaves, under a lease and a fence
that rises with every claim. A lease that has run out means that nobody knows whether the
message is there: such a claim says ``look``, and is never simply sent again.

Within one conversation things happen in order, one attempt at a time. One sending takes all
that is due there, however much: what it shows is bounded, what it stands for is not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Update, bindparam, func, or_, select, update

from monitor.core.crowd import Crowd
from monitor.core.message import Message
from monitor.store import conversations, hot
from monitor.store.choosing import Waiting, choose, due, load_open
from monitor.store.conversations import Conversation
from monitor.store.deadletters import Unsaid, load_unsaid
from monitor.store.partly import NOBODY, Partly, load_partly
from monitor.store.schema import outbox, to_micros
from monitor.store.showing import State, shown, told_in

_AT_ONCE = 500  # ids in one statement


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
    letters that the receiver does not know of yet. ``most`` is as it was claimed with, and
    ``crowds`` are those that alerts of it are in, where the receiver keeps alerts.
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
    most: int | None = None
    crowds: Mapping[str, Crowd] = field(default_factory=dict)
    partly: Partly = NOBODY

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

    What cannot be read waits, and keeps no other conversation waiting: msgspec's DecodeError,
    and nothing is taken, only where there is nothing else.
    ``most``: so many rows at once, for a receiver to whom each alert is to be told itself.
    """
    unreadable: msgspec.DecodeError | None = None
    for conversation in due(conn, receiver, now):
        rows = choose(load_open(conn, conversation), now)[:most]
        if not rows:
            continue
        try:
            return _take(
                conn, conversation, receiver=receiver, rows=rows, now=now, lease=lease, most=most
            )
        except msgspec.DecodeError as error:
            unreadable = error
    if unreadable is not None:
        raise unreadable
    return None


def _take(
    conn: Connection,
    conversation: int,
    *,
    receiver: str,
    rows: tuple[Waiting, ...],
    now: datetime,
    lease: timedelta,
    most: int | None,
) -> Claim | None:
    look = rows[0].state == "attempting"
    newest = max(row.fence for row in rows)
    leader = _load_leader(conn, rows[0].id)
    if not look:
        began = leader.attempt_at or now
        leader = replace(leader, attempts=leader.attempts + 1, attempt_at=began)
    # Read first: where a message cannot be, nothing is taken.
    taken = load_claim(
        conn,
        conversation,
        receiver=receiver,
        leader=leader,
        rows=rows,
        fence=newest + 1,
        look=look,
        most=most,
    )
    until = to_micros(now + lease)
    asked: dict[str, int | None] = {"newest": newest, "now": to_micros(now), "until": until}
    carriers = [None, *[leader.id] * (len(rows) - 1)]
    each = (asked | {"row": row.id, "by": by} for row, by in zip(rows, carriers, strict=True))
    changed = hot.change(conn, _LOOK if look else _ATTEMPT, *each)
    return taken if changed == len(rows) else None


def _claiming(was: str, **more: Any) -> Update:
    """One row of a claim, if it is as it was seen."""
    return (
        update(outbox)
        .where(
            outbox.c.id == bindparam("row"),
            outbox.c.state == was,
            outbox.c.fence <= bindparam("newest"),
        )
        .values(
            fence=bindparam("newest") + 1,
            lease_until=bindparam("until"),
            due_at=bindparam("until"),
            carried_by=bindparam("by"),
            **more,
        )
    )


_LOOK = _claiming("attempting")
_ATTEMPT = _claiming(
    "pending",
    state="attempting",
    attempts=outbox.c.attempts + 1,
    attempt_at=func.coalesce(outbox.c.attempt_at, bindparam("now")),
)


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
    most: int | None = None,
    by_now: datetime | None = None,
    leader: Owed | None = None,
) -> Claim:
    """The claimed rows with all that is needed to send them, as it stands now.

    ``by_now``: a root also shows what has become of its alerts since, as far as that is due.
    ``leader``: the first row as it is once it is claimed; by default it is claimed already.
    """
    home = conversations.load(conn, conversation)
    leader = leader or _load_leader(conn, rows[0].id)
    part = _part(leader.part, home)
    states = told_in(conn, conversation) if part == "root" else []
    states += [(row.id, row.alert_key, row.weight) for row in rows]
    if part == "root" and by_now is not None:
        states += _become(conn, conversation, {row.alert_key for row in rows}, by_now)
    what = shown(conn, states, most)
    anew = not look and not (part == "root" and home.remote_id is not None)
    return Claim(
        receiver=receiver,
        conversation=home,
        leader=leader,
        rows=rows,
        fence=fence,
        look=look,
        messages=what.messages,
        shown=what.rows & {row.id for row in rows},
        total=what.total,
        most=most,
        partly=load_partly(conn, leader.id, leader.attempts) if leader.possible_repeat else NOBODY,
        first_key=_first_key(conn, conversation) or leader.delivery_key,
        unsaid=load_unsaid(conn, receiver) if anew else None,
    )


def _become(conn: Connection, conversation: int, of: set[str], now: datetime) -> list[State]:
    """The newer states of these alerts that are to go to the same root."""
    return [
        (row.id, row.alert_key, row.weight)
        for row in load_open(conn, conversation)
        if row.part == "root"
        and row.state == "pending"
        and row.due_at <= now
        and row.alert_key in of
    ]


def _first_key(conn: Connection, conversation: int) -> str | None:
    found = hot.ask(conn, _FIRST_KEY, conversation=conversation)
    return found[0][0] if found else None


_FIRST_KEY = (
    select(outbox.c.delivery_key)
    .where(
        outbox.c.conversation == bindparam("conversation"),
        outbox.c.carried_by.is_(None),
        or_(outbox.c.state == "sent", outbox.c.possible_repeat),
    )
    .order_by(outbox.c.id)
    .limit(1)
)


def _load_leader(conn: Connection, row: int) -> Owed:
    (found,) = hot.read(conn, _LEADER, row=row)
    return Owed(**vars(found))


_LEADER = select(*(outbox.c[name] for name in Owed.__slots__)).where(
    outbox.c.id == bindparam("row")
)
