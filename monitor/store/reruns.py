"""A batch that had ended and runs again: what its row begins with."""

from dataclasses import replace
from datetime import datetime

from monitor.core.idle import ended
from monitor.store.batches import BatchRow


def another_run(row: BatchRow, at: datetime) -> BatchRow:
    """The row of an ended batch that has run again; all its pages are to be read anew."""
    return replace(
        row,
        run=row.run + 1,
        open=True,
        news=True,
        reopening_at=None,
        terminal_at=None,
        seen_open_at=None,
        terminal_again_at=None,
        reported_at=None,
        stopped_by_user=False,
        resumed_at=at,
        idle_at=row.terminal_at,
        running_at=at,
        pauses=row.pauses if row.terminal_at is None else ended(row.pauses, row.terminal_at, at),
        fallen_from=None,
        swept_at=None,
        swept_counts=None,
    )


# What ``another_run`` changes, and what a new run begins with.
BEGUN = (
    "run",
    "open",
    "stopped_by_user",
    "news",
    "reopening_at",
    "terminal_at",
    "seen_open_at",
    "terminal_again_at",
    "reported_at",
    "resumed_at",
    "idle_at",
    "running_at",
    "pauses",
    "fallen_from",
    "swept_at",
    "swept_counts",
    "report",
    "seq",
    "due_at",
)
