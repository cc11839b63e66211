"""An account will run dry before its open batches are done, or nears a cap of its plan.

Fires when the balance that the vendor tells is less than what the people left in the open
batches will cost at the present cost a person, or less than ``least``; or when ``cap_share``
of a cap that the vendor tells is used, or of the ``calls_per_day`` that your plan allows,
counted from midnight. The text says when it runs dry at the present pace. Says nothing where
none of these is known, of a balance older than ``stale``, or of batches of which nothing
tells yet what they cost.

What to do: top the account up or raise the cap, or pause the batch that can wait best.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from monitor.core.balance import caps, enough, floor, today
from monitor.core.facts import ProviderFacts
from monitor.core.money import Amount
from monitor.core.overrun import gravest
from monitor.core.rule import ProviderRule, Severity, Unknown, Verdict, check_between


@dataclass(frozen=True, kw_only=True)
class BalanceLow(ProviderRule):
    """See the module."""

    id: ClassVar[str] = "balance_low"
    severity: ClassVar[Severity] = Severity.WARNING

    least: Amount | None = None
    cap_share: float = 0.8
    calls_per_day: int | None = None
    stale: timedelta = timedelta(hours=1)

    def __post_init__(self) -> None:
        """ValueError for people where a parameter cannot be meant."""
        check_between("cap_share", self.cap_share, 0.01, 1)
        if self.calls_per_day is not None:
            check_between("calls_per_day", self.calls_per_day, 1, 100_000_000)

    def judge(self, facts: ProviderFacts) -> Verdict:
        """See the module."""
        found = (*today(facts, self.calls_per_day, self.cap_share), *self._told(facts))
        where = facts.vendor.title() or "this vendor"
        return gravest(found) if found else Unknown(f"cannot see a balance or a cap at {where}")

    def _told(self, facts: ProviderFacts) -> Iterator[Verdict]:
        """By what the vendor tells of the account, where it told that lately."""
        if facts.account is not None and facts.now - facts.account.seen_at > self.stale:
            yield Unknown("the account could not be read lately")
            return
        yield from floor(facts, self.least)
        yield from enough(facts)
        yield from caps(facts, self.cap_share)
