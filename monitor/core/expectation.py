"""A batch that people expect at certain times, and what came of it the last time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from monitor.core.people import Overlap
from monitor.core.route import Matcher
from monitor.core.schedule import Occurrence, Schedule
from monitor.core.wording import counted, people_text

# What came so long ago is there as a whole: lists are loaded before they are dialled.
SETTLED = timedelta(minutes=10)
# A batch that ended so long ago has no list any more that could be put right.
OVER = timedelta(hours=1)
# The usual size is that of so many batches before; of fewer than the least, nothing is usual.
USUAL_OF = 5
USUAL_LEAST = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One of ``[[expect]]``. No providers are all of them."""

    name: str
    schedule: Schedule
    match: tuple[Matcher, ...] = ()
    providers: tuple[str, ...] = ()
    within: timedelta = timedelta(minutes=30)
    early: timedelta = timedelta(hours=1)
    people: int | None = None
    overlap_days: int = 3
    max_overlap: float = 0.2

    @property
    def provider(self) -> str:
        """The one that it is about; empty where it is about several."""
        return self.providers[0] if len(self.providers) == 1 else ""

    @property
    def title(self) -> str:
        """The name for people: ``daily_reminders`` is "Daily reminders"."""
        return self.name.replace("_", " ").capitalize()


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """A batch that an expectation is about.

    ``people`` is None while nobody knows how many there are; ``before`` are those of them who
    talked in another batch in the last days, None where nobody can tell.
    """

    title: str
    batch_id: str
    at: datetime  # when it began, is to begin, or was first seen
    begun: bool
    seen_at: datetime  # first
    ended_at: datetime | None = None
    people: int | None = None
    before: Overlap | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectationFacts:
    """One expectation, as known at ``now``.

    ``occurrence`` is the one that is due or was last; None where none is in a year. ``came``
    are its batches, ``usual`` how many people they have otherwise. ``where`` names the vendors
    for people. ``unseen`` says why a batch may be there that was not seen.
    """

    now: datetime
    expectation: Expectation
    occurrence: Occurrence | None
    where: str
    came: tuple[Came, ...] = ()
    usual: int | None = None
    unseen: str | None = None

    @property
    def late_by(self) -> timedelta:
        """How long ago it was due."""
        return self.now - self.occurrence.due if self.occurrence else timedelta(0)

    @property
    def over(self) -> bool:
        """What came has ended, and was so a while ago."""
        ends = [each.ended_at for each in self.came]
        return bool(ends) and all(at is not None and self.now - at >= OVER for at in ends)

    @property
    def people(self) -> int | None:
        """How many people came in all; None while that is not known of every batch."""
        known = [each.people for each in self.came if each.people is not None]
        return sum(known) if known and len(known) == len(self.came) else None


def usual_of(sizes: Sequence[int]) -> int | None:
    """What is usual where it was of these sizes before; None where that says nothing."""
    return round(median(sizes[:USUAL_OF])) if len(sizes) >= USUAL_LEAST else None


def usually(facts: ExpectationFacts) -> str:
    """What is usual, in brackets; nothing where nothing is."""
    return "" if facts.usual is None else f" (usually {people_text(facts.usual)})"


def repeated(facts: ExpectationFacts) -> Overlap:
    """The people of its batches who were reached before, as far as that is known."""
    found = [each.before for each in facts.came if each.before is not None]
    return Overlap(
        n=sum(each.n for each in found),
        of=sum(each.of for each in found),
        batches=tuple(sorted(_batches(found), key=lambda one: (-one[1], one[0]))),
        evidence=tuple(contact for each in found for contact in each.evidence)[:3],
        whole=all(each.whole for each in found),
    )


def _batches(found: Sequence[Overlap]) -> Iterator[tuple[str, int]]:
    counts: dict[str, int] = {}
    for each in found:
        for title, n in each.batches:
            counts[title] = counts.get(title, 0) + n
    yield from counts.items()


def days(n: int) -> str:
    """So many days for people: "in the last 3 days"."""
    return f"in the last {counted(n, 'day')}" if n > 1 else "in the last day"
