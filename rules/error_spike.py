"""Calls fail far more often than they should.

Fires when, of the calls that ended within ``window``, the failed share reaches
``threshold``, with at least ``min_calls`` and ``min_failed`` (and, when ``confidence`` is
above 0, its Wilson lower bound lies above half the threshold), or when the last ``streak``
calls all failed. Recovers below ``recover`` (default 0.8 of the threshold) with
``min_calls``; too few calls say nothing, so a pause never looks like recovery. Calls that
ended before the batch was resumed no longer count. Busy lines,
no answer, voicemail and what people cancel are no failures: ``statuses`` says what is.
Where a vendor has one word for failures and for no answers, it says nothing.

What to do: pause the batch before it burns through its list; look at what the failures
share; ask the carrier or the vendor about it.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from monitor.core.facts import BatchFacts, EndedCall
from monitor.core.failures import (
    accused,
    lately,
    streak_finding,
    too_few,
    untold,
    usual_share,
    window_finding,
)
from monitor.core.model import Outcome
from monitor.core.rule import (
    BatchRule,
    Clear,
    Holds,
    Severity,
    Unknown,
    Verdict,
    check_between,
    stopped,
)
from monitor.core.stats import share, wilson_lower
from monitor.core.wording import percent

_CANCELLED = frozenset({Outcome.CANCELLED})


@dataclass(frozen=True, kw_only=True)
class ErrorSpike(BatchRule):
    """See the module. ``streak`` 0 turns that way of firing off."""

    id: ClassVar[str] = "error_spike"
    severity: ClassVar[Severity] = Severity.CRITICAL
    cause: ClassVar[str | None] = "dialling"
    reads_list: ClassVar[bool] = True
    replays: ClassVar[bool] = True

    window: timedelta = timedelta(minutes=10)
    threshold: float = 0.25
    min_calls: int = 20
    min_failed: int = 5
    streak: int = 8
    confidence: float = 0
    recover: float | None = None
    statuses: frozenset[Outcome] = frozenset({Outcome.FAILED, Outcome.ERROR})

    def __post_init__(self) -> None:
        """ValueError for people where a parameter cannot be meant."""
        if self.window <= timedelta(0):
            raise ValueError("window is empty, so no call could ever lie in it")
        check_between("threshold", self.threshold, 0.001, 1)
        check_between("confidence", self.confidence, 0, 0.9999)
        check_between("recover", self._recover, 0, self.threshold)
        check_between("min_calls", self.min_calls, 1, 1_000_000)
        check_between("streak", self.streak, 0, 10_000)
        if not self.statuses:
            raise ValueError("statuses is empty, so no call could ever count as failed")

    @property
    def _recover(self) -> float:
        return 0.8 * self.threshold if self.recover is None else self.recover

    def judge(self, facts: BatchFacts) -> Verdict:
        """See the module."""
        if still := stopped(facts) or untold(facts, self.statuses):
            return still
        window, last = lately(facts, self.window, max(self.streak, 1))
        failed = window.count(self.statuses)
        if self._spikes(window.n, failed):
            usual = usual_share(facts, window, self.statuses, self.min_calls)
            seen = window_finding(window, failed, self.threshold, usual)
            return Holds(accused(facts, seen, window.start, self.statuses))
        if self.streak and len(last) == self.streak and self._all_failed(facts, last):
            began = last[-1].ended_at - timedelta(microseconds=1)
            return Holds(accused(facts, streak_finding(facts, last), began, self.statuses))
        # What people cancelled is no sign of health either.
        told = window.n - window.count(_CANCELLED - self.statuses)
        seen = window_finding(window, failed, self.threshold)
        if told < self.min_calls:
            return Unknown(too_few(facts, window, last, self.min_calls), seen)
        if share(failed, told) < self._recover:
            return Clear(seen)
        return Unknown(f"not yet below {percent(self._recover)}", seen)

    def _all_failed(self, facts: BatchFacts, last: tuple[EndedCall, ...]) -> bool:
        if any(call.outcome not in self.statuses for call in last):
            return False
        # Calls that ended at one moment have no order: of those, every one must have failed.
        since = facts.calls.window(last[-1].ended_at - timedelta(microseconds=1), last[0].ended_at)
        return since.n == since.count(self.statuses)

    def _spikes(self, n: int, failed: int) -> bool:
        if n < self.min_calls or failed < self.min_failed or share(failed, n) < self.threshold:
            return False
        return not self.confidence or wilson_lower(failed, n, self.confidence) > self.threshold / 2
