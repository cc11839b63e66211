"""Offhook cannot see what happens at a provider.

Fires when nothing fresh has come from it for its ``blind_after``, or when finding batches
or the key has failed for as long, or when every open batch there is stale; counted from
the start of this process at the earliest. A warning; critical after ``critical_after`` of
permitted time. A key that is refused twice is told at once, and is critical; so, as a
warning, is a vendor whose certificate is not trusted. A vendor that asks for patience is
blind only once what is known is old. One stale batch alone does not make a provider blind.
While it lasts, the provider's other alerts are held back and nothing of it resolves.

What to do: read the reason; put right the key, the balance or the network; look at the
batches at the vendor itself meanwhile.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from monitor.core.calendar import permitted_between
from monitor.core.facts import ProviderFacts
from monitor.core.pace import AT_ONCE
from monitor.core.rule import Clear, Finding, Holds, ProviderRule, Severity, Unknown, Verdict
from monitor.core.standing import remedy
from monitor.core.wording import counted, people_text, span


@dataclass(frozen=True, kw_only=True)
class ProviderBlind(ProviderRule):
    """See the module."""

    id: ClassVar[str] = "provider_blind"
    severity: ClassVar[Severity] = Severity.WARNING

    critical_after: timedelta = timedelta(minutes=15)

    def judge(self, facts: ProviderFacts) -> Verdict:
        """See the module."""
        since = max(min(_silences(facts)), facts.started_at)
        if facts.now - since >= facts.blind_after or _is_refused(facts):
            return Holds(self._finding(facts, since))
        if facts.fresh_at is None or facts.now - facts.fresh_at >= facts.blind_after:
            return Unknown("not heard from since Offhook started")
        if facts.failure is not None:
            return Unknown(f"fails, but not for long yet: {facts.failure.text}")
        if facts.all_stale:
            return Unknown("no open batch has been heard of since Offhook started")
        return Clear(Finding(summary="answers"))

    def _finding(self, facts: ProviderFacts, since: datetime) -> Finding:
        blind = facts.now - since
        failure = facts.failure
        critical = permitted_between(facts.calendar, since, facts.now) >= self.critical_after
        if failure is not None and failure.kind != "tls":
            critical = critical or _is_refused(facts)
        why = failure.text.rstrip(".") if failure else "no answer"
        return Finding(
            summary=f"cannot be seen for {span(blind)}: {why}{_unwatched(facts)}",
            value=blind.total_seconds(),
            threshold=facts.blind_after.total_seconds(),
            unit="s",
            affected=facts.open_batches,
            waiting=facts.people_waiting,
            since=since,
            todo=remedy(failure),
            severity=Severity.CRITICAL if critical else None,
        )


def _silences(facts: ProviderFacts) -> Iterator[datetime]:
    """Since when it has been silent, in each of the ways in which it can be."""
    yield facts.fresh_at or facts.started_at
    if facts.failure is not None and facts.failing_since is not None:
        # Who is asked for patience now and then still hears, if late.
        slow = facts.discovered_at if facts.failure.kind == "rate_limited" else None
        yield max(facts.failing_since, slow or facts.failing_since)
    if facts.all_stale:
        # A batch is stale once it was not heard of for as long as makes a provider blind.
        yield facts.batches_seen_at or facts.now - facts.blind_after


def _is_refused(facts: ProviderFacts) -> bool:
    """What a second try has confirmed needs no waiting."""
    return facts.failure is not None and facts.failure.kind in AT_ONCE and facts.failures > 1


def _unwatched(facts: ProviderFacts) -> str:
    if not facts.open_batches:
        return ""
    waiting = f" with {people_text(facts.people_waiting)} waiting" if facts.people_waiting else ""
    batches = counted(facts.open_batches, "open batch", "open batches")
    return f"; {batches}{waiting} not watched"
