"""A backup put to use: what it owed may be told by now, and its alerts are not the last."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec
import structlog
from sqlalchemy import Connection, func, not_, or_, select, update

from monitor.core.message import Message
from monitor.core.restored import Restored
from monitor.core.wording import zone_named
from monitor.store import settings
from monitor.store.coding import decode, encode
from monitor.store.schema import alerts, conversations, from_micros, outbox

log = structlog.get_logger()

# The setting that a backup has, and the database that it was taken of has not: when it was made.
MADE_AT = "backup_made_at"
_RESTORED = "restored"
_WAITS = outbox.c.state == "pending"
# More than any condition fires before somebody puts a backup back.
_EPISODES = 1000


@dataclass(frozen=True, slots=True)
class InDoubt:
    """One row that waits. ``root`` is where its conversation stands in the channel."""

    id: int
    delivery_key: str
    conversation: int
    alert_key: str
    part: str
    root: str | None

    @property
    def is_edit(self) -> bool:
        """It changes what stands already, so doing it twice does no harm."""
        return self.part == "root" and self.root is not None

    @property
    def is_reply(self) -> bool:
        """It goes to a thread; without a root it would become one."""
        return self.part == "thread" and self.root is not None


def put_to_use(conn: Connection, now: datetime, zone: str) -> Restored | None:
    """When the database was put back from a backup, the last time; None where it never was.

    A backup doubts all that it owed, as the process that it was taken from went on. ``zone`` is
    for messages that have none.
    """
    made_at = settings.load(conn, MADE_AT)
    known = settings.load(conn, _RESTORED)
    if made_at is None:
        return None if known is None else decode(Restored, known)
    most = conn.execute(select(func.max(alerts.c.episode))).scalar() or 0
    restored = Restored(min(from_micros(int(made_at)), now), now, most + _EPISODES)
    _doubt(conn, restored, zone)
    settings.save(conn, _RESTORED, encode(restored))
    settings.forget(conn, MADE_AT)
    return restored


def _doubt(conn: Connection, restored: Restored, zone: str) -> None:
    """What was due, or was tried before, may be out; what was not yet due says so in words."""
    tried = or_(outbox.c.due_at <= restored.made_at, outbox.c.attempts > 0)
    later = select(outbox.c.id, outbox.c.message).where(_WAITS, not_(tried))
    for row in conn.execute(later).all():
        try:
            message = decode(Message, row.message)
        except msgspec.DecodeError:
            log.warning("message_unreadable", row=row.id)  # the dispatcher says more of it
            continue
        mark = restored.remark(restored.at, zone_named(message.zone, zone)) or ""
        told = encode(replace(message, marks=(*message.marks, mark)))
        conn.execute(update(outbox).where(outbox.c.id == row.id).values(message=told))
    # What would have gone as one goes as one.
    rows = conn.execute(
        select(outbox.c.id, outbox.c.conversation, outbox.c.part)
        .where(_WAITS, tried, outbox.c.plain.is_(False))
        .order_by(outbox.c.id)
    )
    first: dict[tuple[int, str], int] = {}
    for one in rows.all():
        leader = first.setdefault((one.conversation, one.part), one.id)
        by = None if leader == one.id else leader
        conn.execute(update(outbox).where(outbox.c.id == one.id).values(carried_by=by))
    conn.execute(update(outbox).where(_WAITS, tried).values(possible_repeat=True))


def in_doubt(conn: Connection, receiver: str, restored: Restored) -> tuple[InDoubt, ...]:
    """What still waits of that for one receiver."""
    rows = conn.execute(
        select(
            outbox.c.id,
            outbox.c.delivery_key,
            outbox.c.conversation,
            outbox.c.alert_key,
            outbox.c.part,
            conversations.c.remote_id,
        )
        .join(conversations, conversations.c.id == outbox.c.conversation)
        .where(
            outbox.c.receiver == receiver,
            _WAITS,
            outbox.c.created_at <= restored.at,
        )
        .order_by(outbox.c.id)
    )
    return tuple(InDoubt(*row) for row in rows)


def are_told(conn: Connection, found: Collection[tuple[InDoubt, str]], at: datetime) -> int:
    """These stand in the channel, each where it was found; how many of them still waited.

    Who is not told by a root that stands already would be added to it in silence, and is told
    in its thread.
    """
    told = 0
    for row, place in found:
        changed = conn.execute(
            update(outbox)
            .where(outbox.c.id == row.id, _WAITS)
            .values(state="sent", sent_at=at, remote_id=place, error=None)
        )
        told += changed.rowcount
        if changed.rowcount:
            root = {} if row.part == "message" or row.is_reply else {"remote_id": place}
            conn.execute(
                update(conversations)
                .where(conversations.c.id == row.conversation)
                .values(told_at=at, **root)
            )
    _tell_others(conn, [row for row, _ in found if not row.is_reply])
    return told


def _tell_others(conn: Connection, roots: Sequence[InDoubt]) -> None:
    for conversation in {row.conversation for row in roots}:
        alerts_told = [row.alert_key for row in roots if row.conversation == conversation]
        conn.execute(
            update(outbox)
            .where(
                outbox.c.conversation == conversation,
                outbox.c.part == "root",
                _WAITS,
                outbox.c.alert_key.not_in(alerts_told),
            )
            .values(part="thread")
        )
