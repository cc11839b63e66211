"""A batch has ended without having been completed: failed, expired, ended early, cancelled.

Reports once a run, when a second look agrees and everything was read since, or after two
minutes with what is known then. Its severity goes by the status (``severity_by_status``;
``severity`` stands for every status that this does not name); a warning becomes critical when
the share ``undialled`` of the people was never dialled. What somebody stopped through Offhook
is told as information. Not for batches that had ended before Offhook first looked.

What to do: read the vendor's reason; put right what it names; run the people who were
never dialled in a new batch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

from monitor.core.completion import never_dialled, old_news, read_since_end, rows
from monitor.core.facts import BatchFacts
from monitor.core.model import BatchStatus
from monitor.core.report import by_hand, ending_lines, ending_sentence
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
from monitor.core.stats import share

_READ_WITHIN = timedelta(minutes=2)
_WORDS = {
    BatchStatus.FAILED: "failed",
    BatchStatus.EXPIRED: "expired before it was done",
    BatchStatus.PARTIAL: "ended early",
    BatchStatus.CANCELLED: "was cancelled",
}
_SEVERITIES = {
    BatchStatus.FAILED: Severity.CRITICAL,
    BatchStatus.EXPIRED: Severity.WARNING,
    BatchStatus.PARTIAL: Severity.WARNING,
    BatchStatus.CANCELLED: Severity.INFO,
}


@dataclass(frozen=True, kw_only=True)
class BatchFailed(BatchRule):
    """See the module. Statuses that ``severity_by_status`` leaves out keep their default.

    Where the configuration has a ``severity``, it has put that in for them.
    """

    id: ClassVar[str] = "batch_failed"
    severity: ClassVar[Severity] = Severity.CRITICAL
    one_shot: ClassVar[bool] = True
    replays: ClassVar[Replays] = Replays.CALLS
    weighed_by: ClassVar[str | None] = "severity_by_status"

    severity_by_status: Mapping[BatchStatus, Severity] = field(
        default_factory=_SEVERITIES.copy, hash=False
    )
    undialled: float = 0.05

    def __post_init__(self) -> None:
        """ValueError for people where a parameter cannot be meant."""
        check_between("undialled", self.undialled, 0, 1)
        if unfit := sorted(set(self.severity_by_status) - set(_WORDS)):
            raise ValueError(f"severity_by_status: {unfit[0]} is not {' or '.join(_WORDS)}")

    def judge(self, facts: BatchFacts) -> Verdict:
        """See the module."""
        status, seen, ended = facts.batch.status, facts.confirmed_at, facts.terminal_at
        if status not in _WORDS or old_news(facts):
            return Clear(Finding(summary="has not failed since Offhook looks at it"))
        if seen is None or ended is None or seen <= ended:
            return Unknown("a second look has not confirmed the end")
        if not read_since_end(facts) and facts.now - ended < _READ_WITHIN:
            return Unknown("its lists are being read to their end")
        return Holds(self._finding(facts))

    def _finding(self, facts: BatchFacts) -> Finding:
        missed, everybody = never_dialled(facts), rows(facts)
        part = share(missed, everybody)
        words = by_hand(facts) or _WORDS[facts.batch.status]
        return Finding(
            summary=ending_sentence(facts.batch, words, missed, everybody),
            value=round(part * 100, 1),
            threshold=round(self.undialled * 100, 1),
            unit="%",
            affected=missed,
            total=everybody,
            since=facts.batch.ended_at or facts.terminal_at,
            details=ending_lines(facts),
            estimate=facts.estimates("total") or not read_since_end(facts),
            severity=self._severity(facts, missed, part),
            todo="Put right what the vendor names; run those never dialled in a new batch.",
        )

    def _severity(self, facts: BatchFacts, missed: int, part: float) -> Severity:
        if by_hand(facts):
            return Severity.INFO
        severity = {**_SEVERITIES, **self.severity_by_status}[facts.batch.status]
        many = severity is Severity.WARNING and missed and part >= self.undialled
        return Severity.CRITICAL if many else severity
