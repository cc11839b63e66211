"""What Offhook watches from now on, and what it cannot see.

Reports once in the life of an installation: when every provider has been read for the first
time, or five minutes after the start with those that could not be. Not again after a restart,
an upgrade or a change of the configuration.

What to do: see that every batch you know of is counted; read what cannot be seen, because
no message will ever come of that.
"""

from dataclasses import dataclass
from typing import ClassVar

from monitor.core.rule import Severity
from monitor.core.selfrule import SelfRule


@dataclass(frozen=True, kw_only=True)
class SelfWatching(SelfRule):
    """See the module."""

    id: ClassVar[str] = "self_watching"
    severity: ClassVar[Severity] = Severity.INFO
    one_shot: ClassVar[bool] = True
