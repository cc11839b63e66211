"""``offhook restore``: a backup is put back by a command, or refused with what to do."""

import os
import shutil
from pathlib import Path

import pytest
from sqlalchemy import func, select

from monitor.config.keys import KEY_FILE
from monitor.store import hashkey, restoring, settings
from monitor.store.engine import open_engine
from monitor.store.lock import sole_backfill, sole_owner
from monitor.store.schema import providers
from tests.cli.conftest import Offhook

KEY = b"the key of this installation"
NOBODY = 65_534


@pytest.fixture
def data(tmp_path: Path, config: Path) -> Path:
    """A database that a daemon has left, with its key."""
    path = tmp_path / "data" / "offhook.db"
    engine = open_engine(path, create=True)
    with engine.begin() as conn:
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
    assert now.startswith(f"{data} is the backup of 20")
    assert now.endswith(" UTC now")
    assert before.startswith(
        f"the database of before is kept until you delete it: {data}.before-20"
    )
    assert doubt == "what the daemon tells in its first 30 minutes is marked as a possible repeat"
    assert watched(data) == 0
    assert watched(Path(before.rpartition(": ")[2])) == 1


def test_as_json_it_is_one_document(offhook: Offhook, data: Path) -> None:
    offhook("backup", "copy.db")

    found = offhook("restore", "copy.db", "--json").json

    assert found["file"] == str(data)
    assert found["bytes"] == data.stat().st_size
    assert found["made_at"].startswith("20")
    assert found["hash_key_missing"] is False
    assert Path(found["before"]).exists()


def test_on_a_new_machine_it_asks_for_the_key(offhook: Offhook, data: Path) -> None:
    offhook("backup", "copy.db")
    for each in data.parent.iterdir():
        each.unlink()

    ran = offhook("restore", "copy.db")

    assert ran.status == 0
    assert f"the hash.key that was kept with it belongs beside it: {data.parent}" in ran.out
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
    os.chown(data, NOBODY, -1)

    ran = offhook("restore", "copy.db")

    assert ran.status == 2
    assert f"{data} belongs to nobody; run the command as that user" in ran.err
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


def test_beside_a_backfill_nothing_is_put_back(offhook: Offhook, data: Path) -> None:
    offhook("backup", "copy.db")

    with sole_backfill(data):
        ran = offhook("restore", "copy.db")

    assert ran.status == 2
    assert "another backfill" in ran.err
    assert not list(data.parent.glob("*.before-*"))


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone makes what the service cannot open")
def test_root_makes_no_place_for_the_service(offhook: Offhook, data: Path) -> None:
    offhook("backup", "copy.db")
    shutil.rmtree(data.parent)

    ran = offhook("restore", "copy.db")

    assert ran.status == 2
    assert f"there is no {data.parent} yet: start the daemon once" in ran.err
    assert not data.parent.exists()


@pytest.mark.parametrize(
    ("key", "status", "words"),
    [
        pytest.param(KEY, "ok", "the one of the database", id="the one"),
        pytest.param(b"another", "bad", "known under another key", id="another"),
    ],
)
def test_the_doctor_compares_the_key(
    offhook: Offhook, data: Path, key: bytes, status: str, words: str
) -> None:
    write_key(data.parent, key)

    (look,) = [each for each in offhook("doctor", "--json").json if each["what"] == "hash key"]

    assert look["verdict"] == status
    assert words in look["text"]


def test_a_trial_poll_and_a_backfill_leave_it_to_the_daemon_to_take_the_backup_over(
    offhook: Offhook, data: Path
) -> None:
    offhook("backup", "copy.db")
    offhook("restore", "copy.db")

    offhook("poll", "--dry-run")
    offhook("backfill", "--since", "1d")

    engine = open_engine(data)
    with engine.begin() as conn:
        assert settings.load(conn, restoring.MADE_AT) is not None
    engine.dispose()
