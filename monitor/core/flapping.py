"""A condition that comes and goes: told once as such, and then by the hour.

Nothing of it is hidden: each episode is an alert as before, and one that stays is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.core.digest import next_slot
from monitor.core.route import Digest

# The fourth episode in an hour: with its recoveries that is the seventh message about one
# thing, and whoever has read six knows that it comes and goes.
TIMES = 4
WITHIN = timedelta(hours=1)
# An hour in which it did not fire once more is calm, also when it has been firing for all of it.
CALM = timedelta(hours=1)
# What has lasted this long is no flicker any more, and is told though it flaps. It is also
# the longest that anybody waits to hear that a flapping condition is there for good.
LASTING = timedelta(minutes=15)
# How far back firings are looked at: further back than any bout that is worth its count.
LOOK_BACK = timedelta(days=1)
HOURLY = Digest(every=timedelta(hours=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Flap:
    """A bout: since when, how often it fired in it, and which firing made it one.

    Those before that were told one by one.
    """

    since: datetime
    fires: int
    tipped_at: datetime

    @property
    def words(self) -> str:
        """For people."""
        return f"fired {self.fires} times"


def flapping(fired: Sequence[datetime], now: datetime) -> Flap | None:
    """The bout that lasts now, from the times at which the condition fired, in any order."""
    times = sorted(at for at in fired if now - LOOK_BACK <= at <= now)
    first: int | None = None  # of the bout
    tipped = 0
    for place, at in enumerate(times):
        if place and at - times[place - 1] > CALM:
            first = None
        enough = place >= TIMES - 1 and at - times[place - TIMES + 1] <= WITHIN
        if first is None and enough:
            first, tipped = place - TIMES + 1, place
    if first is None or now - times[-1] > CALM:
        return None
    return Flap(since=times[first], fires=len(times) - first, tipped_at=times[tipped])


def next_telling(now: datetime) -> datetime:
    """When what came and went since is told together."""
    return next_slot(HOURLY, now)
