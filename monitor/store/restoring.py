"""A backup put to use: what it owed may be told by now, and its alerts are not the last."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec
import structlog
from sqlalchemy import Connection, bindparam, func, select, update

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
# More than any condition fires before somebody puts a backup back.
_EPISODES = 1000


@dataclass(frozen=True, slots=True)
class InDoubt:
    """One row that waits. ``root`` is where its conversation stands in the channel."""

    id: int
    delivery_key: str
    conversation: int
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

    A backup doubts all that it owed, as the process that it was taken from went on: whatever
    waits says so. ``zone`` is for messages that have none.
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
    rows = conn.execute(select(outbox.c.id, outbox.c.message).where(outbox.c.state == "pending"))
    doubted = []
    for row in rows.all():
        try:
            message = decode(Message, row.message)
        except msgspec.DecodeError:
            log.warning("message_unreadable", row=row.id)  # the dispatcher says more of it
            continue
        mark = restored.remark(restored.at, zone_named(message.zone, zone)) or ""
        told = replace(message, marks=(*message.marks, mark))
        doubted.append({"row": row.id, "told": encode(told)})
    if doubted:
        change = update(outbox).where(outbox.c.id == bindparam("row"))
        conn.execute(change.values(message=bindparam("told")), doubted)


def in_doubt(conn: Connection, receiver: str, restored: Restored) -> tuple[InDoubt, ...]:
    """What still waits of that for one receiver."""
    rows = conn.execute(
        select(
            outbox.c.id,
            outbox.c.delivery_key,
            outbox.c.conversation,
            outbox.c.part,
            conversations.c.remote_id,
        )
        .join(conversations, conversations.c.id == outbox.c.conversation)
        .where(
            outbox.c.receiver == receiver,
            outbox.c.state == "pending",
            outbox.c.created_at <= restored.at,
        )
        .order_by(outbox.c.id)
    )
    return tuple(InDoubt(*row) for row in rows)


def are_told(conn: Connection, found: Collection[tuple[InDoubt, str]], at: datetime) -> None:
    """These stand in the channel, each where it was found; what has begun meanwhile is left."""
    for row, place in found:
        changed = conn.execute(
            update(outbox)
            .where(outbox.c.id == row.id, outbox.c.state == "pending")
            .values(state="sent", sent_at=at, remote_id=place, error=None)
        )
        if changed.rowcount:
            root = {} if row.part == "message" or row.is_reply else {"remote_id": place}
            conn.execute(
                update(conversations)
                .where(conversations.c.id == row.conversation)
                .values(told_at=at, **root)
            )
