"""A copy of the database: taken beside a writer, and put back with nothing lost."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from monitor.errors import StoreError
from monitor.store import hashkey, processes, restoring
from monitor.store.backup import back_up, put_back
from monitor.store.backup import copy as copy_of
from monitor.store.engine import driver, open_engine
from monitor.store.schema import providers
from tests.builders import HOUR, MINUTE, NOON


def test_a_backup_beside_an_open_writer_is_a_database_of_its_own(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "offhook.db", create=True)
    with engine.begin() as conn:
        conn.execute(providers.insert().values(name="renewals", vendor="graine"))

    size = back_up(engine, tmp_path / "copy.db", NOON)

    engine.dispose()
    assert size == (tmp_path / "copy.db").stat().st_size
    copy = open_engine(tmp_path / "copy.db", read_only=True)
    with copy.begin() as conn:
        assert conn.execute(select(providers.c.name)).scalars().all() == ["renewals"]
    copy.dispose()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("there.db", "exists already", id="exists"),
        pytest.param("none/copy.db", "cannot be written", id="no directory"),
        pytest.param("a\0b", "cannot be written", id="no name"),
    ],
)
def test_a_target_that_cannot_be_made_is_refused_and_left_alone(
    tmp_path: Path, name: str, words: str
) -> None:
    engine = open_engine(tmp_path / "offhook.db", create=True)
    (tmp_path / "there.db").write_text("mine")

    with pytest.raises(StoreError, match=words):
        back_up(engine, tmp_path / name, NOON)

    engine.dispose()
    assert (tmp_path / "there.db").read_text() == "mine"


# What put_back does.


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "offhook.db"


@pytest.fixture
def copy(tmp_path: Path, database: Path) -> Path:
    """A backup that has ``renewals``; the database has lost that, and got ``surveys``."""
    engine = open_engine(database, create=True)
    add(engine, "renewals")
    target = tmp_path / "copy.db"
    back_up(engine, target, NOON)
    with engine.begin() as conn:
        conn.execute(providers.delete())
    add(engine, "surveys")
    engine.dispose()
    return target


def add(engine: Engine, name: str) -> None:
    with engine.begin() as conn:
        conn.execute(providers.insert().values(name=name, vendor="graine"))


def names(path: Path) -> list[str]:
    engine = open_engine(path)
    with engine.begin() as conn:
        found = sorted(conn.execute(select(providers.c.name)).scalars())
    engine.dispose()
    return found


def files(directory: Path) -> set[str]:
    return {each.name for each in directory.iterdir()}


def test_a_backup_takes_the_place_of_the_database_which_is_kept(database: Path, copy: Path) -> None:
    done = put_back(copy, database, None, NOON)

    assert done.before == database.with_name("offhook.db.before-20260610T120000Z")
    assert names(database) == ["renewals"]
    assert names(done.before) == ["surveys"]
    assert names(copy) == ["renewals"]
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
    assert done.size == database.stat().st_size


def test_a_backup_is_put_where_nothing_was(tmp_path: Path, copy: Path) -> None:
    elsewhere = tmp_path / "new"
    elsewhere.mkdir()

    done = put_back(copy, elsewhere / "offhook.db", None, NOON)

    assert done.before is None
    assert files(elsewhere) == {"offhook.db"}
    assert names(elsewhere / "offhook.db") == ["renewals"]


def test_what_only_the_journal_held_is_kept_with_the_database_of_before(
    tmp_path: Path, database: Path, copy: Path
) -> None:
    killed = f"""
import os
from pathlib import Path
from monitor.store.engine import driver, open_engine
from monitor.store.schema import providers
engine = open_engine(Path({str(database)!r}))
with engine.begin() as conn:
    conn.execute(providers.insert().values(name="callbacks", vendor="bland"))
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", killed], check=True)
    assert database.with_name("offhook.db-wal").stat().st_size > 0

    done = put_back(copy, database, None, NOON)

    assert names(database) == ["renewals"]
    assert done.before is not None
    assert names(done.before) == ["callbacks", "surveys"]


def test_a_damaged_database_is_set_aside_with_its_journal(database: Path, copy: Path) -> None:
    database.write_bytes(b"not a database, but as long as a header of one is " * 40)
    database.with_name("offhook.db-wal").write_bytes(b"frames")

    done = put_back(copy, database, None, NOON)

    assert names(database) == ["renewals"]
    assert done.before is not None
    assert done.before.read_bytes().startswith(b"not a database")
    assert Path(f"{done.before}-wal").read_bytes() == b"frames"
    assert not database.with_name("offhook.db-wal").exists()


def test_a_run_that_was_cut_short_leaves_nothing_in_the_way(database: Path, copy: Path) -> None:
    database.with_name("offhook.db.restoring").write_bytes(b"half of it")

    put_back(copy, database, None, NOON)

    assert names(database) == ["renewals"]
    assert not database.with_name("offhook.db.restoring").exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("none.db", "there is no backup", id="not there"),
        pytest.param(".", "there is no backup", id="a directory"),
        pytest.param("text.db", "damaged, or no backup at all", id="something else"),
        pytest.param("torn.db", "is damaged", id="damaged"),
        pytest.param("empty.db", "not written by this version of Offhook", id="empty"),
        pytest.param("offhook.db", "the database itself", id="itself"),
    ],
)
def test_what_is_no_good_backup_changes_nothing(
    tmp_path: Path, database: Path, copy: Path, name: str, words: str
) -> None:
    (tmp_path / "text.db").write_text("no database at all, though long enough for a header" * 40)
    (tmp_path / "empty.db").touch()
    torn = bytearray(copy.read_bytes())
    for page in range(4096, len(torn), 4096):
        torn[page : page + 64] = b"\xff" * 64
    (tmp_path / "torn.db").write_bytes(bytes(torn))
    before = files(tmp_path)

    with pytest.raises(StoreError, match=words):
        put_back(tmp_path / name, database, None, NOON)

    assert names(database) == ["surveys"]
    assert files(tmp_path) == before


def test_the_backup_of_another_key_is_refused(database: Path, tmp_path: Path) -> None:
    engine = open_engine(database, create=True)
    with engine.begin() as conn:
        hashkey.remember(conn, b"its key")
    back_up(engine, tmp_path / "copy.db", NOON)
    engine.dispose()

    with pytest.raises(StoreError, match=r"bring back the hash\.key that was kept with it"):
        put_back(tmp_path / "copy.db", database, b"of a new installation", NOON)

    assert put_back(tmp_path / "copy.db", database, b"its key", NOON).before is not None


@pytest.mark.parametrize("journal", ["WAL", "DELETE"])
@pytest.mark.parametrize("read_only", [True, False])
def test_a_database_that_another_program_has_open_is_left_alone(
    database: Path, copy: Path, journal: str, read_only: bool
) -> None:
    guest = driver.connect(
        f"file:{database}?mode={'ro' if read_only else 'rw'}", uri=True, isolation_level=None
    )
    if not read_only:
        guest.execute(f"PRAGMA journal_mode={journal}")
    guest.execute("BEGIN" if read_only else "BEGIN IMMEDIATE")
    guest.execute("SELECT name FROM providers").fetchall()
    if not read_only:
        guest.execute("INSERT INTO providers (name, vendor) VALUES ('callbacks', 'bland')")

    with pytest.raises(StoreError, match="another program has"):
        put_back(copy, database, None, NOON)

    guest.execute("COMMIT")
    guest.close()
    assert names(database) == (["surveys"] if read_only else ["callbacks", "surveys"])
    assert files(database.parent) == {"copy.db", "offhook.db"}


def test_an_idle_guest_keeps_the_database_where_it_is(database: Path, copy: Path) -> None:
    engine = open_engine(database)
    assert names(database) == ["surveys"]
    with engine.begin() as conn:
        conn.execute(select(providers.c.name)).all()

    with pytest.raises(StoreError, match="another program has"):
        put_back(copy, database, None, NOON)

    add(engine, "callbacks")
    engine.dispose()
    assert names(database) == ["callbacks", "surveys"]
    assert files(database.parent) == {"copy.db", "offhook.db"}


def test_a_second_name_that_a_power_cut_left_is_taken_away(database: Path, copy: Path) -> None:
    left = database.with_name("offhook.db.before-20260609T120000Z")
    left.hardlink_to(database)
    other = database.with_name("offhook.db.before-20260608T120000Z")
    other.write_bytes(b"an older one")

    done = put_back(copy, database, None, NOON)

    assert not left.exists()
    assert other.read_bytes() == b"an older one"
    assert done.before is not None
    assert done.before.stat().st_nlink == 1


def test_a_failure_on_the_way_leaves_no_second_name(
    database: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(database.parent)

    def failing(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(StoreError, match="cannot be replaced: No space left"):
        put_back(copy, database, None, NOON)

    assert names(database) == ["surveys"]
    assert files(database.parent) == before


def test_two_in_one_second_are_one_too_many(database: Path, copy: Path) -> None:
    put_back(copy, database, None, NOON)

    with pytest.raises(StoreError, match="try again in a moment"):
        put_back(copy, database, None, NOON)


def test_its_own_work_is_no_backup(database: Path, copy: Path) -> None:
    work = database.with_name("offhook.db.restoring")
    copy.rename(work)

    with pytest.raises(StoreError, match="its own work"):
        put_back(work, database, None, NOON)

    assert names(work) == ["renewals"]


def test_a_backup_of_what_no_daemon_was_started_on_is_as_old_as_that(
    tmp_path: Path, database: Path, copy: Path
) -> None:
    put_back(copy, database, None, NOON + HOUR)
    engine = open_engine(database)
    back_up(engine, tmp_path / "again.db", NOON + 2 * HOUR)
    engine.dispose()

    done = put_back(tmp_path / "again.db", database, None, NOON + 3 * HOUR)

    assert done.made_at == NOON


def test_when_a_backup_was_made_is_kept_by_what_is_made_of_it(
    tmp_path: Path, database: Path
) -> None:
    engine = open_engine(database, create=True)
    back_up(engine, tmp_path / "copy.db", NOON)
    with engine.begin() as conn:
        processes.stopped(conn, NOON - HOUR, NOON - MINUTE)
    copy_of(engine, tmp_path / "by_other_means.db")
    engine.dispose()

    found = [
        put_back(tmp_path / name, tmp_path / f"{name}.put", None, NOON + HOUR).made_at
        for name in ("copy.db", "by_other_means.db")
    ]

    assert found == [NOON, NOON - MINUTE]


def test_a_copy_for_a_trial_does_not_know_that_it_is_one(tmp_path: Path, database: Path) -> None:
    engine = open_engine(database, create=True)
    copy_of(engine, tmp_path / "trial.db")
    back_up(engine, tmp_path / "copy.db", NOON)
    engine.dispose()

    known = []
    for name in ("trial.db", "copy.db"):
        engine = open_engine(tmp_path / name)
        with engine.begin() as conn:
            known.append(restoring.put_to_use(conn, NOON, "UTC") is not None)
        engine.dispose()
    assert known == [False, True]
