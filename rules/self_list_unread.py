"""A batch's people and calls cannot be read, though the vendor still tells how it stands.

Fires when a batch's list has failed, or rows of it could not be read, for as long as makes
its provider blind; rules about its calls say nothing meanwhile. Recovers with a reading of
the whole list. Not for a vendor that does not answer at all: that is provider_blind.

What to do: look at the reason; look at the batch at the vendor itself meanwhile; report a
list that has changed its shape, or upgrade Offhook.
"""

from dataclasses import dataclass
from typing import ClassVar

from monitor.core.rule import SelfRule, Severity


@dataclass(frozen=True, kw_only=True)
class SelfListUnread(SelfRule):
    """See the module."""

    id: ClassVar[str] = "self_list_unread"
    severity: ClassVar[Severity] = Severity.WARNING
