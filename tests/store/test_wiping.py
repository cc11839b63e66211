"""What SQLite leaves between its cells is found, and written over."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from monitor.store import settings
from monitor.store.engine import open_engine
from monitor.store.wiping import is_owed, owe, wiped

SECRET = b"a trace of somebody"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "offhook.db"


@pytest.fixture
def engine(path: Path) -> Iterator[Engine]:
    made = open_engine(path, create=True)
    with made.begin() as conn:
        settings.save(conn, "kept", "what is still wanted")
    assert wiped(made, path, [SECRET])
    yield made
    made.dispose()


def leave(path: Path) -> None:
    """Put a trace where SQLite keeps nothing: into the longest run of zeros of a page."""
    held = bytearray(path.read_bytes())
    gap = b"\0" * 512
    at = held.index(gap, 4096) + 256
    held[at : at + len(SECRET)] = SECRET
    path.write_bytes(held)


def test_a_copy_between_two_cells_goes_and_all_rows_stay(engine: Engine, path: Path) -> None:
    leave(path)
    assert SECRET in path.read_bytes()

    assert wiped(engine, path, [b"something else", SECRET])
    assert SECRET not in path.read_bytes()
    with engine.begin() as conn:
        assert settings.load(conn, "kept") == "what is still wanted"


def test_a_trace_across_two_pieces_is_found(
    engine: Engine, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(path)
    at = path.read_bytes().index(SECRET)
    monkeypatch.setattr("monitor.store.wiping._PIECE", at + 5)

    assert wiped(engine, path, [SECRET])
    assert SECRET not in path.read_bytes()


def test_nothing_to_look_for_is_found_nowhere(
    engine: Engine, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.store.wiping._PIECE", 512)
    statements: list[str] = []
    event.listen(engine, "checkout", lambda raw, *_: raw.set_trace_callback(statements.append))

    assert wiped(engine, path, [])
    assert "VACUUM" not in statements


def test_a_file_without_a_trace_is_not_written_anew(engine: Engine, path: Path) -> None:
    with engine.begin() as conn:
        owe(conn)
    before = path.stat().st_size
    statements: list[str] = []
    event.listen(engine, "checkout", lambda raw, *_: raw.set_trace_callback(statements.append))

    assert wiped(engine, path, [SECRET])
    assert (path.stat().st_size, "VACUUM" in statements) == (before, False)
    assert wiped(engine, path, None)
    assert "VACUUM" in statements


def test_what_another_holds_cannot_be_wiped(engine: Engine, path: Path) -> None:
    impatient = open_engine(path, busy_ms=1)
    leave(path)
    with engine.begin() as conn:  # another writes
        owe(conn)
        assert not wiped(impatient, path, [SECRET])
    with engine.begin() as conn:
        assert is_owed(conn)
    assert wiped(impatient, path, [SECRET])
    with engine.begin() as conn:
        owe(conn, owed=False)
        assert not is_owed(conn)
    impatient.dispose()
