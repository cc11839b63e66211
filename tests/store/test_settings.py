"""What is remembered about the installation."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from monitor.store import settings
from monitor.store.engine import open_engine


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    engine = open_engine(tmp_path / "offhook.db", create=True)
    with engine.begin() as made:
        yield made
    engine.dispose()


def test_the_last_word_is_remembered_until_it_is_forgotten(conn: Connection) -> None:
    assert settings.load(conn, "word") is None

    settings.save(conn, "word", "first")
    settings.save(conn, "word", "second")
    settings.save(conn, "other", "kept")
    assert settings.load(conn, "word") == "second"

    settings.forget(conn, "word")
    assert settings.load(conn, "word") is None
    assert settings.load(conn, "other") == "kept"


def test_what_has_to_be_made_is_made_once(conn: Connection) -> None:
    salts = iter(("first", "second"))

    made = [settings.made(conn, "salt", lambda: next(salts)) for _ in range(2)]

    assert made == ["first", "first"]
