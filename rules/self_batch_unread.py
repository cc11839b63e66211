"""Batches that cannot be looked at, though others of the same provider can.

Fires when nothing fresh has come about a batch for its provider's ``blind_after``: the
answers about it fail, cannot be understood, or are older than what was known. One alert for
all such batches of a provider; rules about them say nothing meanwhile. Not when all of a
provider's batches are silent, or the provider as a whole fails: that is provider_blind.

What to do: look at the reason; look at the batch at the vendor itself meanwhile; report an
answer that has changed its shape, or upgrade Offhook.
"""

from dataclasses import dataclass
from typing import ClassVar

from monitor.core.facts import ProviderFacts
from monitor.core.rule import Clear, Finding, Holds, ProviderRule, Severity, Unknown, Verdict
from monitor.core.unread import unread_finding


@dataclass(frozen=True, kw_only=True)
class SelfBatchUnread(ProviderRule):
    """See the module."""

    id: ClassVar[str] = "self_batch_unread"
    severity: ClassVar[Severity] = Severity.WARNING

    def judge(self, facts: ProviderFacts) -> Verdict:
        """See the module."""
        if facts.fails:
            return Unknown("the provider as a whole cannot be seen")
        if not facts.unseen:
            return Clear(Finding(summary="every open batch can be looked at"))
        return Holds(
            unread_finding(
                facts,
                facts.unseen,
                "{batches} cannot be looked at",
                "Look at it at the vendor itself; rules about it say nothing meanwhile.",
            )
        )
