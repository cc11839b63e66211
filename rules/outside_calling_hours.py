"""People are called at hours at which nobody may call them, by the clock where they are.

Fires when a call of the batch was placed outside ``hours``. The clock is that of the zone that
the vendor tells for the person, else of the zones that their number's country and area lie
in: only what is forbidden in all of them counts, and people of whom nothing tells the zone are
not judged. Start times of the vendor's own make it critical; where a start is only an estimate
it is a warning. It goes on while such calls were made within ``window``, and counts everybody
since the batch began. The hours are written as in a calendar, dates included:
``["mon-fri 08:00-21:00", "2026-12-25 closed"]``. No mute, digest or waiting of a route holds it
back.

What to do: pause the batch now, resume it within the hours, and set the vendor's own calling
window to the zone of the people called.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar

from monitor.core.accusing import accused, charge, no_more
from monitor.core.facts import BatchFacts
from monitor.core.localhours import LocalHours, read_hours
from monitor.core.model import BatchStatus
from monitor.core.people import Breaches
from monitor.core.rule import BatchRule, Holds, Replays, Severity, Verdict
from monitor.core.wording import counted


@dataclass(frozen=True, kw_only=True)
class OutsideCallingHours(BatchRule):
    """See the module."""

    id: ClassVar[str] = "outside_calling_hours"
    severity: ClassVar[Severity] = Severity.CRITICAL
    cause: ClassVar[str | None] = "people"
    compliance: ClassVar[bool] = True
    reads_list: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"calls", "call_times"})
    persons: ClassVar[bool] = True
    replays: ClassVar[Replays] = Replays.MOVES

    hours: tuple[str, ...] = ("daily 08:00-21:00",)
    window: timedelta = timedelta(hours=1)

    def __post_init__(self) -> None:
        """ValueError for people where a parameter cannot be meant."""
        try:
            read_hours(self.hours)
        except ValueError as error:
            raise ValueError(f"hours: {error}") from error
        if self.window <= timedelta(0):
            raise ValueError("window is empty, so no call could ever lie in it")

    def judge(self, facts: BatchFacts) -> Verdict:
        """See the module."""
        found = accused(facts, LocalHours(self.hours))
        calm = no_more(facts, found, self.window, "was called outside the hours")
        if calm is not None:
            return calm
        dials = facts.batch.status is BatchStatus.RUNNING
        who = counted(found.n, "person", "people")
        now = "still dialling" if dials else f"the batch is {facts.batch.status}"
        said = f"{who} called {_when(found)} their time; {now}"
        return Holds(
            replace(
                charge(facts, found, said, "Pause the batch now; resume it within the hours."),
                details=(("permitted", ", ".join(self.hours)),),
                estimate=not found.exact,
                severity=None if found.exact else Severity.WARNING,
            )
        )


def _when(found: Breaches) -> str:
    kinds = sorted(found.kinds, key=lambda kind: -found.kinds[kind])
    return " or ".join(kinds) if len(kinds) <= 2 else "outside the hours of"
