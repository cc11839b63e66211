"""What is wrong with what came, or did not, of a batch that is expected."""

from collections.abc import Iterator

from monitor.core.expectation import (
    SETTLED,
    ExpectationFacts,
    days,
    repeated,
    usually,
)
from monitor.core.rule import Clear, Finding, Holds, Unknown, Verdict
from monitor.core.stats import share
from monitor.core.wording import clock, people_text, percent, span

_LOOK = "Look at what should have made the batch, then start it."
_PAUSE = "Pause the batch and look at its list before it calls anybody."


def missing(facts: ExpectationFacts) -> Verdict:
    """Nothing has come: whether it should have by now, and would have been seen."""
    expected = facts.expectation
    if facts.late_by < expected.within:
        return Unknown("it is not late yet")
    if facts.unseen is not None:
        return Unknown(facts.unseen)
    return Holds(
        Finding(
            summary=f"no batch at {facts.where}{usually(facts)}",
            value=facts.late_by.total_seconds(),
            threshold=expected.within.total_seconds(),
            unit="s",
            affected=facts.usual,
            since=facts.occurrence.due if facts.occurrence else None,
            todo=_LOOK,
        )
    )


def arrival(facts: ExpectationFacts) -> str:
    """When what was expected came, and how large it is."""
    first, zone = min(each.at for each in facts.came), facts.expectation.schedule.zone
    many = "" if facts.people is None else f" with {people_text(facts.people)}"
    return f"it came at {clock(first, zone, facts.now)}{many}"


def late(facts: ExpectationFacts) -> Iterator[Verdict]:
    """What has come and has not begun, though it should have by now."""
    waiting = [each for each in facts.came if not each.begun]
    if not waiting or facts.late_by < facts.expectation.within:
        return
    zone, first = facts.expectation.schedule.zone, waiting[0]
    planned = f", planned for {clock(first.at, zone, facts.now)}" if first.at > facts.now else ""
    yield Holds(
        Finding(
            summary=f"{first.title} has not begun after {span(facts.late_by)}{planned}",
            value=facts.late_by.total_seconds(),
            threshold=facts.expectation.within.total_seconds(),
            unit="s",
            affected=facts.people,
            evidence=tuple(each.batch_id for each in waiting[:3]),
            since=facts.occurrence.due if facts.occurrence else None,
            todo="Start the batch at the vendor, or see what holds it back.",
        )
    )


def size(facts: ExpectationFacts, smallest: float, largest: float) -> Iterator[Verdict]:
    """How many people came beside what is usual; nothing where nothing is."""
    if not facts.usual:
        return
    n = facts.people
    if n is None:
        yield Unknown("its size is not known yet")
        return
    part = n / facts.usual
    finding = Finding(
        summary=f"{people_text(n)} in {_titles(facts)}, {percent(part)} of the usual "
        f"{facts.usual:,}",
        value=100 * part,
        threshold=100 * (smallest if part < 1 else largest),
        falls=part < 1,
        unit="%",
        affected=n,
        evidence=tuple(each.batch_id for each in facts.came[:3]),
        todo=_PAUSE,
    )
    if part > largest:
        yield Holds(finding)
    elif part >= smallest:
        yield Clear(finding)
    elif facts.now - max(each.seen_at for each in facts.came) < SETTLED:
        yield Unknown("its list may still be loading", finding)
    else:
        yield Holds(finding)


def repeats(facts: ExpectationFacts) -> Iterator[Verdict]:
    """How many of its people talked in another batch lately; nothing where nobody can tell."""
    expected = facts.expectation
    if all(each.before is None for each in facts.came):
        return
    found = repeated(facts)
    part = share(found.n, found.of)
    most = f", most of them in {found.batches[0][0]}" if found.batches else ""
    finding = Finding(
        summary=f"{found.n:,} of {people_text(found.of)} in {_titles(facts)} were reached "
        f"{days(expected.overlap_days)} ({percent(part)}){most}",
        value=100 * part,
        threshold=100 * expected.max_overlap,
        unit="%",
        n=found.of,
        affected=found.n,
        total=found.of,
        evidence=found.evidence,
        todo=_PAUSE,
    )
    if part > expected.max_overlap:
        yield Holds(finding)
    elif not found.whole:
        yield Unknown("its people have not all been looked at yet", finding)
    else:
        yield Clear(finding)


def _titles(facts: ExpectationFacts) -> str:
    first, *others = (each.title for each in facts.came)
    return f"{first} and {len(others):,} more" if others else first
