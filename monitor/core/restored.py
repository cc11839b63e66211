"""A database put back from a backup: of what came after it people may have been told already."""

from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from monitor.core.wording import clock

# By then everything is read again, and what had ended meanwhile has had its last word.
DOUBTFUL = timedelta(minutes=30)


class Restored(NamedTuple):
    """``until`` when it knows what was told, and ``at`` when it was put to use."""

    until: datetime
    at: datetime

    def remark(self, now: datetime, zone: tzinfo) -> str | None:
        """What is told now goes with it; None once nothing new can have been told before."""
        if not self.at <= now < self.at + DOUBTFUL:
            return None
        return f"possible repeat: restored from a backup of {clock(self.until, zone, now)}"
