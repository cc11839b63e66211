"""What people are told when calls fail: how many, what is usual, what the failures share."""

from dataclasses import replace
from datetime import datetime, timedelta

from monitor.core.completion import ended_calls
from monitor.core.facts import BatchFacts, EndedCall, Share, Window
from monitor.core.model import Outcome
from monitor.core.rule import Finding, Unknown
from monitor.core.stats import share
from monitor.core.tally import call_key
from monitor.core.text import clip
from monitor.core.wording import clock, counted, people_text, percent, span

Outcomes = frozenset[Outcome]


def usual_share(facts: BatchFacts, window: Window, statuses: Outcomes, least: int) -> float | None:
    """The failed share of the batch's calls outside the window, else of the batch before it.

    None where neither has ``least`` calls to go by.
    """
    before = ended_calls(facts.tally) - window.n
    if before >= least:
        failed = sum(facts.tally.get(call_key(outcome), 0) for outcome in statuses)
        return share(max(failed - window.count(statuses), 0), before)
    earlier = facts.previous.outcomes if facts.previous else {}
    n = sum(earlier.values())
    if n < max(least, 1):
        return None
    return share(sum(earlier.get(outcome, 0) for outcome in statuses), n)


def window_finding(
    window: Window, failed: int, threshold: float, usual: float | None = None
) -> Finding:
    """How many of the calls of a window failed: "19 of 42 calls failed in 10 min (45 %)"."""
    part = share(failed, window.n)
    beside = "" if usual is None else f", usually {percent(usual)}"
    length = span(window.end - window.start)
    calls = counted(window.n, "call")
    return Finding(
        summary=f"{failed:,} of {calls} failed in {length} ({percent(part)}{beside})",
        value=round(part * 100, 1),
        threshold=round(threshold * 100, 1),
        unit="%",
        n=window.n,
        affected=failed,
        total=window.n,
    )


def untold(facts: BatchFacts, statuses: Outcomes) -> Unknown | None:
    """Why failures cannot be judged where the vendor's word for them also means no answers."""
    if facts.capabilities.tells_failures or Outcome.FAILED not in statuses:
        return None
    return Unknown(
        f"cannot tell failures from no answers at {facts.vendor.title() or 'this vendor'}"
    )


def streak_finding(facts: BatchFacts, streak: tuple[EndedCall, ...]) -> Finding:
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


def accused(facts: BatchFacts, finding: Finding, start: datetime, statuses: Outcomes) -> Finding:
    """The finding with what the calls that failed after ``start`` share, and who still waits."""
    shares = facts.calls.common(start, facts.now, statuses)
    return replace(
        finding,
        summary=finding.summary + _consequence(facts.waiting, shares),
        waiting=facts.waiting,
        details=_share_lines(shares),
        evidence=facts.calls.evidence(start, facts.now, statuses, 3),
        todo="Pause the batch, then look at the calls named here.",
    )


def _consequence(waiting: int, shares: tuple[Share, ...]) -> str:
    common = next((one for one in shares if one.n > 1 and one.n * 2 >= one.of), None)
    text = "" if common is None else f", {common.n:,} with the same {_named(common)}"
    verb = "waits" if waiting == 1 else "wait"
    return text + (f"; {people_text(waiting)} {verb}" if waiting else "")


def _named(common: Share) -> str:
    return f"{common.label}: {clip(common.value, 80).rstrip('.')}"


def _share_lines(shares: tuple[Share, ...]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (f"commonest {one.label}", f"{clip(one.value, 120)} ({one.n:,} of {one.of:,})")
        for one in shares
    )


def lately(facts: BatchFacts, length: timedelta, n: int) -> tuple[Window, tuple[EndedCall, ...]]:
    """The calls that ended within ``length``, and the last ``n``: since it was resumed, if it was.

    What failed before a pause is what it was paused for. Nobody may have looked when it was
    resumed, so what ended after it last stood still counts.
    """
    idle = facts.idle_at
    start, last = facts.now - length, facts.calls.last_ended(n)
    if idle is not None:
        start = max(start, min(idle, facts.now))
        last = tuple(call for call in last if call.ended_at > idle)
    return facts.calls.window(start, facts.now), last


def too_few(facts: BatchFacts, window: Window, last: tuple[EndedCall, ...], least: int) -> str:
    """Why a window says nothing: it is empty, or has fewer calls than are needed."""
    if window.n:
        length = span(window.end - window.start)
        return f"only {counted(window.n, 'call')} in {length}, {least:,} are needed"
    if not last:
        idle = facts.idle_at
        since = f" since {clock(idle, facts.zone, facts.now)}" if idle else " yet"
        return f"no calls{since}"
    return f"no calls since {clock(last[0].ended_at, facts.zone, facts.now)}"
