"""``route explain``: which route, group, window and silence an alert meets, and why."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from monitor.cli.output import FOUND, GOOD, WRONG, complain, local, print_json, print_lines
from monitor.cli.places import load_to_read
from monitor.cli.scratch import as_it_stood, database
from monitor.clock import Clock, SystemClock
from monitor.config import Config
from monitor.config.hints import hint_for
from monitor.core.alert import Alert, AlertState, Reason, Subject
from monitor.core.duration import format_duration
from monitor.core.identity import alert_key, fingerprint
from monitor.core.instance import RuleInstance, Settings
from monitor.core.route import LABELS, Receiver
from monitor.core.rule import Finding, Severity, SubjectKind
from monitor.core.wish import SilenceError, known_labels, read_time
from monitor.core.wording import zone_named
from monitor.evaluation.explanation import (
    NOT_COME,
    NOT_KEPT,
    Explanation,
    ReceiverView,
    RouteView,
)
from monitor.evaluation.explanation import explain as asked
from monitor.evaluation.routing import Routing
from monitor.http import HttpClient
from monitor.notifiers.build import build
from monitor.store import alerts, views

_FAR = timedelta(days=3_653)  # beyond it nothing was, and calendars are not read


class _WrongError(Exception):
    """What was asked for makes no sense; the text is for people."""


def explain(given: Path | None, what: Sequence[str], at: str | None, *, as_json: bool) -> int:
    """The answer for one alert; FOUND when nobody hears of it now."""
    config = load_to_read(given)
    clock = SystemClock()
    now = clock.now()
    try:
        when = now if at is None else _time(at, config.monitor.timezone, now)
        with database(config) as conn:
            key = _known(conn, config, what[0], when).key if _is_key(what) else None
            with as_it_stood(conn, when, key) if when < now else nullcontext(conn) as then:
                alert = _alert(then, config, [key] if key else what, when)
                found = asked(
                    then,
                    alert,
                    routing=_routing(config, clock),
                    instances=config.rules,
                    now=when,
                    zone=config.monitor.timezone,
                )
    except (_WrongError, SilenceError) as error:
        complain(str(error))
        return WRONG
    found = replace(found, unsure=_unsure(when, now))
    if as_json:
        print_json(found)
    else:
        print_lines(_lines(found, config.monitor.timezone))
    return GOOD if any(each.tells for each in found.receivers) else FOUND


def _time(text: str, zone: str, now: datetime) -> datetime:
    when = read_time(text, zone_named(zone), now)
    if abs(when - now) > _FAR:
        raise _WrongError("that is more than ten years away")
    return when


def _unsure(when: datetime, now: datetime) -> tuple[str, ...]:
    if when == now:
        return ()
    return NOT_KEPT if when < now else NOT_COME


def _routing(config: Config, clock: Clock) -> Routing:
    return Routing(
        routes=config.routes,
        receivers=asyncio.run(_receivers(config, clock)),
        inhibitions=config.inhibitions,
    )


async def _receivers(config: Config, clock: Clock) -> dict[str, Receiver]:
    """What the notifiers say of themselves; nothing is asked of any channel."""
    http = HttpClient(clock)
    made = [build(name, each, http, clock) for name, each in config.receivers.items()]
    found = {each.receiver.name: each.receiver for each in made}
    for each in made:
        await each.close()
    await http.aclose()
    return found


def _alert(conn: Connection, config: Config, what: Sequence[str], now: datetime) -> Alert:
    if _is_key(what):
        return _known(conn, config, what[0], now)
    labels = _labels(config, what)
    instance = _instance(config, labels.pop("rule", None))
    return _imagined(config, instance, labels, now)


def _is_key(what: Sequence[str]) -> bool:
    return len(what) == 1 and "=" not in what[0]


def _known(conn: Connection, config: Config, key: str, when: datetime) -> Alert:
    """The alert of this key, if it was there then."""
    view = views.find_alert(conn, key)
    known = alerts.load_key(conn, view.key) if view else None
    if known is None:
        raise _WrongError(f"there is no alert {key!r}, or several begin so; see: offhook alerts")
    if when < known.since:
        since = local(known.since, config.monitor.timezone)
        raise _WrongError(f"that alert was not there then: it was first seen at {since}")
    return known


def _labels(config: Config, what: Sequence[str]) -> dict[str, str]:
    known = known_labels(config.rules)
    labels = {}
    for text in what:
        name, sign, value = text.partition("=")
        if not sign or not value:
            raise _WrongError(f"{text!r} is no label; write for example provider=renewals")
        if name not in known:
            hint = hint_for(name, known)
            raise _WrongError(f"there is no label {name!r}" + (f"; {hint}" if hint else ""))
        labels[name] = value
    return labels


def _instance(config: Config, name: str | None) -> RuleInstance:
    names = {each.name: each for each in config.rules}
    by_rule = {each.settings.rule.id: each for each in reversed(config.rules)}
    if name is None:
        raise _WrongError("name the rule, too: rule=error_spike")
    found = names.get(name) or by_rule.get(name)
    if found is None:
        hint = hint_for(name, names)
        raise _WrongError(f"no rule {name!r} runs" + (f"; {hint}" if hint else ""))
    return found


def _imagined(
    config: Config, instance: RuleInstance, labels: dict[str, str], now: datetime
) -> Alert:
    """The alert that the rule would make, if it found something now."""
    provider = labels.get("provider", "")
    if provider and provider not in config.providers:
        hint = hint_for(provider, config.providers)
        raise _WrongError(f"there is no provider {provider!r}" + (f"; {hint}" if hint else ""))
    vendor = config.providers[provider].vendor if provider else labels.get("vendor", "")
    subject = _subject(instance, labels, provider, vendor)
    settings = instance.settings_for({**labels, "provider": provider, "vendor": vendor})
    if settings is None:
        raise _WrongError(f"{instance.name} looks at no such batch: its match leaves it out")
    return _fired(instance, settings, subject, labels, now)


def _subject(instance: RuleInstance, labels: dict[str, str], provider: str, vendor: str) -> Subject:
    kind = instance.settings.rule.subject
    ids = {SubjectKind.BATCH: labels.get("batch", "any"), SubjectKind.PROVIDER: provider}
    return Subject(
        kind=kind,
        provider=provider,
        id=ids.get(kind, "any"),
        title=labels.get("batch_name", labels.get("batch", "any")),
        vendor=vendor,
        campaign=labels.get("campaign", ""),
    )


def _fired(
    instance: RuleInstance,
    settings: Settings,
    subject: Subject,
    labels: dict[str, str],
    now: datetime,
) -> Alert:
    print_ = fingerprint(subject.provider, instance.name, f"{subject.kind}:{subject.id}")
    own = {name: value for name, value in labels.items() if name not in LABELS}
    try:
        severity = Severity(labels.get("severity", settings.severity))
    except ValueError as error:
        known = ", ".join(Severity)
        raise _WrongError(
            f"there is no severity {labels['severity']!r}; there are {known}"
        ) from error
    alert = Alert(
        key=alert_key(print_, 0),
        fingerprint=print_,
        episode=0,
        rule=settings.rule.id,
        instance=instance.name,
        subject=subject,
        severity=severity,
        state=AlertState.FIRING,
        since=now,
        fired_at=now,
        finding=Finding(summary=""),
        labels={**settings.labels, **own},
    )
    if settings.rule.one_shot:
        return replace(alert, state=AlertState.INFO, reason=Reason.REPORTED, closed_at=now)
    return alert


def _lines(found: Explanation, zone: str) -> Iterator[str]:
    labels = " ".join(f"{name}={value}" for name, value in found.labels.items())
    yield f"{found.rule} {found.state} at {local(found.at, zone)}"
    yield f"  {labels}"
    for name in ("silenced_by", "inhibited_by", "acknowledged_by", "flapping"):
        if (text := getattr(found, name)) is not None:
            yield f"  {name.replace('_', ' ')} {text}"
    if found.compliance:
        yield "  the law asks for it: no mute, digest or waiting holds it back"
    for route in found.routes:
        yield from _route_lines(route, zone)
    for receiver in found.receivers:
        yield from _receiver_lines(receiver, zone)
    if not found.receivers:
        yield "nobody is told"
    for text in found.unsure:
        yield f"note: {text}"


def _route_lines(route: RouteView, zone: str) -> Iterator[str]:
    if not route.reached:
        yield f"route {route.route}: not reached, a route before it took the alert"
        return
    if not route.matches:
        yield f"route {route.route}: does not match {', '.join(route.against)}"
        return
    yield f"route {route.route}: matches, to {', '.join(route.receivers)}"
    group = " ".join(f"{name}={value}" for name, value in route.group.items())
    yield f"  group {group}"
    yield (
        f"  waits {format_duration(route.group_wait)} for company,"
        f" {format_duration(route.group_interval)} between messages,"
        f" repeats after {format_duration(route.repeat_interval)}"
        f" up to {format_duration(max(route.repeat_most, route.repeat_interval))}"
    )
    if route.closed_until:
        yield f"  closed until {local(route.closed_until, zone)}"
    if route.digest_at:
        yield f"  in the digest of {local(route.digest_at, zone)}"
    if route.escalate_after:
        after = format_duration(route.escalate_after)
        yield f"  after {after} without an acknowledgement also to {', '.join(route.escalate_to)}"
    if route.fallback:
        yield f"  instead, when it is not taken: {', '.join(route.fallback)}"


def _receiver_lines(receiver: ReceiverView, zone: str) -> Iterator[str]:
    when = ""
    if receiver.tells and receiver.due:
        when = f", at {local(receiver.due, zone)}"
    elif receiver.until:
        when = f", until {local(receiver.until, zone)}"
    yield f"{receiver.receiver}: {receiver.words}{when}"
    if receiver.told_at:
        yield f"  told at {local(receiver.told_at, zone)}, repeated {receiver.repeats} times"
    if receiver.escalates_at:
        yield f"  called at {local(receiver.escalates_at, zone)} if nobody acknowledges it"
    if receiver.conversation:
        number = f" (offhook alerts --group {receiver.group})" if receiver.group else ""
        yield f"  conversation {receiver.conversation}{number}"
