"""Messages cannot be delivered to a receiver.

Fires when a message was given up after its last try, or was refused for good. Recovers
when the receiver takes a message again. Not for tries that are still being repeated.

What to do: ``offhook deliveries`` shows what was lost and why; put right the receiver's
address or key, then ``offhook notify test``.
"""

from dataclasses import dataclass
from typing import ClassVar

from monitor.core.rule import Severity
from monitor.core.selfrule import SelfRule


@dataclass(frozen=True, kw_only=True)
class SelfDeliveryFailed(SelfRule):
    """See the module."""

    id: ClassVar[str] = "self_delivery_failed"
    severity: ClassVar[Severity] = Severity.WARNING
