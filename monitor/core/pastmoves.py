"""What moved in a batch, moment by moment, and how its counters stood before each.

Counters are known of now; what each moment adds to them is known, too: so they are known of
every moment in between.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from monitor.core.model import BatchStatus, ContactStatus, Counts, Outcome
from monitor.core.pastcalls import PastCall, instant, micros
from monitor.core.tally import (
    CALLS,
    CONTACTS,
    LIVE_CALLS,
    UNDIALLED,
    Tally,
    call_key,
    contact_key,
    exhausted_key,
)

# kind, subject, before, after: as changes are kept
Change = tuple[str, str, str | None, str | None]

VANISHED = "vanished"
REOPENED = "reopened"
_OUTCOMES = {outcome.value: call_key(outcome) for outcome in Outcome}
_STATUSES = {status.value: contact_key(status) for status in ContactStatus}
_UNDIALLED = frozenset({ContactStatus.PENDING.value, ContactStatus.SKIPPED.value})
_EXHAUSTED = ContactStatus.EXHAUSTED.value
_UNKNOWN = "unknown: "


@dataclass(slots=True, kw_only=True)
class Moment:
    """What one transaction saw move.

    ``word`` is the batch's new status, as kept. ``calls`` are those that were seen ended, as
    they were then, each with the outcome that was known before, if any.
    """

    at: datetime
    word: str | None = None
    reopened: bool = False
    counts: Counts | None = None
    people: list[Change] = field(default_factory=list)
    dues: list[Change] = field(default_factory=list)
    calls: list[tuple[PastCall, bool]] = field(default_factory=list)
    begun: int = 0  # calls seen open for the first time, or as open as they were
    delta: Tally = field(default_factory=dict)

    @property
    def looked(self) -> bool:
        """Whether the batch itself was seen to be other than before."""
        return self.word is not None or self.counts is not None or self.reopened

    @property
    def listed(self) -> bool:
        """Whether people or calls of it were."""
        return bool(self.people or self.calls or self.begun or self.dues)

    @property
    def touched(self) -> bool:
        """The same, of what counts as a move."""
        return bool(self.people or self.calls or self.begun)

    @property
    def status(self) -> BatchStatus | None:
        """The new status of the batch."""
        if self.word is None:
            return None
        return BatchStatus.UNKNOWN if self.word.startswith(_UNKNOWN) else BatchStatus(self.word)

    @property
    def raw_status(self) -> str | None:
        """The vendor's own word, where it is unknown."""
        word = self.word or ""
        return word.removeprefix(_UNKNOWN) if word.startswith(_UNKNOWN) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """The life of one batch, oldest moment first.

    ``whole``: it was watched, so that more than its calls is known. ``before`` are calls that
    were known from the beginning, ``tally`` the counters then.
    """

    whole: bool
    moments: Sequence[Moment]
    before: Sequence[PastCall] = ()
    tally: Mapping[str, int] = field(default_factory=dict)
    calls: int = 0
    untimed: int = 0
    changes: int = 0


class Reader:
    """Turns changes as they are kept into moments."""

    def __init__(
        self,
        calls: Iterable[PastCall],
        exhausted: Mapping[str, int],
        counts: Callable[[str], Counts],
    ) -> None:
        """``calls``: as they ended up; ``exhausted``: the retries of whom they ran out for.

        ``counts`` reads what the vendor counted.
        """
        self.calls = {call.call_id: call for call in calls}
        self.told: set[str] = set()  # the calls that are among the changes
        self._exhausted = exhausted
        self._counts = counts
        self._dialled: set[str] = set()

    def moment(self, at: datetime, changes: Iterable[Change]) -> Moment:
        """One transaction."""
        found = Moment(at=at)
        delta = found.delta
        for change in changes:
            kind = change[0]
            if kind == "call":
                self._call(found, change)
            elif kind == "contact":
                found.people.append(change)
                self._person(delta, change)
            elif kind == "due":
                found.dues.append(change)
            elif kind == "counts":
                found.counts = self._counts(change[3] or "{}")
            elif kind in {"batch", "baseline"}:
                if change[3] == REOPENED:
                    found.reopened = True
                else:
                    found.word = change[3]
        # In the order of their ends each is the last so far, nearly always.
        found.calls.sort(key=_ended)
        return found

    def _person(self, delta: Tally, change: Change) -> None:
        _, key, before, after = change
        if before is None:
            _add(delta, CONTACTS, 1)
            if after in _UNDIALLED:
                _add(delta, UNDIALLED, 1)
        else:
            _add(delta, _STATUSES[before], -1)
            if before in _UNDIALLED and after not in _UNDIALLED and key not in self._dialled:
                self._dialled.add(key)
                _add(delta, UNDIALLED, -1)
            elif before == _EXHAUSTED:
                _add(delta, exhausted_key(self._exhausted.get(key, 0)), -1)
        if after == VANISHED or after is None:
            _add(delta, CONTACTS, -1)
            return
        _add(delta, _STATUSES[after], 1)
        if after == _EXHAUSTED:
            _add(delta, exhausted_key(self._exhausted.get(key, 0)), 1)

    def _call(self, found: Moment, change: Change) -> None:
        _, key, before, after = change
        delta = found.delta
        was, now = _OUTCOMES.get(before or ""), _OUTCOMES.get(after or "")
        call = self.calls.get(key)
        self.told.add(key)
        if before is None:
            _add(delta, CALLS, 1)
            if call is not None and call.attempt:
                _add(delta, "retries", 1)
        else:
            _add(delta, was or LIVE_CALLS, -1)
        _add(delta, now or LIVE_CALLS, 1)
        if now is None or after is None:
            found.begun += 1
            return
        if call is None:
            call = PastCall(micros(found.at), key, after)
        elif call.outcome != after:
            call = call._replace(outcome=after)
        found.calls.append((call, was is not None))
        if was is None:
            details(delta, call, 1)


def _ended(pair: tuple[PastCall, bool]) -> int:
    return pair[0].ended


def _add(delta: Tally, key: str, n: int) -> None:
    delta[key] = delta.get(key, 0) + n


def details(delta: Tally, call: PastCall, sign: int) -> None:
    """What an ended call adds to the counters beside its outcome."""
    if call.duration_s:
        _add(delta, "talk_ms", sign * round(call.duration_s * 1000))
    if call.cost_micros is not None:
        _add(delta, f"cost.{call.currency or 'USD'}", sign * call.cost_micros)
        if call.cost_estimated:
            _add(delta, "cost.estimated", sign)
    if call.sentiment is not None:
        _add(delta, f"sentiment.{call.sentiment}", sign)


def stood_before(now: Mapping[str, int], moments: Iterable[Moment]) -> Tally:
    """The counters before the first of the moments, of those after the last."""
    found = dict(now)
    for moment in moments:
        for key, n in moment.delta.items():
            found[key] = found.get(key, 0) - n
    return {key: n for key, n in found.items() if n > 0}


def from_calls(
    calls: Sequence[PastCall],
    status: BatchStatus,
    counts: Counts,
    tally: Mapping[str, int],
    end: datetime,
    every: timedelta,
) -> Past:
    """The life of a batch that nobody watched, of which the calls are known, in order."""
    timed = [call for call in calls if call.ended]
    began = min(instant(timed[0].ended), end) if timed else end - every
    moments = [Moment(at=began, word=BatchStatus.RUNNING.value)]
    untold: Tally = dict(tally)
    group: list[PastCall] = []
    at = began
    for call in (*timed, None):
        ended = None if call is None else instant(call.ended)
        if group and (ended is None or ended > at):
            moments.append(_of_calls(min(at, end), group, untold))
            group = []
        if call is not None and ended is not None:
            if not group and ended > at:
                at += every * -(-(ended - at) // every)
            group.append(call)
    last = Moment(at=end, word=status.value, counts=counts, delta=untold)
    moments.append(last)
    moments.sort(key=lambda moment: moment.at)
    n = len(timed)
    return Past(whole=False, moments=moments, calls=n, untimed=len(calls) - n, changes=n)


def _of_calls(at: datetime, calls: Sequence[PastCall], untold: Tally) -> Moment:
    delta: Tally = {}
    for call in calls:
        _add(delta, CALLS, 1)
        _add(delta, _OUTCOMES[call.outcome], 1)
        details(delta, call, 1)
    for key, n in delta.items():
        untold[key] = untold.get(key, 0) - n
    return Moment(at=at, calls=[(call, False) for call in calls], delta=delta)
