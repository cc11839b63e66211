"""What is known in the middle of one reading of a batch's list, and whether it may end."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from monitor.core.completion import Disagreement, contradictions, disagreements, ended_calls
from monitor.core.model import OPEN_CONTACT, Capabilities, ContactStatus, Counts
from monitor.core.pace import Reading, explained, lines
from monitor.core.tally import people
from monitor.ingest.pages import Difference, Read
from monitor.ingest.parts import Parts, join
from monitor.providers import Page, Stop
from monitor.store.batches import BatchRow

# How much less may differ where only parts of a list were read.
_STRICT = 4
_MADE_GOOD_AFTER = timedelta(minutes=2)
_FINISHED = tuple(status for status in ContactStatus if status not in OPEN_CONTACT)


@dataclass(slots=True)
class Pass:
    """One sweep under way."""

    row: BatchRow
    run: int
    counts: Counts  # of the look that it is made for: newer looks may come meanwhile
    mode: Reading
    first: tuple[int, ...]
    started_at: datetime
    parts: Parts
    read: int = 0
    waiting: list[Read] = field(default_factory=list)
    unread: set[tuple[str, int, int]] = field(default_factory=set)  # listing, page and place
    last: dict[str, int] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
    rows: set[int] = field(default_factory=set)  # digests: distinct, known ones included
    words: set[tuple[str, str]] = field(default_factory=set)
    moved: bool = False

    def wait(self, read: Read) -> None:
        """Keep what was read until it is taken in, and note what could not be."""
        page = read.difference.page
        self.unread -= {(*page[:2], place) for place in read.items}
        self.unread |= {(*page[:2], place) for place in read.unread}
        last = self.waiting[-1].difference.page if self.waiting else None
        if page.start is not None and last is not None and last[:2] == page[:2]:
            read = join(self.waiting.pop(), read)
        self.waiting.append(read)

    @property
    def items_waiting(self) -> int:
        """How many people have been read and not yet been taken in."""
        return sum(len(read.items) for read in self.waiting)

    @property
    def begun(self) -> int:
        """How many wait for their first call by what was read, and not by the vendor's count."""
        counted = _waiting(self.counts)
        read = people(self.row.tally, ContactStatus.PENDING)
        return 0 if counted is None else max(read - counted, 0)

    def may_end(self, page: Page, difference: Difference | None) -> bool:
        """Whether a reading of no more than what moved may end with this page."""
        match page.stop:
            case Stop.EXPLAINED:
                return self.read >= len(self.first)
            case Stop.KNOWN:
                return difference is None or len(difference.slices) - 1 not in difference.positions
            case Stop.HERE | Stop.AGREED:
                return True
            case Stop.NEVER:
                return False


def is_agreed(row: BatchRow, capabilities: Capabilities) -> bool:
    """Whether nothing that the vendor counts is missing from what was read."""
    found = disagreements(row.look, row.tally, capabilities)
    return all(each.counted <= each.read for each in found)


def is_explained(row: BatchRow, capabilities: Capabilities) -> bool:
    """Whether counts and reading differ by no more than may have moved meanwhile."""
    return _differ_little(disagreements(row.look, row.tally, capabilities), _lines(row))


def is_borne_out(row: BatchRow, capabilities: Capabilities) -> bool:
    """The same more strictly, of a reading that took in no more than it had to."""
    found = contradictions(row.look, row.tally, capabilities)
    return _differ_little(found, _lines(row) // _STRICT)


def is_contradicted(row: BatchRow, capabilities: Capabilities, now: datetime) -> bool:
    """Whether counts and lists differ by more than what a reading leaves out on purpose.

    A little is left out while a batch moves; that is made good once it has not for a while.
    """
    found = contradictions(row.look, row.tally, capabilities)
    moving = now - row.moved_at < _MADE_GOOD_AFTER
    return bool(found) and not (moving and _differ_little(found, _lines(row)))


def is_behind_counts(row: BatchRow) -> bool:
    """Whether somebody moved unseen before the counts that the list was read for.

    What is read after them may only be further on.
    """
    counts = row.swept_counts
    if counts is None:
        return False
    waits = people(row.tally, ContactStatus.PENDING)
    counted = _waiting(counts)
    if counted is not None and waits > counted:
        return True
    if not counts.by_status:
        return ended_calls(row.tally) < (counts.finished or 0)
    finished = counts.people(*_FINISHED)
    return people(row.tally, *_FINISHED) < finished


def _waiting(counts: Counts) -> int | None:
    """How many wait for their first call; a status that is counted for nobody may be left out."""
    if counts.waiting is None and counts.by_status:
        return counts.people(ContactStatus.PENDING)
    return counts.waiting


def _lines(row: BatchRow) -> int:
    return lines(row.look, row.tally)


def _differ_little(found: Iterable[Disagreement], of_lines: int) -> bool:
    differences = tuple(abs(each.counted - each.read) for each in found)
    return explained(differences, of_lines)
