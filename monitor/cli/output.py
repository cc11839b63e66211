"""Data on standard output, for people or as JSON; what went wrong on standard error."""

import dataclasses
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

GOOD = 0
FOUND = 1
WRONG = 2
_SHORT = 24


def print_json(value: Any) -> None:
    """One JSON document; durations in seconds, times in ISO 8601."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def _plain(value: Any) -> Any:
    """What JSON has no form for."""
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): each for key, each in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value.isoformat() if isinstance(value, datetime) else str(value)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], empty: str) -> None:
    """A table for people; ``empty`` when there is no row.

    Texts of vendors are printed as they stand, never as markup, and cannot move the cursor.
    No word is cut: where the terminal is too narrow, each row has lines of its own.
    """
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - slow to import, and --help needs none
    from rich.console import Console  # noqa: PLC0415 - the same
    from rich.table import Table  # noqa: PLC0415 - the same
    from rich.text import Text  # noqa: PLC0415 - the same

    cells = [tuple(printable(_cell(cell)) for cell in row) for row in rows]
    if not cells:
        print(empty)
        return
    # A pipe has no width.
    most = Console().width if sys.stdout.isatty() else None
    widths = _widths([tuple(columns), *cells], most)
    if widths is None:
        print_lines(line for row in cells for line in _apart(columns, row, most or 0))
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column, width in zip(columns, widths, strict=True):
        table.add_column(column, width=width)
    for row in cells:
        table.add_row(*map(Text, row))
    Console(width=_framed(widths)).print(table)


def _framed(widths: Sequence[int]) -> int:
    """How wide a table of such columns is: three letters between two, and one at each side."""
    return sum(widths) + 3 * len(widths) - 1


def _widths(rows: Sequence[Sequence[str]], most: int | None) -> list[int] | None:
    """How wide each column is; None where ``most`` is too little for their longest words."""
    from rich.cells import cell_len  # noqa: PLC0415 - beside the others

    columns = list(zip(*rows, strict=True))
    wide = [max(1, *map(cell_len, column)) for column in columns]
    if most is None or _framed(wide) <= most:
        return wide
    words = [[word for cell in column for word in cell.split()] for column in columns]
    least = [max(map(cell_len, column), default=1) for column in words]
    spare, wanted = most - _framed(least), sum(wide) - sum(least)
    if spare < 0:
        return None
    return [low + (high - low) * spare // wanted for low, high in zip(least, wide, strict=True)]


def _apart(columns: Sequence[str], row: Sequence[str], most: int) -> list[str]:
    """One row as lines: its name, then each value behind its head."""
    import textwrap  # noqa: PLC0415 - beside the others

    first, *others = zip(columns, row, strict=True)
    texts = [first[1], *(f"{head} {cell}".strip() for head, cell in others if cell)]
    # A short one stays in one piece; ``printable`` makes these plain spaces again.
    whole = [
        each if len(each) > _SHORT else each.replace(" ", "\N{NO-BREAK SPACE}") for each in texts
    ]
    return textwrap.wrap(
        " · ".join(filter(None, whole)),
        most,
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


def printable(text: str) -> str:
    """The text without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def print_lines(lines: Iterable[str]) -> None:
    """Texts for people, a line each."""
    for line in lines:
        print(printable(line))


def complain(text: str) -> None:
    """What went wrong, on standard error; never with markup or a traceback."""
    for line in text.splitlines():
        print(printable(line), file=sys.stderr)


def local(at: datetime | None, zone: str) -> str:
    """An instant in the configured zone, to the second."""
    return "" if at is None else at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S %Z")


def ago(at: datetime | None, now: datetime) -> str:
    """How long ago it was, in its two largest units."""
    from monitor.core.duration import format_duration  # noqa: PLC0415 - beside the others

    return "never" if at is None else f"{format_duration(now - at)} ago"


def owner_of(path: Path) -> str | None:
    """Who owns the file, or the nearest directory above it that can be seen."""
    for place in (path, *path.absolute().parents):
        try:
            return place.owner()
        except (OSError, KeyError):
            continue
    return None
