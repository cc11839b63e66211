"""One provider, watched."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lookout import Lookout


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Lookout]:
    made = Lookout(tmp_path / "offhook.db")
    yield made
    made.store.close()
