"""The vendor no longer knows a batch.

Fires when it answered 404 or 410 for the batch at least ``times`` times over ``lasting``,
while the same account showed another batch that was known before. The batch's other alerts
close quietly; it is asked for each hour for a day, and recovers if it is there again. Not fired
when every batch is missing: then the account is in doubt, and that is provider_blind. Never
reads as completed.

What to do: look for the batch at the vendor; if nobody deleted it there, ask the vendor.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

from monitor.core.facts import BatchFacts, Facts, Gone
from monitor.core.rule import BatchRule, Clear, Finding, Holds, Replays, Severity, Unknown, Verdict
from monitor.core.wording import clock

_KNOWN = Clear(Finding(summary="the vendor knows it"))


@dataclass(frozen=True, kw_only=True)
class BatchVanished(BatchRule):
    """See the module."""

    id: ClassVar[str] = "batch_vanished"
    severity: ClassVar[Severity] = Severity.WARNING
    at_rest: ClassVar[bool] = True
    replays: ClassVar[Replays] = Replays.MOVES

    lasting: timedelta = timedelta(minutes=10)
    times: int = field(default=3, metadata={"ge": 1})

    def evaluate(self, facts: Facts) -> Verdict:
        """See Rule; that a batch is gone is known without a fresh look at it."""
        if isinstance(facts, BatchFacts) and facts.gone is not None:
            return self._missing(facts, facts.gone)
        return super().evaluate(facts)

    def judge(self, facts: BatchFacts) -> Verdict:
        """See the module."""
        del facts
        return _KNOWN

    def _missing(self, facts: BatchFacts, gone: Gone) -> Verdict:
        since = clock(gone.since, facts.zone, facts.now)
        if facts.reported_at is not None:
            return Unknown("it had ended, and that was told")
        if gone.times < self.times or facts.now - gone.since < self.lasting:
            return Unknown(f"the vendor does not know it since {since}, not for long yet")
        if not gone.elsewhere:
            return Unknown(f"the account shows none of its batches since {since}")
        return Holds(
            Finding(
                summary=f"the vendor answers since {since} that there is no such batch",
                value=float(gone.times),
                threshold=float(self.times),
                affected=facts.waiting,
                total=facts.people,
                since=gone.since,
                todo="Look for it at the vendor; whether it went on dialling is not known.",
            )
        )
