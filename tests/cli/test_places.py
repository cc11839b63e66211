"""A file that this user may not open names its path and the user to run as."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.cli.places import opened
from monitor.config.document import read_document
from monitor.errors import ConfigError, StoreError
from monitor.store.engine import open_engine

NOBODY = 65534


@contextlib.contextmanager
def forbidden(path: Path) -> Iterator[None]:
    """Somebody whom the file is closed to; root is closed out of nothing, so becomes another."""
    path.chmod(0)
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("read_only", [True, False], ids=["reading", "writing"])
def test_a_forbidden_database_names_the_path_and_the_user(
    tmp_path: Path, *, read_only: bool
) -> None:
    path = tmp_path / "offhook.db"
    open_engine(path, create=True).dispose()
    owner = path.owner()

    with forbidden(path), pytest.raises(StoreError) as caught:
        opened(path, read_only=read_only)

    assert str(path) in str(caught.value)
    assert f"as the user {owner}" in str(caught.value)


def test_a_forbidden_configuration_names_the_path_and_the_user(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.touch()
    owner = path.owner()

    with forbidden(path), pytest.raises(ConfigError) as caught:
        read_document(path)

    assert str(path) in str(caught.value)
    assert f"run as {owner}" in str(caught.value)
