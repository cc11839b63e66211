"""A batch has been paused for long, and people in it wait.

Fires when the vendor has shown it paused for ``after`` of permitted time or longer and
somebody is left to be called. Not when it was paused through Offhook: whoever did that
knows. Not outside calling hours, in which a pause costs nothing. Recovers when it is
resumed, or when nobody is left.

What to do: resume the batch, or end it if it is not to go on.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from monitor.core.calendar import permitted_between
from monitor.core.facts import BatchFacts
from monitor.core.model import BatchStatus
from monitor.core.progress import people_left
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
from monitor.core.stopping import holds
from monitor.core.wording import clock, people_text, span

_NOT_PAUSED = Clear(Finding(summary="it is not paused"))


@dataclass(frozen=True, kw_only=True)
class BatchPaused(BatchRule):
    """See the module."""

    id: ClassVar[str] = "batch_paused"
    severity: ClassVar[Severity] = Severity.WARNING
    at_rest: ClassVar[bool] = True
    replays: ClassVar[Replays] = Replays.MOVES

    after: timedelta = timedelta(hours=1)

    def judge(self, facts: BatchFacts) -> Verdict:
        """See the module."""
        if facts.batch.status not in {BatchStatus.PAUSED, BatchStatus.UNKNOWN}:
            return _NOT_PAUSED
        if unsaid := _unsaid(facts):
            return unsaid
        since, left = facts.paused_since, people_left(facts)
        if since is None:
            return Unknown("it is not known since when it is paused")
        if facts.people and not left:
            return Clear(Finding(summary="paused, and nobody is left to be called"))
        length = permitted_between(facts.calendar, since, facts.now)
        waits = f"; {people_text(left)} {'waits' if left == 1 else 'wait'}" if left else ""
        finding = Finding(
            summary=f"paused since {clock(since, facts.zone, facts.now)}, "
            f"{span(length)} of calling time{waits}",
            value=length.total_seconds(),
            threshold=self.after.total_seconds(),
            unit="s",
            affected=left or None,
            total=facts.people or None,
            waiting=left or None,
            since=since,
            todo="Resume it, or end it if it is not to go on.",
        )
        return Holds(finding) if length >= self.after else Clear(finding)


def _unsaid(facts: BatchFacts) -> Unknown | None:
    status, done = facts.batch.status, facts.stopped_by
    if status is BatchStatus.UNKNOWN:
        return UNKNOWN_STATUS
    if done is not None and holds(done, status, facts.moved_at):
        return Unknown(done.words(facts.zone, facts.now), still=True)
    return None if facts.open_now else Unknown(CLOSED, still=True)
