"""A batch should have begun, and has not.

Fires when its scheduled start lies ``after`` ago or longer, in permitted time, and it still
stands as pending or validating. Where the vendor gives no start but is at work on the batch
by itself (it validates), the time counts from its creation. Not for a batch that nobody has
given a start: it may be meant to wait.

What to do: open the batch at the vendor: look for a check that does not end, a missing
number or balance; start it by hand.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import ClassVar

from monitor.core.facts import BatchFacts
from monitor.core.model import BatchStatus
from monitor.core.rule import (
    UNKNOWN_STATUS,
    BatchRule,
    Clear,
    Finding,
    Holds,
    Replays,
    Severity,
    Unknown,
    Verdict,
)
from monitor.core.standstill import CLOSED
from monitor.core.wording import clock, people_text, span

_BEGUN = Clear(Finding(summary="it has begun"))


@dataclass(frozen=True, kw_only=True)
class BatchNotStarted(BatchRule):
    """See the module."""

    id: ClassVar[str] = "batch_not_started"
    severity: ClassVar[Severity] = Severity.WARNING
    replays: ClassVar[Replays] = Replays.MOVES

    after: timedelta = timedelta(minutes=15)

    def judge(self, facts: BatchFacts) -> Verdict:
        """See the module."""
        batch = facts.batch
        if batch.status is not BatchStatus.SCHEDULED:
            return UNKNOWN_STATUS if batch.status is BatchStatus.UNKNOWN else _BEGUN
        due = batch.scheduled_at
        if due is None and batch.preparing:
            due = batch.created_at or facts.first_seen_at
        if due is None:
            return Unknown("no start is planned")
        if not facts.open_now:
            return Unknown(CLOSED, still=True)
        late = facts.dialling_between(due, facts.now)
        finding = partial(self._finding, facts, due, late)
        return Holds(finding()) if late and late >= self.after else Clear(finding)

    def _finding(self, facts: BatchFacts, due: datetime, late: timedelta) -> Finding:
        at = clock(due, facts.zone, facts.now)
        state = "still being prepared" if facts.batch.preparing else "still pending"
        waits = f"; {people_text(facts.people)} wait" if facts.people > 1 else ""
        return Finding(
            summary=f"should have begun at {at}, {state} after {span(late)}{waits}"
            if late
            else f"to begin at {at}",
            value=late.total_seconds(),
            threshold=self.after.total_seconds(),
            unit="s",
            affected=facts.people or None,
            total=facts.people or None,
            waiting=facts.people or None,
            since=due,
            todo="Open the batch at the vendor: look for a check that does not end, and start it.",
        )
