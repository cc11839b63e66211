"""One provider, watched."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.lookout import Lookout


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Lookout]:
    with capture_logs():  # rendering tracebacks takes longer than all the rest
        made = Lookout(tmp_path / "offhook.db", threads=False)
        yield made
        made.store.close()
