"""One table at the end: what was promised, what was measured."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Result:
    """One promise. ``limit`` is the most (or, with ``at_least``, the least) that keeps it."""

    what: str
    limit: float
    measured: float
    unit: str = ""
    at_least: bool = False
    note: str = ""

    @property
    def kept(self) -> bool:
        """Whether the promise is kept."""
        if self.at_least:
            return self.measured >= self.limit
        return self.measured <= self.limit


class Took(NamedTuple):
    """How long something took: by the clock on the wall, and of the processor; seconds."""

    seconds: float
    processor: float


def took(do: Callable[[], object]) -> Took:
    """What it takes to do this once."""
    began, busy = time.perf_counter(), time.process_time()
    do()
    return Took(time.perf_counter() - began, time.process_time() - busy)


def median(values: Sequence[float]) -> float:
    """The middle of some measurements."""
    return statistics.median(values)


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of ratios of measurements that were taken in turn."""
    return median([one / other for one, other in zip(ours, theirs, strict=True)])


def spread(values: Sequence[float]) -> str:
    """How far apart the measurements lie, in milliseconds."""
    low, high = min(values) * 1000, max(values) * 1000
    return f"{median(values) * 1000:.1f} ms ({low:.1f} to {high:.1f})"


def show(results: Sequence[Result], title: str) -> None:
    """Print the table."""
    table = Table(title=title, title_justify="left")
    table.add_column("promise")
    for head in ("target", "measured"):
        table.add_column(head, justify="right")
    table.add_column("")
    table.add_column("how")
    for each in results:
        sign = "≥" if each.at_least else "≤"
        table.add_row(
            each.what,
            f"{sign} {each.limit:g}{each.unit}",
            f"{each.measured:.3g}{each.unit}",
            "kept" if each.kept else "MISSED",
            each.note,
        )
    Console(width=150).print(table)
