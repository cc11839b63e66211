"""A backup put to use: what it owed may be told by now, and its alerts are not the last."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, case, func, literal, select, update

from monitor.core.restored import Restored
from monitor.store import settings
from monitor.store.coding import decode, encode
from monitor.store.schema import UtcDateTime, alerts, from_micros, outbox

# The setting that a backup has, and the database that it was taken of has not: when it was made.
MADE_AT = "backup_made_at"
_RESTORED = "restored"
# More than any condition fires before somebody puts a backup back.
_EPISODES = 1000


def put_to_use(conn: Connection, now: datetime, *, life: timedelta) -> Restored | None:
    """When the database was put back from a backup, the last time; None where it never was.

    A backup doubts all that it owed, as the process that it was taken from went on: what is due
    by now counts as sent perhaps. What is older than ``life`` was told then, or nobody needs it.
    """
    made_at = settings.load(conn, MADE_AT)
    known = settings.load(conn, _RESTORED)
    if made_at is None:
        return None if known is None else decode(Restored, known)
    most = conn.execute(select(func.max(alerts.c.episode))).scalar() or 0
    restored = Restored(min(from_micros(int(made_at)), now), now, most + _EPISODES)
    _leave(conn, before=now - life)
    _doubt(conn, restored)
    settings.save(conn, _RESTORED, encode(restored))
    settings.forget(conn, MADE_AT)
    return restored


def _leave(conn: Connection, before: datetime) -> None:
    """What was sent for certain waits for no more than a second look, and keeps that."""
    conn.execute(
        update(outbox)
        .where(
            outbox.c.state.in_(("pending", "attempting")),
            outbox.c.sent_at.is_(None),
            outbox.c.created_at <= before,
            outbox.c.due_at <= before,
        )
        .values(state="superseded", lease_until=None, error="restored from a backup a day later")
    )


def _doubt(conn: Connection, restored: Restored) -> None:
    """As after an attempt at all that would have gone as one, whose outcome nobody knows."""
    other = outbox.alias()
    first = (
        select(func.min(other.c.id))
        .where(
            other.c.conversation == outbox.c.conversation,
            other.c.part == outbox.c.part,
            other.c.state == "pending",
            other.c.attempts == 0,
            other.c.due_at <= restored.at,
        )
        .scalar_subquery()
    )
    fresh: ColumnElement[bool] = outbox.c.attempts == 0
    company = case((and_(fresh, first != outbox.c.id), first), else_=outbox.c.carried_by)
    conn.execute(
        update(outbox)
        .where(outbox.c.state == "pending", outbox.c.due_at <= restored.at)
        .values(
            possible_repeat=True,
            attempt_at=func.coalesce(outbox.c.attempt_at, literal(restored.made_at, UtcDateTime)),
            carried_by=company,
        )
    )
