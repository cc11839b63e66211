"""Running one rule on one subject's facts, whatever the rule does."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

import structlog

from monitor.core.alert import Timing
from monitor.core.facts import BatchFacts, Facts
from monitor.core.instance import RuleInstance, Settings
from monitor.core.model import BatchStatus
from monitor.core.rule import Clear, Holds, Unknown, Verdict

log = structlog.get_logger()

_Known = TypeVar("_Known", Facts, Verdict)


class Opinion(NamedTuple):
    """What one rule instance found; ``crash`` names the error of a rule that failed."""

    instance: RuleInstance
    settings: Settings
    verdict: Verdict
    crash: str | None = None


def opinions(
    instances: tuple[RuleInstance, ...], labels: dict[str, str], facts: Facts
) -> Iterator[Opinion]:
    """Every instance's verdict on the facts, where the subject is its business."""
    for instance in instances:
        settings = instance.settings_for(labels)
        if settings is not None:
            yield _asked(instance, settings, settings.rule.evaluate, facts)


def judge(instance: RuleInstance, settings: Settings, facts: Facts) -> Opinion:
    """One instance's verdict; Unknown where the rule fails."""
    return _asked(instance, settings, settings.rule.evaluate, facts)


def in_words(opinion: Opinion) -> Opinion:
    """The opinion with what the rule saw put together; Unknown where the rule fails at that."""
    if opinion.crash is not None:
        return opinion
    return _asked(opinion.instance, opinion.settings, _in_words, opinion.verdict)


def _in_words(verdict: Verdict) -> Verdict:
    match verdict:
        case Clear(finding):
            return Clear(finding)
        case Unknown():
            return replace(verdict, seen=verdict.finding)
    return verdict


def _asked(
    instance: RuleInstance,
    settings: Settings,
    ask: Callable[[_Known], Verdict],
    known: _Known,
) -> Opinion:
    try:
        verdict = ask(known)
    except Exception as error:  # one broken rule must not silence the others
        log.exception("rule_failed", rule=instance.name, error=type(error).__name__)
        return Opinion(instance, settings, Unknown("the rule failed"), type(error).__name__)
    return Opinion(instance, settings, verdict)


def with_late_findings(
    opinion: Opinion, facts: BatchFacts, last_judged: datetime | None
) -> Opinion:
    """The opinion, or what the rule would have found in a gap without data.

    After a gap the rule's window is judged at steps of half a window through it. The newest
    finding counts, once, marked as detected late; what holds now needs no such look.
    """
    if last_judged is None or isinstance(opinion.verdict, Holds):
        return opinion
    window = opinion.settings.rule.looks_back
    if window is None or facts.now - last_judged <= window:
        return opinion
    for at in _steps_back(facts.now, last_judged, window):
        verdict = judge(opinion.instance, opinion.settings, _then(facts, at)).verdict
        if isinstance(verdict, Holds):
            return _told_late(opinion, verdict)
    return opinion


def read_after_end(found: Iterable[Opinion], facts: BatchFacts) -> Iterator[Opinion]:
    """Of a batch that is over: its reports, and what its list shows to have gone wrong before.

    That is told late and once: not where an alert of the rule ended with the batch.
    """
    for opinion in found:
        rule, verdict = opinion.settings.rule, opinion.verdict
        told = opinion.instance.name in facts.closed_alerts
        if rule.one_shot:
            yield opinion
        elif isinstance(verdict, Holds) and rule.looks_back is not None and not told:
            yield _told_late(opinion, verdict)


def _told_late(opinion: Opinion, verdict: Holds) -> Opinion:
    """The opinion that this held while nobody looked: told at once, and marked."""
    late = Holds(replace(verdict.finding, late=True))
    at_once = replace(opinion.settings, timing=Timing())
    return opinion._replace(settings=at_once, verdict=late)


def _then(facts: BatchFacts, at: datetime) -> BatchFacts:
    """The facts as of a moment in the gap: a batch that ended in it was still running then."""
    batch, ended = facts.batch, facts.batch.ended_at or facts.terminal_at
    if batch.status.terminal and ended is not None and at < ended:
        batch = replace(batch, status=BatchStatus.RUNNING)
    return replace(facts, now=at, batch=batch)


# A very long gap is judged over its last part only: older findings help nobody now.
_STEPS = 200


def _steps_back(now: datetime, start: datetime, window: timedelta) -> Iterator[datetime]:
    at = now - window / 2
    for _ in range(_STEPS):
        if at <= start:
            return
        yield at
        at -= window / 2
