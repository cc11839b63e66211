"""The schema: made at once or step by step, it is the same."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateTable

from monitor.store import migrate
from monitor.store.engine import driver, open_engine
from monitor.store.schema import metadata

VERSIONS = Path(migrate.__file__).parent / "migrations" / "versions"
Schema = dict[str, list[str]]


@pytest.fixture
def empty() -> Iterator[Engine]:
    engine = create_engine("sqlite://", module=driver)
    yield engine
    engine.dispose()


def schema_of(engine: Engine) -> Schema:
    """Every table and index as SQL; the order of a table's constraints does not matter."""
    with engine.connect() as conn:
        rows = conn.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
        found = {name: _lines(sql) for name, sql in rows}
    del found["alembic_version"]
    return found


def _lines(sql: str) -> list[str]:
    lines = [line.strip().rstrip(",") for line in sql.splitlines()]
    columns = [line for line in lines if not line.startswith("CONSTRAINT")]
    return columns + sorted(line for line in lines if line.startswith("CONSTRAINT"))


def test_what_is_made_at_once_is_what_the_versions_make(tmp_path: Path, empty: Engine) -> None:
    at_once = open_engine(tmp_path / "offhook.db", create=True)
    migrate.step_up(empty, tmp_path / "empty")

    assert schema_of(at_once) == schema_of(empty)
    assert set(metadata.tables) < set(schema_of(empty))
    at_once.dispose()


def test_an_empty_database_ends_at_the_newest_version(tmp_path: Path, empty: Engine) -> None:
    migrate.step_up(empty, tmp_path / "empty")

    migrate.check(empty, tmp_path / "empty")
    newest = max(path.name for path in VERSIONS.glob("0*.py"))
    assert newest.startswith(migrate.HEAD)


def test_going_up_twice_changes_nothing(tmp_path: Path, empty: Engine) -> None:
    migrate.step_up(empty, tmp_path / "empty")
    before = schema_of(empty)
    migrate.step_up(empty, tmp_path / "empty")
    migrate.upgrade(empty, tmp_path / "empty")

    assert schema_of(empty) == before


def test_opening_again_keeps_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "offhook.db"
    first = open_engine(path, create=True)
    with first.begin() as conn:
        conn.execute(text("INSERT INTO settings VALUES ('a', 'b')"))
    first.dispose()

    again = open_engine(path, create=True)
    with again.connect() as conn:
        assert conn.execute(text("SELECT value FROM settings")).scalars().all() == ["b"]
    again.dispose()


def test_a_beginning_that_is_cut_off_leaves_no_half_schema(empty: Engine) -> None:
    with empty.connect() as conn:
        conn.exec_driver_sql("BEGIN")
        migrate.create(conn)
        conn.rollback()
        assert conn.execute(text("SELECT count(*) FROM sqlite_master")).scalar_one() == 0


@pytest.mark.parametrize("name", ["contacts", "calls", "changes"])
def test_what_is_found_by_its_key_alone_has_no_second_tree(name: str) -> None:
    sql = str(CreateTable(metadata.tables[name]).compile(dialect=sqlite.dialect()))

    assert "WITHOUT ROWID" in sql
