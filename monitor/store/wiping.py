"""No byte of what was erased: neither in the file nor in its journal.

``secure_delete`` overwrites what is deleted where it stands. Where SQLite moved it before, to
make room on a page, a copy of it may lie between two cells, of which SQLite knows nothing. So
the file itself is searched, and written anew where anything is found.
"""

from collections.abc import Collection
from pathlib import Path

from sqlalchemy import Connection, Engine

from monitor.store import settings
from monitor.store.engine import driver

_PIECE = 1 << 24  # bytes read at once
_OWED, _YES, _NO = "wipe_owed", "yes", "no"


def owe(conn: Connection, *, owed: bool = True) -> None:
    """Remember, in the transaction that erases, that files are to be wiped; or that they are."""
    settings.save(conn, _OWED, _YES if owed else _NO)


def is_owed(conn: Connection) -> bool:
    """Whether something was erased and the files not wiped since: of what, nobody knows."""
    return settings.load(conn, _OWED) == _YES


def wiped(engine: Engine, path: Path, words: Collection[bytes] | None) -> bool:
    """Let nothing but the rows hold what they say; ``words`` are no longer in any.

    Without words the file is written anew in any case. False while somebody still reads what
    was, or writes: then it stays owed.
    """
    if not _journal_is_empty(engine):
        return False
    if words is not None and not _holds(path, words):
        return True
    return _is_written_anew(engine) and _journal_is_empty(engine)


def _journal_is_empty(engine: Engine) -> bool:
    raw = engine.raw_connection()
    try:
        busy, *_ = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        raw.close()
    return not busy


def _holds(path: Path, words: Collection[bytes]) -> bool:
    """Whether any of the words stands anywhere in the file."""
    most = max(map(len, words), default=1)
    before = b""
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            there = before + piece
            if any(word in there for word in words):
                return True
            before = there[-most:]
    return False


def _is_written_anew(engine: Engine) -> bool:
    """Every page with nothing but its rows; False where another writes all the while."""
    raw = engine.raw_connection()
    try:
        raw.cursor().execute("VACUUM")
    except driver.OperationalError:
        return False
    finally:
        raw.close()
    return True
