"""The same people are to be dialled by two open batches.

Fires when at least ``min_people`` people, or ``share`` of the batch's, are yet to be dialled
both here and in another open batch, at whichever provider. Both batches say so. People are
known by the keyed hash of their number. Recovers when fewer are left, since they were called
or the other batch ended. Says nothing where the vendor lists no people, or no numbers.

What to do: stop one of the two batches, or take these people off its list before they are
called twice.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from monitor.core.facts import BatchFacts
from monitor.core.limits import named
from monitor.core.people import Overlap
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
from monitor.core.wording import counted, percent


@dataclass(frozen=True, kw_only=True)
class DuplicateContact(BatchRule):
    """See the module. ``share`` 0 turns that way of firing off, and so does ``min_people`` 0."""

    id: ClassVar[str] = "duplicate_contact"
    severity: ClassVar[Severity] = Severity.WARNING
    cause: ClassVar[str | None] = "people"
    reads_list: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"contacts", "numbers"})
    persons: ClassVar[bool] = True
    replays: ClassVar[Replays] = Replays.MOVES

    min_people: int = 5
    share: float = 0.01

    def __post_init__(self) -> None:
        """ValueError for people where a parameter cannot be meant."""
        check_between("min_people", self.min_people, 0, 1_000_000)
        check_between("share", self.share, 0, 1)
        if not self.min_people and not self.share:
            raise ValueError("min_people and share are both 0, so it could never hold")

    def judge(self, facts: BatchFacts) -> Verdict:
        """See the module."""
        found = facts.persons.in_other_open_batches()
        finding = partial(self._finding, facts, found)
        part = share(found.n, found.of)
        enough = 0 < self.min_people <= found.n or 0 < self.share <= part
        if enough and found.n:
            return Holds(finding())
        if not found.whole:
            return Unknown("its people are still being read", finding)
        return Clear(finding)

    def _finding(self, facts: BatchFacts, found: Overlap) -> Finding:
        titles = [title for title, _ in found.batches]
        who = counted(found.n, "person", "people")
        verb = "is" if found.n == 1 else "are"
        part = f" ({percent(share(found.n, found.of))} of this batch)" if found.n else ""
        where = f" in {named(titles)}, too" if titles else " in another open batch, too"
        return Finding(
            summary=f"{who}{part} {verb} yet to be dialled{where}",
            value=found.n,
            threshold=self.min_people or None,
            affected=found.n,
            total=found.of or facts.people,
            evidence=found.evidence,
            todo="Stop one of these batches, or take these people off its list.",
        )
