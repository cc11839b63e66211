"""A bar of how many batches are done, for commands that go through their past."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from monitor.app.backtest import Progress as Told


@contextmanager
def bar() -> Iterator[Told]:
    """A bar on standard error, where that is a terminal."""
    console = Console(stderr=True)
    bars = Progress(
        TextColumn("batches"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    task = bars.add_task("batches", total=None)

    def progress(done: int, of: int) -> None:
        if not done:
            bars.start()  # not before the processes, which are copies of this one
        bars.update(task, completed=done, total=of)

    try:
        yield progress
    finally:
        bars.stop()
