"""Every fault that ElevenLabs can have, which is read by configuration alone."""

from pathlib import Path

import pytest

from tests.faults.plays import wrong
from tests.faults.rows import Row
from tests.faults.table import cases


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=f"{row.id}-elevenlabs") for row in cases("elevenlabs")]
)
async def test_a_fault_is_told_as_it_is_and_harms_nothing(folder: Path, row: Row) -> None:
    assert await wrong(folder, "elevenlabs", row) == []
