"""The calls of one batch that have ended: the questions that rules ask about them.

Answered by indexed queries whose cost follows the calls asked about, not the batch's size,
and answered once: an evaluation in which five rules look at the same window counts it once.
A test answers them from plain lists.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from operator import attrgetter
from typing import Any, NamedTuple, Protocol, TypeVar

from monitor.core.instants import from_micros
from monitor.core.model import Outcome, Sentiment

Answer = TypeVar("Answer")
Value = str | int | None  # of a field; None where the vendor does not tell


class Field(StrEnum):
    """What ended calls can be counted by."""

    OUTCOME = "outcome"
    HANGUP = "hangup"  # the hang-up reason, digits masked
    DISPOSITION = "disposition"  # the vendor's word for what came of it
    ERROR = "error"  # the error class, digits masked
    FROM_NUMBER = "from_number"  # masked
    AGENT_VERSION = "agent_version"
    ATTEMPT = "attempt"  # 0 is the first call
    COUNTRY = "country"
    AREA = "area"
    SENTIMENT = "sentiment"
    TRANSFERRED = "transferred"  # 1, 0, or None where nobody tried
    HOUR = "hour"  # of the end, 0 to 23 in UTC


class Ended(NamedTuple):
    """When and how one call ended."""

    ended_at: datetime
    outcome: Outcome


class EndedCall(NamedTuple):
    """One ended call, as windows see it. A named tuple: a window may hold thousands."""

    call_id: str
    ended_at: datetime
    outcome: Outcome
    contact_id: str = ""
    error_class: str | None = None
    from_number: str | None = None  # masked
    duration_s: float | None = None
    hangup: str | None = None
    disposition: str | None = None
    agent_version: str | None = None
    attempt: int = 0
    country: str | None = None
    area: str | None = None
    sentiment: Sentiment | None = None
    transferred: bool | None = None
    cost_micros: int | None = None
    currency: str | None = None
    cost_estimated: bool = False

    @classmethod
    def of(cls, cells: Iterable[Any]) -> "EndedCall":
        """A call from its plain cells, as they are stored, in the order of its fields."""
        found = list(cells)
        found[1], found[2] = from_micros(found[1]), Outcome(found[2])
        if found[_SENTIMENT] is not None:
            found[_SENTIMENT] = Sentiment(found[_SENTIMENT])
        if found[_TRANSFERRED] is not None:
            found[_TRANSFERRED] = bool(found[_TRANSFERRED])
        found[_ESTIMATED] = bool(found[_ESTIMATED])
        return cls._make(found)

    def value(self, field: Field) -> Value:
        """What it is counted under."""
        return _VALUES[field](self)


_SENTIMENT, _TRANSFERRED, _ESTIMATED = map(
    EndedCall._fields.index, ("sentiment", "transferred", "cost_estimated")
)


def told(name: str) -> Callable[[Any], Value]:
    """What stands in an attribute of a call, as it stands there."""
    return attrgetter(name)


def handed_over(call: Any) -> Value:
    """1 for a call that was handed over, 0 for one that could not be."""
    return None if call.transferred is None else int(call.transferred)


# Fields that are counted under what stands on a call, whether as its row or as a value.
AS_TOLD: Mapping[Field, Callable[[Any], Value]] = {
    Field.HANGUP: told("hangup"),
    Field.DISPOSITION: told("disposition"),
    Field.ERROR: told("error_class"),
    Field.FROM_NUMBER: told("from_number"),
    Field.AGENT_VERSION: told("agent_version"),
    Field.ATTEMPT: told("attempt"),
    Field.COUNTRY: told("country"),
    Field.AREA: told("area"),
    Field.TRANSFERRED: handed_over,
}
_VALUES: dict[Field, Callable[[EndedCall], Value]] = {
    **AS_TOLD,
    Field.OUTCOME: lambda call: call.outcome.value,
    Field.SENTIMENT: lambda call: call.sentiment and call.sentiment.value,
    Field.HOUR: lambda call: call.ended_at.hour,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The calls that ended in a span of time, counted."""

    start: datetime
    end: datetime
    outcomes: Mapping[Outcome, int]
    last_ended_at: datetime | None = None

    @property
    def n(self) -> int:
        """How many calls ended in the window."""
        return sum(self.outcomes.values())

    def count(self, outcomes: frozenset[Outcome]) -> int:
        """How many of them ended in one of these ways."""
        return sum(self.outcomes.get(outcome, 0) for outcome in outcomes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What calls cost, in micros of each currency; ``estimated`` where any of it is."""

    micros: Mapping[str, int]
    n: int = 0  # calls whose cost is known
    estimated: bool = False


def values(calls: Iterable[EndedCall], field: Field) -> Iterator[Value]:
    """What the calls are counted under, one by one."""
    return map(_VALUES[field], calls)


def grouped(calls: Iterable[EndedCall], fields: Sequence[Field]) -> Mapping[tuple[Value, ...], int]:
    """Calls counted by the values of these fields."""
    return Counter(tuple(call.value(field) for field in fields) for call in calls)


def answered_shorter(calls: Iterable[EndedCall], than: timedelta) -> tuple[int, int]:
    """Of the completed calls whose length is known: the shorter ones, and all."""
    lengths = [
        call.duration_s
        for call in calls
        if call.outcome is Outcome.COMPLETED and call.duration_s is not None
    ]
    return sum(1 for length in lengths if length < than.total_seconds()), len(lengths)


def transfers(calls: Iterable[EndedCall]) -> tuple[int, int]:
    """Of the calls that were to be handed over: those that were not, and all."""
    tried = [call.transferred for call in calls if call.transferred is not None]
    return tried.count(False), len(tried)


def spent(calls: Iterable[EndedCall]) -> Spent:
    """What calls cost, as far as it is known."""
    micros: Counter[str] = Counter()
    n, estimated = 0, False
    for call in calls:
        if call.cost_micros is not None:
            micros[call.currency or "USD"] += call.cost_micros
            n += 1
            estimated |= call.cost_estimated
    return Spent(micros=dict(micros), n=n, estimated=estimated)


class CallLog(Protocol):
    """Questions about the ended calls of one batch. Spans are start < ended_at <= end."""

    def window(self, start: datetime, end: datetime) -> Window:
        """The calls of a span, by outcome."""
        ...

    def last_ends(self, n: int) -> tuple[Ended, ...]:
        """When and how they ended: cheaper than the calls themselves."""
        ...

    def last_ended(self, n: int) -> tuple[EndedCall, ...]:
        """The n calls that ended last, newest first; fewer when there are fewer."""
        ...

    def between(self, start: datetime, end: datetime, most: int) -> tuple[EndedCall, ...]:
        """The calls of a span one by one, newest first; of more than ``most``, the newest."""
        ...

    def grouped(
        self, start: datetime, end: datetime, *fields: Field
    ) -> Mapping[tuple[Value, ...], int]:
        """The calls of a span, counted by the values of these fields."""
        ...

    def having(self, start: datetime, end: datetime, field: Field, value: Value) -> int:
        """How many calls of a span have this value: cheaper than to count them by all values."""
        ...

    def answered_shorter(self, start: datetime, end: datetime, than: timedelta) -> tuple[int, int]:
        """Of the completed calls of a span whose length is known: the shorter ones, and all."""
        ...

    def transfers(self, start: datetime, end: datetime) -> tuple[int, int]:
        """Of the calls of a span that were to be handed over: those that were not, and all."""
        ...

    def spent(self, start: datetime, end: datetime) -> Spent:
        """What the calls of a span cost."""
        ...

    def evidence(
        self, start: datetime, end: datetime, outcomes: frozenset[Outcome], limit: int
    ) -> tuple[str, ...]:
        """Up to ``limit`` ids of such calls, newest first."""
        ...

    def people_reached(self) -> int:
        """People with at least one call that a person answered."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Another batch to compare with, and its calls: of all its life, or of ``start`` to ``end``."""

    batch_id: str
    title: str
    provider: str
    calls: CallLog
    start: datetime
    end: datetime


class Peers(Protocol):
    """The batches that one batch is compared with."""

    def previous(self, n: int) -> tuple[Peer, ...]:
        """The last n ended batches of its campaign, else of its name, newest first."""
        ...

    def siblings(self) -> tuple[Peer, ...]:
        """Other open batches that are dialling now, at whatever provider; some where many are."""
        ...

    def own(self) -> CallLog | None:
        """The batch's own calls, some minutes old at worst: for what was usual; None: no such."""
        ...

    def once(self, question: Hashable, ask: Callable[[], Answer]) -> Answer:
        """What was answered before about these ended batches, else what ``ask`` says now."""
        ...


class NoPeers:
    """Peers of a batch that stands alone."""

    def previous(self, n: int) -> tuple[Peer, ...]:
        """None."""
        del n
        return ()

    def siblings(self) -> tuple[Peer, ...]:
        """None."""
        return ()

    def own(self) -> None:
        """None."""

    def once(self, question: Hashable, ask: Callable[[], Answer]) -> Answer:
        """Nothing is kept."""
        del question
        return ask()
