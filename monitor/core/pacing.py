"""How long a telling waits: for company, for its next repeat, for the rest of its group."""

from datetime import datetime, timedelta

from monitor.core.alert import Alert
from monitor.core.decision import Group, Told
from monitor.core.route import Receiver, Route
from monitor.core.rule import Severity
from monitor.core.silence import Silence

_MOST_DOUBLINGS = 20  # of a second: twelve days


def repeat_at(told: Told, route: Route, severity: Severity) -> datetime | None:
    """When what still fires is told again: each repeat waits twice as long as the one before."""
    if told.told_at is None:
        return None
    first = route.repeat_by.get(severity, route.repeat_interval)
    doubled: timedelta = first * 2 ** min(told.repeats, _MOST_DOUBLINGS)
    return told.told_at + min(doubled, max(first, route.repeat_most))


def silence_ended_since(alert: Alert, told: Told, ended: Silence | None, now: datetime) -> bool:
    """Whether a silence held the alert since it was last told, and has ended."""
    over = None if ended is None else ended.over_at()
    if ended is None or over is None or told.told_at is None or alert.fired_at is None:
        return False
    return alert.fired_at < over <= now and told.told_at < over and ended.starts_at < over


def group_due(group: Group, route: Route, now: datetime, severity: Severity) -> datetime:
    """A new group waits for company; a later addition keeps its distance from the last telling.

    What is heavier than all that fires in the group does not wait that long.
    """
    if group.opened_at is None:
        return now + route.group_wait
    if group.told_at is None:
        return max(now, group.opened_at + route.group_wait)
    if group.crowd:
        return beat(group, route.group_interval, now)
    if group.severity is not None and severity.weight > group.severity.weight:
        return now
    return max(now, group.told_at + route.group_interval)


def resolve_due(group: Group, route: Route | None, receiver: Receiver, now: datetime) -> datetime:
    """At once when the whole group is clear, and where it is an edit that calls nobody."""
    if group.clear or route is None or group.told_at is None:
        return now
    if group.crowd:
        return beat(group, route.group_interval, now)
    return now if receiver.amendable else max(now, group.told_at + route.group_interval)


def beat(group: Group, every: timedelta, now: datetime) -> datetime:
    """The next beat of a conversation, counted from its opening: what comes between goes then."""
    if group.opened_at is None or every <= timedelta(0):
        return now
    passed = max(now - group.opened_at, timedelta(0)) // every
    return group.opened_at + (passed + 1) * every
