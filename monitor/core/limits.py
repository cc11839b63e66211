"""Limits to how one person is called: how often, how soon again, and never after an opt-out.

Each is a ``Check``: a value that says of one person's calls whether it was broken, when last,
and how in words.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache

from monitor.core.model import Outcome
from monitor.core.people import LONG_AGO, Breach, PersonCalls, PlacedCall
from monitor.core.route import Matcher, parse_matcher
from monitor.core.wording import counted, span

_NAMED = 3  # so many batches are named
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

    def __call__(self, person: PersonCalls) -> Breach | None:
        """See Check."""
        if len(person.calls) < 2 or self._plainly_fits(person.calls):
            return None
        calls = [call for call in person.calls if call.placed and call.at > LONG_AGO]
        worst: Breach | None = None
        for n, call in enumerate(calls):
            found = self._broken(calls[:n], call) if call.here else None
            if found is not None:
                worst = found if worst is None or found.weight >= worst.weight else worst
                worst = replace(worst, at=found.at)
        return worst

    def _plainly_fits(self, calls: Sequence[PlacedCall]) -> bool:
        """Whether these are few calls, far apart, of which only the last was a conversation.

        Most people's are: nearly everybody who moves is asked about no further.
        """
        if self.most and len(calls) > self.most:
            return False
        gap, last = self.min_gap, None
        for call in calls:
            if last is not None and (last.outcome is _COMPLETED or call.at - last.at < gap):
                return False
            last = call
        return True

    def _broken(self, before: Sequence[PlacedCall], call: PlacedCall) -> Breach | None:
        recent = [each for each in before if call.at - each.at < self.window]
        if self.most and len(recent) >= self.most:
            length = span(call.at - recent[0].at)
            calls = counted(len(recent) + 1, "call")
            return _breach((*recent, call), f"got {calls} in {length}", _OVER + len(recent))
        if self._talked(before, call):
            first = next(each for each in reversed(before) if each.outcome is _COMPLETED)
            length = span(call.at - (first.ended_at or first.at))
            return _breach((first, call), f"was called again {length} after a conversation", 2)
        if before and self._too_soon(before[-1], call):
            return _breach(
                (before[-1], call), f"got 2 calls within {span(call.at - before[-1].at)}", 1
            )
        return None

    def _talked(self, before: Sequence[PlacedCall], call: PlacedCall) -> bool:
        if not self.after_success or call.follow_up:
            return False
        talk = next((each for each in reversed(before) if each.outcome is _COMPLETED), None)
        return talk is not None and call.at - (talk.ended_at or talk.at) < self.after_success

    def _too_soon(self, first: PlacedCall, call: PlacedCall) -> bool:
        if call.at - first.at >= self.min_gap or first.outcome in _UNHEARD:
            return False
        same = (call.provider, call.batch) == (first.provider, first.batch)
        return not (same and call.attempt > first.attempt)


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
                    text = f"was called {span(call.at - (refusal.ended_at or refusal.at))} later"
                    if refusal.at == LONG_AGO:
                        text = "was called later"
                    found = _breach((refusal, call), text, after)
            if self.fits(call):
                refusal = refusal or call
        return found

    def fits(self, call: PlacedCall) -> bool:
        """Whether the call is one after which its person is not to be called."""
        return _fits(
            self.matchers, call.disposition, call.hangup, call.outcome, call.provider, call.batch
        )


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


def _breach(calls: Sequence[PlacedCall], what: str, weight: float) -> Breach:
    titles = titles_of(calls)
    return Breach(
        at=calls[-1].at,
        text=f"{what} from {named(titles)}" if len(titles) > 1 else what,
        weight=weight,
        exact=all(call.exact for call in calls),
        evidence=tuple(call.call_id for call in reversed(calls[-3:])),
        batches=titles,
    )
