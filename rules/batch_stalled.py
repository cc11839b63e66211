"""A batch is in progress, people wait, and nothing moves.

Fires when neither the batch, nor a count, nor a person, nor a call has moved for ``idle``,
or for ``gap_factor`` times the batch's typical gap when that is longer. Only permitted time
counts: nothing stalls at night, on holidays or while paused, and a person whose retry lies
in the future does not wait. Recovers when something moves or nobody waits any more.

What to do: open the batch at the vendor; look for a pause, a concurrency limit of zero, an
empty balance or an outage; resume it or end it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from monitor.core.calendar import permitted_between
from monitor.core.completion import moves_unseen
from monitor.core.facts import BatchFacts
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
    not_dialling,
)
from monitor.core.wording import clock, counted, people_text, span


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
        still = permitted_between(facts.calendar, moved, min(looked, facts.now))
        limit = max(self.idle, self.gap_factor * (facts.typical_gap or timedelta(0)))
        if still < limit or not facts.waiting:
            return Clear(self._calm(facts, moved, still, limit))
        return Holds(self._finding(facts, moved, still, limit))

    def _calm(
        self, facts: BatchFacts, moved: datetime, still: timedelta, limit: timedelta
    ) -> Finding:
        at = clock(moved, facts.zone, facts.now)
        waits = f"{people_text(facts.waiting)} to be dialled" if facts.waiting else "nobody waits"
        return Finding(
            summary=f"last moved at {at}; {waits}",
            value=still.total_seconds(),
            threshold=limit.total_seconds(),
            unit="s",
            waiting=facts.waiting,
        )

    def _finding(
        self, facts: BatchFacts, moved: datetime, still: timedelta, limit: timedelta
    ) -> Finding:
        waiting, lines = facts.waiting, facts.batch.concurrency
        about = "about " if facts.estimates("live") else ""
        busy = "" if lines is None else f", {about}{facts.live:,} of {counted(lines, 'line')} busy"
        at = clock(moved, facts.zone, facts.now)
        verb = "waits" if waiting == 1 else "wait"
        gap = facts.typical_gap
        return Finding(
            summary=f"nothing has moved since {at}; {people_text(waiting)} {verb}{busy}",
            value=still.total_seconds(),
            threshold=limit.total_seconds(),
            unit="s",
            affected=waiting,
            total=facts.people,
            waiting=waiting,
            since=moved,
            estimate=facts.estimates("total"),
            details=(
                ("still for", f"{span(still)} of calling time"),
                *((("usual gap", span(gap)),) if gap else ()),
            ),
            todo="Open the batch at the vendor: look for a pause, its limits and the balance.",
        )
