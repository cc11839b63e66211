"""People wait for a second call that is not made.

Fires when at least ``min_contacts`` people have a retry that is overdue by ``overdue``, or
wait in a retrying state with none scheduled for ``unscheduled``, both of permitted time,
and still stood so at the last reading of the list. With all lines busy a late retry is
normal, so where the vendor tells of its lines one must be free (``need_free_line``).
Says nothing of a batch that is paused, outside its hours, or that shows no retries.

What to do: look at one of the people named at the vendor; resume or re-dispatch the batch
if the vendor lost its retries, or call these people in a new batch.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from monitor.core.facts import BatchFacts, LateRetry
from monitor.core.rule import (
    BatchRule,
    Clear,
    Finding,
    Holds,
    Severity,
    Unknown,
    Verdict,
    check_between,
    not_dialling,
)
from monitor.core.wording import counted, people_text, span


@dataclass(frozen=True, kw_only=True)
class StalledRetries(BatchRule):
    """See the module."""

    id: ClassVar[str] = "stalled_retries"
    severity: ClassVar[Severity] = Severity.WARNING
    needs: ClassVar[frozenset[str]] = frozenset({"retries"})

    overdue: timedelta = timedelta(minutes=15)
    unscheduled: timedelta = timedelta(hours=1)
    min_contacts: int = 1
    need_free_line: bool = True

    def __post_init__(self) -> None:
        """ValueError for people where a parameter cannot be meant."""
        check_between("min_contacts", self.min_contacts, 1, 1_000_000)

    def judge(self, facts: BatchFacts) -> Verdict:
        """See the module."""
        if idle := not_dialling(facts):
            return idle
        read = facts.certainty.read_at or facts.certainty.swept_at
        if read is None:
            return Unknown("its people have not been read yet")
        # Who was due after the last reading may have been called since.
        late = [retry for retry in facts.retries.late(facts.now) if retry.since <= read]
        overdue = _longer(facts, [r for r in late if r.due_at is not None], self.overdue)
        lost = _longer(facts, [r for r in late if r.due_at is None], self.unscheduled)
        if len(overdue) + len(lost) < self.min_contacts:
            return Clear(Finding(summary="no retry is late", affected=len(overdue) + len(lost)))
        finding = self._finding(facts, overdue, lost)
        lines = facts.free_lines
        if self.need_free_line and lines is not None and lines <= 0:
            return Unknown(f"all {counted(facts.batch.concurrency or 0, 'line')} are busy", finding)
        return Holds(finding)

    def _finding(
        self, facts: BatchFacts, overdue: list[LateRetry], lost: list[LateRetry]
    ) -> Finding:
        oldest = (overdue or lost)[0].since
        waited = facts.permitted_since(oldest)
        limit = self.overdue if overdue else self.unscheduled
        return Finding(
            summary="; ".join(_parts(facts, len(overdue), len(lost), span(waited))),
            value=waited.total_seconds(),
            threshold=limit.total_seconds(),
            unit="s",
            affected=len(overdue) + len(lost),
            total=facts.people,
            waiting=facts.waiting,
            since=oldest,
            details=(("retries still to come", f"{facts.retries.scheduled_after(facts.now):,}"),),
            evidence=tuple(retry.contact_id for retry in (overdue + lost)[:3]),
            todo="Look at one of these people at the vendor, then resume or re-dispatch the batch.",
        )


def _parts(facts: BatchFacts, overdue: int, lost: int, waited: str) -> Iterator[str]:
    if overdue:
        late = "is late" if overdue == 1 else "are late, the oldest"
        yield f"{counted(overdue, 'retry', 'retries')} {late} by {waited}"
    if lost:
        verb = "waits" if lost == 1 else "wait"
        yield f"{people_text(lost)} {verb} for a retry that is not scheduled"
    if facts.free_lines is not None:
        yield f"{facts.free_lines:,} of {counted(facts.batch.concurrency or 0, 'line')} free"


def _longer(facts: BatchFacts, late: list[LateRetry], limit: timedelta) -> list[LateRetry]:
    """Those who have waited for ``limit`` of permitted time, oldest first.

    Who waits since later has waited less, so the calendar is asked a few times only.
    """
    late.sort(key=lambda retry: (retry.since, retry.contact_id))
    long = bisect_right(late, -limit, key=lambda retry: -facts.permitted_since(retry.since))
    return late[:long]
