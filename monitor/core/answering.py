"""How many calls somebody took, of all that were made, and of each number that called."""

from abc import ABC
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import partial

from monitor.core.baseline import SETTLED, Compare, Counted, Usual, before_window, own
from monitor.core.calls import CallLog, EndedCall, Field, Window
from monitor.core.facts import BatchFacts
from monitor.core.failures import Case, accused, rate_finding
from monitor.core.model import Outcome
from monitor.core.rates import RateRule, Say
from monitor.core.rule import Clear, Finding, Holds, Unknown, Verdict
from monitor.core.stats import share
from monitor.core.wording import counted, percent, span
from monitor.core.words import BLOCKED

# A call that was called off, or that the vendor lost, rang at nobody's.
_MADE = frozenset(Outcome) - {Outcome.CANCELLED, Outcome.ERROR}
_TAKEN = Outcome.COMPLETED
_TODO = "Take the number out, or pause; ask the carrier about its reputation."
_BLOCKED_SHARE = 0.05  # of a number's calls: of thousands, some are blocked anyway

Lines = Mapping[str | None, Counted]  # by the number that called; None: not told


class By(StrEnum):
    """What is judged."""

    BATCH = "batch"
    FROM_NUMBER = "from_number"  # the batch, and each number that calls


def by_number(log: CallLog, start: datetime, end: datetime) -> dict[str | None, Counted]:
    """Of the calls made in a span, those that a person took, by the number that called."""
    found: dict[str | None, Counted] = {}
    for (number, word), n in log.grouped(start, end, Field.FROM_NUMBER, Field.OUTCOME).items():
        if word in _MADE:
            key = None if number is None else str(number)
            part, whole = found.get(key, _NONE)
            found[key] = Counted(part + n * (word == _TAKEN), whole + n)
    return found


_NONE = Counted(0, 0)


def together(lines: Iterable[Counted]) -> Counted:
    """All of them as one."""
    part = whole = 0
    for seen in lines:
        part += seen.part
        whole += seen.whole
    return Counted(part, whole)


@dataclass(frozen=True, slots=True)
class _Answered:
    """What the calls of one number came to; None: of all."""

    number: str | None

    def __call__(self, log: CallLog, start: datetime, end: datetime) -> Counted:
        lines = by_number(log, start, end)
        return together(lines.values()) if self.number is None else lines.get(self.number, _NONE)


def _less(whole: Counted, seen: Counted) -> Counted:
    """What the calls of all other numbers came to."""
    return Counted(whole.part - seen.part, whole.whole - seen.whole)


def _case(number: str | None = None) -> Case:
    """The case against calls that nobody took, of one number or of all."""

    def wrong(call: EndedCall) -> bool:
        return call.outcome != _TAKEN and number in {None, call.from_number}

    return Case(
        wrong=wrong,
        count=_Answered(number),
        bad="unanswered calls",
        verb="were answered",
        todo=_TODO,
        skip=frozenset() if number is None else frozenset({Field.FROM_NUMBER}),
        among=lambda call: call.outcome in _MADE,
    )


@dataclass(frozen=True, kw_only=True)
class AnswerRule(RateRule, ABC):
    """A rule about the share of answered calls, of a batch and of each number that calls."""

    @property
    def falls(self) -> bool:
        """See RateRule."""
        return True

    def weigh_numbers(
        self, facts: BatchFacts, window: Window, whole: Counted, lines: Lines
    ) -> Verdict:
        """The number that stands apart, else the batch; clear only when all of them are."""
        found = [
            verdict
            for number, seen in lines.items()
            if number is not None and len(lines) > 1 and seen.whole >= self.min_calls
            if (verdict := self._weigh_number(facts, window, (whole, seen), number)) is not None
        ]
        held = [each for each in found if isinstance(each, Holds)]
        if held and len(held) < len(lines):
            return min(held, key=lambda each: each.finding.value or 0)
        say = self._say(window, whole, "")
        batch = self.weigh(facts, whole, window.start, _case(), say)
        if not isinstance(batch, Clear):
            return batch
        doubts = (each for each in (*held, *found) if not isinstance(each, Clear))
        return next(doubts, None) or self._silent(facts, lines) or batch

    def _weigh_number(
        self, facts: BatchFacts, window: Window, counts: tuple[Counted, Counted], number: str
    ) -> Verdict | None:
        """None where all is well, or there is nothing to hold the number against."""
        whole, seen = counts
        others = _less(whole, seen)
        known = Usual(seen=others, where="the other numbers now")
        if self.compare is not Compare.ABSOLUTE and self.reached(seen):
            usual = self.usual(facts, window.start, _Answered(number))
            known = known if usual.seen.whole < self.min_usual else usual
            if known.seen.whole < self.min_usual:
                return None
        if self.is_well(seen, known):
            return None
        beside = f"; other numbers {percent(others.share)}, n {others.whole:,}"
        say = self._say(window, seen, f" from {number}", beside)
        enough = others.whole >= self.min_calls
        if enough and self.reached(seen) and seen.share * self.times > others.share:
            return Unknown(f"{number} stands not apart from the other numbers", partial(say, known))
        return self.weigh_beside(facts, seen, window.start, _case(number), say, lambda: known)

    def _say(self, window: Window, seen: Counted, whose: str, beside: str = "") -> Say:
        def say(usual: Usual | None) -> Finding:
            length = span(window.end - window.start)
            verb = "was" if seen.whole == 1 else "were"
            what = f"{counted(seen.whole, 'call')}{whose} {verb} answered in {length}"
            limit = self.limit_beside(usual)
            found = rate_finding(seen, what, limit, usual, beside, falls=self.falls)
            return replace(found, affected=seen.whole - seen.part)

        return say

    def _silent(self, facts: BatchFacts, lines: Lines) -> Unknown | None:
        """A number that did badly and has called too little since: nobody knows how it does."""
        if not lines:
            return None
        earlier = by_number(own(facts), *before_window(facts.now - SETTLED, self.window))
        whole = together(earlier.values())
        for number, seen in earlier.items():
            if number is None:
                continue
            now = lines.get(number, _NONE)
            beside = Usual(seen=_less(whole, seen), where="the other numbers")
            if now.whole < self.min_calls and self.reached(seen) and self.beyond(seen, beside):
                return Unknown(f"only {counted(now.whole, 'call')} from {number} since")
        return None


def blocked(facts: BatchFacts, window: Window, least: int) -> Finding | None:
    """The number of which carriers blocked so many calls, if there is one; the worst."""
    if facts.calls.having(window.start, window.end, Field.HANGUP, BLOCKED) < least:
        return None
    refused: dict[str | None, int] = {}
    made: dict[str | None, int] = {}
    groups = facts.calls.grouped(window.start, window.end, Field.FROM_NUMBER, Field.HANGUP)
    for (value, hangup), n in groups.items():
        number = None if value is None else str(value)
        made[number] = made.get(number, 0) + n
        if hangup == BLOCKED:
            refused[number] = refused.get(number, 0) + n
    found = [
        (n, number)
        for number, n in refused.items()
        if n >= least and share(n, made[number]) >= _BLOCKED_SHARE
    ]
    if not found:
        return None
    n, number = max(found, key=lambda each: (each[0], str(each[1])))
    return _blocked_finding(facts, window, Counted(n, made[number]), number, least)


def _blocked_finding(
    facts: BatchFacts, window: Window, seen: Counted, number: str | None, least: int
) -> Finding:
    whose = "" if number is None else f" from {number}"
    length = span(window.end - window.start)
    calls = counted(seen.whole, "call")
    finding = Finding(
        summary=f"carriers blocked {seen.part:,} of {calls}{whose} as spam in {length}",
        value=seen.part,
        threshold=least,
        n=seen.whole,
        affected=seen.part,
        total=seen.whole,
    )
    case = Case(
        wrong=lambda call: call.hangup == BLOCKED and call.from_number == number,
        count=_blocked_in,
        bad="blocked calls",
        verb="were blocked",
        todo=_TODO,
        skip=frozenset({Field.FROM_NUMBER, Field.HANGUP, Field.ERROR}),
    )
    return accused(facts, finding, window.start, case)


def _blocked_in(log: CallLog, start: datetime, end: datetime) -> Counted:
    groups = log.grouped(start, end, Field.FROM_NUMBER, Field.HANGUP)
    part = sum(n for (_, hangup), n in groups.items() if hangup == BLOCKED)
    return Counted(part, sum(groups.values()))
