"""Whether a database's numbers were hashed under another key."""

from pathlib import Path

from monitor.store import hashkey
from monitor.store.engine import open_engine


def test_the_first_key_is_the_one_and_any_other_is_told(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "offhook.db", create=True)
    with engine.begin() as conn:
        assert not hashkey.is_another(conn, b"the first key"), (
            "of an older version nothing is known"
        )

        hashkey.remember(conn, b"the first key")
        hashkey.remember(conn, b"the second key")

        assert not hashkey.is_another(conn, b"the first key")
        assert hashkey.is_another(conn, b"the second key")
    engine.dispose()
    assert b"the first key" not in (tmp_path / "offhook.db").read_bytes()
