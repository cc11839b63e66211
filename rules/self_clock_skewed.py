"""A vendor's clock and this machine's differ.

Fires when a vendor's answers have told a time more than 60 seconds from this machine's for
several answers and a minute. When all vendors agree against this machine there is one alert,
and it names the machine. Durations go by what is seen here, so they stay right; times that
the vendor tells are off by as much. Not for an answer that comes late.

What to do: see that this server keeps time (``timedatectl``); if it does, tell the vendor.
"""

from dataclasses import dataclass
from typing import ClassVar

from monitor.core.rule import Severity
from monitor.core.selfrule import SelfRule


@dataclass(frozen=True, kw_only=True)
class SelfClockSkewed(SelfRule):
    """See the module."""

    id: ClassVar[str] = "self_clock_skewed"
    severity: ClassVar[Severity] = Severity.WARNING
