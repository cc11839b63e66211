"""Messages as they would be sent, made up and rendered for every rule and receiver."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from monitor.cli.templates import faults, in_all_words
from monitor.clock import SystemClock
from monitor.config import Config
from monitor.core.alert import Alert, AlertState, Reason, Subject
from monitor.core.compose import compose
from monitor.core.identity import alert_key, delivery_key, fingerprint
from monitor.core.instance import RuleInstance
from monitor.core.message import Message
from monitor.core.rule import Finding, Severity, SubjectKind
from monitor.errors import ConfigError
from monitor.notifiers import Envelope
from monitor.notifiers.build import dry_run

_PARTS = ("root", "thread", "message")
_FINDING = Finding(
    summary="19 of 42 calls failed in 10 min (usually 4 %), same carrier block; 404 people wait",
    value=45.2,
    threshold=25.0,
    unit="%",
    n=42,
    affected=19,
    total=500,
    waiting=404,
    details=(("error", "carrier block"), ("cost so far", "12.40 USD")),
    evidence=("call_1", "call_2", "call_3"),
    todo="pause the batch and look at what the failures share",
    estimate=True,
)
_CLOSING = Finding(summary="2 of 40 calls failed in 10 min", value=5.0, threshold=25.0, n=40)


def render_all(config: Config) -> int:
    """Render every message of every rule for every receiver; how many. Nothing is sent.

    ConfigError when a template of the configuration fails with any of them.
    """
    now = SystemClock().now()
    messages = tuple(samples(config, now))
    if problems := faults(config, messages):
        raise ConfigError(tuple(problems))
    rendered = 0
    for name, settings in config.receivers.items():
        for message in in_all_words(config, name, messages):
            for part in _PARTS:
                key = delivery_key(message.key, name, "sample", part)
                envelope = Envelope(key=key, first_key=key, part=part, messages=(message,))
                dry_run(name, settings, envelope, now)
                rendered += 1
    return rendered


def samples(config: Config, at: datetime) -> Iterator[Message]:
    """One message for each rule, severity and state that the configuration can bring about."""
    for instance in config.rules:
        every = (instance.settings, *(settings for _, settings in instance.overrides))
        for severity in sorted({settings.severity for settings in every}):
            for alert in _alerts(instance, severity, next(iter(config.providers)), at):
                yield compose(alert, at=at, default_zone=config.monitor.timezone)


def _alerts(
    instance: RuleInstance, severity: Severity, provider: str, at: datetime
) -> Iterator[Alert]:
    rule = instance.settings.rule
    mark = fingerprint(provider, instance.name, "sample")
    since = at - timedelta(minutes=12)
    states = (
        ((AlertState.INFO, Reason.REPORTED),)
        if rule.one_shot
        else ((AlertState.FIRING, Reason.HELD_LONG_ENOUGH), (AlertState.RESOLVED, Reason.RECOVERED))
    )
    for state, reason in states:
        over = state is not AlertState.FIRING
        yield Alert(
            key=alert_key(mark, 1),
            fingerprint=mark,
            episode=1,
            rule=rule.id,
            instance=instance.name,
            subject=_subject(rule.subject, provider),
            severity=severity,
            state=state,
            since=since,
            finding=_FINDING,
            fired_at=since,
            closed_at=at if over else None,
            reason=reason,
            closing=_CLOSING if state is AlertState.RESOLVED else None,
            labels=instance.settings.labels,
            runbook_url=instance.settings.runbook_url,
        )


def _subject(kind: SubjectKind, provider: str) -> Subject:
    if kind is SubjectKind.BATCH:
        return Subject(kind=kind, provider=provider, id="batch_1", title="Renewals May")
    if kind is SubjectKind.PROVIDER:
        return Subject(kind=kind, provider=provider, id=provider, title=provider)
    if kind is SubjectKind.EXPECTATION:
        title = "Daily reminders due 09:00"
        return Subject(kind=kind, provider=provider, id="daily_reminders", title=title)
    if kind is SubjectKind.DAY:
        return Subject(kind=kind, provider="", id="day", title="Wednesday, 10 June")
    return Subject(kind=kind, provider="", id="offhook", title="Offhook")
