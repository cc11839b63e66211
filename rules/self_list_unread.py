"""People and calls of batches cannot be read, though the vendor still tells how those stand.

Fires when a batch's list has failed, or rows of it could not be read, for as long as makes
its provider blind; rules about its calls say nothing meanwhile. One alert for all such
batches of a provider; recovers with a reading of every list that failed. Not for a vendor
that does not answer at all: that is provider_blind.

What to do: look at the reason; look at the batch at the vendor itself meanwhile; report a
list that has changed its shape, or upgrade Offhook.
"""

from dataclasses import dataclass
from typing import ClassVar

from monitor.core.facts import ProviderFacts
from monitor.core.rule import Clear, Finding, Holds, ProviderRule, Severity, Unknown, Verdict
from monitor.core.unread import unread_finding


@dataclass(frozen=True, kw_only=True)
class SelfListUnread(ProviderRule):
    """See the module."""

    id: ClassVar[str] = "self_list_unread"
    severity: ClassVar[Severity] = Severity.WARNING

    def judge(self, facts: ProviderFacts) -> Verdict:
        """See the module."""
        if facts.fails:
            return Unknown("the provider as a whole cannot be seen")
        if not facts.unlisted and facts.unseen:
            return Unknown("a batch that is not heard of may have a list that cannot be read")
        if not facts.unlisted:
            return Clear(Finding(summary="no open batch has a list that cannot be read"))
        return Holds(
            unread_finding(
                facts,
                facts.unlisted,
                "the people of {batches} cannot all be read",
                "Look at it at the vendor itself; rules about its calls may say nothing.",
            )
        )
