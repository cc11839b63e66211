"""A vendor's own counts contradict its lists.

Fires when, for its pending time, at night and in a pause, too, the people and calls that were
read differ from what the vendor counts though neither moves; or by more than moves while
reading though both do; or when a count that only grows fell, and neither a newer version of
the batch nor its lists explain it. Lists that were read long ago, as before an outage, accuse
nobody until they are read again. Not for lines and people who wait while calls are made.
While it lasts the batch is not called completed: see batch_completed.

What to do: trust neither number; look at the batch at the vendor, and report it there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from monitor.core.completion import NEVER_FALL, contradictions, is_less
from monitor.core.facts import BatchFacts
from monitor.core.pace import REREAD_EVERY, explained
from monitor.core.rule import BatchRule, Clear, Finding, Holds, Replays, Severity, Unknown, Verdict

_THEY_AGREE = Clear(Finding(summary="the counts and the lists agree"))


@dataclass(frozen=True, kw_only=True)
class CountMismatch(BatchRule):
    """See the module."""

    id: ClassVar[str] = "count_mismatch"
    severity: ClassVar[Severity] = Severity.WARNING
    calm: ClassVar[bool] = True
    reads_list: ClassVar[bool] = True
    pending_for: ClassVar[timedelta] = timedelta(minutes=10)
    at_rest: ClassVar[bool] = True
    hurries: ClassVar[bool] = False
    replays: ClassVar[Replays] = Replays.MOVES

    def judge(self, facts: BatchFacts) -> Verdict:
        """See the module."""
        if facts.batch.status.terminal:
            return Unknown("the batch has ended")
        if not facts.certainty.recounted:
            return Unknown("its counts moved while its lists were read")
        found = contradictions(facts.batch, facts.tally, facts.capabilities)
        fallen = list(_fallen(facts, listed=not found))
        if not found and not fallen:
            return _THEY_AGREE
        if found and _are_old(facts):
            return Unknown("its lists are to be read again first")
        gap = tuple(abs(each.counted - each.read) for each in found)
        if not fallen and not _at_rest(facts) and explained(gap, facts.live):
            return Unknown("people moved while the lists were read")
        texts = [each.text for each in found] + fallen
        return Holds(
            Finding(
                summary=texts[0],
                value=float(max(gap, default=0)),
                total=facts.people,
                details=tuple(("also", text) for text in texts[1:3]),
                todo="Look at the batch at the vendor; its end is not told while this lasts.",
            )
        )


def _are_old(facts: BatchFacts) -> bool:
    """Whether the lists were read so long before the look that they may be right by now."""
    read, looked = facts.certainty.read_at, facts.certainty.observed_at
    return read is not None and looked is not None and looked - read > REREAD_EVERY


def _at_rest(facts: BatchFacts) -> bool:
    """Every page was read since anything moved."""
    swept, moved = facts.certainty.swept_at, facts.moved_at
    return swept is not None and moved is not None and swept >= moved


def _fallen(facts: BatchFacts, *, listed: bool) -> Iterator[str]:
    """Counts that fell; lists that agree with one explain it."""
    before, now = facts.fallen_from, facts.batch.counts
    for name, what in NEVER_FALL.items():
        known = listed and name in facts.capabilities.trusted
        if before is not None and is_less(before, now, name) and not known:
            old, new = getattr(before, name), getattr(now, name)
            yield f"the vendor counts {new:,} {what}, and counted {old:,} before"
