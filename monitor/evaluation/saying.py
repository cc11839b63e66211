"""What every rule says of one subject now: read, and nothing written.

The facts are made by the code that evaluations use, so what is shown is what was judged.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from monitor.core.facts import BatchFacts
from monitor.core.rule import SubjectKind
from monitor.evaluation.batches import batch_facts, labels_of
from monitor.evaluation.context import Context, ProviderView
from monitor.evaluation.expectations import expectation_facts
from monitor.evaluation.judging import Opinion, opinions
from monitor.evaluation.providers import provider_facts
from monitor.store import batches


@dataclass(frozen=True, slots=True)
class Said:
    """One batch's facts, and what every rule that looks at it makes of them."""

    facts: BatchFacts
    opinions: tuple[Opinion, ...]


def batch_opinions(conn: Connection, batch: int, context: Context, now: datetime) -> Said | None:
    """Of one batch by its row id; None when it is none of the configuration's."""
    row = batches.load(conn, batch)
    view = context.providers.get(row.look.provider)
    if view is None:
        return None
    facts = batch_facts(conn, row, view, context, now)
    rules = tuple(
        each for each in context.instances if each.settings.rule.subject is SubjectKind.BATCH
    )
    return Said(facts, tuple(opinions(rules, labels_of(row.look, view), facts)))


def provider_opinions(
    conn: Connection, view: ProviderView, context: Context, now: datetime
) -> tuple[Opinion, ...]:
    """Of one provider."""
    rules = tuple(
        each for each in context.instances if each.settings.rule.subject is SubjectKind.PROVIDER
    )
    labels = {"provider": view.name, "vendor": view.vendor}
    return tuple(opinions(rules, labels, provider_facts(conn, view, context, now)))


def expectation_opinions(
    conn: Connection, context: Context, now: datetime
) -> Iterator[tuple[str, Opinion]]:
    """Of everything that is expected, with its name."""
    rules = tuple(
        each for each in context.instances if each.settings.rule.subject is SubjectKind.EXPECTATION
    )
    for expected in context.expectations if rules else ():
        view = context.providers.get(expected.provider)
        labels = {"provider": expected.provider, "vendor": view.vendor if view else ""}
        facts = expectation_facts(conn, expected, context, now)
        for opinion in opinions(rules, labels, facts):
            yield expected.name, opinion
