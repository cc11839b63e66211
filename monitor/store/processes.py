"""When processes that judge began, and until when the one before was known to run.

What looks back judges no time in which nobody did, and counts no silence of a vendor's from
before a process began, as that process does not either.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from monitor.core.instants import EPOCH, from_micros, to_micros
from monitor.store import settings, states

_BEGAN, _ALIVE, _STOPPED = "began_at", "alive_at", "stopped_at"
_SAID_EVERY = timedelta(minutes=1)
_INSTANT = timedelta(microseconds=1)


def alive(conn: Connection, began: datetime, at: datetime) -> None:
    """The process that began then runs: to be said at once, and about once a minute."""
    if _noted(conn, _BEGAN) != began:
        states.add_run(conn, began, _noted(conn, _ALIVE))
        settings.save(conn, _BEGAN, str(to_micros(began)))
    settings.save(conn, _ALIVE, str(to_micros(at)))


def stopped(conn: Connection, began: datetime, at: datetime) -> None:
    """The process that began then runs no more, unless it says again that it does."""
    alive(conn, began, at)
    settings.save(conn, _STOPPED, str(to_micros(at)))


def ran(conn: Connection) -> list[tuple[datetime, datetime]]:
    """When processes judged, each from its beginning to before its end; oldest first.

    Where the clock was set back, some lie in one another.
    """
    found, start = [], EPOCH
    for run in states.runs(conn):
        if run.before is not None and run.before > start:
            found.append((start, run.before + _INSTANT))
        start = run.at
    known = _noted(conn, _ALIVE)
    if known is not None:
        # It is said once a minute, so of a process that goes on it was said so long ago.
        since = _INSTANT if _noted(conn, _STOPPED) == known else _SAID_EVERY
        found.append((start, known + since))
    return sorted(found)


def last_alive(conn: Connection) -> datetime | None:
    """When a process was last known to run; None where none ever did."""
    return _noted(conn, _ALIVE)


def _noted(conn: Connection, name: str) -> datetime | None:
    known = settings.load(conn, name)
    return None if known is None else from_micros(int(known))
