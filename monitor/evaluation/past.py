"""What can be asked about the past: which rules, and who a batch was compared with."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TypeVar

from monitor.core.baseline import Compare
from monitor.core.calls import CallLog, Peer
from monitor.core.instance import RuleInstance, Settings
from monitor.core.past import KnownCalls
from monitor.core.pastmoves import Past
from monitor.core.rule import Replays, SubjectKind
from monitor.store.peers import StoredPeers

Answer = TypeVar("Answer")
Rules = tuple[tuple[RuleInstance, Settings], ...]


def runs(instance: RuleInstance, past: Past) -> bool:
    """Whether a rule can be asked about this past."""
    rule = instance.settings.rule
    if rule.subject is not SubjectKind.BATCH or why_not(instance):
        return False
    return rule.replays >= (Replays.MOVES if past.whole else Replays.CALLS)


def about_persons(rules: Rules) -> Rules:
    """Those that go by single people, whichever batch these stand in."""
    return tuple(each for each in rules if getattr(each[1].rule, "persons", False))


def why_not(instance: RuleInstance) -> str:
    """Why a rule cannot be asked about any past, for people; "" when it can."""
    settings = (instance.settings, *(each for _, each in instance.overrides))
    for each in settings:
        rule = each.rule
        if not rule.replays:
            return rule.untold
        if getattr(rule, "compare", None) is Compare.SIBLINGS:
            return "how the other open batches stood then is not laid out"
    return ""


@dataclass(slots=True)
class PastPeers:
    """Peers of a batch as it stood then: those that had ended by then, and its own calls."""

    stored: StoredPeers
    calls: KnownCalls

    def previous(self, n: int) -> tuple[Peer, ...]:
        """See Peers."""
        return self.stored.previous(n)

    def siblings(self) -> tuple[Peer, ...]:
        """None: how other batches stood then is not laid out beside this one."""
        return ()

    def own(self) -> CallLog:
        """See Peers."""
        return self.calls

    def once(self, question: Hashable, ask: Callable[[], Answer]) -> Answer:
        """See Peers."""
        return self.stored.once(question, ask)
