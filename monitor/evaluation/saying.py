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
from monitor.evaluation.expectations import expectation_facts, expectation_labels
from monitor.evaluation.judging import Opinion, in_words, opinions
from monitor.evaluation.providers import provider_facts, provider_labels
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
    rules = context.rules_about(SubjectKind.BATCH)
    return Said(facts, tuple(map(in_words, opinions(rules, labels_of(row.look, view), facts))))


def provider_opinions(
    conn: Connection, view: ProviderView, context: Context, now: datetime
) -> tuple[Opinion, ...]:
    """Of one provider."""
    rules = context.rules_about(SubjectKind.PROVIDER)
    facts = provider_facts(conn, view, context, now)
    return tuple(map(in_words, opinions(rules, provider_labels(view), facts)))


def expectation_opinions(
    conn: Connection, context: Context, now: datetime
) -> Iterator[tuple[str, Opinion]]:
    """Of everything that is expected, with its name."""
    rules = context.rules_about(SubjectKind.EXPECTATION)
    for expected in context.expectations if rules else ():
        facts = expectation_facts(conn, expected, context, now)
        for opinion in opinions(rules, expectation_labels(expected, context), facts):
            yield expected.name, in_words(opinion)
