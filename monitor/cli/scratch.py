"""The daemon's database, or one that is gone afterwards: empty, or as it stood once."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from monitor.cli.places import reading
from monitor.config import Config
from monitor.store.asof import copy_as_of
from monitor.store.engine import open_engine


@contextmanager
def database(config: Config) -> Iterator[Connection]:
    """That of the daemon, else an empty one: routes can be tried before anything has run."""
    with reading(config) if config.monitor.database.exists() else _empty() as conn:
        yield conn


@contextmanager
def as_it_stood(conn: Connection, at: datetime, alert: str | None) -> Iterator[Connection]:
    """What decides who hears of any alert, or of the one with this key, turned back to then."""
    with _empty() as then:
        copy_as_of(conn, then, at, alert)
        yield then


@contextmanager
def _empty() -> Iterator[Connection]:
    """An empty database that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="offhook-") as directory, ExitStack() as stack:
        engine = open_engine(Path(directory, "empty.db"), create=True)
        stack.callback(engine.dispose)
        yield stack.enter_context(engine.begin())
