"""When processes that judge began, and until when the one before was known to run.

What looks back judges no time in which nobody did, and counts no silence of a vendor's from
before a process began, as that process does not either.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from monitor.core.instants import EPOCH, from_micros, to_micros
from monitor.store import states
from monitor.store.providers import load_setting, save_setting

_ALIVE = "alive_at"
_SAID_EVERY = timedelta(minutes=1)
_INSTANT = timedelta(microseconds=1)


def begin(conn: Connection, at: datetime) -> None:
    """A process begins."""
    states.add_run(conn, at, _alive_at(conn))
    alive(conn, at)


def ran(conn: Connection) -> list[tuple[datetime, datetime]]:
    """When processes judged, each from its beginning to before its end; oldest first."""
    found, start = [], EPOCH
    for run in states.runs(conn):
        if run.before is not None and run.before > start:
            found.append((start, run.before + _INSTANT))
        start = run.at
    known = _alive_at(conn)
    # It is said once a minute, so of the process that goes on it was said so long ago.
    return found if known is None else [*found, (start, known + _SAID_EVERY)]


def _alive_at(conn: Connection) -> datetime | None:
    known = load_setting(conn, _ALIVE)
    return None if known is None else from_micros(int(known))


def alive(conn: Connection, at: datetime) -> None:
    """It runs: to be said about once a minute."""
    save_setting(conn, _ALIVE, str(to_micros(at)))
