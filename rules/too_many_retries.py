"""People are called again more often than the retry policy allows.

Fires when at least ``min_calls`` of the calls that ended within ``window`` were retries
beyond the batch's policy (or beyond ``max_retries``, where that is set). Recovers when calls
end and none of them was; a window in which no call ended says nothing. Not where neither
the vendor nor this file gives a policy.

What to do: pause the batch before more people are annoyed; correct its retry policy, and
show the vendor one of these calls.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from monitor.core.calls import Field, Value
from monitor.core.facts import BatchFacts
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
from monitor.core.standstill import stopped
from monitor.core.wording import counted, span

_NOBODY = Clear(Finding(summary="nobody was called again", affected=0))


@dataclass(frozen=True, kw_only=True)
class TooManyRetries(BatchRule):
    """See the module."""

    id: ClassVar[str] = "too_many_retries"
    severity: ClassVar[Severity] = Severity.WARNING
    cause: ClassVar[str | None] = "people"
    reads_list: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"retries"})
    replays: ClassVar[Replays] = Replays.MOVES

    window: timedelta = timedelta(minutes=30)
    min_calls: int = 1
    max_retries: int | None = None

    def __post_init__(self) -> None:
        """ValueError for people where a parameter cannot be meant."""
        if self.window <= timedelta(0):
            raise ValueError("window is empty, so no call could ever lie in it")
        check_between("min_calls", self.min_calls, 1, 1_000_000)

    def judge(self, facts: BatchFacts) -> Verdict:
        """See the module."""
        if still := stopped(facts):
            return still
        policy = facts.batch.retry.max_retries if facts.batch.retry else None
        most = policy if self.max_retries is None else self.max_retries
        if most is None:
            return Unknown("its retry policy is not known")
        if not facts.tally.get("retries"):
            return _NOBODY
        found = facts.calls.grouped(facts.now - self.window, facts.now, Field.ATTEMPT)
        if not found:
            return Unknown(f"no call ended in the last {span(self.window)}")
        beyond = {key: n for key, n in found.items() if _number(key) > most}
        if sum(beyond.values()) < self.min_calls:
            seen = Finding(summary="no retry beyond the policy", affected=sum(beyond.values()))
            return Clear(seen)
        return Holds(self._finding(facts, beyond, sum(found.values()), most))

    def _finding(
        self, facts: BatchFacts, beyond: Mapping[tuple[Value, ...], int], calls: int, most: int
    ) -> Finding:
        n, highest = sum(beyond.values()), max(map(_number, beyond))
        allowed = "no retry is" if not most else f"{counted(most, 'is', 'are')}"
        last = facts.calls.last_ended(50)
        return Finding(
            summary=f"{counted(n, 'call')} in {span(self.window)} beyond the retry policy: "
            f"retry {highest:,}, where {allowed} allowed",
            value=float(highest),
            threshold=float(most),
            n=calls,
            affected=n,
            total=calls,
            waiting=facts.waiting,
            evidence=tuple(call.call_id for call in last if call.attempt > most)[:3],
            todo="Pause the batch; correct its retry policy, and show the vendor one of these.",
        )


def _number(key: tuple[Value, ...]) -> int:
    return int(key[0] or 0)
