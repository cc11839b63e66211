"""Calls that nobody saw begin: no list of Vogent's shows a call under way.

Who was called before the queue was first read stands on no list until the call is over. They
are proven to be over where, at one moment since, as many known calls were under way as a job
ever had lines, for calls go on when lines are taken away: nobody else can have held one. Where
that never was, the longest call that may still go on is guessed from those that were seen.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

# So far the vendor's clock may be ahead of ours, and of itself between the ends of two calls.
_AHEAD = timedelta(minutes=1)
_BLURRED = timedelta(seconds=2)
# A call may take so long, or so many times the longest that was seen; and this long while no
# talk was seen, when nothing is known of how long they are.
LONG_CALL = timedelta(minutes=10)
LONGEST_UNKNOWN = timedelta(minutes=30)
_LONGER = 2
# What is remembered: the calls of a job in which the proof is sought, and jobs.
_CALLS, _JOBS = 2_000, 500


class Span(NamedTuple):
    """From when until when a call was under way, and whether anybody talked in it."""

    began: datetime
    ended: datetime
    talked: bool = True


@dataclass
class _Job:
    longest: timedelta | None = None  # talk
    read_at: datetime | None = None  # when its queue was first read to the end
    ended_at: datetime | None = None  # when it was first seen to have ended
    ran_again: bool = False  # a call began after that
    lines: int = 0  # the most that it was ever seen to have
    boundless: bool = False  # or nobody could say how many
    spans: set[Span] = field(default_factory=set)

    def restart(self) -> None:
        """It runs once more: what was proven of the calls before says nothing of the next."""
        self.read_at = self.ended_at = None
        self.ran_again = False
        self.spans.clear()

    def has(self, lines: int | None) -> None:
        self.lines = max(self.lines, lines or 0)
        self.boundless = self.boundless or not lines

    def see(self, call: Span) -> None:
        if call.talked:
            self.longest = max(self.longest or timedelta(0), call.ended - call.began)
        if self.ended_at is not None and call.began > self.ended_at + _AHEAD:
            self.ran_again = True
        if self.read_at is None or call.ended <= self.read_at or len(self.spans) >= _CALLS:
            return
        self.spans.add(call)

    def proves(self) -> bool:
        """Whether known calls ever held all lines at once since its queue was read."""
        if self.read_at is None or self.boundless or not self.lines:
            return False
        moves = sorted(_moves(self.spans, self.read_at))
        at_once = 0
        for _, move in moves:
            at_once += move
            if at_once >= self.lines:
                return True
        return False


def _moves(spans: set[Span], since: datetime) -> Iterator[tuple[datetime, int]]:
    for span in spans:
        began, ended = max(span.began + _BLURRED, since), span.ended - _BLURRED
        if began < ended:
            yield began, 1
            yield ended, -1


class Unseen:
    """What is known of the calls of one account's jobs; a restart forgets it, and so waits."""

    def __init__(self) -> None:
        self._jobs: dict[str, _Job] = {}

    def queue_read(self, job: str, at: datetime) -> None:
        """A reading of the queue came to its end."""
        known = self._job(job)
        known.read_at = known.read_at or at + _AHEAD

    def ended(self, job: str, span: Span) -> None:
        """A call of the job is over."""
        self._job(job).see(span)

    def has(self, job: str, lines: int | None) -> None:
        """The job has so many lines, or had them before; None where nobody can say."""
        self._job(job).has(lines)

    def runs(self, job: str) -> None:
        """The job goes on."""
        known = self._job(job)
        if known.ended_at is not None:
            known.restart()

    def lasts(self, job: str, at: datetime, *, proven: bool) -> timedelta:
        """For how long after the job's end calls may go on; ``proven``: for none, last time."""
        known = self._job(job)
        known.ended_at = known.ended_at or at
        if not known.ran_again and (proven or known.proves()):
            return timedelta(0)
        if known.longest is None:
            return LONGEST_UNKNOWN
        return max(LONG_CALL, _LONGER * known.longest)

    def _job(self, job: str) -> _Job:
        found = self._jobs.pop(job, None) or _Job()
        self._jobs[job] = found  # the last asked about stands last
        if len(self._jobs) > _JOBS:
            del self._jobs[next(iter(self._jobs))]
        return found
