"""The whole table, and which row there can be at which vendor."""

from collections.abc import Iterator

from monitor.simulator.faults.vendors import SHAPES
from monitor.simulator.ids import Vendor
from tests.faults.data_rows import DATA
from tests.faults.rows import Row
from tests.faults.wire_rows import WIRE
from tests.faults.worlds import VENDORS

ROWS: tuple[Row, ...] = (*WIRE, *DATA)


def lacks(row: Row, vendor: Vendor) -> str | None:
    """Why there can be no such fault at this vendor; None where there can."""
    return SHAPES[vendor].lacks.get(row.id)


def applies(row: Row, vendor: Vendor) -> bool:
    """Whether there can be such a fault at this vendor."""
    return lacks(row, vendor) is None


def cases() -> Iterator[tuple[Row, Vendor]]:
    """Every row at every vendor at which there can be such a fault."""
    for row in ROWS:
        for vendor in VENDORS:
            if applies(row, vendor):
                yield row.of(vendor), vendor
