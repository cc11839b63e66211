"""A batch will not be done in time.

Fires when the calls that are left (people, times the calls that one takes here, so that
retries still to come count as work) need more calling time at the pace of the last
``over`` than there is until ``finish_by`` (a time of day in the batch's zone, the first
after it began), within ``max_duration`` of calling time, or before the calling window closes
(``before_close``; a break of up to three hours closes nothing); or when a retry is planned
for later than that. Recovers with a tenth to spare, and wherever a third of the time would do
at the pace of the batch's whole life. Says nothing unless one of these is written, and not
from a pace of fewer than ``min_calls`` calls or less than ``min_time`` of calling time.

What to do: raise the batch's calls at once to the number in the message, or shorten its list.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import ClassVar

from monitor.core.deadline import (
    Deadline,
    nearest,
    overdue_words,
    retried_after,
    time_of_day,
)
from monitor.core.facts import BatchFacts
from monitor.core.progress import Forecast, forecast, measured, people_left, to_retry, with_ease
from monitor.core.rule import BatchRule, Clear, Finding, Holds, Replays, Severity, Unknown, Verdict
from monitor.core.standstill import not_dialling
from monitor.core.unset import Unset
from monitor.core.wording import counted, span

_SPARE = 0.9  # of the time that is left: so much at the most must be needed for all to be well


@dataclass(frozen=True, kw_only=True)
class BatchOverdue(BatchRule):
    """See the module."""

    id: ClassVar[str] = "batch_overdue"
    severity: ClassVar[Severity] = Severity.WARNING
    cause: ClassVar[str | None] = "dialling"
    reads_list: ClassVar[bool] = True
    written_only: ClassVar[bool] = True
    pending_for: ClassVar[timedelta] = timedelta(minutes=5)
    replays: ClassVar[Replays] = Replays.MOVES

    finish_by: str | None = None
    max_duration: timedelta | None = None
    before_close: bool = False
    over: timedelta = timedelta(hours=1)
    min_calls: int = 20
    min_time: timedelta = timedelta(minutes=15)

    def __post_init__(self) -> None:
        """ValueError for people where a parameter cannot be meant."""
        if self.finish_by is not None:
            time_of_day(self.finish_by)
        if not timedelta(0) < self.min_time <= self.over:
            raise ValueError("min_time must be some time, and no more than over")

    def judge(self, facts: BatchFacts) -> Verdict:
        """See the module."""
        if self.finish_by is None and self.max_duration is None and not self.before_close:
            return Unset("no time is set: finish_by, max_duration or before_close")
        if idle := not_dialling(facts):
            return idle
        if not people_left(facts):
            return Clear(Finding(summary="nobody is left to be called", affected=0))
        limit = nearest(facts, self.finish_by, self.max_duration, close=self.before_close)
        none = Unknown("it has no time by which to be done")
        return self._judged(facts, limit) if limit else none

    def _judged(self, facts: BatchFacts, limit: Deadline) -> Verdict:
        late = retried_after(facts, limit) is not None
        if not late and (far := with_ease(facts, limit.left)):
            return Clear(partial(self._finding, facts, limit, far))
        pace = measured(facts, self.over)
        told = pace.n >= self.min_calls and pace.time >= self.min_time
        coming = forecast(facts, pace) if told else None
        finding = partial(self._finding, facts, limit, coming)
        if not limit.left or late or (coming and coming.needed > limit.left):
            return Holds(finding())
        if coming is None:
            return Unknown(f"{counted(pace.n, 'call')} in {span(pace.time)} tell no pace yet")
        close = coming.needed > limit.left * _SPARE
        return Unknown("it will be close", finding, between=True) if close else Clear(finding)

    def _finding(self, facts: BatchFacts, limit: Deadline, coming: Forecast | None) -> Finding:
        return Finding(
            summary=overdue_words(facts, limit, coming),
            value=coming.needed.total_seconds() if coming else None,
            threshold=limit.left.total_seconds(),
            unit="s",
            n=coming.pace.n if coming else None,
            affected=people_left(facts),
            total=facts.people,
            waiting=facts.waiting,
            since=facts.began_at,
            estimate=True,
            details=(("of them to be called again", f"{to_retry(facts):,}"),),
            todo="Raise its calls at once to the number named, or shorten its list.",
        )
