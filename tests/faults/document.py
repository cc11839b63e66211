"""Writes docs/faults.md from the table that the tests run: ``python -m tests.faults.document``."""

from datetime import timedelta
from pathlib import Path

from monitor.simulator.ids import Vendor
from tests.faults.rows import Row
from tests.faults.table import CHAPTERS, ELSEWHERE, OF_WEBHOOKS, ROWS, lacks
from tests.faults.worlds import VENDORS

PLACE = Path(__file__).parents[2] / "docs" / "faults.md"

_HEAD = """# What vendors may do wrong, and what Offhook does then

Written from the table that the tests in `tests/faults` run, by
`python -m tests.faults.document`; a test fails when the two differ. Each ✓ is a test: the
real adapter asks a simulated vendor over HTTP while it goes wrong, and after it is mended.
`make proof` runs all of them, `make test` each row at one vendor, in turn.

Whatever the fault, no batch is reported complete that is not (unless marked unverified), no
alert resolves while what it tells of goes on, everything that changed meanwhile is known
afterwards, and the alert named here comes once and is resolved once the fault is over.
“After” is counted from when the fault is met: lists are read only when counts move.
"""


def text() -> str:
    """The whole document."""
    parts = [_HEAD]
    for title, rows in CHAPTERS:
        parts += [f"## {title}", _table(rows)]
    parts += ["## Where there is no such fault", _absent()]
    parts += [
        "## Webhooks",
        _elsewhere(OF_WEBHOOKS),
        "## Shown by other tests",
        _elsewhere(ELSEWHERE),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _elsewhere(faults: tuple[tuple[str, str, str], ...]) -> str:
    return "\n".join(f"- {what}: {then} (`{by}`)" for what, then, by in faults)


def _table(rows: tuple[Row, ...]) -> str:
    head = ("The vendor", "Offhook", "Alert", "After", *VENDORS)
    lines = [_line(head), _line(["---"] * len(head))]
    return "\n".join([*lines, *(_line(_cells(row)) for row in rows)])


def _line(cells: tuple[str, ...] | list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(row: Row) -> list[str]:
    cells = (_cell(row, each) for each in VENDORS)
    return [row.fault, row.behaviour, _told(row), _after(row), *cells]


def _cell(row: Row, vendor: Vendor) -> str:
    if lacks(row, vendor):
        return "n/a"
    here = row.of(vendor)
    other = [_told(here)] if _told(here) != _told(row) else []
    other += [_after(here)] if _after(here) not in {_after(row), ""} else []
    return " ".join(["✓", *other])


def _told(row: Row) -> str:
    return f"`{row.alert}`" if row.alert else "none"


def _after(row: Row) -> str:
    return span(row.after) if row.alert else ""


def _absent() -> str:
    found: dict[tuple[str, str], list[str]] = {}
    for row in ROWS:
        for vendor in VENDORS:
            if (why := lacks(row, vendor)) is not None:
                found.setdefault((vendor, why), []).append(row.fault)
    return "\n".join(
        f"- **{vendor}**: {why}. So not: {'; '.join(faults)}."
        for (vendor, why), faults in sorted(found.items())
    )


def span(time: timedelta) -> str:
    """A length of time for people."""
    minutes = int(time / timedelta(minutes=1))
    return f"{minutes} min" if minutes else "at once"


def main() -> None:
    """Write the document."""
    PLACE.parent.mkdir(exist_ok=True)
    PLACE.write_text(text())


if __name__ == "__main__":
    main()
