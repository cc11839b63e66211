"""A batch's past as its calls tell it: what a rule would have known at any moment of it.

Calls with the time of their end can be laid out again. Who waited, which lines were busy
and what the vendor counted on the way are told by nobody afterwards, so nothing here
answers for them: ``Rule.replays`` names the rules that go without.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import NamedTuple

from monitor.core.calls import (
    EndedCall,
    Field,
    Spent,
    Value,
    Window,
    answered_shorter,
    grouped,
    spent,
    transfers,
)
from monitor.core.model import Outcome, Sentiment
from monitor.core.retries import COUNTED_MOST, HeldLines, LateRetries
from monitor.core.tally import CALLS, Tally, call_key

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)
_OUTCOMES = tuple(Outcome)
_KEYS = tuple(call_key(outcome) for outcome in _OUTCOMES)


class PastCall(NamedTuple):
    """One ended call; ``ended`` in microseconds since 1970."""

    ended: int
    call_id: str
    outcome: str
    error_class: str | None = None
    from_number: str | None = None
    contact_id: str = ""
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
        return EndedCall(
            self.call_id,
            _EPOCH + self.ended * _US,
            Outcome(self.outcome),
            self.contact_id,
            self.error_class,
            self.from_number,
            self.duration_s,
            self.hangup,
            self.disposition,
            self.agent_version,
            self.attempt,
            self.country,
            self.area,
            None if self.sentiment is None else Sentiment(self.sentiment),
            None if self.transferred is None else bool(self.transferred),
            self.cost_micros,
            self.currency,
            bool(self.cost_estimated),
        )


class PastCalls:
    """The calls of one batch whose end is timed, in the order of their ends.

    ``reached`` are the people with whom a call was completed in the end.
    """

    def __init__(self, calls: Sequence[PastCall], reached: int = 0) -> None:
        self.calls = calls
        self.ends = [call.ended for call in calls]
        self.reached = reached
        words = [call.outcome for call in calls]
        self._sums = tuple(
            list(accumulate((word == outcome for word in words), initial=0))
            for outcome in _OUTCOMES
        )

    def __len__(self) -> int:
        return len(self.ends)

    def until(self, at: datetime) -> "CallsThen":
        """The log as it stood then."""
        return CallsThen(self, self.place(at))

    def place(self, at: datetime) -> int:
        """How many calls had ended by then."""
        return bisect_right(self.ends, (at - _EPOCH) // _US)

    def time(self, place: int) -> datetime:
        """When the call at a place in the order ended."""
        return _EPOCH + self.ends[place] * _US

    def outcomes(self, start: int, stop: int) -> dict[Outcome, int]:
        """The calls between two places, counted."""
        return {
            outcome: n
            for outcome, sums in zip(_OUTCOMES, self._sums, strict=True)
            if (n := sums[stop] - sums[start])
        }

    def tally(self, stop: int) -> Tally:
        """The counters of calls when so many had ended; those of people are not known."""
        found = {key: sums[stop] for key, sums in zip(_KEYS, self._sums, strict=True)}
        return {CALLS: stop, **{key: n for key, n in found.items() if n}}


class CallsThen:
    """A CallLog of the calls that had ended at one moment."""

    def __init__(self, past: PastCalls, known: int) -> None:
        self._past = past
        self._known = known

    def window(self, start: datetime, end: datetime) -> Window:
        """Calls with start < ended_at <= end."""
        first, stop = self._between(start, end)
        return Window(
            start=start,
            end=end,
            outcomes=self._past.outcomes(first, stop),
            last_ended_at=self._past.time(stop - 1) if stop > first else None,
        )

    def last_ended(self, n: int) -> tuple[EndedCall, ...]:
        """The n calls that ended last, newest first."""
        newest = range(self._known - 1, max(self._known - n, 0) - 1, -1)
        return tuple(self._past.calls[place].call for place in newest)

    def between(self, start: datetime, end: datetime, most: int) -> tuple[EndedCall, ...]:
        """The calls of a span one by one, newest first."""
        first, stop = self._between(start, end)
        first = max(first, stop - most)
        return tuple(call.call for call in self._past.calls[first:stop][::-1])

    def grouped(
        self, start: datetime, end: datetime, *fields: Field
    ) -> Mapping[tuple[Value, ...], int]:
        """The calls of a span, counted by the values of these fields."""
        return grouped(self._calls(start, end), fields)

    def answered_shorter(self, start: datetime, end: datetime, than: timedelta) -> tuple[int, int]:
        """Of the completed calls of a span whose length is known: the shorter ones, and all."""
        return answered_shorter(self._calls(start, end), than)

    def transfers(self, start: datetime, end: datetime) -> tuple[int, int]:
        """Of the calls of a span that were to be handed over: those that were not, and all."""
        return transfers(self._calls(start, end))

    def spent(self, start: datetime, end: datetime) -> Spent:
        """What the calls of a span cost."""
        return spent(self._calls(start, end))

    def _calls(self, start: datetime, end: datetime) -> Iterator[EndedCall]:
        first, stop = self._between(start, end)
        return (call.call for call in self._past.calls[first:stop])

    def evidence(
        self, start: datetime, end: datetime, outcomes: frozenset[Outcome], limit: int
    ) -> tuple[str, ...]:
        """Up to ``limit`` ids of such calls, newest first."""
        return tuple(call.call_id for call in self._chosen(start, end, outcomes)[::-1][:limit])

    def people_reached(self) -> int:
        """People with at least one completed call, by the end of the batch."""
        return self._past.reached

    def _chosen(
        self, start: datetime, end: datetime, outcomes: frozenset[Outcome]
    ) -> Sequence[PastCall]:
        first, stop = self._between(start, end)
        return [call for call in self._past.calls[first:stop] if call.outcome in outcomes]

    def _between(self, start: datetime, end: datetime) -> tuple[int, int]:
        stop = min(self._past.place(end), self._known)
        return min(self._past.place(start), stop), stop


class NobodyKnown:
    """A RetryLadder of the past: who waited for another call is told by nobody."""

    def overdue(self, until: datetime, most: int = COUNTED_MOST) -> LateRetries:
        """Nobody known of."""
        del until, most
        return LateRetries(n=0)

    def unscheduled(self, until: datetime, most: int = COUNTED_MOST) -> LateRetries:
        """Nobody known of."""
        del until, most
        return LateRetries(n=0)

    def scheduled_after(self, now: datetime, most: int = COUNTED_MOST) -> int:
        """Nobody known of."""
        del now, most
        return 0

    def last_due(self) -> datetime | None:
        """None known of."""
        return None

    def held(self, until: datetime, most: int = COUNTED_MOST) -> HeldLines:
        """Nobody known of."""
        del until, most
        return HeldLines(n=0)
