"""What can be asked about the past: which rules, and who a batch was compared with."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from monitor.core.baseline import Compare
from monitor.core.calls import CallLog, Peer
from monitor.core.instance import RuleInstance, Settings
from monitor.core.past import KnownCalls
from monitor.core.pastmoves import Past
from monitor.core.rule import Replays, SubjectKind
from monitor.evaluation.pastsiblings import Beside
from monitor.store.peers import StoredPeers

Answer = TypeVar("Answer")
Rules = tuple[tuple[RuleInstance, Settings], ...]


def runs(instance: RuleInstance, past: Past) -> bool:
    """Whether a rule can be asked about this past."""
    rule = instance.settings.rule
    if rule.subject is not SubjectKind.BATCH or why_not(instance):
        return False
    if not past.whole and _looks_beside(instance.settings):
        return False
    return rule.replays >= (Replays.MOVES if past.whole else Replays.CALLS)


def look_beside(rules: Rules) -> bool:
    """Whether any of these compares a batch with the other open ones."""
    return any(_looks_beside(settings) for _, settings in rules)


def _looks_beside(settings: Settings) -> bool:
    return getattr(settings.rule, "compare", None) is Compare.SIBLINGS


def about_persons(rules: Rules) -> Rules:
    """Those that go by single people, whichever batch these stand in."""
    return tuple(each for each in rules if getattr(each[1].rule, "persons", False))


def why_not(instance: RuleInstance) -> str:
    """Why a rule cannot be asked about any past, for people; "" when it can."""
    rule = instance.settings.rule
    return "" if rule.replays else rule.untold


@dataclass(slots=True)
class PastPeers:
    """Peers of a batch as they stood then. ``beside`` is None where nobody asks for siblings."""

    stored: StoredPeers
    calls: KnownCalls
    now: datetime
    beside: Beside | None = None
    unseen_since: datetime | None = None  # from then on it is asked what was missed

    def previous(self, n: int) -> tuple[Peer, ...]:
        """See Peers."""
        return self.stored.previous(n)

    def siblings(self) -> tuple[Peer, ...]:
        """See Peers; those of other providers, whom only a sentence names, are left out."""
        return () if self.beside is None else self.beside.at(self.now, self.unseen_since)

    def own(self) -> CallLog:
        """See Peers."""
        return self.calls

    def once(self, question: Hashable, ask: Callable[[], Answer]) -> Answer:
        """See Peers."""
        return self.stored.once(question, ask)
