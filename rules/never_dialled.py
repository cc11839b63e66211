"""A batch completed, and some of its people were never called.

Reports once a run, when the end is believed (as for batch_completed), that at least
``min_contacts`` people, or the share ``share`` of all, were rejected, skipped, left in the
queue, or are on no list; a single person only where the share is one or more, or nobody else
was in it. Where the vendor's counts contradict its lists, after 15 minutes
and only of people whom the lists show: batch_completed tells the contradiction. Not before
the lists were read to their end, and not while calls go on. Not for ends that batch_failed
tells of, which counts these people itself; ``statuses`` adds them. Not for batches that had
ended before Offhook first looked.

What to do: ask the vendor why these people were left out; call them in a new batch.
"""

from dataclasses import dataclass
from typing import ClassVar

from monitor.core.completion import never_dialled, old_news, read_since_end, rows, under_way
from monitor.core.ending import CONFIRM_AFTER, UNVERIFIED_AFTER, doubts
from monitor.core.facts import BatchFacts
from monitor.core.model import BatchStatus
from monitor.core.progress import part_of, seen_undialled, undialled_words
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
from monitor.core.wording import people_text

_NOT_ENDED = Clear(Finding(summary="has not ended since Offhook looks at it"))


@dataclass(frozen=True, kw_only=True)
class NeverDialled(BatchRule):
    """See the module."""

    id: ClassVar[str] = "never_dialled"
    severity: ClassVar[Severity] = Severity.WARNING
    one_shot: ClassVar[bool] = True
    aside: ClassVar[bool] = True
    replays: ClassVar[Replays] = Replays.MOVES

    min_contacts: int = 5
    share: float = 0.01
    statuses: frozenset[BatchStatus] = frozenset({BatchStatus.COMPLETED})

    def __post_init__(self) -> None:
        """ValueError for people where a parameter cannot be meant."""
        check_between("min_contacts", self.min_contacts, 1, 1_000_000)
        check_between("share", self.share, 0.0001, 1)
        if open_ := sorted(status for status in self.statuses if not status.terminal):
            raise ValueError(f"statuses: {open_[0]} ends no batch")

    def judge(self, facts: BatchFacts) -> Verdict:
        """See the module."""
        if facts.batch.status not in self.statuses or old_news(facts):
            return _NOT_ENDED
        found = "; ".join(doubts(facts))
        early = facts.now - (facts.terminal_at or facts.now) < UNVERIFIED_AFTER
        calling = under_way(facts, CONFIRM_AFTER)  # who is called, may call those who are left
        if found and (early or calling or not read_since_end(facts)):
            return Unknown(found)
        missed, everybody = (seen_undialled if found else never_dialled)(facts), rows(facts)
        finding = self._finding(facts, missed, everybody, sure=not found)
        return Holds(finding) if self._are_many(missed, everybody) else Clear(finding)

    def _are_many(self, missed: int, everybody: int) -> bool:
        alone = missed == 1 < everybody and self.share * everybody < 1
        return missed >= self.min_contacts or (share(missed, everybody) >= self.share and not alone)

    def _finding(self, facts: BatchFacts, missed: int, everybody: int, *, sure: bool) -> Finding:
        word = "completed" if facts.batch.status is BatchStatus.COMPLETED else "ended"
        if not missed:
            return Finding(summary=f"{word}, and everybody was dialled", total=everybody)
        words = undialled_words(facts, missed)
        return Finding(
            summary=f"{word}, but {missed:,} of {people_text(everybody)} never dialled: {words}",
            value=part_of(missed, everybody),
            threshold=round(self.share * 100, 2),
            unit="%",
            n=everybody,
            affected=missed,
            total=everybody,
            since=facts.batch.ended_at or facts.terminal_at,
            estimate=not sure or facts.estimates("total"),
            todo="Ask the vendor why they were left out; call them in a new batch.",
        )
