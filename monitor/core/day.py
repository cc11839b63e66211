"""One day over all batches: what ended, what still runs, what it cost, what fired."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from monitor.core.model import BatchStatus
from monitor.core.stats import share
from monitor.core.wording import clock, counted, money, people_text, percent

_WELL = frozenset({BatchStatus.COMPLETED})


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchDay:
    """One batch in the day. ``reached`` is None while it runs; money in micros, of the day."""

    provider: str
    batch_id: str
    title: str
    status: BatchStatus
    people: int
    finished: int
    reached: int | None = None
    never_dialled: int = 0
    spent: Mapping[str, int] = field(default_factory=dict)
    estimated: bool = False

    @property
    def ended(self) -> bool:
        """It came to its end in the day."""
        return self.reached is not None

    @property
    def went_wrong(self) -> bool:
        """It ended in another way than completed, or without having called everybody."""
        return self.ended and (self.status not in _WELL or self.never_dialled > 0)

    @property
    def text(self) -> str:
        """For people: "completed, 208 of 412 people reached (50 %), 12.30 USD"."""
        if self.reached is None:
            parts = [f"{self.status}, {self.finished:,} of {people_text(self.people)} done"]
        else:
            of = share(self.reached, self.people)
            told = f"{self.reached:,} of {people_text(self.people)} reached ({percent(of)})"
            parts = [f"{self.status}, {told}"]
        if self.ended and self.never_dialled:
            parts.append(f"{self.never_dialled:,} never dialled")
        return ", ".join((*parts, *amounts(self.spent, estimated=self.estimated)))


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """The ``n`` messages that one receiver never got and that wait; ``key`` is of the oldest."""

    receiver: str
    n: int
    oldest: datetime
    key: str

    def words(self, zone: tzinfo, now: datetime) -> str:
        """For people: "2 messages, the oldest of 11:00: offhook deliveries replay abc123"."""
        of = " of" if self.n == 1 else ", the oldest of"
        when = clock(self.oldest, zone, now)
        return f"{counted(self.n, 'message')}{of} {when}: offhook deliveries replay {self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFacts:
    """The time from ``start`` to ``end``, as known at ``now``. ``alerts`` fired, by instance.

    ``given_up`` are messages that wait to be sent again, whenever they were given up.
    """

    now: datetime
    start: datetime
    end: datetime
    zone: tzinfo
    batches: tuple[BatchDay, ...] = ()  # those that ended before those that run
    alerts: Mapping[str, int] = field(default_factory=dict)
    given_up: tuple[GivenUp, ...] = ()

    @property
    def spent(self) -> dict[str, int]:
        """Of all batches, in micros of each currency."""
        total: dict[str, int] = {}
        for batch in self.batches:
            for currency, micros in batch.spent.items():
                total[currency] = total.get(currency, 0) + micros
        return total


def amounts(spent: Mapping[str, int], *, estimated: bool) -> Iterator[str]:
    """Money for people, a text a currency; nothing where nothing was spent."""
    mark = " (estimate)" if estimated else ""
    for currency, micros in sorted(spent.items()):
        if micros:
            yield f"{money(micros, currency)}{mark}"


def sentence(day: DayFacts) -> str:
    """The day in one: "3 batches ended, 2 still open; 612 of 1,204 people reached; 42.10 USD"."""
    ended = [batch for batch in day.batches if batch.ended]
    running = len(day.batches) - len(ended)
    people, reached = sum(b.people for b in ended), sum(b.reached or 0 for b in ended)
    over = counted(len(ended), "batch", "batches") if ended else "no batch"
    parts = [f"{over} ended, {running:,} still open" if running else f"{over} ended"]
    if ended:
        parts.append(f"{reached:,} of {people_text(people)} reached")
    estimated = any(batch.estimated for batch in day.batches)
    parts += [f"{amount} spent" for amount in amounts(day.spent, estimated=estimated)]
    fired = sum(day.alerts.values())
    parts.append(f"{counted(fired, 'alert')} fired" if fired else "no alert fired")
    if lost := sum(each.n for each in day.given_up):
        parts.append(f"{counted(lost, 'message')} {'was' if lost == 1 else 'were'} given up")
    return "; ".join(parts)
