"""A copy of the database, taken beside a running daemon, and put back in its place."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from monitor.errors import StoreError
from monitor.store import hashkey, processes
from monitor.store.engine import driver, open_engine
from monitor.store.restoring import COPY

_JOURNALS = ("-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True, kw_only=True)
class PutBack:
    """``until`` when the backup knows what happened; ``before`` is the database that it replaced.

    Either is None where there is none.
    """

    until: datetime | None
    before: Path | None
    size: int  # bytes


def back_up(engine: Engine, target: Path) -> int:
    """Write a consistent copy for its owner alone, which knows that it is one; its size in bytes.

    StoreError when the target exists (it is never overwritten) or cannot be written; nothing
    half-written stays.
    """
    copy(engine, target, known_as_one=True)
    return target.stat().st_size


def copy(engine: Engine, target: Path, *, known_as_one: bool = False) -> None:
    """The same, for a trial that is thrown away: nothing in it says what it is."""
    _make(target)
    raw = engine.raw_connection()  # a transaction, which SQLAlchemy would open, forbids VACUUM
    try:
        raw.cursor().execute("VACUUM INTO ?", (str(target),))
        if known_as_one:
            _mark(target)
        _settle(target)
    except (OSError, driver.Error) as error:
        target.unlink(missing_ok=True)
        raise _refused(target, error) from error
    finally:
        raw.close()


def put_back(source: Path, database: Path, key: bytes | None, now: datetime) -> PutBack:
    """Have a backup in the database's place; what was there is kept beside it, whole.

    For who holds the database's lock. ``key``: under which numbers will be hashed, where that
    is known. StoreError, and nothing has changed, where the backup is none, is damaged or has
    people under another key, where somebody still reads the database, and where files cannot
    be written. A power cut leaves one of the two databases in place.
    """
    if not source.is_file():
        raise StoreError(f"there is no backup at {source}")
    if database.exists() and source.samefile(database):
        raise StoreError(f"{source} is the database itself; name a backup of it")
    fresh = database.with_name(f"{database.name}.restoring")
    try:
        fresh.unlink(missing_ok=True)  # of one that was cut short
        with _sound(source) as engine:
            with engine.begin() as conn:
                until = processes.last_alive(conn)
                if key is not None and hashkey.is_another(conn, key):
                    raise StoreError(
                        f"the people of {source} are known under another key than that of"
                        " hash.key; first bring back the hash.key that was kept with it"
                    )
            back_up(engine, fresh)
        before = _set_aside(database, now)
        fresh.replace(database)
        _sync(database.parent)
    except OSError as error:
        raise StoreError(f"{database} cannot be replaced: {error.strerror}") from error
    finally:
        fresh.unlink(missing_ok=True)
    return PutBack(until=until, before=before, size=database.stat().st_size)


@contextlib.contextmanager
def _sound(source: Path) -> Iterator[Engine]:
    """The backup, read through once."""
    engine = open_engine(source, read_only=True)
    try:
        with engine.begin() as conn:
            found = conn.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
        if found != "ok":
            raise StoreError(f"the backup {source} is damaged ({found}); take an older one")
        yield engine
    finally:
        engine.dispose()


def _set_aside(database: Path, now: datetime) -> Path | None:
    """A second name for what is there, with all that its journal holds; None for nothing.

    What cannot be opened keeps its journal as it is, under that name as well.
    """
    if not database.exists():
        return None
    before = database.with_name(f"{database.name}.before-{now:%Y%m%dT%H%M%SZ}")
    before.hardlink_to(database)
    journals = [end for end in _JOURNALS if Path(f"{database}{end}").exists()]
    for end in journals:  # the library removes what it cannot read
        Path(f"{before}{end}").hardlink_to(f"{database}{end}")
    try:
        _close(database)
        _drop(before, journals)
    except driver.Error:
        _drop(database, _JOURNALS)
    except StoreError:
        _drop(before, ("", *journals))
        raise
    return before


def _drop(database: Path, ends: Iterable[str]) -> None:
    for end in ends:
        Path(f"{database}{end}").unlink(missing_ok=True)


def _close(database: Path) -> None:
    """Copy the journal back and remove it: beside another database it would be read into that."""
    raw = driver.connect(str(database), isolation_level=None)
    try:
        ((busy, _, _),) = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        raw.close()
    if busy:
        raise StoreError(f"somebody reads {database}; end that program, and try again")
    _drop(database, _JOURNALS)


def _make(target: Path) -> None:
    """An empty file of ours: VACUUM INTO takes one, and would make one that others can read."""
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError as error:
        text = f"{target} exists already and is left alone; name a file that does not"
        raise StoreError(text) from error
    except (OSError, ValueError) as error:
        raise _refused(target, error) from error


def _mark(target: Path) -> None:
    raw = driver.connect(str(target))  # an engine would give it a journal of its own
    try:
        raw.execute("INSERT OR REPLACE INTO settings (name, value) VALUES (?, 'yes')", (COPY,))
        raw.commit()
    finally:
        raw.close()


def _settle(target: Path) -> None:
    """The copy outlives a power cut once this returns."""
    _sync(target)
    _sync(target.parent)


def _sync(place: Path) -> None:
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _refused(target: Path, error: Exception) -> StoreError:
    reason = getattr(error, "strerror", None) or str(error)
    return StoreError(f"the backup {target} cannot be written: {reason}")
