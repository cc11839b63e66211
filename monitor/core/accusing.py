"""How a rule about people comes to its verdict, from what it found of each of them."""

from datetime import datetime, timedelta

from monitor.core.facts import BatchFacts
from monitor.core.people import LONG_AGO, Breaches, Check
from monitor.core.rule import Clear, Finding, Unknown, Verdict
from monitor.core.standstill import stopped
from monitor.core.wording import clock


def accused(facts: BatchFacts, check: Check) -> Breaches:
    """Everybody for whom a call of this batch broke the limit, since it began."""
    return facts.persons.breaches(check, LONG_AGO)


def no_more(facts: BatchFacts, found: Breaches, recent: timedelta, what: str) -> Verdict | None:
    """Why nobody is accused now; None where a call of the last ``recent`` broke the limit.

    A batch that stands still has not become better: it is well once others were called since.
    """
    last = found.last_at
    if last is None:
        if not found.whole:
            return Unknown("its people are still being read")
        return Clear(Finding(summary=f"nobody {what}", affected=0, total=facts.people))
    if last > facts.now - recent:
        return None
    at = clock(last, facts.zone, facts.now)
    seen = Finding(summary=f"nobody {what} since {at}", affected=found.n, total=facts.people)
    if still := stopped(facts):
        return Unknown(still.reason, seen)
    if not facts.calls.window(max(last, facts.now - recent), facts.now).n:
        return Unknown(f"no calls since {_since(facts, last)}", seen)
    return Clear(seen)


def _since(facts: BatchFacts, last: datetime) -> str:
    ended = facts.calls.last_ends(1)
    return clock(max(ended[0].ended_at, last) if ended else last, facts.zone, facts.now)


def first_named(found: Breaches) -> str:
    """The gravest in words: "••4821 got 9 calls in 40 min from A and B"."""
    worst = found.gravest[0]
    return f"{worst.phone or 'one person'} {worst.text}"


def charge(facts: BatchFacts, found: Breaches, summary: str, todo: str) -> Finding:
    """The finding against a batch that broke a limit of so many people."""
    return Finding(
        summary=summary,
        value=found.n,
        threshold=0,
        affected=found.n,
        total=facts.people,
        since=found.first_at,
        evidence=_evidence(found),
        todo=todo,
    )


def _evidence(found: Breaches) -> tuple[str, ...]:
    """Up to three calls: the last of each person's that are named, else more of the first's."""
    firsts = [each.evidence[0] for each in found.gravest if each.evidence]
    more = [call for each in found.gravest for call in each.evidence[1:]]
    return tuple(dict.fromkeys([*firsts, *more]))[:3]


def pause_words(found: Breaches) -> str:
    """What to do about the batches that called: "Pause both batches"."""
    titles = list(dict.fromkeys(title for each in found.gravest for title in each.batches))
    if len(titles) < 2:
        return "Pause the batch"
    return "Pause both batches" if len(titles) == 2 else f"Pause these {len(titles)} batches"
