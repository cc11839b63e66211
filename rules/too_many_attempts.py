"""Somebody is called again and again.

Fires when a call of the batch is the one too many for its person: more than ``max_attempts``
within ``window``, a second within ``min_gap``, or another within ``after_success`` of the end
of a conversation. People are known by the keyed hash of their number, so calls count across
batches and providers. A vendor's own next attempt may come sooner than ``min_gap``, and so may
one after a call that failed; a follow-up may come after a conversation. Each limit is turned
off by 0. It goes on while such calls were made within ``recent``. A batch that stands still
has not recovered: others must have been called since. Says nothing where the vendor shows no
single calls; without numbers it sees each batch by itself.

What to do: pause the batches that it names; look for a list that was uploaded twice, or a
campaign that was started again.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar

from monitor.core.accusing import accused, charge, first_named, no_more, pause_words
from monitor.core.facts import BatchFacts
from monitor.core.limits import Attempts
from monitor.core.rule import BatchRule, Holds, Replays, Severity, Verdict, check_between
from monitor.core.wording import people_text


@dataclass(frozen=True, kw_only=True)
class TooManyAttempts(BatchRule):
    """See the module."""

    id: ClassVar[str] = "too_many_attempts"
    severity: ClassVar[Severity] = Severity.CRITICAL
    cause: ClassVar[str | None] = "people"
    compliance: ClassVar[bool] = True
    reads_list: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"calls"})
    persons: ClassVar[bool] = True
    replays: ClassVar[Replays] = Replays.MOVES

    max_attempts: int = 4
    window: timedelta = timedelta(hours=24)
    min_gap: timedelta = timedelta(minutes=5)
    after_success: timedelta = timedelta(hours=24)
    recent: timedelta = timedelta(hours=1)

    def __post_init__(self) -> None:
        """ValueError for people where a parameter cannot be meant."""
        check_between("max_attempts", self.max_attempts, 0, 1_000)
        if self.max_attempts and self.window <= timedelta(0):
            raise ValueError("window is empty, so no two calls could ever lie in it")
        if self.recent <= timedelta(0):
            raise ValueError("recent is empty, so it could never hold")

    @property
    def looks_back(self) -> timedelta:
        """See Rule."""
        return self.recent

    def judge(self, facts: BatchFacts) -> Verdict:
        """See the module."""
        limits = Attempts(
            most=self.max_attempts,
            window=self.window,
            min_gap=self.min_gap,
            after_success=self.after_success,
        )
        found = accused(facts, limits)
        calm = no_more(facts, found, self.recent, "was called too often")
        if calm is not None:
            return calm
        first = first_named(found)
        said = first if found.n == 1 else f"{people_text(found.n)} called too often; {first}"
        todo = f"{pause_words(found)}; look for a list that was uploaded twice."
        finding = charge(facts, found, said, todo)
        return Holds(
            replace(
                finding,
                details=(("permitted", limits.words),),
                estimate=found.exact < found.n,
            )
        )
