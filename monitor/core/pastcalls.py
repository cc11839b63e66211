"""One call of the past, and calls counted over spans that roll along with the time."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple, Protocol

from monitor.core.calls import AS_TOLD, EndedCall, Field, Value, told
from monitor.core.model import Outcome
from monitor.core.rolling import parts

_HOUR_US = 3_600_000_000
_DAY_US = 24 * _HOUR_US


class PastCall(NamedTuple):
    """One ended call as it is stored, in the order of EndedCall but for its first two.

    ``ended`` is in microseconds since 1970, 0 where nobody knows.
    """

    ended: int
    call_id: str
    outcome: str
    contact_id: str = ""
    error_class: str | None = None
    from_number: str | None = None
    duration_s: float | None = None
    hangup: str | None = None
    disposition: str | None = None
    agent_version: str | None = None
    attempt: int = 0
    country: str | None = None
    area: str | None = None
    sentiment: str | None = None
    transferred: bool | None = None
    cost_micros: int | None = None
    currency: str | None = None
    cost_estimated: bool = False

    @property
    def call(self) -> EndedCall:
        """The same as windows see it."""
        ended, call_id, *others = self
        return EndedCall.of((call_id, ended, *others))


Values = tuple[Value, ...]

_VALUES: dict[Field, Callable[[PastCall], Value]] = {
    **AS_TOLD,
    Field.OUTCOME: told("outcome"),
    Field.SENTIMENT: told("sentiment"),
    Field.HOUR: lambda call: call.ended % _DAY_US // _HOUR_US,
}


class Count(Protocol):
    """Something counted over a span of calls, brought along as the span moves."""

    def take(self, calls: Sequence[PastCall], sign: int) -> None:
        """Let these calls in (1) or out (-1)."""
        ...


class Grouped:
    """Calls by the values of some fields."""

    def __init__(self, fields: tuple[Field, ...]) -> None:
        self.by: Counter[Values] = Counter()
        self._values = [_VALUES[field] for field in fields]

    def take(self, calls: Sequence[PastCall], sign: int) -> None:
        """See Count."""
        by = self.by
        for key in zip(*(map(value, calls) for value in self._values), strict=True):
            by[key] += sign
            if not by[key]:
                del by[key]


class Shorter:
    """Completed calls whose length is known, and those below a length."""

    def __init__(self, than: timedelta) -> None:
        self.shorter = self.n = 0
        self._than = than.total_seconds()

    def take(self, calls: Sequence[PastCall], sign: int) -> None:
        """See Count."""
        for call in calls:
            if call.duration_s is not None and call.outcome == _COMPLETED:
                self.n += sign
                self.shorter += sign * (call.duration_s < self._than)


class SpentSoFar:
    """What calls cost."""

    def __init__(self) -> None:
        self.micros: Counter[str] = Counter()
        self.n = self.estimates = 0

    def take(self, calls: Sequence[PastCall], sign: int) -> None:
        """See Count."""
        for call in calls:
            if call.cost_micros is not None:
                self.micros[call.currency or "USD"] += sign * call.cost_micros
                self.n += sign
                self.estimates += sign * bool(call.cost_estimated)


_COMPLETED = Outcome.COMPLETED.value


class Span:
    """A count over the calls from one place to before another."""

    __slots__ = ("count", "first", "stop")

    def __init__(self, count: Count, first: int) -> None:
        self.count = count
        self.first = self.stop = first

    def move(self, calls: Sequence[PastCall], first: int, stop: int) -> None:
        """Count these places instead."""
        for start, end, sign in parts(self.first, self.stop, first, stop):
            if start < end:
                self.count.take(calls[start:end], sign)
        self.first, self.stop = first, stop
