"""A vendor used a status that Offhook does not know.

Reported once for each word at each provider. What carries the word counts as neither
success nor failure and stays open, so a batch may be reported late or as unverified.
Not for words that a vendor documents, however it spells them.

What to do: look at the vendor's documentation; report the word, or upgrade Offhook.
"""

from dataclasses import dataclass
from typing import ClassVar

from monitor.core.rule import Severity
from monitor.core.selfrule import SelfRule


@dataclass(frozen=True, kw_only=True)
class SelfUnknownStatus(SelfRule):
    """See the module."""

    id: ClassVar[str] = "self_unknown_status"
    severity: ClassVar[Severity] = Severity.INFO
    one_shot: ClassVar[bool] = True
    calm: ClassVar[bool] = True
