"""Rules about Offhook itself."""

from dataclasses import dataclass
from typing import ClassVar

from monitor.core.facts import Facts, SystemFacts
from monitor.core.rule import Clear, Finding, Holds, Rule, Severity, SubjectKind, Verdict


@dataclass(frozen=True, kw_only=True)
class SelfRule(Rule):
    """A rule about Offhook itself: holds for as long as there is a trouble of its name."""

    subject: ClassVar[SubjectKind] = SubjectKind.SYSTEM
    untold: ClassVar[str] = "there is no limit to try, and Offhook's own troubles are not kept"

    def evaluate(self, facts: Facts) -> Verdict:
        """See Rule."""
        if not isinstance(facts, SystemFacts):
            raise TypeError(f"{self.id} is about Offhook itself")
        for trouble in facts.troubles.values():
            if trouble.rule == self.id:
                return Holds(
                    Finding(
                        summary=trouble.summary,
                        since=trouble.since,
                        details=trouble.details,
                        todo=trouble.todo,
                        severity=Severity.CRITICAL if trouble.critical else None,
                    )
                )
        return Clear(Finding(summary="it is over"))
