"""What really happened in the simulated world: an append-only log, and questions to it."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from monitor.core.model import BatchStatus, ContactStatus, Outcome


class What(StrEnum):
    """The kinds of thing that happen."""

    BATCH = "batch"  # a batch's status changed
    CONTACT = "contact"  # a person's status changed, or people were added
    CALL = "call"  # a call ended
    INCIDENT_BEGAN = "incident_began"
    INCIDENT_ENDED = "incident_ended"


class Entry(NamedTuple):
    """One thing that happened.

    ``before`` and ``after`` are words of monitor.core.model (statuses, outcomes); ``note``
    names an incident's kind or a batch's reason. ``n`` counts people or calls that moved
    alike when a batch was opened, else 1.
    """

    t: float
    what: What
    account: str
    batch: str
    ids: tuple[str, ...] = ()
    before: str = ""
    after: str = ""
    note: str = ""
    n: int = 1

    @property
    def at(self) -> datetime:
        """When, in aware UTC."""
        return datetime.fromtimestamp(self.t, UTC)


class Truth:
    """The log. Without ``detail`` people and calls are left out (worlds of a million people).

    ``listeners`` hear of each entry while it happens.
    """

    def __init__(self, *, detail: bool = True) -> None:
        self.detail = detail
        self.listeners: list[Callable[[Entry], None]] = []
        self.entries: list[Entry] = []
        self._of: dict[str, list[Entry]] = {}

    def add(self, entry: Entry) -> None:
        """Append one entry; entries come in the order of their times."""
        self.entries.append(entry)
        self._of.setdefault(entry.batch, []).append(entry)
        for listener in self.listeners:
            listener(entry)

    def of(self, batch: str) -> tuple[Entry, ...]:
        """Everything that happened to one batch, oldest first."""
        return tuple(self._of.get(batch, ()))

    def _until(self, batch: str, at: datetime, what: What) -> Iterator[Entry]:
        moment = at.timestamp() + 1e-6  # an entry's own time is rounded to microseconds
        for entry in self._of.get(batch, ()):
            if entry.t > moment:
                return
            if entry.what is what:
                yield entry

    def contacts(self, batch: str, at: datetime) -> Counter[ContactStatus]:
        """People by status at one instant."""
        people: Counter[ContactStatus] = Counter()
        for entry in self._until(batch, at, What.CONTACT):
            if entry.before:
                people[ContactStatus(entry.before)] -= entry.n
            people[ContactStatus(entry.after)] += entry.n
        return +people

    def calls(self, batch: str, at: datetime) -> Counter[Outcome]:
        """Calls that had ended by one instant, by outcome."""
        ended: Counter[Outcome] = Counter()
        for entry in self._until(batch, at, What.CALL):
            ended[Outcome(entry.after)] += entry.n
        return ended

    def status(self, batch: str, at: datetime) -> BatchStatus | None:
        """The batch's status at one instant; None before it was opened."""
        words = [entry.after for entry in self._until(batch, at, What.BATCH)]
        return BatchStatus(words[-1]) if words else None

    def ends(self) -> tuple[Entry, ...]:
        """Every end of a batch, oldest first."""
        return tuple(
            entry
            for entry in self.entries
            if entry.what is What.BATCH and BatchStatus(entry.after).terminal
        )

    def incidents(self) -> tuple[Entry, ...]:
        """Every beginning and end of an incident, oldest first."""
        return tuple(
            entry
            for entry in self.entries
            if entry.what in {What.INCIDENT_BEGAN, What.INCIDENT_ENDED}
        )
