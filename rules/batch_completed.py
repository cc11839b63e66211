"""A batch has come to its end, with its result.

Reports once a run, when the vendor says completed, a second look after ``confirm_after``
says so again, everything was read since, no call is open and the vendor's trusted counts
are all there and agree, with the lists and among themselves; where calls under way are on no
list, nothing may have moved for four times as long, and those that nobody saw begin must have
had the time to end.
If they never do, it reports after ``unverified_after`` as unverified, with the numbers;
so too where nobody is known to have been in it.
Until ``settle_after`` the report is marked settling: costs and answers come late.
Not for batches that had ended before Offhook first looked, nor for those that failed.

What to do: read the result; find out why people were never dialled; compare an unverified
one with the vendor's own page.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from monitor.core.completion import old_news, report
from monitor.core.ending import CONFIRM_AFTER, UNVERIFIED_AFTER, doubts
from monitor.core.facts import BatchFacts, Report
from monitor.core.model import BatchStatus
from monitor.core.report import closed_lines, report_lines, undialled_parts
from monitor.core.rule import (
    BatchRule,
    Clear,
    Finding,
    Holds,
    Replays,
    Severity,
    Unknown,
    Verdict,
)
from monitor.core.stats import share
from monitor.core.wording import people_text, percent
from monitor.core.words import SETTLING

_NOT_YET = Clear(Finding(summary="has not completed since Offhook looks at it"))


@dataclass(frozen=True, kw_only=True)
class BatchCompleted(BatchRule):
    """See the module."""

    id: ClassVar[str] = "batch_completed"
    severity: ClassVar[Severity] = Severity.INFO
    one_shot: ClassVar[bool] = True
    replays: ClassVar[Replays] = Replays.CALLS

    confirm_after: timedelta = CONFIRM_AFTER
    unverified_after: timedelta = UNVERIFIED_AFTER
    settle_after: timedelta = timedelta(minutes=5)

    def judge(self, facts: BatchFacts) -> Verdict:
        """See the module."""
        if facts.batch.status is not BatchStatus.COMPLETED or old_news(facts):
            return _NOT_YET
        found = "; ".join(doubts(facts, self.confirm_after))
        ended = facts.terminal_at or facts.now
        if found and facts.now - ended < self.unverified_after:
            return Unknown(found)
        return Holds(self._finding(facts, report(facts), found))

    def _finding(self, facts: BatchFacts, result: Report, found: str) -> Finding:
        told = facts.reported_at
        open_until = None if told is None else told + self.settle_after
        settling = bool(self.settle_after) and (open_until is None or facts.now < open_until)
        marks = ("unverified",) * bool(found) + (SETTLING,) * settling
        lines = report_lines(result, facts.previous, facts.capabilities, facts.vendor)
        return Finding(
            summary=f"reported complete, unverified: {found}" if found else _sentence(result),
            affected=result.never_dialled or None,
            total=result.people,
            since=result.ended_at,
            details=lines + closed_lines(facts),
            estimate=result.people_estimated,
            marks=marks,
            todo=_todo(result, found),
        )


def _sentence(result: Report) -> str:
    about = "about " if result.people_estimated else ""
    reached = f"{result.reached:,} of {about}{people_text(result.people)} reached"
    text = f"completed, {reached} ({percent(share(result.reached, result.people))})"
    if not result.never_dialled:
        return text
    parts = undialled_parts(result)
    return f"{text}, but {result.never_dialled:,} never dialled" + (f": {parts}" if parts else "")


def _todo(result: Report, found: str) -> str | None:
    if found:
        return "Compare the numbers with the vendor's own page of this batch."
    if result.never_dialled:
        return "Find out why people were never dialled before you run them again."
    return None
