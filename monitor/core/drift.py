"""Whether retries come when the vendor's policy says, told from one person's calls."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from monitor.core.calendar import Calendar
from monitor.core.idle import Pauses, dialling_between
from monitor.core.model import Outcome
from monitor.core.people import Breach, PersonCalls, PlacedCall
from monitor.core.wording import span

# What nobody is called again for.
_OVER = frozenset({None, Outcome.COMPLETED, Outcome.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryTiming:
    """A Check: somebody's retry came sooner or later after the call before than it should.

    Sooner is counted from the start of the call before and later from its end, because
    vendors do not say which they count from. ``later`` None: how late is not judged.
    Nights and pauses delay a retry by right.
    """

    cooldown: timedelta
    earlier: timedelta
    later: timedelta | None
    calendar: Calendar | None = None
    pauses: Pauses = ()

    def __call__(self, person: PersonCalls) -> Breach | None:
        """The newest retry that was out of time; None when none was."""
        own = [call for call in person.calls if call.here and not call.follow_up]
        for before, call in reversed(list(pairwise(own))):
            if call.attempt == before.attempt + 1 and before.outcome not in _OVER:
                for off, text in self._out_of_time(before, call):
                    return Breach(
                        at=call.at,
                        text=text,
                        weight=off.total_seconds(),
                        exact=before.exact and call.exact,
                        evidence=(before.call_id, call.call_id),
                    )
        return None

    def _out_of_time(self, before: PlacedCall, call: PlacedCall) -> Iterator[tuple[timedelta, str]]:
        gap = call.at - before.at
        if gap < self.cooldown - self.earlier:
            yield self.cooldown - gap, f"called again after {span(gap)}, not {span(self.cooldown)}"
        if self.later is None:
            return
        due = (before.ended_at or before.at) + self.cooldown
        late = dialling_between(self.calendar, self.pauses, due, call.at)
        if late > self.later:
            yield late, f"called again {span(late)} late"
