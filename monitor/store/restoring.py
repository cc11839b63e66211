"""A copy of the database put to use: what was owed when it was made may be told by now."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, literal_column, select, update

from monitor.core.restored import Restored
from monitor.store import processes, settings
from monitor.store.claims import claim
from monitor.store.coding import decode, encode
from monitor.store.outbox import IS_OPEN
from monitor.store.schema import outbox

COPY = "is_copy"  # the setting that a backup has, and the database that it was taken of has not
_RESTORED = "restored"
_INSTANT = timedelta(microseconds=1)


def settle(conn: Connection, now: datetime) -> Restored | None:
    """When the database was put back from a copy, the last time; None where it never was.

    A copy that is put to use doubts all that it owed: the process that it was taken from went
    on. Each conversation's next message counts as one whose outcome is not known, which is
    looked for where the channel can be read; others are sent as possible repeats.
    """
    if settings.load(conn, COPY) is None:
        known = settings.load(conn, _RESTORED)
        return None if known is None else decode(Restored, known)
    restored = Restored(until=min(processes.last_alive(conn) or now, now), at=now)
    _doubt(conn, restored)
    settings.save(conn, _RESTORED, encode(restored))
    settings.forget(conn, COPY)
    return restored


def _doubt(conn: Connection, restored: Restored) -> None:
    owed = select(outbox.c.receiver).where(IS_OPEN).distinct()
    for receiver in conn.execute(owed).scalars().all():
        while claim(conn, receiver=receiver, now=restored.until, lease=_INSTANT) is not None:
            pass  # taken as by the process that went on: each conversation once
    conn.execute(
        update(outbox)
        .where(literal_column("outbox.state = 'pending'"), outbox.c.due_at <= restored.at)
        .values(possible_repeat=True)
    )
