"""A rule has crashed, so it says nothing about its subject.

Fires when a rule raises an error; its alerts stay as they are meanwhile. Recovers when the
rule runs again. Not for a rule that merely cannot tell.

What to do: look for ``rule_failed`` in the log; report it; turn the rule off if it must be.
"""

from dataclasses import dataclass
from typing import ClassVar

from monitor.core.rule import Severity
from monitor.core.selfrule import SelfRule


@dataclass(frozen=True, kw_only=True)
class SelfRuleFailed(SelfRule):
    """See the module."""

    id: ClassVar[str] = "self_rule_failed"
    severity: ClassVar[Severity] = Severity.WARNING
