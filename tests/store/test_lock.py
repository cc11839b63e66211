"""One daemon a database file."""

import errno
import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from monitor.errors import StoreError
from monitor.store.lock import is_owned, sole_backfill, sole_owner


def test_a_second_owner_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    path = tmp_path / "offhook.db"
    with (
        sole_owner(path),
        pytest.raises(StoreError) as raised,
        sole_owner(path),
    ):
        pass

    assert str(raised.value) == (
        f"another Offhook (process {os.getpid()}) already uses {path}; stop it first"
    )


def test_who_comes_after_is_let_in(tmp_path: Path) -> None:
    path = tmp_path / "offhook.db"
    for _ in range(2):
        with sole_owner(path):
            assert path.with_suffix(".lock").read_text() == f"{os.getpid()}\n"


def test_an_owner_that_died_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "offhook.db"
    dies = (
        "import os, pathlib, sys; from monitor.store.lock import sole_owner;"
        " sole_owner(pathlib.Path(sys.argv[1])).__enter__(); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", dies, str(path)], check=True)
    assert path.with_suffix(".lock").read_text() != ""

    with sole_owner(path):
        pass


def test_two_databases_have_two_owners(tmp_path: Path) -> None:
    with sole_owner(tmp_path / "a.db"), sole_owner(tmp_path / "b.db"):
        pass


def test_the_lock_is_for_its_owner_alone(tmp_path: Path) -> None:
    with sole_owner(tmp_path / "offhook.db"):
        assert (tmp_path / "offhook.lock").stat().st_mode & 0o777 == 0o600


def test_a_place_where_no_lock_can_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with (
        pytest.raises(StoreError, match=r"offhook.lock cannot be opened"),
        sole_owner(tmp_path / "file" / "offhook.db"),
    ):
        pass


def test_one_backfill_works_beside_the_owner_and_a_second_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "offhook.db"
    with (
        sole_owner(path),
        sole_backfill(path),
        pytest.raises(StoreError) as raised,
        sole_backfill(path),
    ):
        pass

    assert str(raised.value) == (
        f"another backfill (process {os.getpid()}) is under way; wait for its end, or stop it"
    )


def test_it_can_be_seen_whether_there_is_an_owner(tmp_path: Path) -> None:
    path = tmp_path / "offhook.db"

    assert not is_owned(path)
    assert list(tmp_path.iterdir()) == []
    with sole_owner(path):
        assert is_owned(path)
    assert not is_owned(path)


def test_who_only_looks_keeps_no_daemon_from_starting(tmp_path: Path) -> None:
    path = tmp_path / "offhook.db"
    with sole_owner(path):
        pass
    looking = os.open(path.with_suffix(".lock"), os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    threading.Timer(0.05, os.close, (looking,)).start()

    with sole_owner(path):
        assert is_owned(path)


def test_where_nothing_can_be_locked_that_is_said_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "offhook.db"
    path.with_suffix(".lock").touch()

    def refuse(*_: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(StoreError, match="cannot be locked: No locks available"):
        is_owned(path)
    with pytest.raises(StoreError, match="cannot be locked: No locks available"), sole_owner(path):
        pass
