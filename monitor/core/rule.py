"""What a rule is, and what it answers: all that a rule file imports, with the facts.

A rule is a frozen dataclass whose fields are its parameters and whose one method turns
facts into a verdict. Verdicts are three-valued: ``Unknown`` keeps an alert
as it is, so a window that empties never resolves anything.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import IntEnum, StrEnum
from typing import ClassVar

from monitor.core.day import DayFacts
from monitor.core.expectation import ExpectationFacts
from monitor.core.facts import BatchFacts, Facts, ProviderFacts
from monitor.core.model import BatchStatus, Capabilities
from monitor.core.wording import clock


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
    DAY = "day"  # all batches, from one time of day to the next
    EXPECTATION = "expectation"  # a batch that is to come at certain times


class Replays(IntEnum):
    """How much of a batch's past must be kept for a rule to be asked about it."""

    NEVER = 0  # ``Rule.untold`` says why
    MOVES = 1  # what moved while it was watched
    CALLS = 2  # the ends of its calls, and its own, are enough


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
    falls: bool = False  # a value at the threshold or below it is wrong, and not one above
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
    marks: tuple[str, ...] = ()  # further short true remarks ("settling")
    severity: Severity | None = None  # overrides the rule's own
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Holds:
    """The condition is there now."""

    finding: Finding


# What was seen, or how to put it together: of what is well few ever read more than that.
# It asks the facts again, so who reads it later has it put together while these are at hand.
Seen = Finding | Callable[[], Finding]


@dataclass(frozen=True, slots=True, eq=False)
class Clear:
    """The condition is known not to be there."""

    __match_args__ = ("finding",)

    seen: Seen

    @property
    def finding(self) -> Finding:
        """What there is instead."""
        return self.seen if isinstance(self.seen, Finding) else self.seen()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Clear) and self.finding == other.finding

    __hash__ = None  # type: ignore[assignment]  # a finding has none


@dataclass(frozen=True, slots=True, eq=False)
class Unknown:
    """It cannot be said; ``reason`` is a short clause for people ("no calls since 14:06")."""

    reason: str
    seen: Seen | None = None
    still: bool = False  # nothing can move meanwhile: this time is no part of a pending one
    between: bool = False  # its number is sound, and lies between what is well and the limit

    @property
    def finding(self) -> Finding | None:
        """What was seen, as far as that goes."""
        seen = self.seen
        return seen if seen is None or isinstance(seen, Finding) else seen()

    def __eq__(self, other: object) -> bool:
        mine = self.reason, self.finding
        return isinstance(other, Unknown) and mine == (other.reason, other.finding)

    __hash__ = None  # type: ignore[assignment]  # a finding has none


Verdict = Holds | Clear | Unknown


@dataclass(frozen=True, kw_only=True)
class Rule(ABC):
    """One condition about one kind of subject. Subclasses add their parameters as fields.

    ``one_shot`` rules report an event once per run of a batch, and its last word once it has
    settled. ``needs`` names Capabilities without which nothing can be seen at a vendor.
    ``replays``: what must be kept for it to be asked about the past; ``untold``: why it cannot.
    """

    id: ClassVar[str]
    severity: ClassVar[Severity]
    subject: ClassVar[SubjectKind] = SubjectKind.BATCH
    one_shot: ClassVar[bool] = False
    aside: ClassVar[bool] = False  # its one-shot report is no last word on a batch's run
    replays: ClassVar[Replays] = Replays.NEVER
    untold: ClassVar[str] = "what it goes by is not kept"
    needs: ClassVar[frozenset[str]] = frozenset()
    pending_for: ClassVar[timedelta] = timedelta(0)  # where the configuration has no ``for``
    at_rest: ClassVar[bool] = False  # its pending time passes in closed hours and pauses, too
    hurries: ClassVar[bool] = True  # while it is pending, its batch is looked at more often
    weighed_by: ClassVar[str | None] = None  # the parameter that has a severity for each case
    # Rules of one cause see the same evidence, so people hear of them in one conversation.
    cause: ClassVar[str | None] = None  # None: a cause of its own, the rule's id
    # The law asks for it: no route's mute, digest or waiting holds it back.
    compliance: ClassVar[bool] = False
    # It runs only where a table asks for it, because it says nothing without its parameters.
    written_only: ClassVar[bool] = False
    # Worth knowing, never worth a ping: where no routes are written it goes to a daily digest.
    calm: ClassVar[bool] = False

    @property
    def looks_back(self) -> timedelta | None:
        """How long ago what it tells of may lie; None: it speaks of this moment alone."""
        window: timedelta | None = getattr(self, "window", None)
        return window

    @abstractmethod
    def evaluate(self, facts: Facts) -> Verdict:
        """Judge the facts; pure, and never raises on any facts that can exist."""


_SEEN = {
    "numbers": "phone numbers",
    "priced": "what calls cost",
    "in_flight": "calls under way",
    "call_times": "when calls were made",
}


def told_as(need: str) -> str:
    """One of the Capabilities in people's words."""
    return _SEEN.get(need, need.replace("_", " "))


def cannot_see(needs: frozenset[str], told: Capabilities, vendor: str) -> str:
    """What is needed and a vendor does not tell, for people; "" where it tells all of it."""
    if not needs or all(getattr(told, need) for need in needs):
        return ""
    unseen = [told_as(need) for need in sorted(needs) if not getattr(told, need)]
    where = vendor.title() or "this vendor"
    return f"cannot see {', '.join(unseen)} at {where}"


@dataclass(frozen=True, kw_only=True)
class BatchRule(Rule):
    """A rule about batches: judges only what is fresh, and what the vendor can tell at all.

    How a batch ended is not judged while its status is a word that Offhook does not know.
    """

    subject: ClassVar[SubjectKind] = SubjectKind.BATCH
    reads_list: ClassVar[bool] = False  # goes by people and calls, not by the look alone
    persons: ClassVar[bool] = False  # goes by single people, whichever batch they stand in

    def evaluate(self, facts: Facts) -> Verdict:
        """See Rule; what is stale or cannot be seen at this vendor is Unknown."""
        if not isinstance(facts, BatchFacts):
            raise TypeError(f"{self.id} is about batches")
        needs = self.needs
        if needs and (unseen := cannot_see(needs, facts.capabilities, facts.vendor)):
            return Unknown(unseen)
        if not facts.certainty.fresh:
            seen = facts.certainty.observed_at
            since = f" since {clock(seen, facts.zone, facts.now)}" if seen else ""
            return Unknown(f"no fresh answer{since}")
        if self.one_shot and facts.batch.status is BatchStatus.UNKNOWN:
            return UNKNOWN_STATUS
        if self.reads_list and not facts.certainty.listed:
            return Unknown("its people and calls cannot be read")
        return self.judge(facts)

    @abstractmethod
    def judge(self, facts: BatchFacts) -> Verdict:
        """Judge fresh facts about one batch."""


@dataclass(frozen=True, kw_only=True)
class ProviderRule(Rule):
    """A rule about providers."""

    subject: ClassVar[SubjectKind] = SubjectKind.PROVIDER
    replays: ClassVar[Replays] = Replays.MOVES

    def evaluate(self, facts: Facts) -> Verdict:
        """See Rule."""
        if not isinstance(facts, ProviderFacts):
            raise TypeError(f"{self.id} is about providers")
        return self.judge(facts)

    @abstractmethod
    def judge(self, facts: ProviderFacts) -> Verdict:
        """Judge the facts about one provider."""


@dataclass(frozen=True, kw_only=True)
class ExpectationRule(Rule):
    """A rule about batches that are to come."""

    subject: ClassVar[SubjectKind] = SubjectKind.EXPECTATION

    def evaluate(self, facts: Facts) -> Verdict:
        """See Rule."""
        if not isinstance(facts, ExpectationFacts):
            raise TypeError(f"{self.id} is about what is expected")
        return self.judge(facts)

    @abstractmethod
    def judge(self, facts: ExpectationFacts) -> Verdict:
        """Judge the facts about one expectation."""


@dataclass(frozen=True, kw_only=True)
class DayRule(Rule):
    """A rule about one day: reports once at a time of day, where it is written."""

    subject: ClassVar[SubjectKind] = SubjectKind.DAY
    replays: ClassVar[Replays] = Replays.MOVES
    one_shot: ClassVar[bool] = True
    written_only: ClassVar[bool] = True

    @property
    @abstractmethod
    def time(self) -> time | None:
        """When the day ends, on the wall; None for none."""

    def evaluate(self, facts: Facts) -> Verdict:
        """See Rule."""
        if not isinstance(facts, DayFacts):
            raise TypeError(f"{self.id} is about days")
        return self.judge(facts)

    @abstractmethod
    def judge(self, day: DayFacts) -> Verdict:
        """Judge one day."""


UNKNOWN_STATUS = Unknown("the vendor gives the batch a status that Offhook does not know")


def check_between(name: str, value: float, least: float, most: float) -> None:
    """Refuse a parameter outside its range; the ValueError is for people."""
    if not least <= value <= most:
        raise ValueError(f"{name} is {value:g}; it must lie between {least:g} and {most:g}")
