"""The floors: bare loops with nothing between them. A fixed file.

Digest every page; cut and digest the pages that differ; decode the people that differ; write
their rows and one event each in one transaction. Whatever does the work honestly does these.
"""

import itertools
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from xxhash import xxh3_64_intdigest as digest

from bench.reference import Person

_cut = msgspec.json.Decoder(list[msgspec.Raw]).decode
_one = msgspec.json.Decoder(Person).decode
_pack = msgspec.msgpack.Encoder().encode
_TABLES = """
CREATE TABLE person (
    id TEXT PRIMARY KEY, status TEXT, due TEXT, value BLOB
) WITHOUT ROWID;
CREATE TABLE event (id INTEGER PRIMARY KEY, person TEXT, value TEXT);
"""
_PUT = (
    "INSERT INTO person VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
    " status = excluded.status, due = excluded.due, value = excluded.value"
)
_TELL = "INSERT INTO event (person, value) VALUES (?, ?)"


@dataclass(frozen=True, slots=True)
class Floor:
    """Seconds of each loop."""

    pages: float
    slices: float
    decode: float
    write: float

    @property
    def total(self) -> float:
        """All of them."""
        return self.pages + self.slices + self.decode + self.write


def prepare(file: Path, pages: Sequence[bytes]) -> sqlite3.Connection:
    """A file with everybody in it."""
    file.unlink(missing_ok=True)
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.executescript(_TABLES)
    connection.execute("BEGIN")
    for page in pages:
        connection.executemany(_PUT, [_row(_one(raw)) for raw in _cut(page)])
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return connection


def _row(person: Person) -> tuple[str, str, str, bytes]:
    return person.contact_id, person.status, str(person.next_retry_at), _pack(person)


def measure(
    connection: sqlite3.Connection, before: Sequence[bytes], after: Sequence[bytes]
) -> Floor:
    """The loops over a list that was ``before`` and is ``after``; the file stays as it was."""
    known = [digest(page) for page in before]
    changed = _changed(before, after)
    rows = [_row(_one(raw)) for raw in changed]
    times = [time.perf_counter()]
    differ = [page for page, old in zip(after, known, strict=True) if digest(page) != old]
    times.append(time.perf_counter())
    for page in differ:
        for raw in _cut(page):
            digest(raw)
    times.append(time.perf_counter())
    for person in changed:
        _one(person)
    times.append(time.perf_counter())
    connection.execute("BEGIN")
    connection.executemany(_PUT, rows)
    connection.executemany(_TELL, [row[:2] for row in rows])
    connection.execute("COMMIT")
    times.append(time.perf_counter())
    return Floor(*(end - start for start, end in itertools.pairwise(times)))


def _changed(before: Sequence[bytes], after: Sequence[bytes]) -> list[bytes]:
    return [
        bytes(new)
        for old_page, new_page in zip(before, after, strict=True)
        if old_page is not new_page
        for old, new in zip(_cut(old_page), _cut(new_page), strict=True)
        if bytes(old) != bytes(new)
    ]
