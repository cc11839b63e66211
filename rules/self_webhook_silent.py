"""A vendor's webhooks do not come, though calls and batches end.

Fires when polls have seen at least ``min_ends`` ends since the last webhook, the first of
them ``after`` ago or longer, and none was told by webhook though a secret is configured. Also
when of at least ``min_ends`` ends within an hour the share ``missed_share`` or more was missed,
for ``after`` or longer, where webhooks name what ended. Recovers when webhooks come again and
miss less than half that share. Not while the provider cannot be read, and not where nothing
ends. While ``self_webhook_rejected`` fires it keeps quiet: that one says why. Nothing is lost
meanwhile: polls see it later.

What to do: ``offhook webhooks`` shows the address to register; see at the vendor whether it
is still there and enabled, then ``offhook webhooks test``.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from monitor.core.facts import Hearing, Lately, ProviderFacts
from monitor.core.hearing import LATELY
from monitor.core.rule import (
    Clear,
    Finding,
    Holds,
    ProviderRule,
    Replays,
    Severity,
    Unknown,
    Verdict,
    check_between,
)
from monitor.core.unheard import likeliest
from monitor.core.wording import clock, counted


@dataclass(frozen=True, kw_only=True)
class SelfWebhookSilent(ProviderRule):
    """See the module."""

    id: ClassVar[str] = "self_webhook_silent"
    severity: ClassVar[Severity] = Severity.WARNING
    replays: ClassVar[Replays] = Replays.NEVER
    untold: ClassVar[str] = "which ends webhooks told is kept for a day only"

    after: timedelta = timedelta(minutes=30)
    min_ends: int = 5
    missed_share: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what could not be counted."""
        check_between("min_ends", self.min_ends, 1, 1_000)
        check_between("missed_share", self.missed_share, 0.01, 1)

    def judge(self, facts: ProviderFacts) -> Verdict:
        """See the module."""
        hearing = facts.hearing
        if hearing is None:
            return Clear(Finding(summary="no webhooks are expected"))
        if facts.fails or facts.fresh_at is None or facts.now - facts.fresh_at >= facts.blind_after:
            return Unknown("the provider cannot be seen")
        late = hearing.lately
        if self._is_silent(facts, hearing):
            return Holds(_silent(facts, hearing))
        if late is not None and self._is_lossy(late):
            return Holds(_lossy(facts, late))
        few = late is None or (late.ends and late.missed_share < self.missed_share / 2)
        if few and not hearing.missed and hearing.remembers(facts.now):
            return Clear(Finding(summary="webhooks come"))
        return Unknown("too little has ended to tell whether webhooks come again")

    def _is_silent(self, facts: ProviderFacts, hearing: Hearing) -> bool:
        first, last = hearing.missed_since, hearing.missed_until
        if hearing.missed < self.min_ends or first is None or last is None:
            return False
        # What came while this process did not run is no silence of the vendor's.
        return last >= facts.started_at and facts.now - max(first, facts.started_at) >= self.after

    def _is_lossy(self, late: Lately) -> bool:
        # A vendor that restarts loses some at once; and total silence is judged apart.
        lasts = late.missed_for >= min(self.after, LATELY / 2)
        return lasts and late.ends >= self.min_ends and self.missed_share <= late.missed_share < 1


def _silent(facts: ProviderFacts, hearing: Hearing) -> Finding:
    since = hearing.missed_since or facts.now
    last = clock(hearing.heard_at or facts.now, facts.zone, facts.now)
    why, todo = likeliest(hearing, facts.provider, last)
    n, at = counted(hearing.missed, "end"), clock(since, facts.zone, facts.now)
    summary = f"polls saw {n} since {at} and no webhook told of any: {why}"
    return Finding(summary=summary, affected=hearing.missed, since=since, todo=todo)


def _lossy(facts: ProviderFacts, late: Lately) -> Finding:
    since = late.missed_since or facts.now
    n, at = counted(late.ends, "end"), clock(since, facts.zone, facts.now)
    summary = f"no webhook told of {late.missed} of {n} since {at}, though others come"
    todo = "See whether every batch and event is registered; offhook webhooks lists them."
    return Finding(summary=summary, affected=late.missed, since=since, todo=todo)
