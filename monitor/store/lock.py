"""One daemon a database file: two would send everything twice. And one backfill beside it."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from threading import Event

from monitor.errors import StoreError

_TRIES, _PAUSE_S = 10, 0.02


@contextlib.contextmanager
def sole_owner(database: Path) -> Iterator[None]:
    """Hold the database's lock; StoreError names the process that holds it already.

    The kernel lets go of it when the process ends, however it ends.
    """
    with _held(
        database.with_suffix(".lock"),
        f"another Offhook (process {{}}) already uses {database}; stop it first",
    ):
        yield


@contextlib.contextmanager
def sole_backfill(database: Path) -> Iterator[None]:
    """Hold the lock of those who read history into the database; a daemon holds another."""
    with _held(
        database.with_suffix(".backfill"),
        "another backfill (process {}) is under way; wait for its end, or stop it",
    ):
        yield


def is_owned(database: Path) -> bool:
    """Whether somebody holds the database's lock now; nothing is made or kept by asking."""
    path = database.with_suffix(".lock")
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreError(f"{path} cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        raise StoreError(f"{path} cannot be locked: {error.strerror}") from error
    finally:
        os.close(handle)
    return False


@contextlib.contextmanager
def _held(path: Path, taken: str) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise StoreError(f"{path} cannot be opened: {error.strerror}") from error
    try:
        try:
            _take(handle)
        except BlockingIOError as error:
            holder = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
            raise StoreError(taken.format(holder)) from error
        except OSError as error:
            raise StoreError(f"{path} cannot be locked: {error.strerror}") from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def _take(handle: int) -> None:
    """Lock it; BlockingIOError where it stays taken: who only asks holds it for an instant."""
    for _ in range(_TRIES - 1):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        Event().wait(_PAUSE_S)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
