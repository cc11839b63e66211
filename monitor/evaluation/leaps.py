"""Judging a time in which nothing was seen to move: at long steps, and closely where one tells.

What holds because time passes goes on holding, so a step whose end moves no alert had none to
tell; one whose end does is judged over again, tick by tick.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from monitor.evaluation.pastalerts import PastAlerts

_INSTANT = timedelta(microseconds=1)


def leap(
    alerts: PastAlerts,
    judge: Callable[[datetime], None],
    start: datetime,
    end: datetime,
    *,
    every: timedelta,
    step: timedelta,
) -> None:
    """Judge the time after one instant and before another, each ``every`` so long.

    ``step`` is a multiple of that.
    """
    at = start
    while at + every < end:
        last = at + (end - at - _INSTANT) // every * every
        then = min(at + step, last)
        kept = alerts.keep()
        judge(then)
        if alerts.is_moved(kept):
            alerts.restore(kept)
            for n in range(1, (then - at) // every + 1):
                judge(at + n * every)
        at = then
