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
    """
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - slow to import, and --help needs none
    from rich.console import Console  # noqa: PLC0415 - the same
    from rich.table import Table  # noqa: PLC0415 - the same
    from rich.text import Text  # noqa: PLC0415 - the same

    table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(printable(_cell(cell))) for cell in row))
    if not table.row_count:
        print(empty)
        return
    # a pipe has no width: nothing is cut there
    Console(width=None if sys.stdout.isatty() else 400).print(table)


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
