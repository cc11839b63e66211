"""Who is to hear of an alert now, and why; or why nobody is.

``decide`` answers for one alert and one receiver, from what that receiver was told before.
It may be asked as often as one likes: what was told is not told again. Every answer has a
reason, a "no" as much as a "yes".
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.core.alert import Alert, AlertState, Reason
from monitor.core.compose import SETTLING
from monitor.core.route import Receiver, Route
from monitor.core.rule import Severity

# A receiver that hears only settled reports hears the first one after all when no settled
# one has come by then: nothing is lost to a report that never settles.
SETTLING_PATIENCE = timedelta(hours=1)


class Why(StrEnum):
    """The reason of a decision; the first eight tell something, the others do not."""

    FIRST = "first"
    ESCALATED = "escalated"
    REPEAT = "repeat"
    RESOLVED = "resolved"
    SUMMARY = "summary"  # what was still untold and the end of it, in one message
    QUIET_EDIT = "quiet_edit"  # the message is changed in place, nobody is called
    REPORTED = "reported"
    SETTLED = "settled"
    ALREADY_TOLD = "already_told"
    NOT_DUE = "not_due"  # told, and it is not yet time to repeat it
    INHIBITED = "inhibited"
    NOT_ROUTED = "not_routed"
    NEVER_TOLD = "never_told"  # an end whose beginning was never owed to this receiver
    RESOLVED_OFF = "resolved_off"
    QUIET_CLOSE = "quiet_close"
    UNCHANGED = "unchanged"  # the settled report says what the first one said
    PENDING = "pending"

    @property
    def tells(self) -> bool:
        """Whether something goes into the outbox."""
        return self in _TELLING


_TELLING = frozenset(list(Why)[:8])


class Part(StrEnum):
    """Where a notification goes: the root message, the thread below it, or a message apart."""

    ROOT = "root"
    THREAD = "thread"
    MESSAGE = "message"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one receiver is owed and was told about one alert.

    ``delivered``: something of it was taken, or may have been. ``waiting``: something of it
    has not been tried to the end. ``severity`` is the heaviest ever put into words.
    ``changed``: the report of now differs from the one that was told.
    """

    transitions: frozenset[str] = frozenset()
    delivered: bool = False
    waiting: bool = False
    severity: Severity | None = None
    told_at: datetime | None = None
    repeats: int = 0
    changed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The conversation that the alert belongs to at this receiver.

    ``opened_at`` None: there is none yet. ``told_at``: when the receiver last took
    something of it. ``clear``: no alert of it fires any more. ``rooted``: its root message
    stands, or may.
    """

    opened_at: datetime | None = None
    told_at: datetime | None = None
    clear: bool = False
    rooted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to put into the outbox for one alert and receiver, and why; or why nothing."""

    alert: str
    receiver: str
    why: Why
    transition: str = ""
    parts: tuple[Part, ...] = ()
    due: datetime | None = None
    repeat: int = 0
    loud: bool = False
    untold: bool = False  # nothing of it was told while it was firing
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """The question: one alert, one receiver, now."""

    alert: Alert
    receiver: Receiver
    route: Route | None
    told: Told
    group: Group
    inhibited: str | None
    now: datetime

    def no(self, why: Why, detail: str = "") -> Decision:
        return Decision(alert=self.alert.key, receiver=self.receiver.name, why=why, detail=detail)

    def yes(
        self,
        why: Why,
        transition: str,
        *,
        due: datetime | None = None,
        parts: tuple[Part, ...] | None = None,
        repeat: int = 0,
    ) -> Decision:
        return Decision(
            alert=self.alert.key,
            receiver=self.receiver.name,
            why=why,
            transition=transition,
            parts=self._parts() if parts is None else parts,
            due=due or self.now,
            repeat=repeat,
            loud=why in {Why.FIRST, Why.ESCALATED, Why.REPEAT},
            untold=why is Why.SUMMARY and not self.told.delivered,
        )

    def _parts(self) -> tuple[Part, ...]:
        if not self.receiver.edits:
            return (Part.MESSAGE,)
        return (Part.ROOT, Part.THREAD) if self.group.rooted else (Part.ROOT,)


def decide(
    *,
    alert: Alert,
    receiver: Receiver,
    route: Route | None,
    told: Told,
    group: Group,
    inhibited: str | None,
    now: datetime,
) -> Decision:
    """What this receiver is to hear of this alert now.

    ``route`` is the first that leads from the alert to the receiver; None when none does
    any more, which still owes the end of what was told. ``inhibited`` says what holds the
    alert back.
    """
    case = _Case(
        alert=alert,
        receiver=receiver,
        route=route,
        told=told,
        group=group,
        inhibited=inhibited,
        now=now,
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


def _firing(case: _Case) -> Decision:
    told, route = case.told, case.route
    why = _news(case.alert, told)
    if why is Why.REPEAT and told.waiting:
        return case.no(Why.ALREADY_TOLD)
    if route is None:
        return case.no(Why.NOT_ROUTED)
    if why is Why.REPEAT and not _repeat_is_due(told, route, case.now):
        return case.no(Why.NOT_DUE)
    if case.inhibited:
        return case.no(Why.INHIBITED, case.inhibited)
    return _told_firing(case, why, route)


def _news(alert: Alert, told: Told) -> Why:
    """What there would be to say of a firing alert."""
    if not told.transitions:
        return Why.FIRST
    if told.severity is None or alert.severity.weight > told.severity.weight:
        return Why.ESCALATED
    return Why.REPEAT


def _told_firing(case: _Case, why: Why, route: Route) -> Decision:
    if why is Why.FIRST:
        return case.yes(why, "fired", due=_group_due(case.group, route, case.now))
    if why is Why.ESCALATED:
        return case.yes(why, f"escalated-{case.alert.severity}")
    n = case.told.repeats + 1
    return case.yes(why, f"repeat-{n}", repeat=n)


def _repeat_is_due(told: Told, route: Route, now: datetime) -> bool:
    return told.told_at is not None and now >= told.told_at + route.repeat_interval


def _group_due(group: Group, route: Route, now: datetime) -> datetime:
    """A new group waits for company; a later addition keeps its distance from the last telling."""
    if group.opened_at is None:
        return now + route.group_wait
    if group.told_at is None:
        return max(now, group.opened_at + route.group_wait)
    return max(now, group.told_at + route.group_interval)


def _resolved(case: _Case) -> Decision:
    told, receiver = case.told, case.receiver
    if not told.transitions:
        return case.no(Why.NEVER_TOLD)
    if "resolved" in told.transitions:
        return case.no(Why.ALREADY_TOLD)
    if told.waiting or not told.delivered:
        # Whatever the reason of the end and the receiver's wishes: what is owed is told once.
        return case.yes(Why.SUMMARY, "resolved", due=_resolve_due(case))
    if case.alert.reason.quiet or not receiver.send_resolved:
        if receiver.edits:
            return case.yes(Why.QUIET_EDIT, "resolved", parts=(Part.ROOT,))
        quiet = Why.QUIET_CLOSE if case.alert.reason.quiet else Why.RESOLVED_OFF
        return case.no(quiet)
    return case.yes(Why.RESOLVED, "resolved", due=_resolve_due(case))


def _resolve_due(case: _Case) -> datetime:
    """At once when the whole group is clear, and where it is an edit that calls nobody."""
    group, route = case.group, case.route
    if group.clear or case.receiver.edits or route is None or group.told_at is None:
        return case.now
    return max(case.now, group.told_at + route.group_interval)


def _reported(case: _Case) -> Decision:
    """A report comes once: nothing inhibits it, and it waits for no group."""
    if case.told.transitions:
        return case.no(Why.ALREADY_TOLD)
    if case.route is None:
        return case.no(Why.NOT_ROUTED)
    waits = case.receiver.settled_only and SETTLING in case.alert.finding.marks
    due = case.now + SETTLING_PATIENCE if waits else case.now
    return case.yes(Why.REPORTED, "reported", due=due)


def _settled(case: _Case) -> Decision:
    told = case.told
    if "settled" in told.transitions:
        return case.no(Why.ALREADY_TOLD)
    if case.route is None and not told.transitions:
        return case.no(Why.NOT_ROUTED)
    if not told.delivered:
        return case.yes(Why.SETTLED, "settled")
    if case.receiver.edits:
        return case.yes(Why.SETTLED, "settled", parts=(Part.ROOT,))
    if not told.changed:
        return case.no(Why.UNCHANGED)
    return case.yes(Why.SETTLED, "settled")
