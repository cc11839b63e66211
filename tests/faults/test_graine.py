"""Every fault that Graine can have: the real adapter, over real HTTP, on a real file."""

from pathlib import Path

import pytest

from tests.faults.plays import wrong
from tests.faults.rows import Row
from tests.faults.table import cases


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=f"{row.id}-graine") for row in cases("graine")]
)
async def test_a_fault_is_told_as_it_is_and_harms_nothing(folder: Path, row: Row) -> None:
    assert await wrong(folder, "graine", row) == []
