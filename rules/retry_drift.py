"""Retries come sooner or later than the vendor's own policy says.

Fires when, within ``window``, at least ``min_contacts`` people and the share ``share`` of
the retries were called again more than ``earlier`` before the policy's cooldown was over, or
more than ``later`` of calling time after. Nights and pauses delay a retry by right. Where
waits grow from retry to retry, or the policy does not say, nothing is too late, only too
early. Not where the policy is not known.

What to do: compare the batch's retry policy with these calls at the vendor; too early means
that people are annoyed, too late that too few lines serve the ladder.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import ClassVar

from monitor.core.calls import Field
from monitor.core.drift import RetryTiming
from monitor.core.facts import BatchFacts
from monitor.core.people import Breaches
from monitor.core.progress import part_of
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
from monitor.core.stats import share
from monitor.core.wording import counted, people_text, span


@dataclass(frozen=True, kw_only=True)
class RetryDrift(BatchRule):
    """See the module."""

    id: ClassVar[str] = "retry_drift"
    severity: ClassVar[Severity] = Severity.WARNING
    calm: ClassVar[bool] = True
    reads_list: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"call_times", "retries"})
    persons: ClassVar[bool] = True
    replays: ClassVar[Replays] = Replays.MOVES

    window: timedelta = timedelta(minutes=30)
    earlier: timedelta = timedelta(minutes=5)
    later: timedelta = timedelta(hours=1)
    min_contacts: int = 5
    share: float = 0.2

    def __post_init__(self) -> None:
        """ValueError for people where a parameter cannot be meant."""
        if self.window <= timedelta(0):
            raise ValueError("window is empty, so no call could ever lie in it")
        check_between("min_contacts", self.min_contacts, 1, 1_000_000)
        check_between("share", self.share, 0.01, 1)

    def judge(self, facts: BatchFacts) -> Verdict:
        """See the module."""
        if idle := not_dialling(facts):
            return idle
        policy = facts.batch.retry
        if policy is None or policy.cooldown_s is None:
            return Unknown("its retry policy is not known")
        if not facts.tally.get("retries"):
            return Clear(Finding(summary="nobody was called again", affected=0))
        since = facts.now - self.window
        ended = facts.calls.grouped(since, facts.now, Field.ATTEMPT)
        retries = sum(n for (attempt,), n in ended.items() if attempt)
        if retries < self.min_contacts:
            return Unknown(f"{counted(retries, 'retry', 'retries')} in {span(self.window)}")
        check = RetryTiming(
            cooldown=timedelta(seconds=policy.cooldown_s),
            earlier=self.earlier,
            later=self.later if policy.grows is False else None,
            calendar=facts.calendar,
            pauses=facts.pauses,
        )
        found = facts.persons.breaches(check, since)
        finding = partial(self._finding, facts, found, retries)
        if found.n >= self.min_contacts and share(found.n, retries) >= self.share:
            return Holds(finding())
        return Clear(finding) if found.whole else Unknown("not all of its calls were looked at")

    def _finding(self, facts: BatchFacts, found: Breaches, retries: int) -> Finding:
        worst = found.gravest[0] if found.gravest else None
        said = f"; one was {worst.text}" if worst else ""
        return Finding(
            summary=f"{people_text(found.n)} not called again when the policy says{said}",
            value=part_of(found.n, retries),
            threshold=round(self.share * 100, 1),
            unit="%",
            n=retries,
            affected=found.n,
            total=facts.people,
            since=found.first_at,
            evidence=worst.evidence[:3] if worst else (),
            estimate=found.exact < found.n,
            todo="Compare the batch's retry policy with these calls at the vendor.",
        )
