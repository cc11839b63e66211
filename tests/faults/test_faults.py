"""Every fault of the table at every vendor: the real adapter, over real HTTP, on a real file."""

from pathlib import Path

import pytest

from monitor.simulator.ids import Vendor
from tests.faults.check import expected, harmless, lost
from tests.faults.plays import fresh_reading, play
from tests.faults.rows import Row
from tests.faults.table import applies, cases


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults")


@pytest.mark.parametrize(
    ("row", "vendor"),
    [pytest.param(row, vendor, id=f"{row.id}-{vendor}") for row, vendor in cases()],
)
async def test_a_fault_is_told_as_it_is_and_harms_nothing(
    folder: Path, row: Row, vendor: Vendor
) -> None:
    assert applies(row, vendor)
    fresh = await fresh_reading(folder, vendor, row)

    played = await play(folder, vendor, row)

    assert [
        *harmless(played.one, played.moves, row.doubted),
        *expected(played.one, played.moves, row),
        *lost(played.known, fresh),
    ] == []
