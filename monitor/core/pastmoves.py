"""What moved in a batch, moment by moment, and how its counters stood before each.

Counters are known of now; what each moment adds to them is known, too: so they are known of
every moment in between.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime

from monitor.core.instants import from_micros, to_micros
from monitor.core.model import BatchStatus, ContactStatus, Counts, Outcome
from monitor.core.pastcalls import PastCall
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
GONE = "gone"
ELSEWHERE = "others shown"
UNSEEN = "unseen"
UNLISTED = "unlisted"
SOME_ROWS = "some rows"
COST = "cost"
_OUTCOMES = {outcome.value: call_key(outcome) for outcome in Outcome}
_STATUSES = {status.value: contact_key(status) for status in ContactStatus}
_UNDIALLED = frozenset({ContactStatus.PENDING.value, ContactStatus.SKIPPED.value})
_EXHAUSTED = ContactStatus.EXHAUSTED.value
_UNKNOWN = "unknown: "


@dataclass(slots=True, kw_only=True)
class Moment:
    """What one transaction saw move.

    ``word`` is the batch's new status, as kept. ``calls`` are those that were seen ended, as
    they were then, each with the outcome that was known before, if any. ``gone``: the vendor
    did not know it, or did again; ``elsewhere``: others it showed meanwhile. ``unseen_since``:
    nobody had looked at it since then. ``unlisted``: its list could not be read from then on,
    or SOME_ROWS of it; "": all of it was again.
    """

    at: datetime
    word: str | None = None
    reopened: bool = False
    counts: Counts | None = None
    gone: bool | None = None
    elsewhere: bool = False
    unseen_since: datetime | None = None
    unlisted: str | None = None
    people: list[Change] = field(default_factory=list)
    dues: list[Change] = field(default_factory=list)
    calls: list[tuple[PastCall, bool]] = field(default_factory=list)
    # calls seen open, with their status: for the first time, or in another
    opened: list[tuple[str, str]] = field(default_factory=list)
    priced: list[PastCall] = field(default_factory=list)  # ended before, and told the cost of now
    delta: Tally = field(default_factory=dict)

    @property
    def looked(self) -> bool:
        """Whether the batch itself was seen to be other than before."""
        if self.word is not None or self.counts is not None or self.reopened:
            return True
        return self.gone is False or self.unseen_since is not None

    @property
    def listed(self) -> bool:
        """Whether people or calls of it were."""
        return bool(self.people or self.calls or self.opened or self.dues or self.priced)

    @property
    def touched(self) -> bool:
        """The same, of what counts as a move."""
        return bool(self.people or self.calls or self.opened)

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
    were known from the beginning, ``tally`` the counters then. ``told`` are the calls of which
    the moments tell, and ``stood`` how those of them stood that were known before.
    """

    whole: bool
    moments: Sequence[Moment]
    before: Sequence[PastCall] = ()
    tally: Mapping[str, int] = field(default_factory=dict)
    told: AbstractSet[str] = frozenset()
    stood: Mapping[str, str] = field(default_factory=dict)
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
        late: Iterable[str] = (),
        follow_ups: AbstractSet[str] = frozenset(),
    ) -> None:
        """``calls``: as they ended up; ``exhausted``: the retries of whom they ran out for.

        ``counts`` reads what the vendor counted. ``late``: calls whose cost was told after
        their end. ``follow_ups``: those that are no retries, whichever attempt they are.
        """
        self.calls = {call.call_id: call for call in calls}
        self.told: set[str] = set()  # the calls that are among the changes
        self.stood: dict[str, str] = {}  # of calls known before: how they stood at first
        self._exhausted = exhausted
        self._counts = counts
        self._follow_ups = follow_ups
        self._dialled: set[str] = set()
        self._unpriced: dict[str, PastCall | None] = dict.fromkeys(late)  # as they were told

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
            elif kind == COST:
                self._price(found, change[1])
            elif kind == "counts":
                found.counts = self._counts(change[3] or "{}")
            else:
                _of_batch(found, change)
        # In the order of their ends each is the last so far, nearly always.
        found.calls.sort(key=_ended)
        return found

    def _person(self, delta: Tally, change: Change) -> None:
        _, key, before, after = change
        if before is None:
            add(delta, CONTACTS, 1)
            if after in _UNDIALLED:
                add(delta, UNDIALLED, 1)
        else:
            add(delta, _STATUSES[before], -1)
            if before in _UNDIALLED and after not in _UNDIALLED and key not in self._dialled:
                self._dialled.add(key)
                add(delta, UNDIALLED, -1)
            elif before == _EXHAUSTED:
                add(delta, exhausted_key(self._exhausted.get(key, 0)), -1)
        if after == VANISHED or after is None:
            add(delta, CONTACTS, -1)
            return
        add(delta, _STATUSES[after], 1)
        if after == _EXHAUSTED:
            add(delta, exhausted_key(self._exhausted.get(key, 0)), 1)

    def _call(self, found: Moment, change: Change) -> None:
        _, key, before, after = change
        delta = found.delta
        was, now = _OUTCOMES.get(before or ""), _OUTCOMES.get(after or "")
        call = self.calls.get(key)
        if before is None:
            add(delta, CALLS, 1)
            if call is not None and call.attempt and key not in self._follow_ups:
                add(delta, "retries", 1)
        else:
            if key not in self.told:
                self.stood[key] = before
            add(delta, was or LIVE_CALLS, -1)
        self.told.add(key)
        add(delta, now or LIVE_CALLS, 1)
        if now is None or after is None:
            if after is not None:
                found.opened.append((key, after))
            return
        if call is None:
            call = PastCall(to_micros(found.at), key, after)
        elif call.outcome != after:
            call = call._replace(outcome=after)
        if key in self._unpriced:
            call = self._unpriced[key] = unpriced(call)
        found.calls.append((call, was is not None))
        if was is None:
            details(delta, call, 1)

    def _price(self, found: Moment, key: str) -> None:
        if key not in self._unpriced:
            return
        call, before = self.calls.get(key), self._unpriced.pop(key)
        if call is not None:
            call = call if before is None else call._replace(outcome=before.outcome)
            found.priced.append(call)
            _cost(found.delta, call, 1)


def unpriced(call: PastCall) -> PastCall:
    """A call before its cost was told."""
    return call._replace(cost_micros=None, currency=None, cost_estimated=False)


def _of_batch(found: Moment, change: Change) -> None:
    kind, _, before, after = change
    if kind == GONE:
        found.gone, found.elsewhere = after is not None, after == ELSEWHERE
    elif kind == UNLISTED:
        found.unlisted = after or ""
    elif kind == UNSEEN:
        found.unseen_since = from_micros(int(before or 0))
    elif after == REOPENED:
        found.reopened = True
    else:
        found.word = after


def _ended(pair: tuple[PastCall, bool]) -> int:
    return pair[0].ended


def add(delta: Tally, key: str, n: int) -> None:
    """Let a counter be so many more."""
    delta[key] = delta.get(key, 0) + n


def details(delta: Tally, call: PastCall, sign: int) -> None:
    """What an ended call adds to the counters beside its outcome."""
    if call.duration_s:
        add(delta, "talk_ms", sign * round(call.duration_s * 1000))
    _cost(delta, call, sign)
    if call.sentiment is not None:
        add(delta, f"sentiment.{call.sentiment}", sign)


def _cost(delta: Tally, call: PastCall, sign: int) -> None:
    if call.cost_micros is not None:
        add(delta, f"cost.{call.currency or 'USD'}", sign * call.cost_micros)
        if call.cost_estimated:
            add(delta, "cost.estimated", sign)


def stood_before(now: Mapping[str, int], moments: Iterable[Moment]) -> Tally:
    """The counters before the first of the moments, of those after the last."""
    found = dict(now)
    for moment in moments:
        for key, n in moment.delta.items():
            found[key] = found.get(key, 0) - n
    return {key: n for key, n in found.items() if n > 0}
