from pathlib import Path

import pytest
from sqlalchemy import select

from monitor.errors import StoreError
from monitor.store.backup import back_up
from monitor.store.engine import open_engine
from monitor.store.schema import providers


def test_a_backup_beside_an_open_writer_is_a_database_of_its_own(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "offhook.db", create=True)
    with engine.begin() as conn:
        conn.execute(providers.insert().values(name="renewals", vendor="graine"))

    size = back_up(engine, tmp_path / "copy.db")

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
        back_up(engine, tmp_path / name)

    engine.dispose()
    assert (tmp_path / "there.db").read_text() == "mine"
