"""The key under which phone numbers are hashed: given, or made once on first start."""

import os
import secrets
from pathlib import Path

from monitor.config.model import MonitorSettings
from monitor.errors import ConfigError, Problem

KEY_FILE = "hash.key"
_OTHERS = 0o077


def hash_key(settings: MonitorSettings) -> bytes:
    """The configured key, else that of ``hash.key`` beside the database, made when missing.

    ConfigError when the file cannot be read or made, is empty, or can be read by others. A
    lost key is never replaced in silence while a database exists: its hashes would mean
    nothing any more.
    """
    if settings.hash_key is not None:
        return settings.hash_key.get_secret_value().encode()
    path = settings.data_dir / KEY_FILE
    try:
        return _read(path)
    except FileNotFoundError as error:
        if settings.database.exists():
            text = f"{path} is missing, and the database needs it; bring it back from a backup"
            raise _refusal(path, text) from error
    except OSError as error:
        raise _refusal(path, f"{path} cannot be read: {error.strerror}") from error
    try:
        return _make(path)
    except OSError as error:
        raise _refusal(path, f"{path} cannot be written: {error.strerror}") from error


def kept_key(settings: MonitorSettings) -> bytes | None:
    """That of the file beside the database; None without one, or where it is configured.

    ConfigError as by ``hash_key``.
    """
    path = settings.data_dir / KEY_FILE
    if settings.hash_key is not None or not path.exists():
        return None
    return hash_key(settings)


def another_key(settings: MonitorSettings) -> ConfigError:
    """The error of a key that is not the one of the database."""
    known = KEY_FILE if settings.hash_key is None else "the hash_key"
    text = (
        f"its people are known under another key, so nobody would be recognised, those who"
        f" asked not to be called among them; bring back {known} that it was written with"
    )
    return _refusal(settings.database, text)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        key = file.read(4096).strip()
    if mode & _OTHERS:
        raise _refusal(path, f"{path} can be read by others; run: chmod 600 {path}")
    if not key:
        raise _refusal(path, f"{path} is empty; bring it back from a backup")
    return key


def _make(path: Path) -> bytes:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = secrets.token_hex(32).encode()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    return key


def _refusal(path: Path, text: str) -> ConfigError:
    return ConfigError((Problem(file=str(path), line=None, key="monitor.hash_key", text=text),))
