"""``offhook restore``: a backup is put back by a command, or refused with what to do."""

import os
from pathlib import Path

import pytest
from sqlalchemy import func, select

from monitor.config.keys import KEY_FILE
from monitor.store import hashkey, processes
from monitor.store.engine import open_engine
from monitor.store.lock import sole_owner
from monitor.store.schema import providers
from tests.builders import HOUR, NOON
from tests.cli.conftest import Offhook

KEY = b"the key of this installation"
NOBODY = 65_534


@pytest.fixture
def data(tmp_path: Path, config: Path) -> Path:
    """A database that a daemon has left, with its key."""
    path = tmp_path / "data" / "offhook.db"
    engine = open_engine(path, create=True)
    with engine.begin() as conn:
        processes.stopped(conn, NOON - HOUR, NOON)
        hashkey.remember(conn, KEY)
    engine.dispose()
    write_key(path.parent, KEY)
    return path


def write_key(directory: Path, key: bytes) -> None:
    (directory / KEY_FILE).write_bytes(key)
    (directory / KEY_FILE).chmod(0o600)


def watched(path: Path) -> int:
    engine = open_engine(path)
    with engine.begin() as conn:
        found: int = conn.execute(select(func.count()).select_from(providers)).scalar_one()
    engine.dispose()
    return found


def lose(path: Path) -> None:
    """What was not lost when the backup was made."""
    engine = open_engine(path)
    with engine.begin() as conn:
        conn.execute(providers.insert().values(name="wrong", vendor="graine"))
    engine.dispose()


def test_a_backup_is_put_back_and_what_was_there_is_kept(offhook: Offhook, data: Path) -> None:
    offhook("backup", "copy.db")
    lose(data)

    ran = offhook("restore", "copy.db")

    assert (ran.status, ran.err) == (0, "")
    now, before, doubt = ran.out.splitlines()
    assert now == f"{data} is the backup now; it knows what happened until 2026-06-10 12:00:00 UTC"
    assert before.startswith(f"the database of before is kept: {data}.before-20")
    assert doubt == "what it tells in its first 30 minutes is marked as a possible repeat"
    assert watched(data) == 0
    assert watched(Path(before.rpartition(": ")[2])) == 1


def test_as_json_it_is_one_document(offhook: Offhook, data: Path) -> None:
    offhook("backup", "copy.db")

    found = offhook("restore", "copy.db", "--json").json

    assert found["file"] == str(data)
    assert found["bytes"] == data.stat().st_size
    assert found["until"] == "2026-06-10T12:00:00+00:00"
    assert Path(found["before"]).exists()


def test_on_a_new_machine_it_asks_for_the_key(offhook: Offhook, data: Path) -> None:
    offhook("backup", "copy.db")
    for each in data.parent.iterdir():
        each.unlink()

    ran = offhook("restore", "copy.db")

    assert ran.status == 0
    assert f"the hash.key that was kept with the backup belongs beside it: {data.parent}" in ran.out
    assert "of before" not in ran.out
    assert watched(data) == 0


def test_under_another_key_nothing_is_put_back(offhook: Offhook, data: Path) -> None:
    offhook("backup", "copy.db")
    write_key(data.parent, b"made by a first start")

    ran = offhook("restore", "copy.db")

    assert ran.status == 2
    assert "first bring back the hash.key that was kept with it" in ran.err
    assert not list(data.parent.glob("*.before-*"))


def test_while_the_daemon_runs_nothing_is_put_back(offhook: Offhook, data: Path) -> None:
    offhook("backup", "copy.db")

    with sole_owner(data):
        ran = offhook("restore", "copy.db")

    assert ran.status == 2
    assert f"another Offhook (process {os.getpid()}) already uses {data}; stop it first" in ran.err


def test_a_backup_that_is_not_there_is_named(offhook: Offhook, data: Path) -> None:
    ran = offhook("restore", "none.db")

    assert ran.status == 2
    assert "there is no backup at none.db" in ran.err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_what_belongs_to_the_service_is_put_back_by_its_user(offhook: Offhook, data: Path) -> None:
    offhook("backup", "copy.db")
    os.chown(data.parent, NOBODY, -1)

    ran = offhook("restore", "copy.db")

    assert ran.status == 2
    assert f"{data.parent} is nobody's; run this as that user" in ran.err
    assert not list(data.parent.glob("*.before-*"))


def test_a_daemon_under_another_key_does_not_start(offhook: Offhook, data: Path) -> None:
    write_key(data.parent, b"of another installation")

    ran = offhook("poll")

    assert ran.status == 2
    assert "its people are known under another key" in ran.err
    assert "bring back hash.key" in ran.err
    assert "Traceback" not in ran.err


def test_nobody_is_looked_for_under_another_key(offhook: Offhook, data: Path) -> None:
    write_key(data.parent, b"of another installation")

    ran = offhook("erase", "+14155550123", "--dry-run")

    assert ran.status == 2
    assert "its people are known under another key" in ran.err


def test_the_key_of_a_first_start_is_the_one(offhook: Offhook, data: Path) -> None:
    for each in data.parent.iterdir():
        each.unlink()
    offhook("poll")
    key = (data.parent / KEY_FILE).read_bytes()

    engine = open_engine(data)
    with engine.begin() as conn:
        assert not hashkey.is_another(conn, key)
        assert hashkey.is_another(conn, KEY)
    engine.dispose()
