"""Where the configuration and the database are, and who may open them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DatabaseError

from monitor.cli.output import owner_of
from monitor.config import Config, load
from monitor.errors import ConfigError, Problem, StoreError
from monitor.store.engine import explained, open_engine

VARIABLE = "OFFHOOK_CONFIG"
USUAL = (Path("config.toml"), Path("/etc/offhook/config.toml"))


def config_path(given: Path | None) -> Path:
    """The file that was named, else the first of the usual places; ConfigError without any."""
    if given is not None:
        return given
    if named := os.environ.get(VARIABLE):
        return Path(named)
    for path in USUAL:
        if os.path.lexists(path):
            return path
    tried = ", ".join(map(str, USUAL))
    text = f"there is no configuration (tried {tried}); run: offhook init"
    raise ConfigError((Problem(file="offhook", line=None, key="", text=text),))


def is_there() -> bool:
    """Whether there is a configuration in one of the usual places, or named by the environment."""
    return VARIABLE in os.environ or any(os.path.lexists(path) for path in USUAL)


def load_to_run(given: Path | None) -> Config:
    """The configuration with every secret that it names."""
    return load(config_path(given), environ=os.environ)


def load_to_read(given: Path | None) -> Config:
    """The configuration without its secrets, for commands that only read the database."""
    return load(config_path(given), environ=os.environ, in_service=False, secrets=False)


@contextmanager
def reading(config: Config) -> Iterator[Connection]:
    """The database beside a running daemon; nothing can be changed through it."""
    with _connected(config.monitor.database, read_only=True) as conn:
        yield conn


@contextmanager
def writing(config: Config) -> Iterator[Connection]:
    """One short transaction beside a running daemon."""
    with _connected(config.monitor.database, read_only=False) as conn:
        yield conn


@contextmanager
def _connected(path: Path, *, read_only: bool) -> Iterator[Connection]:
    engine = opened(path, read_only=read_only)
    try:
        with engine.begin() as conn:
            yield conn
    except DatabaseError as error:
        raise explained(error, path) from error
    finally:
        engine.dispose()


def opened(path: Path, *, read_only: bool) -> Engine:
    """The database file; StoreError names the path that was tried and the user to run as."""
    try:
        os.close(os.open(path, os.O_RDONLY if read_only else os.O_RDWR))
    except FileNotFoundError as error:
        text = f"there is no database at {path}; start the daemon once{_as(path)}: offhook run"
        raise StoreError(text) from error
    except PermissionError as error:
        text = f"the database {path} may not be opened by this user; run the command{_as(path)}"
        raise StoreError(text) from error
    except OSError as error:
        raise StoreError(f"the database {path} cannot be opened: {error.strerror}") from error
    return open_engine(path, read_only=read_only)


def _as(path: Path) -> str:
    owner = owner_of(path)
    return f" as the user {owner}" if owner else ""
