"""What a process settles with its database before it works on it."""

import hashlib
import secrets
from datetime import datetime

import structlog
from sqlalchemy import Connection

from monitor import __version__
from monitor.config.keys import another_key
from monitor.config.model import MonitorSettings
from monitor.core.restored import Restored
from monitor.store import hashkey, restoring, settings
from monitor.store.writer import Priority, Store

log = structlog.get_logger()


async def put_to_use(
    store: Store, monitor: MonitorSettings, key: bytes, now: datetime
) -> Restored | None:
    """For who is to tell: when the database was put back from a backup, None where it never was.

    ConfigError where its people are known under another key.
    """
    await check_key(store, monitor, key)
    restored = await store.write(
        Priority.OUTBOX, lambda conn: restoring.put_to_use(conn, now, monitor.timezone)
    )
    if restored is not None and restored.at == now:
        log.warning("database_restored", backup_of=restored.made_at.isoformat())
    return restored


async def check_key(store: Store, monitor: MonitorSettings, key: bytes) -> None:
    """For who is to know people by their numbers: ConfigError where the key is another."""

    def checked(conn: Connection) -> bool:
        if hashkey.is_another(conn, key):
            return False
        hashkey.remember(conn, key)
        return True

    if not await store.write(Priority.INGEST, checked):
        raise another_key(monitor)


def digest_seed(conn: Connection) -> int:
    """The salt of page digests: of this installation and this version, so an upgrade rereads."""
    salt = settings.made(conn, "digest_salt", lambda: secrets.token_hex(16))
    digest = hashlib.blake2b(f"{salt} {__version__}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")
