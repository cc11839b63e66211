"""The retry ladders of many people are used up without success.

Fires when the share ``share`` of those who are done, or ``count`` people, were given up
after their last retry, of at least ``min_contacts`` who are done; or when ``early`` people
or more were given up after fewer retries than the batch's policy allows. Who was given up
after the first call had no ladder to use up. Lifetime numbers, without a window. Says
nothing where the vendor shows no retries, and not of early ends where its policy is not
known.

What to do: look at what the last calls to these people ended with; change the hours or the
policy, or take the list as used up.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from monitor.core.facts import BatchFacts
from monitor.core.model import OPEN_CONTACT, ContactStatus
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
from monitor.core.stats import share
from monitor.core.tally import CONTACTS, contact_key, exhausted_after, people
from monitor.core.wording import counted, people_text, percent

_NOT_DONE = (*OPEN_CONTACT, ContactStatus.SKIPPED)

_NOBODY = Clear(Finding(summary="nobody is out of retries", affected=0))


@dataclass(frozen=True, kw_only=True)
class RetriesExhausted(BatchRule):
    """See the module. ``count`` and ``early`` 0 turn these ways of firing off."""

    id: ClassVar[str] = "retries_exhausted"
    severity: ClassVar[Severity] = Severity.WARNING
    reads_list: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"retries"})
    replays: ClassVar[Replays] = Replays.MOVES

    share: float = 0.75
    min_contacts: int = 20
    count: int = 0
    early: int = 5

    def __post_init__(self) -> None:
        """ValueError for people where a parameter cannot be meant."""
        check_between("share", self.share, 0.01, 1)
        check_between("min_contacts", self.min_contacts, 1, 1_000_000)

    def judge(self, facts: BatchFacts) -> Verdict:
        """See the module."""
        if facts.batch.status.terminal:
            return Unknown("the batch has ended")
        if not facts.tally.get(contact_key(ContactStatus.EXHAUSTED)):
            return _NOBODY
        given_up = exhausted_after(facts.tally)
        n, done = sum(given_up[after] for after in given_up if after), facts.tally.get(CONTACTS, 0)
        done -= people(facts.tally, *_NOT_DONE)
        most = facts.batch.retry.max_retries if facts.batch.retry else None
        soon = sum(each for after, each in given_up.items() if most is not None and after < most)
        if most is not None and self.early and soon >= self.early:
            least = min(given_up)
            text = (
                f"{people_text(soon)} given up before their retries were used up: "
                f"after {least} of {counted(most, 'retry', 'retries')} at the least"
            )
            return Holds(self._finding(facts, text, float(soon), float(self.early), done))
        part = share(n, done)
        text = f"{n:,} of {people_text(done)} done are out of retries ({percent(part)})"
        if self.count and n >= self.count:
            return Holds(self._finding(facts, text, float(n), float(self.count), done))
        finding = partial(self._finding, facts, text, part_of(n, done), self.share * 100, done, "%")
        if done < self.min_contacts:
            return Unknown(f"{people_text(done)} done, of {self.min_contacts:,} needed", finding)
        return Holds(finding()) if part >= self.share else Clear(finding)

    def _finding(
        self, facts: BatchFacts, text: str, value: float, limit: float, n: int, unit: str = ""
    ) -> Finding:
        return Finding(
            summary=text,
            value=value,
            threshold=limit,
            unit=unit,
            n=n,
            affected=people(facts.tally, ContactStatus.EXHAUSTED),
            total=facts.people,
            waiting=facts.waiting,
            todo="See what their last calls ended with; change the hours or the policy.",
        )
