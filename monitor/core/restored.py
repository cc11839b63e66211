"""A database put back from a backup: of what came after it people may have been told already."""

from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from monitor.core.wording import clock

# By then most is read again that can be, and what had ended meanwhile has had its last word.
DOUBTFUL = timedelta(minutes=30)


class Restored(NamedTuple):
    """``made_at`` is of the backup, ``at`` when it was put to use.

    ``episodes``: no condition had so many in the time that the backup does not know, so what
    fires since is counted from there, and no two of its alerts can have one key.
    """

    made_at: datetime
    at: datetime
    episodes: int = 0

    def remark(self, now: datetime, zone: tzinfo) -> str | None:
        """What is told now goes with it; None once little new can have been told before."""
        if now >= self.at + DOUBTFUL:
            return None
        return f"possible repeat: restored from a backup of {clock(self.made_at, zone, now)}"
