"""The day over all batches: what ended, what still runs, what it cost, what fired.

Reports once a day ``at`` a time on the wall of ``[monitor] timezone``, of the 24 hours before
it; ``match`` chooses the batches. Late by up to six hours where nothing ran at that time, and
not at all on a day in which no batch ended or ran and nothing fired, unless messages that were
given up wait to be sent again. Only where it is written.

What to do: read it; look at the batches it names first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time
from typing import ClassVar

from monitor.core.day import DayFacts, sentence
from monitor.core.rule import Clear, DayRule, Finding, Holds, Severity, Verdict

SHOWN = 20  # batches


@dataclass(frozen=True, kw_only=True)
class DailyReport(DayRule):
    """See the module."""

    id: ClassVar[str] = "daily_report"
    severity: ClassVar[Severity] = Severity.INFO

    at: str = "18:00"

    def __post_init__(self) -> None:
        """ValueError for people where a parameter cannot be meant."""
        if self.time is None:
            msg = f'at is {self.at!r}; it must be a time of day such as "18:00"'
            raise ValueError(msg)

    @property
    def time(self) -> time | None:
        """See DayRule."""
        hour, _, minute = self.at.partition(":")
        if len(minute) != 2 or not (hour + minute).isdecimal() or not hour.isascii():
            return None
        return time(int(hour), int(minute)) if int(hour) < 24 and int(minute) < 60 else None

    def judge(self, day: DayFacts) -> Verdict:
        """See the module."""
        if not day.batches and not day.alerts and not day.given_up:
            return Clear(Finding(summary="no batch ended or ran, and nothing fired"))
        wrong = [batch.title for batch in day.batches if batch.went_wrong]
        return Holds(
            Finding(
                summary=sentence(day),
                since=day.end,
                total=len(day.batches),
                details=tuple(_lines(day)),
                todo=f"Look first at {', '.join(wrong[:3])}." if wrong else None,
                estimate=any(batch.estimated for batch in day.batches),
            )
        )


def _lines(day: DayFacts) -> Iterator[tuple[str, str]]:
    for batch in day.batches[:SHOWN]:
        yield batch.title, batch.text
    if len(day.batches) > SHOWN:
        yield "and", f"{len(day.batches) - SHOWN:,} more: offhook batches"
    if day.alerts:
        ranked = sorted(day.alerts.items(), key=lambda each: (-each[1], each[0]))
        yield "alerts", ", ".join(f"{name} {n:,}" for name, n in ranked)
    for lost in day.given_up:
        yield f"not sent to {lost.receiver}", lost.words(day.zone, day.now)
