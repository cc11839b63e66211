"""Which batches' details are forgotten."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from monitor.ingest.looks import take_look
from monitor.store import batches, retention
from tests.builders import HOUR, NOON, SECOND, make_batch
from tests.stories import hurried


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    engine = hurried(tmp_path / "offhook.db")
    with engine.begin() as connection:
        yield connection
    engine.dispose()


@pytest.mark.parametrize(
    ("changes", "forgotten"),
    [
        pytest.param({"open": False, "terminal_at": NOON - SECOND}, True, id="ended long ago"),
        pytest.param({"open": False, "terminal_at": NOON}, False, id="ended not long enough ago"),
        pytest.param({"open": True, "terminal_at": NOON - HOUR}, False, id="still watched"),
        pytest.param({"open": False, "gone_at": NOON - SECOND}, True, id="vanished and given up"),
        pytest.param(
            {"open": False, "gone_at": NOON - HOUR, "terminal_at": NOON},
            False,
            id="ended, then gone",
        ),
        pytest.param({"open": False}, False, id="never ended"),
    ],
)
def test_what_is_forgotten(conn: Connection, changes: dict[str, Any], forgotten: bool) -> None:
    row = replace(take_look(conn, make_batch(), baseline=False), **changes)
    batches.save(conn, row)
    retention.prune(conn, NOON)

    assert batches.load(conn, row.id).pruned is forgotten
