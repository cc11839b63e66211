"""A batch that somebody paused or stopped through Offhook: what that closes, and says."""

from dataclasses import replace

from monitor.core.alert import Reason
from monitor.core.facts import BatchFacts
from monitor.core.lifecycle import closed_as
from monitor.core.rule import Finding
from monitor.core.stopping import holds
from monitor.evaluation.following import Following

_DIALLING = "dialling"  # the cause of the rules that speak of how a batch is dialled


def settle(following: Following, facts: BatchFacts) -> None:
    """Close quietly what is said of its dialling: nothing is dialled because people want it so."""
    stopped_by = facts.stopped_by
    if stopped_by is None or not holds(stopped_by, facts.batch.status, facts.moved_at):
        return
    closing = Finding(summary=stopped_by.words(facts.zone, facts.now))
    causes = {each.name: each.settings.rule.cause for each in following.context.instances}
    for alert in list(following.open.values()):
        if causes.get(alert.instance) == _DIALLING:
            following.take(closed_as(alert, Reason.BATCH_PAUSED, following.now, closing))


def offer(following: Following) -> None:
    """Let every alert that moves carry what may be done to the batch now."""
    acts = following.subject.acts
    for key, alert in following.moved.items():
        if alert.subject.acts != acts:
            following.moved[key] = replace(alert, subject=replace(alert.subject, acts=acts))
