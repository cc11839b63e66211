"""A copy of the database, taken beside a running daemon."""

import os
from pathlib import Path

from sqlalchemy import Engine

from monitor.errors import StoreError
from monitor.store.engine import driver


def back_up(engine: Engine, target: Path) -> int:
    """Write a consistent copy for its owner alone; its size in bytes.

    StoreError when the target exists (it is never overwritten) or cannot be written; nothing
    half-written stays.
    """
    _make(target)
    raw = engine.raw_connection()  # a transaction, which SQLAlchemy would open, forbids VACUUM
    try:
        raw.cursor().execute("VACUUM INTO ?", (str(target),))
        _settle(target)
    except (OSError, driver.Error) as error:
        target.unlink(missing_ok=True)
        raise _refused(target, error) from error
    finally:
        raw.close()
    return target.stat().st_size


def _make(target: Path) -> None:
    """An empty file of ours: VACUUM INTO takes one, and would make one that others can read."""
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError as error:
        text = f"{target} exists already and is left alone; name a file that does not"
        raise StoreError(text) from error
    except (OSError, ValueError) as error:
        raise _refused(target, error) from error


def _settle(target: Path) -> None:
    """The copy outlives a power cut once this returns."""
    for place in (target, target.parent):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _refused(target: Path, error: Exception) -> StoreError:
    reason = getattr(error, "strerror", None) or str(error)
    return StoreError(f"the backup {target} cannot be written: {reason}")
