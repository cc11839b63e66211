"""Bringing a database to this version's schema, by Alembic, in one transaction a step."""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from monitor.errors import StoreError
from monitor.store.schema import metadata

HEAD = "0001"
_TABLE = "alembic_version"


def upgrade(engine: Engine, path: Path) -> None:
    """Create the tables, or take an older schema to this one; refuse a newer."""
    with engine.connect() as conn:
        version = _version(conn)
    if version == HEAD:
        return
    if version is None:
        with engine.begin() as conn:
            if inspect(conn).get_table_names():
                raise StoreError(f"{path} is not an Offhook database; another file has its name")
            create(conn)
        return
    step_up(engine, path)


def create(conn: Connection) -> None:
    """Make every table of this version in an empty database."""
    metadata.create_all(conn)
    conn.execute(text(f"CREATE TABLE {_TABLE} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    conn.execute(text(f"INSERT INTO {_TABLE} VALUES (:head)"), {"head": HEAD})  # noqa: S608 - a constant


def check(engine: Engine, path: Path) -> None:
    """Refuse a database that is not of this version."""
    with engine.connect() as conn:
        version = _version(conn)
    if version is None:
        raise StoreError(f"{path} holds no Offhook data yet; start the daemon once: offhook run")
    if version != HEAD:
        raise _foreign(path, version)


def _version(conn: Connection) -> str | None:
    if _TABLE not in inspect(conn).get_table_names():
        return None
    version: str | None = conn.execute(text(f"SELECT version_num FROM {_TABLE}")).scalar()  # noqa: S608 - a constant
    return version


def _foreign(path: Path, version: str) -> StoreError:
    return StoreError(
        f"{path} has schema {version}, this Offhook knows {HEAD}: it was written by another"
        " version; install that one, or restore the backup made before the upgrade"
    )


def step_up(engine: Engine, path: Path) -> None:
    """Run every version's step that the database has not had; all of them or none."""
    from alembic import command  # noqa: PLC0415 - slow to import, needed only to upgrade
    from alembic.config import Config  # noqa: PLC0415 - the same
    from alembic.util import CommandError  # noqa: PLC0415 - the same

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    try:
        with engine.begin() as conn:
            config.attributes["connection"] = conn
            command.upgrade(config, "head")
    except CommandError as error:
        with engine.connect() as conn:
            raise _foreign(path, _version(conn) or "none") from error
