"""A copy of the database, taken beside a running daemon, and put back in its place."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError

from monitor.errors import StoreError
from monitor.store import hashkey, processes, settings
from monitor.store.engine import driver, open_engine
from monitor.store.restoring import MADE_AT
from monitor.store.schema import from_micros, to_micros

_JOURNALS = ("-wal", "-shm", "-journal")
_DAMAGED = ("malformed", "not a database")


@dataclass(frozen=True, slots=True, kw_only=True)
class PutBack:
    """``before`` is the database that the backup replaced, None where there was none."""

    made_at: datetime
    before: Path | None
    size: int  # bytes


def back_up(engine: Engine, target: Path, now: datetime) -> int:
    """Write a consistent copy for its owner alone, which knows when it was made; its size in bytes.

    StoreError when the target exists (it is never overwritten) or cannot be written; nothing
    half-written stays.
    """
    with _made(target):
        _write(engine, target)
        _date(target, now, anew=False)
        _flush(target)
    return target.stat().st_size


def copy(engine: Engine, target: Path) -> None:
    """The same for a trial that is thrown away: it is what the database is, not a backup of it."""
    with _made(target):
        _write(engine, target)


def put_back(source: Path, database: Path, key: bytes | None, now: datetime) -> PutBack:
    """Have a backup in the database's place; what was there is kept beside it, whole.

    For who holds the database's locks. ``key``: under which numbers will be hashed, where that
    is known. StoreError, and nothing has changed, where the backup is none, is damaged or has
    people under another key, where another program has the database open, and where files
    cannot be written. A power cut leaves one of the two databases in place.
    """
    fresh = database.with_name(f"{database.name}.restoring")
    _check(source, (database, fresh))
    try:
        fresh.unlink(missing_ok=True)  # of one that was cut short
        with _sound(source) as engine:
            made_at = _made_at(engine, source, key)
            os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            _write(engine, fresh)
        _date(fresh, made_at, anew=True)
        _flush(fresh)
        before = _swap(fresh, database, now)
    except driver.Error as error:
        raise StoreError(f"{source} cannot be put back: {error}; is the disk full?") from error
    except OSError as error:
        raise StoreError(f"{database} cannot be replaced: {error.strerror}") from error
    finally:
        fresh.unlink(missing_ok=True)
    return PutBack(made_at=made_at, before=before, size=database.stat().st_size)


def _check(source: Path, not_these: Iterable[Path]) -> None:
    try:
        found = source.is_file()
    except OSError as error:
        raise StoreError(f"the backup {source} cannot be read: {error.strerror}") from error
    if not found:
        raise StoreError(f"there is no backup at {source}")
    if not os.access(source, os.R_OK):
        raise StoreError(f"the backup {source} may not be read by this user")
    if any(each.exists() and source.samefile(each) for each in not_these):
        raise StoreError(f"{source} is the database itself, or its own work; name a backup of it")


@contextlib.contextmanager
def _sound(source: Path) -> Iterator[Engine]:
    """The backup, read through once."""
    try:
        engine = open_engine(source, read_only=True)
    except StoreError as error:
        if isinstance(error.__cause__, DatabaseError):
            raise StoreError(f"{source} is damaged, or no backup at all; take another") from error
        text = f"{source} was not written by this version of Offhook; take another"
        raise StoreError(text) from error
    try:
        with engine.begin() as conn:
            found = conn.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
        if found != "ok":
            raise StoreError(f"{source} is damaged ({found}); take another")
        yield engine
    finally:
        engine.dispose()


def _made_at(engine: Engine, source: Path, key: bytes | None) -> datetime:
    """When the backup was made, as far as a copy by other means tells; StoreError as put_back."""
    with engine.begin() as conn:
        if key is not None and hashkey.is_another(conn, key):
            raise StoreError(
                f"the people of {source} are known under another key than that of this"
                " installation; first bring back the hash.key that was kept with it"
            )
        told, alive = settings.load(conn, MADE_AT), processes.last_alive(conn)
    if told is not None:
        return from_micros(int(told))
    return alive or datetime.fromtimestamp(source.stat().st_mtime, UTC)


def _swap(fresh: Path, database: Path, now: datetime) -> Path | None:
    """One in the place of the other, which gets another name; None where there is no other."""
    if not database.exists():
        fresh.replace(database)
        _sync(database.parent)
        return None
    before = database.with_name(f"{database.name}.before-{now:%Y%m%dT%H%M%SZ}")
    if before.exists():
        raise StoreError(f"{before} exists already; try again in a moment")
    _forget_second_names(database)
    ends = [end for end in ("", *_JOURNALS) if Path(f"{database}{end}").exists()]
    names = [(Path(f"{before}{end}"), Path(f"{database}{end}")) for end in ends]
    with contextlib.ExitStack() as undone:
        for second, first in names:  # before it is opened: a journal that is no good is removed
            second.hardlink_to(first)
            undone.callback(second.unlink, missing_ok=True)
        with _alone(database) as sound:
            for second, first in names[1:]:
                (second if sound else first).unlink(missing_ok=True)
            _sync(database.parent)
            fresh.replace(database)
            _sync(database.parent)
        undone.pop_all()
    return before


def _forget_second_names(database: Path) -> None:
    """Of a run that was cut short: under two names it would be opened as two databases."""
    for each in database.parent.glob(f"{database.name}.before-*"):
        first = Path(f"{database}{each.name.removeprefix(f'{database.name}.before-')[16:]}")
        if first.exists() and each.samefile(first):
            each.unlink()


@contextlib.contextmanager
def _alone(database: Path) -> Iterator[bool]:
    """The database in one file and closed to everybody else; False: it cannot be opened at all.

    Beside another database its journal would be read into that one. StoreError where another
    program has it open.
    """
    raw = driver.connect(str(database), isolation_level=None)
    try:
        try:
            raw.execute("PRAGMA journal_mode=DELETE").fetchall()
            raw.execute("BEGIN EXCLUSIVE")
            sound = True
        except driver.Error as error:
            if not any(sign in str(error) for sign in _DAMAGED):
                text = f"another program has {database} open ({error}); end it, and try again"
                raise StoreError(text) from error
            sound = False
        yield sound
    finally:
        raw.close()


@contextlib.contextmanager
def _made(target: Path) -> Iterator[None]:
    """An empty file of ours: VACUUM INTO takes one, and would make one that others can read."""
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError as error:
        text = f"{target} exists already and is left alone; name a file that does not"
        raise StoreError(text) from error
    except (OSError, ValueError) as error:
        raise _refused(target, error) from error
    try:
        yield
    except (OSError, driver.Error) as error:
        target.unlink(missing_ok=True)
        raise _refused(target, error) from error


def _write(engine: Engine, target: Path) -> None:
    raw = engine.raw_connection()  # a transaction, which SQLAlchemy would open, forbids VACUUM
    try:
        raw.cursor().execute("VACUUM INTO ?", (str(target),))
    finally:
        raw.close()


def _date(target: Path, made_at: datetime, *, anew: bool) -> None:
    """What a backup has that no daemon was started on is no newer than that backup."""
    raw = driver.connect(str(target))  # an engine would give it a journal of its own
    try:
        row = (MADE_AT, str(to_micros(made_at)))
        verb = "REPLACE" if anew else "IGNORE"
        raw.execute(f"INSERT OR {verb} INTO settings (name, value) VALUES (?, ?)", row)  # noqa: S608
        raw.commit()
    finally:
        raw.close()


def _flush(target: Path) -> None:
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
