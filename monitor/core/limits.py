"""Limits to how one person is called: how often, how soon again, and never after an opt-out.

Each is a ``Check``: a value that says of one person's calls whether it was broken, when last,
and how in words.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from typing import NamedTuple

from monitor.core.model import Outcome
from monitor.core.people import LONG_AGO, Breach, PersonCalls, PlacedCall
from monitor.core.route import Matcher, parse_matcher
from monitor.core.wording import counted, span

_NAMED = 3  # so many batches are named
_TOO_SOON, _AFTER_TALK = 1.0, 2.0
_OVER = 100.0  # to be over the limit is graver than to be called again too soon
# A call that failed on the way may never have rung, so a second one may follow at once.
_COMPLETED = Outcome.COMPLETED
_UNHEARD = frozenset({Outcome.FAILED, Outcome.ERROR, Outcome.CANCELLED})


def named(titles: Sequence[str]) -> str:
    """Names in a sentence: "A", "A and B", "A, B and 2 others"."""
    if len(titles) > _NAMED:
        return f"{', '.join(titles[: _NAMED - 1])} and {len(titles) - _NAMED + 1} others"
    return " and ".join(filter(None, (", ".join(titles[:-1]), *titles[-1:])))


def titles_of(calls: Iterable[PlacedCall]) -> tuple[str, ...]:
    """The batches of these calls, each once, in order."""
    return tuple(dict.fromkeys(call.batch for call in calls))


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """Too many calls, or one too soon after another. Whatever is 0 is not looked at.

    More than ``most`` within ``window``; two within ``min_gap``, unless the second is the
    vendor's own next attempt or the first failed; another within ``after_success`` of the end
    of a conversation, unless it is a follow-up.
    """

    most: int = 4
    window: timedelta = timedelta(hours=24)
    min_gap: timedelta = timedelta(minutes=5)
    after_success: timedelta = timedelta(hours=24)

    @property
    def words(self) -> str:
        """What is permitted: "4 calls in 1 d, 5 min apart, none for 1 d after a conversation"."""
        permitted = []
        if self.most:
            permitted.append(f"{counted(self.most, 'call')} in {span(self.window)}")
        if self.min_gap:
            permitted.append(f"{span(self.min_gap)} apart")
        if self.after_success:
            permitted.append(f"none for {span(self.after_success)} after a conversation")
        return ", ".join(permitted)

    def __call__(self, person: PersonCalls) -> Breach | None:
        """See Check."""
        if len(person.calls) < 2:
            return None
        calls = [call for call in person.calls if call.placed and call.at > LONG_AGO]
        # A number of thousands of calls is gone through once: only the gravest is put in words.
        worst: _Broken | None = None
        last: PlacedCall | None = None
        talk: PlacedCall | None = None
        first = 0
        for n, call in enumerate(calls):
            while call.at - calls[first].at >= self.window and first < n:
                first += 1
            found = self._broken(calls, first, n, talk) if call.here else None
            if found is not None:
                last = call
                worst = found if worst is None or found.weight >= worst.weight else worst
            talk = call if call.outcome is _COMPLETED else talk
        if worst is None or last is None:
            return None
        return replace(_said(worst.calls, worst.weight), at=last.at)

    def _broken(
        self, calls: Sequence[PlacedCall], first: int, n: int, talk: PlacedCall | None
    ) -> "_Broken | None":
        """What the call at place ``n`` breaks; from ``first`` on they lie in its window."""
        call, recent = calls[n], n - first
        if self.most and recent >= self.most:
            return _Broken(_OVER + recent, calls, first, n)
        if talk is not None and self._talked(talk, call):
            return _Broken(_AFTER_TALK, (talk, call), 0, 1)
        if n and self._too_soon(calls[n - 1], call):
            return _Broken(_TOO_SOON, calls, n - 1, n)
        return None

    def _talked(self, talk: PlacedCall, call: PlacedCall) -> bool:
        if not self.after_success or call.follow_up:
            return False
        return call.at - (talk.ended_at or talk.at) < self.after_success

    def _too_soon(self, first: PlacedCall, call: PlacedCall) -> bool:
        if call.at - first.at >= self.min_gap or first.outcome in _UNHEARD:
            return False
        same = (call.provider, call.batch) == (first.provider, first.batch)
        return not (same and call.attempt > first.attempt)


class _Broken(NamedTuple):
    """A limit that was broken by a call, and the ones before it that count: not yet in words."""

    weight: float
    of: Sequence[PlacedCall]
    first: int
    last: int

    @property
    def calls(self) -> Sequence[PlacedCall]:
        return self.of[self.first : self.last + 1]


def _said(calls: Sequence[PlacedCall], weight: float) -> Breach:
    first, call = calls[0], calls[-1]
    if weight == _AFTER_TALK:
        return _breach(calls, _after_talk(first, call), weight)
    if weight == _TOO_SOON:
        text = f"got 2 calls within {span(call.at - first.at)}{_from(calls)}"
        return _breach(calls, text, weight)
    text = f"got {counted(len(calls), 'call')} in {span(call.at - first.at)}{_from(calls)}"
    return _breach(calls, text, weight)


@dataclass(frozen=True, slots=True)
class OptOuts:
    """A person is called after a call that matched one of these: who asked not to be.

    The texts are matchers over what is known of a call: disposition, hangup, outcome,
    provider, batch_name.
    """

    matchers: tuple[str, ...]

    def __call__(self, person: PersonCalls) -> Breach | None:
        """See Check."""
        if len(person.calls) < 2:
            return None
        refusal: PlacedCall | None = None
        after = 0
        found: Breach | None = None
        for call in person.calls:
            if refusal is not None and call.placed and call.at > (refusal.ended_at or refusal.at):
                after += 1
                if call.here:
                    found = _breach((refusal, call), _after_refusal(refusal, call), after)
            if self.fits(call):
                refusal = refusal or call
        return found

    def fits(self, call: PlacedCall) -> bool:
        """Whether the call is one after which its person is not to be called."""
        return self.matches(call.disposition, call.hangup, call.outcome, call.provider, call.batch)

    def matches(self, *values: str | None) -> bool:
        """The same by disposition, hangup, outcome, provider and batch."""
        return _fits(self.matchers, *values)


_WORDS = ("disposition", "hangup", "outcome", "provider", "batch_name")


@lru_cache(maxsize=4096)
def _fits(texts: tuple[str, ...], *values: str | None) -> bool:
    labels = {word: value or "" for word, value in zip(_WORDS, values, strict=True)}
    return any(matcher.matches(labels) for matcher in refusals(texts))


@lru_cache(maxsize=64)
def refusals(texts: tuple[str, ...]) -> tuple[Matcher, ...]:
    """The texts read; ValueError where one is no matcher, or about what no call has."""
    found = tuple(map(parse_matcher, texts))
    for each in found:
        if each.label not in _WORDS:
            msg = f"{each.label!r} is none of {', '.join(_WORDS)}"
            raise ValueError(msg)
    return found


def _from(calls: Sequence[PlacedCall]) -> str:
    titles = titles_of(calls)
    return f" from {named(titles)}" if len(titles) > 1 else ""


def _after_talk(talk: PlacedCall, call: PlacedCall) -> str:
    """In words: was called again by B 2 h after a conversation with A."""
    by, to = _by_whom(talk, call, "with")
    over = talk.ended_at or talk.at
    if call.at < over:
        return f"was called{by} during a conversation{to}"
    return f"was called again{by} {span(call.at - over)} after a conversation{to}"


def _after_refusal(refusal: PlacedCall, call: PlacedCall) -> str:
    """In words: was called by B 2 h after the opt-out in A."""
    by, where = _by_whom(refusal, call, "in")
    ago = "" if refusal.at == LONG_AGO else f" {span(call.at - (refusal.ended_at or refusal.at))}"
    return f"was called{by}{ago} after the opt-out{where}"


def _by_whom(first: PlacedCall, call: PlacedCall, word: str) -> tuple[str, str]:
    """Which batch called, and which did before, where these are two."""
    if first.batch == call.batch:
        return "", ""
    return f" by {call.batch}", f" {word} {first.batch}"


def _breach(calls: Sequence[PlacedCall], text: str, weight: float) -> Breach:
    titles = titles_of(calls)
    return Breach(
        at=calls[-1].at,
        text=text,
        weight=weight,
        exact=all(call.exact for call in calls),
        evidence=tuple(call.call_id for call in reversed(calls[-3:])),
        batches=titles,
    )
