"""Opening the database: which SQLite, which journal, who may write.

The system's SQLite may have the WAL-reset defect (3.7.0 to 3.51.2, but for the patched
3.44.6 and 3.50.7), which can lose committed rows when two connections share a WAL. So the
library comes from ``pysqlite3`` where there is one, and a defective library gets a
rollback journal instead.
"""

import os
import sqlite3
import types
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import QueuePool

from monitor.errors import StoreError

try:
    from pysqlite3 import dbapi2 as _driver
except ImportError:  # not Linux: the interpreter's own
    _driver = sqlite3

driver: types.ModuleType = _driver
# For each None and each value of bytes that is bound the driver looks for an adapter, and to
# find none takes it a microsecond, more than to write the value: most of the time that a row of
# rare columns took. These are found at once, and give back what they are given.
driver.register_adapter(type(None), {}.get)
driver.register_adapter(bytes, bytes)
BUSY_MS = 5_000
# The driver drops the statement that ran least often: once it is full, those that come late drop
# one another, and each is prepared anew whenever it runs. So it must never be full.
_STATEMENTS = 512


def sqlite_version() -> tuple[int, int, int]:
    """The version of the SQLite library in use."""
    major, minor, patch = map(int, driver.sqlite_version.split("."))
    return major, minor, patch


def wal_is_safe(version: tuple[int, int, int]) -> bool:
    """Whether this library is free of the WAL-reset defect."""
    if version in {(3, 44, 6), (3, 50, 7)} or version < (3, 7, 0):
        return True
    return version >= (3, 51, 3) and version != (3, 52, 0)


def open_engine(
    path: Path, *, read_only: bool = False, create: bool = False, busy_ms: int = BUSY_MS
) -> Engine:
    """Open the database file; StoreError says which path was tried and what to do.

    ``create`` makes a missing file (for its owner alone) and brings an older schema up to
    date. Without it the file must exist with this version's schema. ``read_only`` opens it
    beside a running daemon and can change nothing. ``busy_ms`` is how long to wait for
    whoever else is writing.
    """
    if create:
        _touch(path)
    elif not path.exists():
        raise StoreError(f"there is no database at {path}; start the daemon once: offhook run")
    engine = create_engine(
        "sqlite://",
        module=driver,
        creator=lambda: _connect(path, read_only=read_only, busy_ms=busy_ms),
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=8,
    )
    event.listen(engine, "begin", _begin_reading if read_only else _begin)
    try:
        _prepare(engine, path, create=create, read_only=read_only)
    except DatabaseError as error:
        engine.dispose()
        raise explained(error, path) from error
    except StoreError:
        engine.dispose()
        raise
    return engine


def _touch(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreError(f"the database {path} cannot be opened: {error.strerror}") from error


def _connect(path: Path, *, read_only: bool, busy_ms: int) -> Any:
    mode = "ro" if read_only else "rw"
    connection = driver.connect(
        f"file:{quote(str(path))}?mode={mode}",
        uri=True,
        check_same_thread=False,
        isolation_level=None,
        cached_statements=_STATEMENTS,
    )
    journal = "WAL" if wal_is_safe(sqlite_version()) else "DELETE"
    synchronous = "FULL" if journal == "WAL" else "EXTRA"
    pragmas = [f"busy_timeout={busy_ms}", "foreign_keys=ON", f"synchronous={synchronous}"]
    if not read_only:
        # Checkpoints run beside the commits (writer.py), deleted rows are overwritten.
        pragmas += [f"journal_mode={journal}", "wal_autocheckpoint=0", "secure_delete=ON"]
        # The hot index pages of a large batch stay in memory between two chunks.
        pragmas += ["cache_size=-65536"]
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _begin(conn: Connection) -> None:
    # A deferred BEGIN that reads first and writes later fails at once when another wrote.
    reading = conn.get_execution_options().get("read_only", False)
    conn.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _begin_reading(conn: Connection) -> None:
    conn.exec_driver_sql("BEGIN")


def _prepare(engine: Engine, path: Path, *, create: bool, read_only: bool) -> None:
    from monitor.store import migrate  # noqa: PLC0415 - Alembic is slow to import for readers

    del read_only
    if create:
        migrate.upgrade(engine, path)
    else:
        migrate.check(engine, path)


def explained(error: Exception, path: Path | None = None) -> StoreError:
    """The same as an error for people; ``error`` is SQLAlchemy's or the driver's own."""
    cause = error.orig if isinstance(error, DatabaseError) else error
    text = str(cause).lower()
    place = f"the database {path}" if path else "the database"
    for sign, words in _SIGNS:
        if sign in text:
            return StoreError(f"{place} {words}")
    return StoreError(f"{place} cannot be used: {cause}")


_SIGNS = (
    ("locked", "is locked by another program; is a second daemon or a backup running?"),
    ("full", "cannot grow: the disk is full; free some space"),
    ("readonly", "is read-only for this user; check the owner of the file and its directory"),
    ("read-only", "is read-only for this user; check the owner of the file and its directory"),
    ("unable to open", "cannot be opened; check that it exists and who may read it"),
    ("not a database", "is not an Offhook database; another file has its name"),
    ("malformed", "is damaged; stop the daemon, then put a backup back: offhook restore FILE"),
    ("disk i/o", "cannot be read or written: the disk reports an error"),
)
