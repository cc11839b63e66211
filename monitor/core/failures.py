"""What people are told when calls fail: how many, what is usual, what the failures share."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.core.baseline import Count, Counted, Usual, interval_text
from monitor.core.calls import CallLog, Ended, Field, Window
from monitor.core.completion import ended_calls
from monitor.core.facts import BatchFacts
from monitor.core.model import Outcome
from monitor.core.pivot import MOST, Pivot, Wrong, how_text, line, pivot, where_text
from monitor.core.rule import Finding, Unknown
from monitor.core.tally import call_key
from monitor.core.wording import clock, counted, people_text, percent, span

Outcomes = frozenset[Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a rate rule holds against calls: which went wrong, and what people are told of it."""

    wrong: Wrong
    count: Count  # the same of a span
    bad: str = "failed calls"  # "17 of 19 failed calls"
    verb: str = "failed"  # "other batches now: 2 of 60 failed"
    todo: str = "Pause the batch, then look at the calls named here."
    skip: frozenset[Field] = frozenset()  # what the rule itself goes by explains nothing
    among: Wrong | None = None  # the calls that are judged at all; None: every one


def case_of(statuses: Outcomes) -> Case:
    """The case against calls that ended in one of these ways."""
    return Case(
        wrong=lambda call: call.outcome in statuses,
        count=_Ended(statuses),
    )


@dataclass(frozen=True, slots=True)
class _Ended:
    """How many calls ended in one of these ways."""

    statuses: Outcomes

    def __call__(self, log: CallLog, start: datetime, end: datetime) -> Counted:
        return counted_in(log.window(start, end), self.statuses)


def counted_in(window: Window, statuses: Outcomes) -> Counted:
    """How many of a window's calls ended in one of these ways."""
    return Counted(window.count(statuses), window.n)


def usual_share(
    facts: BatchFacts, window: Window, statuses: Outcomes, least: int, trouble: float = math.inf
) -> Usual | None:
    """The share of the batch's calls outside the window, else of the batch before it: for free.

    None where neither has ``least`` calls to go by. From ``trouble`` on what went before in
    the batch is no habit, but the same trouble, longer than the window.
    """
    before = ended_calls(facts.tally) - window.n
    if before >= least:
        failed = sum(facts.tally.get(call_key(outcome), 0) for outcome in statuses)
        seen = Counted(max(failed - window.count(statuses), 0), before)
        if seen.share < trouble:
            return Usual(seen=seen, where="earlier in this batch")
    earlier = facts.previous.outcomes if facts.previous else {}
    n = sum(earlier.values())
    if n < max(least, 1):
        return None
    seen = Counted(sum(earlier.get(outcome, 0) for outcome in statuses), n)
    return Usual(seen=seen, where="the batch before", fixed=True)


def window_finding(
    window: Window, failed: int, threshold: float, usual: Usual | None = None
) -> Finding:
    """How many of the calls of a window failed: "19 of 42 calls failed in 10 min (45 %)"."""
    what = f"{counted(window.n, 'call')} failed in {span(window.end - window.start)}"
    return rate_finding(Counted(failed, window.n), what, threshold, usual)


def rate_finding(
    seen: Counted,
    what: str,
    threshold: float,
    usual: Usual | None = None,
    beside: str = "",
    *,
    falls: bool = False,
) -> Finding:
    """A share beside its limit: "19 of 42 calls failed in 10 min (45 %, usually 4 %, n 310)"."""
    known = "" if usual is None else f", {usual.text}"
    return Finding(
        summary=f"{seen.part:,} of {what} ({percent(seen.share)}{known}{beside})",
        value=round(seen.share * 100, 1),
        threshold=round(threshold * 100, 1),
        falls=falls,
        unit="%",
        n=seen.whole,
        affected=seen.part,
        total=seen.whole,
        details=(("share", interval_text(seen)), *((usual.line,) if usual else ())),
    )


def untold(facts: BatchFacts, statuses: Outcomes) -> Unknown | None:
    """Why failures cannot be judged where the vendor's word for them also means no answers."""
    if facts.capabilities.tells_failures or Outcome.FAILED not in statuses:
        return None
    return Unknown(
        f"cannot tell failures from no answers at {facts.vendor.title() or 'this vendor'}"
    )


def streak_finding(facts: BatchFacts, streak: tuple[Ended, ...]) -> Finding:
    """The last calls all failed; the first ones, where there were no others. Newest first."""
    n = len(streak)
    which = "first" if ended_calls(facts.tally) <= n else "last"
    return Finding(
        summary=f"the {which} {counted(n, 'call')} all failed",
        value=n,
        threshold=n,
        n=n,
        affected=n,
        total=n,
        since=streak[-1].ended_at,
    )


def accused(facts: BatchFacts, finding: Finding, start: datetime, case: Case) -> Finding:
    """The finding with what the calls gone wrong after ``start`` share, and who still waits."""
    seen = facts.calls.between(start, facts.now, MOST)
    if case.among is not None:
        seen = tuple(filter(case.among, seen))
    found = pivot(seen, case.wrong, case.skip)
    shared = [one for one in (found.how, found.where, *found.others) if one is not None]
    return replace(
        finding,
        summary=finding.summary + _consequence(facts, found, finding.affected),
        waiting=facts.waiting,
        details=(
            *finding.details,
            *(line(one, case.bad, facts.zone, facts.now) for one in shared[:_LINES]),
            *_elsewhere(facts, start, case),
        ),
        evidence=found.evidence,
        todo=case.todo,
    )


_LINES = 4  # of what calls share


def _consequence(facts: BatchFacts, found: Pivot, wrong: int | None) -> str:
    text = "" if found.how is None else f", {how_text(found.how, wrong)}"
    if found.where is not None:
        text += f", {where_text(found.where, facts.zone, facts.now)}"
    waiting = facts.waiting
    verb = "waits" if waiting == 1 else "wait"
    return text + (f"; {people_text(waiting)} {verb}" if waiting else "")


def _elsewhere(facts: BatchFacts, start: datetime, case: Case) -> Iterator[tuple[str, str]]:
    """How the same goes in other open batches, by provider: whether it is this batch alone."""
    found: dict[str, Counted] = {}
    for peer in facts.peers.siblings():
        seen = case.count(peer.calls, start, facts.now)
        known = found.get(peer.provider, Counted(0, 0))
        found[peer.provider] = Counted(known.part + seen.part, known.whole + seen.whole)
    for provider, seen in found.items():
        if seen.whole:
            here = provider == facts.batch.provider
            label = "other batches now" if here else f"batches at {provider} now"
            text = f"{seen.part:,} of {counted(seen.whole, 'call')} {case.verb}"
            yield label, f"{text} ({percent(seen.share)})"


def lately(facts: BatchFacts, length: timedelta) -> Window:
    """The calls that ended within ``length``, since it was resumed.

    What failed before a pause is what it was paused for. Nobody may have looked when it was
    resumed, so what ended after it last stood still counts.
    """
    return facts.calls.window(since(facts, length), facts.now)


def last_ends(facts: BatchFacts, n: int) -> tuple[Ended, ...]:
    """How the last ``n`` calls ended since it was resumed, newest first."""
    idle, last = facts.idle_at, facts.calls.last_ends(n)
    return last if idle is None else tuple(call for call in last if call.ended_at > idle)


def since(facts: BatchFacts, length: timedelta) -> datetime:
    """From when on calls count: ``length`` ago, or when it last stood still, if that is later."""
    start, idle = facts.now - length, facts.idle_at
    return start if idle is None else max(start, min(idle, facts.now))


def too_few(facts: BatchFacts, window: Window, least: int) -> str:
    """Why a window says nothing: it is empty, or has fewer calls than are needed."""
    if window.n:
        length = span(window.end - window.start)
        return f"only {counted(window.n, 'call')} in {length}, {least:,} are needed"
    last = last_ends(facts, 1)
    if not last:
        idle = facts.idle_at
        since = f" since {clock(idle, facts.zone, facts.now)}" if idle else " yet"
        return f"no calls{since}"
    return f"no calls since {clock(last[0].ended_at, facts.zone, facts.now)}"
