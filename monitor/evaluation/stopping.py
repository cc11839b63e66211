"""A batch that somebody paused or stopped through Offhook: what that closes, and says."""

from collections.abc import Iterable
from dataclasses import replace

from monitor.core.alert import Alert, Reason
from monitor.core.facts import BatchFacts
from monitor.core.instance import RuleInstance
from monitor.core.lifecycle import Step, closed_as
from monitor.core.rule import Finding
from monitor.core.stopping import holds
from monitor.evaluation.following import Following

_DIALLING = "dialling"  # the cause of the rules that speak of how a batch is dialled


def settle(following: Following, facts: BatchFacts) -> None:
    """Close quietly what is said of its dialling: nothing is dialled because people want it so."""
    for step in closings(facts, following.context.instances, following.open.values()):
        following.take(step)


def closings(
    facts: BatchFacts, instances: Iterable[RuleInstance], known: Iterable[Alert]
) -> list[Step]:
    """How the open alerts about its dialling end while somebody wants it to stand still."""
    stopped_by = facts.stopped_by
    if stopped_by is None or not holds(stopped_by, facts.batch.status, facts.moved_at):
        return []
    closing = Finding(summary=stopped_by.words(facts.zone, facts.now))
    causes = {each.name: each.settings.rule.cause for each in instances}
    return [
        closed_as(alert, Reason.BATCH_PAUSED, facts.now, closing)
        for alert in known
        if causes.get(alert.instance) == _DIALLING
    ]


def offer(following: Following) -> None:
    """Let every alert that moves carry what may be done to the batch now."""
    acts = following.subject.acts
    for key, alert in following.moved.items():
        if alert.subject.acts != acts:
            following.moved[key] = replace(alert, subject=replace(alert.subject, acts=acts))
