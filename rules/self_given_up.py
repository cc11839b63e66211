"""Messages were given up.

Fires when messages to a receiver are kept that were tried for a day, or refused for good,
and were not sent again since. Where no routes are written it is in the daily digest, every day
until then. Not for messages that are still being tried, nor for its own.

What to do: ``offhook deliveries --state dead`` shows them and why; put that right, and send
them again with ``offhook deliveries replay``, or on the status page.
"""

from dataclasses import dataclass
from typing import ClassVar

from monitor.core.rule import Severity
from monitor.core.selfrule import SelfRule


@dataclass(frozen=True, kw_only=True)
class SelfGivenUp(SelfRule):
    """See the module."""

    id: ClassVar[str] = "self_given_up"
    severity: ClassVar[Severity] = Severity.WARNING
    calm: ClassVar[bool] = True
