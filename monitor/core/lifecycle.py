"""An alert's life: pending, firing, resolved; one step for each verdict.

What holds starts an alert as pending; it fires once it has held for the pending time and
the newest facts are at least that new, so one stale look cannot fire anything. Only a clear
verdict on facts newer than those it fired on begins its recovery. An unknown verdict leaves
it as it is, and time in which nothing could move (a night, a pause) does not make what pends
fire. Timers are kept as start instants, so a restart or a reload changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.core.alert import Alert, AlertState, Reason, Subject, Transition
from monitor.core.calendar import Calendar
from monitor.core.identity import alert_key, fingerprint
from monitor.core.idle import Pauses, dialling_between
from monitor.core.instance import RuleInstance, Settings
from monitor.core.rule import Clear, Finding, Holds, Severity, Unknown, Verdict
from monitor.core.words import SETTLING

_GAP = timedelta(minutes=5)  # so long nobody looked: Offhook was down


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One verdict and all that its alert's next step depends on.

    ``observed_at`` is the time of the facts. ``may_clear`` is False while the facts are
    stale or half a sweep old. ``calendar`` and ``pauses`` are those of a batch.
    """

    instance: RuleInstance
    settings: Settings
    subject: Subject
    verdict: Verdict
    now: datetime
    observed_at: datetime | None
    may_clear: bool = True
    calendar: Calendar | None = None
    pauses: Pauses = ()


@dataclass(frozen=True, slots=True)
class Step:
    """The alert afterwards (None: nothing is known or was ever pending), and what happened."""

    alert: Alert | None
    transitions: tuple[Transition, ...] = ()


def advance(known: Alert | None, judged: Judged, last_episode: int) -> Step:
    """Take one verdict into an alert's life. ``known`` is its open episode, if any.

    ``last_episode`` is the number of its newest episode so far, 0 for none.
    """
    match judged.verdict:
        case Holds(finding):
            return _held(known, judged, finding, last_episode)
        case Clear(finding):
            return _cleared(known, judged, finding)
        case Unknown(reason, still=still):
            if known is not None and still and known.state is AlertState.PENDING:
                known = _waited(known, judged)
            return Step(None if known is None else replace(known, unknown=reason))


def _held(known: Alert | None, judged: Judged, finding: Finding, last_episode: int) -> Step:
    settings = judged.settings
    severity = finding.severity or settings.severity
    if known is None:
        known, begun = _begun(judged, finding, severity, last_episode)
    else:
        known, begun = _slept(known, judged), ()
    alert = replace(
        known,
        since=_past(known.since, judged),
        finding=finding,
        evidence_at=judged.observed_at,
        clear_since=None,
        unknown=None,
        labels=settings.labels,
        runbook_url=settings.runbook_url,
        subject=judged.subject,
    )
    if alert.state is AlertState.PENDING:
        step = _try_to_fire(replace(alert, severity=severity), judged)
        return Step(step.alert, (*begun, *step.transitions))
    return Step(*_reweighed(alert, severity, judged.now))


def _begun(
    judged: Judged, finding: Finding, severity: Severity, last_episode: int
) -> tuple[Alert, tuple[Transition, ...]]:
    instance, subject = judged.instance, judged.subject
    print_ = fingerprint(subject.provider, instance.name, f"{subject.kind}:{subject.id}")
    since = judged.now if judged.observed_at is None else min(judged.now, judged.observed_at)
    alert = Alert(
        key=alert_key(print_, last_episode + 1),
        fingerprint=print_,
        episode=last_episode + 1,
        rule=judged.settings.rule.id,
        instance=instance.name,
        subject=subject,
        severity=severity,
        state=AlertState.PENDING,
        since=since,
        finding=finding,
    )
    return alert, (_moved(alert, None, Reason.HOLDS, judged.now),)


def _try_to_fire(alert: Alert, judged: Judged) -> Step:
    due = alert.since + judged.settings.timing.pending_for
    observed = judged.observed_at or judged.now
    if judged.now < due or observed < due:
        return Step(alert)
    reason = Reason.HELD_LONG_ENOUGH
    fired = replace(alert, state=AlertState.FIRING, fired_at=judged.now, reason=reason, revision=1)
    return Step(fired, (_moved(fired, AlertState.PENDING, reason, judged.now),))


def _reweighed(
    alert: Alert, severity: Severity, now: datetime
) -> tuple[Alert, tuple[Transition, ...]]:
    """A firing alert that got heavier is told again; one that got lighter only looks it."""
    if severity.weight <= alert.severity.weight:
        return replace(alert, severity=severity), ()
    worse = replace(alert, severity=severity, reason=Reason.ESCALATED, revision=alert.revision + 1)
    return worse, (_moved(worse, AlertState.FIRING, Reason.ESCALATED, now),)


def _cleared(known: Alert | None, judged: Judged, finding: Finding) -> Step:
    if known is None or not judged.may_clear or not _is_newer(known, judged):
        return Step(known)
    if known.state is AlertState.PENDING:
        closed = closed_as(known, Reason.NO_LONGER_HOLDS, judged.now, finding)
        return Step(closed.alert, closed.transitions)
    # As with firing, one look is not enough: the facts themselves must be as late as the end.
    seen = min(judged.now, judged.observed_at or judged.now)
    since = seen if known.clear_since is None else _past(known.clear_since, judged)
    recovering = replace(known, clear_since=since, unknown=None)
    if seen - since < judged.settings.timing.keep_firing_for:
        return Step(recovering)
    return closed_as(recovering, Reason.RECOVERED, judged.now, finding)


def _is_newer(known: Alert, judged: Judged) -> bool:
    if known.evidence_at is None or judged.observed_at is None:
        return True
    return judged.observed_at > known.evidence_at or known.evidence_at > judged.now


def _waited(alert: Alert, judged: Judged) -> Alert:
    """A pending alert after a time in which nothing could move: that is no part of its own."""
    now, until = judged.now, alert.evidence_at
    if until is None or now <= until:
        return alert
    return replace(alert, since=min(alert.since + (now - until), now), evidence_at=now)


def _slept(alert: Alert, judged: Judged) -> Alert:
    """The same after a gap: closed hours and pauses that nobody judged in are no part of it."""
    seen, until = alert.evidence_at, min(judged.observed_at or judged.now, judged.now)
    moves = alert.state is AlertState.PENDING and not judged.settings.rule.at_rest
    if not moves or seen is None or until - seen <= _GAP:
        return alert  # a rule that judges in closed hours, too, may fire in them
    still = (until - seen) - dialling_between(judged.calendar, judged.pauses, seen, until)
    return replace(alert, since=min(alert.since + still, until)) if still else alert


def _past(at: datetime, judged: Judged) -> datetime:
    """An instant kept earlier; one in the future is of a clock set back since: it begins anew."""
    return at if at <= judged.now else min(judged.now, judged.observed_at or judged.now)


def closed_as(alert: Alert, reason: Reason, now: datetime, closing: Finding | None = None) -> Step:
    """End an alert's episode for a reason."""
    closed = replace(
        alert,
        state=AlertState.RESOLVED,
        closed_at=now,
        reason=reason,
        closing=closing,
        revision=alert.revision + (alert.state is AlertState.FIRING),
    )
    return Step(closed, (_moved(closed, alert.state, reason, now),))


def told_once(known: Alert | None, judged: Judged, finding: Finding) -> Step:
    """A one-shot report is made once, and gets its last word once it has settled."""
    if known is None:
        return reported(judged, finding)
    if SETTLING in known.finding.marks and SETTLING not in finding.marks:
        return settled(known, finding, judged.now)
    return Step(None)


def reported(judged: Judged, finding: Finding) -> Step:
    """A one-shot report: an alert that is made and closed at once, keyed by the batch's run."""
    alert, _ = _begun(judged, finding, finding.severity or judged.settings.severity, 0)
    state = AlertState.INFO
    run = judged.subject.run
    closed = replace(
        alert,
        key=alert_key(alert.fingerprint, run),
        episode=run,
        state=state,
        since=finding.since or alert.since,
        fired_at=judged.now,
        closed_at=judged.now,
        evidence_at=judged.observed_at,
        reason=Reason.REPORTED,
        revision=1,
        labels=judged.settings.labels,
        runbook_url=judged.settings.runbook_url,
    )
    return Step(closed, (_moved(closed, None, Reason.REPORTED, judged.now),))


def settled(alert: Alert, finding: Finding, now: datetime) -> Step:
    """A report's last word, once late results have come in."""
    final = replace(
        alert,
        finding=finding,
        reason=Reason.SETTLED,
        revision=alert.revision + 1,
    )
    return Step(final, (_moved(final, alert.state, Reason.SETTLED, now),))


def _moved(alert: Alert, before: AlertState | None, reason: Reason, at: datetime) -> Transition:
    return Transition(alert=alert, before=before, after=alert.state, reason=reason, at=at)


def orphaned(alerts: Sequence[Alert], running: frozenset[str], now: datetime) -> tuple[Step, ...]:
    """Close the alerts of rules that were removed, turned off, or match the subject no more."""
    return tuple(
        closed_as(alert, Reason.RULE_CHANGED, now)
        for alert in alerts
        if alert.instance not in running
    )
