"""Webhooks come that do not prove who sent them.

Fires when ``times`` webhooks in a row were refused, or as many ``within`` so long, and polls
see ends that no webhook told; or when none was ever good, and those refused have the form of
the vendor's. While good ones come and nothing is missed it is somebody else's noise, which
only the metrics count. Recovers when a good one has come since and none like the vendor's was
refused for ``quiet``. That nothing comes at all says nothing, nor does a restart.

What to do: compare ``webhook_secret`` with the secret at the vendor; while you change it,
list the old one and the new one.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from monitor.core.facts import Hearing, ProviderFacts, Refused
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
from monitor.core.wording import clock, counted, span


@dataclass(frozen=True, kw_only=True)
class SelfWebhookRejected(ProviderRule):
    """See the module."""

    id: ClassVar[str] = "self_webhook_rejected"
    severity: ClassVar[Severity] = Severity.WARNING
    replays: ClassVar[Replays] = Replays.NEVER
    untold: ClassVar[str] = "webhooks that were refused are counted by the running process alone"

    times: int = 10
    within: timedelta = timedelta(minutes=5)
    quiet: timedelta = timedelta(minutes=5)

    def __post_init__(self) -> None:
        """Refuse what could not be counted."""
        check_between("times", self.times, 1, 100)

    def judge(self, facts: ProviderFacts) -> Verdict:
        """See the module."""
        hearing = facts.hearing
        if hearing is None:
            return Clear(Finding(summary="no webhooks are expected"))
        last, good = hearing.refused.refused_at, hearing.refused.accepted_at
        if good is not None and (last is None or (good > last and facts.now - last >= self.quiet)):
            return Clear(Finding(summary="good ones have come since"))
        return self._refused(facts, hearing)

    def _refused(self, facts: ProviderFacts, hearing: Hearing) -> Verdict:
        refused, last = hearing.refused, hearing.refused.refused_at
        # What bears no signature may be the vendor's until that signs one, or anybody's.
        bare = refused.accepted_at is None and hearing.misses and refused.unsigned >= self.times
        last = refused.unsigned_at if bare else last
        if last is not None and facts.now - last >= self.quiet:
            return Unknown(f"nothing has come since {clock(last, facts.zone, facts.now)}")
        if refused.accepted_at is not None and not hearing.misses:
            return Unknown("good ones come too, and none is missed")
        recent = sum(facts.now - at <= self.within for at in refused.times)
        if refused.in_a_row >= self.times:
            return Holds(_wrong(facts.provider, refused))
        if recent >= self.times:
            return Holds(self._among_others(refused, recent))
        return Holds(_unsigned(refused)) if bare else Unknown("too few were refused to tell")

    def _among_others(self, refused: Refused, n: int) -> Finding:
        return Finding(
            summary=f"{counted(n, 'webhook')} were refused within {span(self.within)},"
            " though others are good",
            value=float(n),
            threshold=float(self.times),
            affected=n,
            since=refused.times[-n],
            todo="See whether a second sender uses another secret; list both in webhook_secret.",
        )


def _wrong(provider: str, refused: Refused) -> Finding:
    n = refused.in_a_row
    return Finding(
        summary=f"the last {counted(n, 'webhook')} were refused: their signature is wrong",
        affected=n,
        since=refused.in_a_row_since,
        todo=f"Compare webhook_secret of [providers.{provider}] with the vendor's secret; list"
        f" both while it changes. Then: offhook webhooks test {provider}.",
    )


def _unsigned(refused: Refused) -> Finding:
    return Finding(
        summary=f"the last {counted(refused.unsigned, 'webhook')} were refused: none is signed",
        affected=refused.unsigned,
        since=refused.unsigned_since,
        todo="Set the signing secret up at the vendor; offhook webhooks shows where.",
    )
