"""People wait for a second call that is not made.

Fires when at least ``min_contacts`` people have a retry that is overdue by ``overdue``, or
wait in a retrying state with none scheduled for ``unscheduled``, both of permitted time,
and still stood so at the last reading of the list. With all lines busy a late retry is
normal, so where the vendor tells of its lines one must be free, and of many a tenth, because
some are always between two calls (``need_free_line``). Where no fewer retries were made in
half an hour than are late, they are given twice ``overdue``: so it is after a lunch break.
Says nothing of a batch that is paused, outside its hours, or that shows no retries.

What to do: look at one of the people named at the vendor; resume or re-dispatch the batch
if the vendor lost its retries, or call these people in a new batch.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import ClassVar

from monitor.core.facts import COUNTED_MOST, BatchFacts, LateRetries
from monitor.core.ladder import at_least, caught_up, waited
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
from monitor.core.wording import counted, span

_FREE = 0.1  # of the lines: fewer are between two calls


@dataclass(frozen=True, kw_only=True)
class StalledRetries(BatchRule):
    """See the module."""

    id: ClassVar[str] = "stalled_retries"
    severity: ClassVar[Severity] = Severity.WARNING
    cause: ClassVar[str | None] = "dialling"
    reads_list: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"retries"})
    replays: ClassVar[Replays] = Replays.MOVES

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
        until, most = min(read, facts.now), max(self.min_contacts, COUNTED_MOST)
        overdue = waited(facts, facts.retries.overdue, until, self.overdue, most)
        lost = waited(facts, facts.retries.unscheduled, until, self.unscheduled, most)
        if overdue.n + lost.n < self.min_contacts:
            return Clear(Finding(summary="no retry is late", affected=overdue.n + lost.n))
        finding = partial(self._finding, facts, overdue, lost)
        free, lines = facts.free_lines, facts.batch.concurrency or 0
        if self.need_free_line and free is not None and free < max(lines * _FREE, 1):
            return Unknown(f"{lines - free:,} of {counted(lines, 'line')} are busy", finding)
        if not lost.n and caught_up(facts, overdue, self.overdue):
            return Unknown("they are being caught up with", finding)
        return Holds(finding())

    def _finding(self, facts: BatchFacts, overdue: LateRetries, lost: LateRetries) -> Finding:
        oldest = (overdue.oldest or lost.oldest)[0].since
        late, coming = facts.permitted_since(oldest), facts.retries.scheduled_after(facts.now)
        limit = self.overdue if overdue.n else self.unscheduled
        return Finding(
            summary="; ".join(_parts(facts, overdue.n, lost.n, span(late))),
            value=late.total_seconds(),
            threshold=limit.total_seconds(),
            unit="s",
            affected=overdue.n + lost.n,
            total=facts.people,
            waiting=facts.waiting,
            since=oldest,
            details=(("retries still to come", at_least(coming)),),
            evidence=tuple(retry.contact_id for retry in (overdue.oldest + lost.oldest)[:3]),
            todo="Look at one of these people at the vendor, then resume or re-dispatch the batch.",
        )


def _parts(facts: BatchFacts, overdue: int, lost: int, waited: str) -> Iterator[str]:
    if overdue:
        late = "is late" if overdue == 1 else "are late, the oldest"
        yield f"{at_least(overdue)} {'retry' if overdue == 1 else 'retries'} {late} by {waited}"
    if lost:
        who = "person waits" if lost == 1 else "people wait"
        yield f"{at_least(lost)} {who} for a retry that is not scheduled"
    if facts.free_lines is not None:
        yield f"{facts.free_lines:,} of {counted(facts.batch.concurrency or 0, 'line')} free"
