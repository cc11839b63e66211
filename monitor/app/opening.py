"""What a process settles with its database before it works on it."""

import hashlib
import secrets
from datetime import datetime
from typing import NamedTuple

import structlog
from sqlalchemy import Connection

from monitor import __version__
from monitor.config.keys import another_key
from monitor.config.model import MonitorSettings
from monitor.core.restored import Restored
from monitor.store import hashkey, restoring, settings
from monitor.store.writer import Priority, Store

log = structlog.get_logger()


class Settled(NamedTuple):
    """The seed of page digests, and whether the database is that of a backup."""

    seed: int
    restored: Restored | None


async def settled(store: Store, monitor: MonitorSettings, key: bytes, now: datetime) -> Settled:
    """Settle all of it; ConfigError where the database's people are known under another key."""
    found = await store.write(Priority.INGEST, lambda conn: _settle(conn, monitor, key, now))
    if found.restored is not None and found.restored.at == now:
        log.warning("database_restored", until=found.restored.until.isoformat())
    return found


def _settle(conn: Connection, monitor: MonitorSettings, key: bytes, now: datetime) -> Settled:
    if hashkey.is_another(conn, key):
        raise another_key(monitor)
    hashkey.remember(conn, key)
    return Settled(digest_seed(conn), restoring.settle(conn, now))


def digest_seed(conn: Connection) -> int:
    """The salt of page digests: of this installation and this version, so an upgrade rereads."""
    salt = settings.made(conn, "digest_salt", lambda: secrets.token_hex(16))
    digest = hashlib.blake2b(f"{salt} {__version__}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")
