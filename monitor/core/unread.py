"""What is said of batches that cannot be read, all of one provider's in one finding."""

from collections.abc import Sequence

from monitor.core.facts import ProviderFacts, Unread
from monitor.core.rule import Finding
from monitor.core.wording import counted


def unread_finding(
    facts: ProviderFacts, found: Sequence[Unread], sentence: str, todo: str
) -> Finding:
    """``sentence`` says what cannot be done, with ``{batches}`` where they are to be named."""
    first = min(found, key=lambda each: (each.since, each.title))
    n = len(found)
    more = f" and {counted(n - 1, 'more batch', 'more batches')}" if n > 1 else ""
    return Finding(
        summary=f"{sentence.replace('{batches}', first.title + more)}: {first.why}",
        affected=n,
        total=facts.open_batches,
        since=first.since,
        details=tuple((each.title, each.why) for each in found[:3] if n > 1),
        todo=todo,
    )
