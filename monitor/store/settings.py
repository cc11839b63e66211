"""What is remembered about the installation: one text by one name."""

from collections.abc import Callable

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from monitor.store.schema import settings


def load(conn: Connection, name: str) -> str | None:
    """What is remembered under the name; None where nothing is."""
    value: str | None = conn.execute(
        select(settings.c.value).where(settings.c.name == name)
    ).scalar()
    return value


def save(conn: Connection, name: str, value: str) -> None:
    """Remember it, in the place of what was."""
    module = sqlite if conn.dialect.name == "sqlite" else postgresql
    statement = module.insert(settings).values(name=name, value=value)
    conn.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": value}))


def made(conn: Connection, name: str, make: Callable[[], str]) -> str:
    """What is remembered; what has to be made first is remembered from now on."""
    value = load(conn, name)
    if value is None:
        value = make()
        save(conn, name, value)
    return value


def forget(conn: Connection, name: str) -> None:
    """Remember nothing under the name."""
    conn.execute(delete(settings).where(settings.c.name == name))
