"""A changed configuration was refused, and the one before it goes on.

Fires when a reload finds an error, and says where. Recovers with the next configuration
that can be used. Not at the start: a bad file then stops it.

What to do: run ``offhook check-config``, put the line right, and reload.
"""

from dataclasses import dataclass
from typing import ClassVar

from monitor.core.rule import Severity
from monitor.core.selfrule import SelfRule


@dataclass(frozen=True, kw_only=True)
class SelfConfigRejected(SelfRule):
    """See the module."""

    id: ClassVar[str] = "self_config_rejected"
    severity: ClassVar[Severity] = Severity.WARNING
