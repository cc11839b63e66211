"""Calls are open for longer than any call should be, and hold lines.

Fires when at least ``min_calls`` people have been dialled or talked to for ``longest``,
until the newest reading of the list. Who may have hung up since the reading does not count;
nor does anybody where the vendor counts no live call. Not outside calling hours and not
while paused. Only where the vendor shows calls in progress.

What to do: end these calls at the vendor, or ask it to free the lines.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from monitor.core.facts import BatchFacts
from monitor.core.progress import LONGEST_CALL
from monitor.core.retries import HeldLines
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

_NONE_OPEN = Clear(Finding(summary="no call is open", affected=0))


@dataclass(frozen=True, kw_only=True)
class CallStuck(BatchRule):
    """See the module."""

    id: ClassVar[str] = "call_stuck"
    severity: ClassVar[Severity] = Severity.WARNING
    cause: ClassVar[str | None] = "dialling"
    reads_list: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"in_flight"})
    replays: ClassVar[Replays] = Replays.MOVES

    longest: timedelta = LONGEST_CALL
    min_calls: int = 1

    def __post_init__(self) -> None:
        """ValueError for people where a parameter cannot be meant."""
        if self.longest <= timedelta(0):
            raise ValueError("longest is empty, so every call would be too long")
        check_between("min_calls", self.min_calls, 1, 10_000)

    def judge(self, facts: BatchFacts) -> Verdict:
        """See the module."""
        if idle := not_dialling(facts):
            return idle
        if not facts.live:
            return _NONE_OPEN
        read = facts.certainty.read_at or facts.certainty.swept_at
        if read is None:
            return Unknown("its people have not been read yet")
        read = min(read, facts.now)
        held = facts.retries.held(read - self.longest)
        if min(held.n, facts.live) < self.min_calls:
            return Clear(Finding(summary="no call is open for too long", affected=held.n))
        return Holds(self._finding(facts, held, read))

    def _finding(self, facts: BatchFacts, held: HeldLines, read: datetime) -> Finding:
        n, lines = min(held.n, facts.live), facts.batch.concurrency
        since = held.oldest[0].since
        which = counted(n, "call") if lines is None else f"{n:,} of {counted(lines, 'line')}"
        verb = "open" if lines is None else "held by calls"
        left = "" if lines is None else f"; {counted(max(lines - n, 0), 'line')} left to dial"
        return Finding(
            summary=f"{which} {verb} for {span(self.longest)} or longer, "
            f"the oldest for {span(read - since)}{left}",
            value=(read - since).total_seconds(),
            threshold=self.longest.total_seconds(),
            unit="s",
            affected=n,
            total=lines or facts.people,
            waiting=facts.waiting,
            since=since,
            evidence=tuple(each.contact_id for each in held.oldest),
            todo="End these calls at the vendor, or ask it to free the lines.",
        )
