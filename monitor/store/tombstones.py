"""The tombstones of people who were erased: kept, and asked for whenever people are read."""

import secrets
from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Connection, literal_column, select
from sqlalchemy import insert as _insert

from monitor.core.erasing import Tombstones
from monitor.store import among, hot, settings
from monitor.store.schema import erased

_KEY = "tombstone_key"
_KEY_BYTES = 32


def load(conn: Connection) -> Tombstones | None:
    """How tombstones are made here; None where nobody was ever erased."""
    if not hot.ask(conn, _ANY):
        return None
    key = settings.load(conn, _KEY)
    return None if key is None else Tombstones(bytes.fromhex(key))


_ANY = select(erased.c.at).limit(literal_column("1"))


def make(conn: Connection) -> Tombstones:
    """The same, with a key made where there is none yet."""
    key = settings.made(conn, _KEY, lambda: secrets.token_hex(_KEY_BYTES))
    return Tombstones(bytes.fromhex(key))


def known(conn: Connection, some: Iterable[bytes]) -> set[bytes]:
    """Those of these under which somebody was erased."""
    wanted = list(dict.fromkeys(some))
    return {bytes(tombstone) for (tombstone,) in among.rows(conn, _TOMBSTONE, wanted)}


_TOMBSTONE = (erased.c.tombstone,)


def keep(conn: Connection, some: Collection[bytes], at: datetime) -> None:
    """Keep these, each once."""
    new = set(some) - known(conn, some)
    if new:
        conn.execute(_insert(erased), [{"tombstone": each, "at": at} for each in sorted(new)])
