"""The life of a batch that nobody watched, of which only the calls are known."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from monitor.core.instants import from_micros
from monitor.core.model import BatchStatus, Counts, Outcome
from monitor.core.pastcalls import PastCall
from monitor.core.pastmoves import Moment, Past, add, details
from monitor.core.tally import CALLS, Tally, call_key


def from_calls(
    calls: Sequence[PastCall],
    status: BatchStatus,
    counts: Counts,
    tally: Mapping[str, int],
    end: datetime,
    every: timedelta,
) -> Past:
    """The life of a batch that nobody watched, of which the calls are known, in order."""
    timed = [call for call in calls if call.ended]
    began = min(from_micros(timed[0].ended), end) if timed else end - every
    moments = [Moment(at=began, word=BatchStatus.RUNNING.value)]
    untold: Tally = dict(tally)
    group: list[PastCall] = []
    at = began
    for call in (*timed, None):
        ended = None if call is None else from_micros(call.ended)
        if group and (ended is None or ended > at):
            moments.append(_of_calls(min(at, end), group, untold))
            group = []
        if call is not None and ended is not None:
            if not group and ended > at:
                at += every * -(-(ended - at) // every)
            group.append(call)
    last = Moment(at=end, word=status.value, counts=counts, delta=untold)
    moments.append(last)
    moments.sort(key=lambda moment: moment.at)
    n = len(timed)
    return Past(whole=False, moments=moments, calls=n, untimed=len(calls) - n, changes=n)


def _of_calls(at: datetime, calls: Sequence[PastCall], untold: Tally) -> Moment:
    delta: Tally = {}
    for call in calls:
        add(delta, CALLS, 1)
        add(delta, call_key(Outcome(call.outcome)), 1)
        details(delta, call, 1)
    for key, n in delta.items():
        untold[key] = untold.get(key, 0) - n
    return Moment(at=at, calls=[(call, False) for call in calls], delta=delta)
