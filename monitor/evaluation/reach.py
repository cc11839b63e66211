"""Where a rule can hold at all: at which of the configured providers, and why not at others.

It is computed from what each adapter says that its vendor tells, and from what the rule makes
of a batch there: what it cannot judge at a vendor, and could at one that tells everything.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from monitor.core.facts import BatchFacts, Certainty, ProviderFacts
from monitor.core.instance import RuleInstance
from monitor.core.model import AccountState, Batch, BatchStatus, Capabilities, Counts
from monitor.core.past import KnownCalls
from monitor.core.pastpeople import KnownPeople
from monitor.core.route import Matcher
from monitor.core.rule import Rule, SubjectKind, Unknown, Verdict, cannot_see
from monitor.core.unset import Unset
from monitor.evaluation.context import ProviderView

# A vendor that tells everything.
_TOLD: dict[str, Any] = {each.name: True for each in fields(Capabilities) if each.default is False}
_EVERYTHING = Capabilities(**_TOLD)
_OF_A_PROVIDER = ("provider", "vendor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Whether one rule can hold at one provider; ``why`` not, for people."""

    provider: str
    vendor: str
    can: bool
    why: str = ""


def reach(instance: RuleInstance, views: list[ProviderView], now: datetime) -> Iterator[Reach]:
    """The rule at each provider; nothing for a rule about Offhook itself."""
    if instance.settings.rule.subject not in {SubjectKind.BATCH, SubjectKind.PROVIDER}:
        return
    for view in views:
        why = unmatched(instance.match, view) or _unset(instance, view, now)
        why = why or blindness(instance.settings.rule, view, now)
        yield Reach(provider=view.name, vendor=view.vendor, can=not why, why=why)


def unmatched(match: tuple[Matcher, ...], view: ProviderView) -> str:
    """The matcher that leaves out all batches of a provider; "" where none does."""
    labels = {"provider": view.name, "vendor": view.vendor}
    for each in match:
        if each.label in _OF_A_PROVIDER and not each.matches(labels):
            return f"its match leaves it out: {each.label}{each.operator}{each.value}"
    return ""


def _unset(instance: RuleInstance, view: ProviderView, now: datetime) -> str:
    """What would have to be set before it could hold of anything; "" where that is."""
    every = (instance.settings, *(settings for _, settings in instance.overrides))
    found = [_imagined_verdict(each.rule, view, _EVERYTHING, now) for each in every]
    first = found[0]
    alike = all(isinstance(each, Unset) for each in found)
    return first.reason if isinstance(first, Unset) and alike else ""


def _imagined_verdict(rule: Rule, view: ProviderView, can: Capabilities, now: datetime) -> Verdict:
    """What it would say at a provider of which nothing else is known."""
    imagined = _imagined if rule.subject is SubjectKind.BATCH else _imagined_provider
    return rule.evaluate(imagined(view, can, now))


def blindness(rule: Rule, view: ProviderView, now: datetime) -> str:
    """What the rule would need and the vendor does not tell; "" where it can judge."""
    if unseen := cannot_see(rule.needs, view.capabilities, view.vendor):
        return unseen
    here = _imagined_verdict(rule, view, view.capabilities, now)
    elsewhere = _imagined_verdict(rule, view, _EVERYTHING, now)
    if isinstance(here, Unknown) and here != elsewhere:
        return here.reason
    return ""


def _imagined_provider(view: ProviderView, can: Capabilities, now: datetime) -> ProviderFacts:
    """One that answers, of which nothing else is known but what it tells of the account."""
    return ProviderFacts(
        now=now,
        provider=view.name,
        vendor=view.vendor,
        started_at=now,
        fresh_at=now,
        blind_after=view.blind_after,
        account=AccountState(seen_at=now, balance_micros=1) if can.account else None,
        calls_since=lambda _since, _most: 0,
    )


def _imagined(view: ProviderView, can: Capabilities, now: datetime) -> BatchFacts:
    """A batch that runs there, of which nothing else is known."""
    batch = Batch(
        provider=view.name,
        batch_id="imagined",
        status=BatchStatus.RUNNING,
        seen_at=now,
        counts=Counts(total=1, waiting=1),
    )
    begun = now - timedelta(hours=1)
    return BatchFacts(
        now=now,
        batch=batch,
        vendor=view.vendor,
        capabilities=replace(can, trusted=frozenset()),
        certainty=Certainty(observed_at=now, fresh=True, swept_at=now, read_at=now),
        tally={"contacts": 1},
        calls=KnownCalls(),
        retries=KnownPeople(),
        first_seen_at=begun,
        moved_at=now,
    )
