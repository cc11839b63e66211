"""Opening the database: which journal, who may write, and what people read when it cannot be."""

import os
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, insert, select, text
from sqlalchemy.exc import OperationalError, StatementError

from monitor.errors import StoreError
from monitor.store import settings as remembered
from monitor.store.engine import driver, explained, open_engine, sqlite_version, wal_is_safe
from monitor.store.schema import from_micros, providers, to_micros
from tests.builders import NOON

NOBODY = 65_534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "offhook.db"


@pytest.fixture
def engine(path: Path) -> Iterator[Engine]:
    made = open_engine(path, create=True)
    yield made
    made.dispose()


@pytest.fixture
def folder_of_nobody() -> Iterator[Path]:
    """A folder for a user without rights, and this process as that user."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        root = os.geteuid() == 0
        if root:
            os.chown(folder, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        yield folder
        if root:
            os.seteuid(0)
        folder.chmod(0o755)


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        pytest.param((3, 6, 23), True, id="before there was a WAL"),
        pytest.param((3, 7, 0), False, id="the first with the defect"),
        pytest.param((3, 40, 1), False, id="what many systems have"),
        pytest.param((3, 44, 5), False, id="just before a backport"),
        pytest.param((3, 44, 6), True, id="first backport"),
        pytest.param((3, 44, 7), False, id="a number nobody released"),
        pytest.param((3, 50, 6), False, id="just before the other backport"),
        pytest.param((3, 50, 7), True, id="second backport"),
        pytest.param((3, 51, 0), False, id="a newer line without it"),
        pytest.param((3, 51, 2), False, id="the last with the defect"),
        pytest.param((3, 51, 3), True, id="mended"),
        pytest.param((3, 52, 0), False, id="withdrawn"),
        pytest.param((3, 53, 0), True, id="mended for good"),
    ],
)
def test_a_library_with_the_reset_defect_gets_no_write_ahead_log(
    version: tuple[int, int, int], safe: bool
) -> None:
    assert wal_is_safe(version) is safe


def test_the_journal_follows_the_library(engine: Engine) -> None:
    with engine.connect() as conn:
        found = {
            name: conn.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }

    mode, level = ("wal", 2) if wal_is_safe(sqlite_version()) else ("delete", 3)
    assert found == {
        "journal_mode": mode,
        "synchronous": level,
        "foreign_keys": 1,
        "secure_delete": 1,
    }


def test_the_file_is_for_its_owner_alone(engine: Engine, path: Path) -> None:
    assert {each.name: each.stat().st_mode & 0o777 for each in path.parent.iterdir()} == {
        each.name: 0o600 for each in path.parent.iterdir()
    }
    assert path.exists()


def test_a_missing_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "offhook.db"
    open_engine(path, create=True).dispose()

    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_signs_in_the_path_have_no_second_meaning(tmp_path: Path) -> None:
    path = tmp_path / "50%20of?mode=ro#x" / "offhook.db"
    open_engine(path, create=True).dispose()
    open_engine(path, read_only=True).dispose()

    assert [each.name for each in tmp_path.iterdir()] == ["50%20of?mode=ro#x"]
    assert path.stat().st_size > 0


@pytest.mark.parametrize("read_only", [False, True], ids=["to write", "to read"])
def test_a_missing_file_is_named_with_what_makes_it(path: Path, read_only: bool) -> None:
    with pytest.raises(StoreError) as raised:
        open_engine(path, read_only=read_only)

    assert (
        str(raised.value) == f"there is no database at {path}; start the daemon once: offhook run"
    )
    assert not path.exists()


def test_a_file_without_tables_is_told_from_a_missing_one(path: Path) -> None:
    path.touch()

    with pytest.raises(StoreError, match="holds no Offhook data yet"):
        open_engine(path)


def test_a_path_that_cannot_be_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match=r"file/offhook.db cannot be opened"):
        open_engine(tmp_path / "file" / "offhook.db", create=True)


@pytest.mark.parametrize("create", [True, False], ids=["daemon", "command"])
def test_a_newer_schema_is_left_alone(engine: Engine, path: Path, create: bool) -> None:
    with engine.begin() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    before = path.read_bytes()

    with pytest.raises(StoreError, match=r"has schema 9999, this Offhook knows 0001"):
        open_engine(path, create=create)

    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("create", "words"),
    [(True, "is not an Offhook database"), (False, "holds no Offhook data yet")],
    ids=["daemon", "command"],
)
def test_the_database_of_another_program_is_left_alone(
    path: Path, create: bool, words: str
) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE theirs (x)")
    other.close()

    with pytest.raises(StoreError, match=words):
        open_engine(path, create=create)

    with sqlite3.connect(path) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    other.close()


@pytest.mark.parametrize("create", [True, False], ids=["daemon", "command"])
def test_a_file_that_is_no_database_is_left_alone(path: Path, create: bool) -> None:
    path.write_text("Dear diary, " * 200)

    with pytest.raises(StoreError, match="is not an Offhook database; another file has its name"):
        open_engine(path, create=create)

    assert path.read_text().startswith("Dear diary")


def test_a_damaged_file_says_what_to_do(engine: Engine, path: Path) -> None:
    with engine.connect() as conn:
        size = conn.execute(text("PRAGMA page_size")).scalar_one()
        conn.rollback()
    raw = engine.raw_connection()
    raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()
    engine.dispose()
    body = bytearray(path.read_bytes())
    body[100 : size - 100] = b"\xff" * (size - 200)
    path.write_bytes(body)

    with pytest.raises(StoreError, match="is damaged; stop the daemon, then put a backup back"):
        open_engine(path)


def test_a_folder_without_rights_names_path_and_reason(folder_of_nobody: Path) -> None:
    folder_of_nobody.chmod(0o555)

    with pytest.raises(StoreError, match=r"offhook.db cannot be opened: Permission denied"):
        open_engine(folder_of_nobody / "offhook.db", create=True)


def test_a_file_that_may_only_be_read_is_refused_at_the_start(folder_of_nobody: Path) -> None:
    path = folder_of_nobody / "offhook.db"
    open_engine(path, create=True).dispose()
    path.chmod(0o444)

    with pytest.raises(StoreError, match=r"offhook.db cannot be opened: Permission denied"):
        open_engine(path, create=True)


def test_a_reader_cannot_change_anything(engine: Engine, path: Path) -> None:
    reader = open_engine(path, read_only=True)

    with (
        pytest.raises(OperationalError, match="readonly") as raised,
        reader.begin() as conn,
    ):
        remembered.save(conn, "a", "b")
    reader.dispose()

    assert str(explained(raised.value, path)) == (
        f"the database {path} is read-only for this user; check the owner of the file and its"
        " directory"
    )


def test_a_file_that_another_writer_holds_is_locked(engine: Engine, path: Path) -> None:
    other = open_engine(path, busy_ms=1)

    with (
        engine.begin(),
        pytest.raises(OperationalError) as raised,
        other.begin(),
    ):
        pass
    other.dispose()

    assert "is locked by another program" in str(explained(raised.value, path))


def test_opening_does_not_outwait_a_writer(engine: Engine, path: Path) -> None:
    with engine.begin(), pytest.raises(StoreError, match="is locked by another program"):
        open_engine(path, create=True, busy_ms=1)


def test_a_reader_does_not_wait_for_a_writer(engine: Engine, path: Path) -> None:
    reader = open_engine(path, read_only=True, busy_ms=1)
    with engine.begin() as conn:
        remembered.save(conn, "word", "old")
    with engine.begin() as conn:
        remembered.save(conn, "word", "new")
        with reader.connect() as beside:
            seen = remembered.load(beside, "word")
    reader.dispose()

    assert seen == "old"


def test_no_update_is_lost_between_two_writers(engine: Engine) -> None:
    with engine.begin() as conn:
        remembered.save(conn, "n", "0")

    def add_many() -> None:
        for _ in range(50):
            with engine.begin() as conn:
                remembered.save(conn, "n", str(int(remembered.load(conn, "n") or 0) + 1))

    threads = [threading.Thread(target=add_many) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with engine.connect() as conn:
        assert remembered.load(conn, "n") == "100"


def test_a_full_disk_is_told_as_such(engine: Engine, path: Path) -> None:
    with pytest.raises(OperationalError) as raised, engine.begin() as conn:
        _fill(conn)

    assert str(explained(raised.value, path)) == (
        f"the database {path} cannot grow: the disk is full; free some space"
    )
    with engine.connect() as conn:
        assert remembered.load(conn, "big") is None


def _fill(conn: Connection) -> None:
    used = conn.execute(text("PRAGMA page_count")).scalar_one()
    conn.execute(text(f"PRAGMA max_page_count = {used + 1}"))
    remembered.save(conn, "big", "x" * 100_000)


def test_an_error_that_nobody_knows_is_told_as_it_is(path: Path) -> None:
    told = explained(driver.OperationalError("an odd thing"), path)

    assert str(told) == f"the database {path} cannot be used: an odd thing"


def test_a_time_without_a_zone_is_refused(engine: Engine) -> None:
    naive = NOON.replace(tzinfo=None)

    with pytest.raises(StatementError, match="without a zone"), engine.begin() as conn:
        conn.execute(insert(providers).values(name="p", vendor="v", fresh_at=naive))
    with pytest.raises(ValueError, match="without a zone"):
        to_micros(naive)


@pytest.mark.parametrize(
    "at",
    [
        pytest.param(NOON, id="whole"),
        pytest.param(NOON + timedelta(microseconds=1), id="microsecond"),
        pytest.param(NOON.astimezone(timezone(timedelta(hours=5, minutes=30))), id="elsewhere"),
        pytest.param(datetime(1969, 12, 31, 23, tzinfo=NOON.tzinfo), id="before 1970"),
    ],
)
def test_a_time_comes_back_as_the_same_moment_in_utc(engine: Engine, at: datetime) -> None:
    with engine.begin() as conn:
        conn.execute(insert(providers).values(name="p", vendor="v", fresh_at=at))
        found = conn.execute(select(providers.c.fresh_at)).scalar_one()

    assert (found, found.utcoffset()) == (at, timedelta(0))
    assert from_micros(to_micros(at)) == at


@pytest.mark.parametrize(
    "value", [pytest.param(None, id="nothing"), pytest.param(b"b", id="bytes")]
)
def test_what_is_no_text_or_number_is_bound_without_a_search_for_an_adapter(
    engine: Engine, value: bytes | None
) -> None:
    assert (type(value), driver.PrepareProtocol) in driver.adapters

    with engine.connect() as conn:
        assert conn.exec_driver_sql("SELECT ?", (value,)).scalar_one() == value


def test_a_statement_that_comes_late_stays_prepared(engine: Engine) -> None:
    prepared: list[int] = []

    def seen(*parts: object) -> int:
        prepared.append(len(parts))
        return int(driver.SQLITE_OK)

    with engine.connect() as conn:
        raw = conn.connection.driver_connection
        assert raw is not None
        raw.set_authorizer(seen)  # is asked while a statement is prepared
        early = [f"SELECT {n} FROM providers" for n in range(300)]
        for sql in early * 2:
            raw.execute(sql).fetchall()
        late = ["SELECT 'one' FROM providers", "SELECT 'another' FROM providers"]
        for sql in late:
            raw.execute(sql).fetchall()
        before = len(prepared)

        for sql in (*late, *late):
            raw.execute(sql).fetchall()

    assert len(prepared) == before > 0
