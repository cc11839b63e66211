"""One batch looked back at: its result so far, its ladder, its pace, its money, its causes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from monitor.core.calendar import Calendar, permitted_between
from monitor.core.facts import Report
from monitor.core.model import FAILED, Outcome
from monitor.core.report import Line
from monitor.core.stats import share

# With so many slots a chart is still read at a glance.
MOST_SLOTS = 48
_LENGTHS = tuple(
    timedelta(minutes=n) for n in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440, 4_320)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """The calls of one attempt: 0 is the first call to somebody."""

    attempt: int
    calls: int
    completed: int
    failed: int

    @property
    def answered(self) -> float:
        """The share of its calls that were completed."""
        return share(self.completed, self.calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """The calls that ended in an equally long part of the batch's life."""

    start: datetime
    end: datetime
    permitted_s: float  # of it, in which calls may be made
    completed: int = 0
    other: int = 0
    failed: int = 0

    @property
    def calls(self) -> int:
        """All of them."""
        return self.completed + self.other + self.failed

    @property
    def per_hour(self) -> float | None:
        """Completed calls in an hour of permitted time; None where none was permitted."""
        return self.completed * 3600 / self.permitted_s if self.permitted_s else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What calls that failed have in common: an error, a hang-up reason, a number."""

    label: str
    value: str
    failed: int
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookback:
    """Everything that a report shows of one batch, as known at ``at``; ``open``: so far.

    ``lines`` are the result in reading order. Money is in micros of each currency.
    """

    at: datetime
    provider: str
    vendor: str
    batch_id: str
    title: str
    campaign: str | None
    status: str
    run: int
    open: bool
    zone: str
    started_at: datetime | None
    ended_at: datetime | None
    permitted_s: float | None
    result: Report
    previous: Report | None
    lines: tuple[Line, ...]
    per_completed_micros: Mapping[str, int]
    ladder: tuple[Rung, ...]
    pace: tuple[Slot, ...]
    causes: tuple[Cause, ...]


def slots(
    counted: Mapping[tuple[int, str], int], length: timedelta, calendar: Calendar | None
) -> tuple[Slot, ...]:
    """Slots without a gap from (number of the slot since 1970, outcome) and how many."""
    if not counted:
        return ()
    first, last = min(n for n, _ in counted), max(n for n, _ in counted)
    return tuple(_slot(n, counted, length, calendar) for n in range(first, last + 1))


def _slot(
    number: int,
    counted: Mapping[tuple[int, str], int],
    length: timedelta,
    calendar: Calendar | None,
) -> Slot:
    start = datetime.fromtimestamp(number * length.total_seconds(), tz=UTC)
    completed = counted.get((number, Outcome.COMPLETED), 0)
    failed = sum(counted.get((number, outcome), 0) for outcome in FAILED)
    every = sum(counted.get((number, outcome), 0) for outcome in Outcome)
    return Slot(
        start=start,
        end=start + length,
        permitted_s=permitted_between(calendar, start, start + length).total_seconds(),
        completed=completed,
        other=every - completed - failed,
        failed=failed,
    )


def slot_length(first: datetime, last: datetime) -> timedelta:
    """The shortest length of which few enough slots reach from the first call to the last."""
    return next((each for each in _LENGTHS if (last - first) / each < MOST_SLOTS - 1), _LENGTHS[-1])


def rungs(counted: Mapping[tuple[int, str], int]) -> tuple[Rung, ...]:
    """The ladder from (attempt, outcome) and how many."""
    return tuple(
        Rung(
            attempt=attempt,
            calls=sum(n for (at, _), n in counted.items() if at == attempt),
            completed=counted.get((attempt, Outcome.COMPLETED), 0),
            failed=sum(counted.get((attempt, outcome), 0) for outcome in FAILED),
        )
        for attempt in sorted({at for at, _ in counted})
    )


def per_completed(spent: Mapping[str, int], completed: int) -> dict[str, int]:
    """What one completed call cost, in each currency; nothing where none was completed."""
    return (
        {currency: round(micros / completed) for currency, micros in spent.items()}
        if completed
        else {}
    )


def spark(values: Sequence[float]) -> str:
    """Values as one line of bars, the highest as high as a bar can be."""
    top = max(values, default=0)
    if not top:
        return ""
    return "".join(
        _BARS[min(round(value / top * (len(_BARS) - 1)), len(_BARS) - 1)] for value in values
    )


_BARS = "▁▂▃▄▅▆▇█"
