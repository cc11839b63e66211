"""The clock of this server has jumped.

Fires when the wall clock moves against the monotonic one by more than 30 seconds. Until
fresh answers have come nothing fires and nothing resolves; then this recovers. A clock
that is corrected slowly, or a change of daylight saving time, is no jump.

What to do: see that the server keeps time (``timedatectl``), and that it is not suspended.
"""

from dataclasses import dataclass
from typing import ClassVar

from monitor.core.rule import Severity
from monitor.core.selfrule import SelfRule


@dataclass(frozen=True, kw_only=True)
class SelfClockJumped(SelfRule):
    """See the module."""

    id: ClassVar[str] = "self_clock_jumped"
    severity: ClassVar[Severity] = Severity.WARNING
