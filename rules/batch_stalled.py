"""A batch is in progress, people wait, and nothing moves.

Fires when neither the batch, nor a count, nor a person, nor a call has moved for ``idle``,
or for ``gap_factor`` times the batch's typical gap when that is longer. Only permitted time
counts: nothing stalls at night, on holidays or while paused. A person whose retry lies in
the future does not wait, so in a tail the time begins when a retry comes due; where all who
wait have none planned, it takes an hour, and where its only line is busy, as long as a call
may last (35 min). Who is read late, when the counts had told of it long before, moved then.
Recovers when something moves or nobody waits any more.

What to do: open the batch at the vendor; look for a pause, a concurrency limit of zero, an
empty balance or an outage; resume it or end it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import ClassVar

from monitor.core.calendar import permitted_between
from monitor.core.completion import moves_unseen
from monitor.core.facts import BatchFacts
from monitor.core.progress import all_wait_since, patience, waiting_words
from monitor.core.rule import (
    BatchRule,
    Clear,
    Finding,
    Holds,
    Replays,
    Severity,
    Unknown,
    Verdict,
    check_between,
)
from monitor.core.standstill import not_dialling
from monitor.core.wording import clock, span


@dataclass(frozen=True, kw_only=True)
class BatchStalled(BatchRule):
    """See the module."""

    id: ClassVar[str] = "batch_stalled"
    severity: ClassVar[Severity] = Severity.CRITICAL
    cause: ClassVar[str | None] = "dialling"
    replays: ClassVar[Replays] = Replays.MOVES

    idle: timedelta = timedelta(minutes=10)
    gap_factor: float = 10

    def __post_init__(self) -> None:
        """ValueError for people where a parameter cannot be meant."""
        check_between("gap_factor", self.gap_factor, 0, 1_000)

    def judge(self, facts: BatchFacts) -> Verdict:
        """See the module."""
        if idle := not_dialling(facts):
            return idle
        moved = max((at for at in (facts.moved_at, facts.resumed_at) if at), default=None)
        moved = moved or facts.first_seen_at
        if moved is None or moves_unseen(facts):
            return Unknown("it is not known when it moved")
        # What was not looked at is not known to have stood still.
        looked = facts.certainty.observed_at or facts.now
        since = max(all_wait_since(facts) or moved, moved)
        still = permitted_between(facts.calendar, since, min(looked, facts.now))
        usual = self.gap_factor * (facts.typical_gap or timedelta(0))
        limit = max(self.idle, usual, patience(facts))
        finding = partial(self._finding, facts, moved, since, (still, limit))
        return Clear(finding) if still < limit or not facts.waiting else Holds(finding())

    def _finding(
        self, facts: BatchFacts, moved: datetime, since: datetime, times: tuple[timedelta, ...]
    ) -> Finding:
        (still, limit), gap, waiting = times, facts.typical_gap, facts.waiting
        at, who = clock(moved, facts.zone, facts.now), since if since > moved else None
        what = "nothing has moved since" if waiting and still >= limit else "last moved at"
        return Finding(
            summary=f"{what} {at}; {waiting_words(facts, who)}",
            value=still.total_seconds(),
            threshold=limit.total_seconds(),
            unit="s",
            affected=waiting,
            total=facts.people,
            waiting=waiting,
            since=since,
            estimate=facts.estimates("total"),
            details=(
                ("still for", f"{span(still)} of calling time"),
                *((("usual gap", span(gap)),) if gap else ()),
            ),
            todo="Open the batch at the vendor: look for a pause, its limits and the balance.",
        )
