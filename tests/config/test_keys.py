from pathlib import Path

import pytest
from pydantic import SecretStr

from monitor.config import MonitorSettings, hash_key
from monitor.errors import ConfigError


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    settings = MonitorSettings(data_dir=tmp_path / "data")

    key = hash_key(settings)

    assert len(key) == 64
    assert hash_key(settings) == key
    assert (tmp_path / "data" / "hash.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_a_configured_key_goes_first(tmp_path: Path) -> None:
    settings = MonitorSettings(data_dir=tmp_path, hash_key=SecretStr("given"))

    assert hash_key(settings) == b"given"
    assert not list(tmp_path.iterdir())


def test_a_lost_key_is_not_replaced_while_the_database_needs_it(tmp_path: Path) -> None:
    (tmp_path / "offhook.db").touch()

    with pytest.raises(ConfigError, match="bring it back"):
        hash_key(MonitorSettings(data_dir=tmp_path))


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        pytest.param("key", 0o644, "others", id="readable by others"),
        pytest.param(" \n", 0o600, "empty", id="empty"),
    ],
)
def test_a_key_file_that_cannot_be_trusted_is_refused(
    tmp_path: Path, text: str, mode: int, words: str
) -> None:
    path = tmp_path / "hash.key"
    path.write_text(text)
    path.chmod(mode)

    with pytest.raises(ConfigError, match=words):
        hash_key(MonitorSettings(data_dir=tmp_path))


def test_a_place_that_cannot_be_written_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigError, match="Not a directory"):
        hash_key(MonitorSettings(data_dir=tmp_path / "file" / "data"))
