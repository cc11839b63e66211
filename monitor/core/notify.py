"""Who is to hear of an alert now, and why; or why nobody is.

``decide`` answers for one alert and one receiver, from what that receiver was told before.
It may be asked as often as one likes: what was told is not told again. Every answer has a
reason, a "no" as much as a "yes". Timers follow from what was told and the configuration
of now; none is kept.
"""

from datetime import datetime, timedelta

from monitor.core import pacing
from monitor.core.alert import Alert, AlertState, Reason
from monitor.core.asked import Case
from monitor.core.decision import Decision, Group, Home, Told, Why
from monitor.core.digest import next_slot
from monitor.core.held import ORDINARY, Circumstances, opening
from monitor.core.route import Receiver, Route
from monitor.core.rule import Severity
from monitor.core.silence import Silence
from monitor.core.words import SETTLING

# A receiver that hears only settled reports hears the first one after all when no settled
# one has come by then: nothing is lost to a report that never settles.
SETTLING_PATIENCE = timedelta(hours=1)
_ACKED, _OVER = "acked-", "over-"


def decide(
    *,
    alert: Alert,
    receiver: Receiver,
    route: Route | None,
    told: Told,
    group: Group,
    now: datetime,
    around: Circumstances = ORDINARY,
) -> Decision:
    """What this receiver is to hear of this alert now.

    ``route`` is the first that leads from the alert to the receiver; None when none does
    any more, which still owes the end of what was told. ``around`` says what holds the
    alert back, and whom else it may call.
    """
    case = Case(
        alert=alert,
        receiver=receiver,
        route=route,
        told=told,
        group=group,
        now=now,
        around=around,
    )
    match alert.state:
        case AlertState.PENDING:
            return case.no(Why.PENDING)
        case AlertState.FIRING:
            return _firing(case)
        case AlertState.RESOLVED:
            return _resolved(case)
        case AlertState.INFO:
            return _settled(case) if alert.reason is Reason.SETTLED else _reported(case)


def _firing(case: Case) -> Decision:
    """What there would be to say; then whether it is time, then what holds it back."""
    told, around = case.told, case.around
    if not told.transitions:
        if not around.summoned:
            return _told_firing(case, Why.FIRST)
        return _unheard(case) or case.no(Why.NOT_DUE, "escalates", around.unheard_at)
    if told.severity is None or case.alert.severity.weight > told.severity.weight:
        return _told_firing(case, Why.ESCALATED)
    if case.route is not None and (unheard := _unheard(case)):
        return unheard
    return _told_before(case)


def _told_before(case: Case) -> Decision:
    told = case.told
    if told.waiting:
        return _held(case) or case.no(Why.ALREADY_TOLD)
    if case.around.acknowledged is not None:
        return _acknowledged(case, case.around.acknowledged)
    shown = sum(each.startswith(_ACKED) and _OVER not in each for each in told.transitions)
    if shown and case.edits and (over := f"{_ACKED}{_OVER}{shown}") not in told.transitions:
        return case.edit(Why.ACK_OVER, over)
    if case.route is None:
        return case.no(Why.NOT_ROUTED)
    due = pacing.repeat_at(told, case.route, case.alert.severity)
    broken = pacing.silence_ended_since(case.alert, told, case.around.ended, case.now)
    if broken or (due is not None and case.now >= due):
        return _told_firing(case, Why.REPEAT)
    return case.no(Why.NOT_DUE, until=due)


def _acknowledged(case: Case, ack: Silence) -> Decision:
    """Somebody has it: what stands shows who, and nothing is repeated."""
    transition = f"{_ACKED}{ack.id}"
    if case.edits and transition not in case.told.transitions:
        return case.edit(Why.ACKED, transition)
    return case.no(Why.ACKNOWLEDGED, f"by {ack.author}")


def _unheard(case: Case) -> Decision | None:
    """Nobody has acknowledged it for too long, and this receiver is to hear so."""
    at = case.around.unheard_at
    if at is None or case.now < at or case.around.acknowledged:
        return None
    if "unacknowledged" in case.told.transitions:
        return None
    return _told_firing(case, Why.UNHEARD)


def _told_firing(case: Case, why: Why) -> Decision:
    if case.route is None:
        return case.no(Why.NOT_ROUTED)
    return _held(case) or _owed_firing(case, why, case.route)


def _owed_firing(case: Case, why: Why, route: Route) -> Decision:
    now, group, severity = case.now, case.group, case.alert.severity
    if why is Why.UNHEARD:
        return case.yes(why, "unacknowledged")  # whoever is called is called now
    if why is Why.FIRST:
        waits = not case.around.compliance
        due = pacing.group_due(group, route, now, severity) if waits else now
        return case.in_time(why, "fired", due)
    if why is Why.ESCALATED:
        due = pacing.beat(group, route.group_wait, now) if group.crowd else now
        return case.in_time(why, f"escalated-{severity}", due)
    n = case.told.repeats + 1
    due = pacing.beat(group, route.group_interval, now) if group.crowd else now
    return case.in_time(why, f"repeat-{n}", due, repeat=n)


def _held(case: Case) -> Decision | None:
    """What keeps a firing alert back, and what waits of it: it is told when nothing does."""
    around = case.around
    if around.silence is not None:
        silence = around.silence
        words = f"by {silence.author}: {silence.comment}"
        return case.no(Why.SILENCED, words, silence.over_at())
    if around.inhibited and not around.compliance:
        return case.no(Why.INHIBITED, around.inhibited)
    if case.closed_until is not None:
        return case.no(Why.MUTED, "its route is closed", case.closed_until)
    return None


def _resolved(case: Case) -> Decision:
    told, receiver, around = case.told, case.receiver, case.around
    if not told.transitions:
        return case.no(Why.NEVER_TOLD)
    if "resolved" in told.transitions:
        return case.no(Why.ALREADY_TOLD)
    due = pacing.resolve_due(case.group, case.route, receiver, case.now)
    if around.silence is not None:
        due = max(due, around.silence.holds_until)
    if not around.compliance:
        due = opening(case.route, due)
    if told.waiting or not told.delivered:
        # Whatever the reason of the end and the receiver's wishes: what is owed is told once.
        return case.in_time(Why.SUMMARY, "resolved", due)
    quiet = case.alert.reason.quiet or not receiver.send_resolved
    held = around.silence is not None or case.closed_until is not None or case.flaps
    by_people = receiver.stateful and not receiver.send_resolved  # who end what they opened there
    if receiver.amendable and not by_people and (quiet or (held and case.digest is None)):
        return case.edit(Why.QUIET_EDIT, "resolved")
    if quiet:
        return case.no(Why.QUIET_CLOSE if case.alert.reason.quiet else Why.RESOLVED_OFF)
    return case.in_time(Why.RESOLVED, "resolved", due)


def _reported(case: Case) -> Decision:
    """A report comes once: nothing inhibits it, and it waits for no group.

    It is not asked for again, so one that meets a closed route is owed for its opening.
    """
    if case.told.transitions:
        return case.no(Why.ALREADY_TOLD)
    waits = case.receiver.settled_only and SETTLING in case.alert.finding.marks
    due = case.now + SETTLING_PATIENCE if waits else case.now
    return _unwanted(case) or _report_in_time(case, Why.REPORTED, "reported", due)


def _unwanted(case: Case) -> Decision | None:
    """Why a report that nothing was told of is none of this receiver's business.

    A silence keeps what is no trouble; what is, only as long as it lasts.
    """
    if case.route is None or case.around.summoned:
        return case.no(Why.NOT_ROUTED)
    silence = case.around.silence
    if silence is not None and case.alert.severity is Severity.INFO:
        return case.no(Why.SILENCED, f"by {silence.author}")
    return None


def _settled(case: Case) -> Decision:
    told = case.told
    if "settled" in told.transitions:
        return case.no(Why.ALREADY_TOLD)
    if told.delivered and case.receiver.edits:
        return case.edit(Why.SETTLED, "settled")
    if told.delivered and not told.changed:
        return case.no(Why.UNCHANGED)
    unwanted = None if told.transitions else _unwanted(case)
    return unwanted or _report_in_time(case, Why.SETTLED, "settled", case.now)


def _report_in_time(case: Case, why: Why, transition: str, due: datetime) -> Decision:
    """When a silence is over: what failed has failed then as well.

    A digest calls nobody, so it waits for no silence of which nobody knows how long it lasts.
    """
    silence = case.around.silence
    if silence is not None and (case.digest is None or silence.over_at() is not None):
        due = max(due, silence.holds_until)
    if case.digest is not None:
        # What is to settle first goes into the digest after that.
        slot = opening(case.route, next_slot(case.digest, due))
        return case.yes(why, transition, due=slot, home=Home.DIGEST, slot=slot)
    if case.group.crowd and case.route is not None:
        due = max(due, pacing.beat(case.group, case.route.group_interval, case.now))
    due = due if case.around.compliance else opening(case.route, due)
    return case.yes(why, transition, due=due, home=Home.ALONE)
