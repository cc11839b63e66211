"""What a rule is, and what it answers: all that a rule file imports, with the facts.

A rule is a frozen dataclass whose fields are its parameters and whose one method turns
facts into a verdict. Verdicts are three-valued (DESIGN.md 9.1): ``Unknown`` keeps an alert
as it is, so a window that empties never resolves anything.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from monitor.core.facts import Facts


class Severity(StrEnum):
    """How much it matters; the order of the members is the order of weight."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def weight(self) -> int:
        """Comparable: info 0, warning 1, critical 2."""
        return list(Severity).index(self)


class SubjectKind(StrEnum):
    """What a rule looks at."""

    BATCH = "batch"
    PROVIDER = "provider"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a rule saw, in numbers and in one sentence, whichever way the verdict goes.

    ``summary`` is the sentence people read first, without the batch's name (the message puts
    it in front). ``details`` are further lines (label, text). ``todo`` is one thing to do.
    ``evidence`` holds up to three vendor ids. Texts never hold names or raw vendor error text.
    """

    summary: str
    value: float | None = None
    threshold: float | None = None
    unit: str = ""  # of value and threshold: "%", "s", "" for a count
    n: int | None = None  # sample size behind value
    affected: int | None = None
    total: int | None = None
    waiting: int | None = None
    since: datetime | None = None  # when what is wrong began
    details: tuple[tuple[str, str], ...] = ()
    evidence: tuple[str, ...] = ()
    todo: str | None = None
    estimate: bool = False
    late: bool = False  # detected late
    severity: Severity | None = None  # overrides the rule's own
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Holds:
    """The condition is there now."""

    finding: Finding


@dataclass(frozen=True, slots=True)
class Clear:
    """The condition is known not to be there."""

    finding: Finding


@dataclass(frozen=True, slots=True)
class Unknown:
    """It cannot be said; ``reason`` is a short clause for people ("no calls since 14:06")."""

    reason: str
    finding: Finding | None = None


Verdict = Holds | Clear | Unknown


@dataclass(frozen=True, kw_only=True)
class Rule(ABC):
    """One condition about one kind of subject. Subclasses add their parameters as fields.

    ``one_shot`` rules report an event once per run of a batch and close at once; their
    ``settle`` hook may revise the report once. ``needs`` names Capabilities without which
    the rule cannot see anything at a vendor.
    """

    id: ClassVar[str]
    severity: ClassVar[Severity]
    subject: ClassVar[SubjectKind] = SubjectKind.BATCH
    one_shot: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def evaluate(self, facts: Facts) -> Verdict:
        """Judge the facts; pure, and never raises on any facts that can exist."""
