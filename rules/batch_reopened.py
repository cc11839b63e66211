"""A batch that had ended is moving again.

Reports once a run, when two looks agree that an ended batch runs, waits or is paused again.
Not for one whose new run had ended by then: its end is reported like any other.

What to do: find out who started it again; if nobody did, pause it before people are called
twice.
"""

from dataclasses import dataclass
from typing import ClassVar

from monitor.core.facts import BatchFacts
from monitor.core.model import BatchStatus
from monitor.core.progress import people_left
from monitor.core.rule import BatchRule, Clear, Finding, Holds, Replays, Severity, Verdict
from monitor.core.wording import clock, people_text

_WORDS = {BatchStatus.SCHEDULED: "is scheduled again", BatchStatus.PAUSED: "is paused, not ended"}

_NOT_REOPENED = Clear(Finding(summary="has not been reopened"))


@dataclass(frozen=True, kw_only=True)
class BatchReopened(BatchRule):
    """See the module."""

    id: ClassVar[str] = "batch_reopened"
    severity: ClassVar[Severity] = Severity.WARNING
    one_shot: ClassVar[bool] = True
    aside: ClassVar[bool] = True
    replays: ClassVar[Replays] = Replays.MOVES

    def judge(self, facts: BatchFacts) -> Verdict:
        """See the module."""
        if facts.run == 1 or facts.batch.status.terminal:
            return _NOT_REOPENED
        left, since = people_left(facts), facts.running_at
        at = f" since {clock(since, facts.zone, facts.now)}" if since else ""
        before = facts.idle_at
        ended = f"; it had ended at {clock(before, facts.zone, facts.now)}" if before else ""
        waits = f"; {people_text(left)} {'is' if left == 1 else 'are'} to be called" if left else ""
        return Holds(
            Finding(
                summary=f"{_WORDS.get(facts.batch.status, 'dials again')}{at}{ended}{waits}",
                affected=left or None,
                total=facts.people or None,
                waiting=left or None,
                since=since,
                details=(("run", f"{facts.run:,}"),),
                todo="Find out who started it again; pause it if nobody did.",
            )
        )
