"""What keeps the end of a batch from being believed, for every rule that tells of it."""

from datetime import timedelta

from monitor.core.completion import (
    disagreements,
    read_since_end,
    rows,
    under_way,
    unwitnessed,
)
from monitor.core.facts import BatchFacts

CONFIRM_AFTER = timedelta(seconds=15)
# Counts that do not agree by then never will.
UNVERIFIED_AFTER = timedelta(minutes=15)


def doubts(facts: BatchFacts, confirm_after: timedelta = CONFIRM_AFTER) -> list[str]:
    """Why an end that the vendor tells of is not to be believed yet, for people."""
    seen, ended = facts.confirmed_at, facts.terminal_at
    if seen is None or ended is None or seen < ended + confirm_after:
        return ["a second look has not confirmed it"]
    live = under_way(facts, confirm_after)
    found = [live] if live else []
    known = facts.batch, facts.tally, facts.capabilities
    found += [each.text for each in disagreements(*known)] + list(unwitnessed(*known))
    if not read_since_end(facts):
        found.append("its lists were not read to their end since")
    if not rows(facts):
        found.append("nobody is known to have been in it")
    return found
