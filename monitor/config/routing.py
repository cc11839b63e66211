"""``[[routes]]`` and ``[[inhibit]]``: who hears of what, when, and what explains what."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from monitor.config.model import InhibitSettings, RouteSettings
from monitor.config.reading import Reading
from monitor.core.calendar import Calendar
from monitor.core.held import opens_at
from monitor.core.inhibit import Inhibition
from monitor.core.instance import RuleInstance
from monitor.core.route import Digest, Matcher, Route

# When the digest of what is calm goes out, where no routes are written.
CALM_AT = time(9)
_DAY = timedelta(days=1)
# Any instant does: a route that is open at no time of a year is never open.
_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)


def read_routes(
    reading: Reading,
    calendars: Mapping[str, Calendar],
    zone: str,
    rules: Sequence[RuleInstance],
) -> tuple[Route, ...]:
    """The routes in order; without any, everything is told to every receiver.

    What is worth knowing and no ping comes once a day then. ``zone`` is that of the times of
    digests.
    """
    written = reading.document.values.get("routes", [])
    receivers = _receivers(reading)
    if not isinstance(written, list):
        reading.refuse(("routes",), "must be written [[routes]], one for each route")
        return ()
    if not written:
        return _unwritten(receivers, zone, rules)
    routes = []
    for index, values in enumerate(written):
        settings = reading.table(("routes", index), values, RouteSettings)
        if settings:
            _check_names(reading, index, settings, receivers)
            _check_escalation(reading, index, settings)
            route = _route(index, settings, calendars, zone)
            _check_hours(reading, index, route)
            routes.append(route)
    if len(routes) == len(written):
        _check_order(reading, routes, receivers)
    return tuple(routes)


def _unwritten(
    receivers: tuple[str, ...], zone: str, rules: Sequence[RuleInstance]
) -> tuple[Route, ...]:
    calm = sorted(each.name for each in rules if each.settings.rule.calm)
    everything = Route(name="2" if calm else "1", receivers=receivers)
    if not calm:
        return (everything,)
    digest = Digest(every=_DAY, at=CALM_AT, zone=ZoneInfo(zone))
    match = (Matcher("rule", "=~", "|".join(calm)), Matcher("severity", "!=", "critical"))
    return (Route(name="1", match=match, receivers=receivers, digest=digest), everything)


def _receivers(reading: Reading) -> tuple[str, ...]:
    receivers = reading.document.values.get("receivers", {})
    return tuple(receivers) if isinstance(receivers, dict) else ()


def _check_names(
    reading: Reading, index: int, settings: RouteSettings, receivers: tuple[str, ...]
) -> None:
    for key in ("receivers", "fallback", "escalate_to"):
        for place, name in enumerate(getattr(settings, key)):
            reading.known_name(("routes", index, key, place), "receiver", name, receivers)
    for place, name in enumerate(settings.fallback):
        if name in settings.receivers:
            text = f"{name} is a receiver of this route already, so it is no way out"
            reading.refuse(("routes", index, "fallback", place), text)
    calendars = reading.document.values.get("calendars", {})
    known = tuple(calendars) if isinstance(calendars, dict) else ()
    for key in ("mute", "active"):
        for place, name in enumerate(getattr(settings, key)):
            reading.known_name(("routes", index, key, place), "calendar", name, known)


def _check_escalation(reading: Reading, index: int, settings: RouteSettings) -> None:
    if settings.escalate_after and not settings.escalate_to:
        text, hint = "says after how long, and nobody to tell", 'add escalate_to = ["…"]'
        reading.refuse(("routes", index, "escalate_after"), text, hint)
    if settings.escalate_to and settings.escalate_after is None:
        text, hint = "says whom to tell, and not after how long", 'add escalate_after = "15m"'
        reading.refuse(("routes", index, "escalate_to"), text, hint)
    longest = max([settings.repeat_interval.interval, *settings.repeat_interval.by.values()])
    if "repeat_most" in settings.model_fields_set and settings.repeat_most < longest:
        text = "is shorter than repeat_interval: repeats only become rarer"
        reading.refuse(("routes", index, "repeat_most"), text)


def _check_hours(reading: Reading, index: int, route: Route) -> None:
    if (route.mute or route.active) and opens_at(route, _SOME_DAY) is None:
        key = "active" if route.active else "mute"
        text = "leaves no time at which anybody is told"
        reading.refuse(("routes", index, key), text)


def _route(
    index: int, settings: RouteSettings, calendars: Mapping[str, Calendar], zone: str
) -> Route:
    def hours(names: tuple[str, ...]) -> tuple[Calendar, ...]:
        return tuple(calendars[name] for name in names if name in calendars)

    digest = settings.digest
    return Route(
        name=str(index + 1),
        match=settings.match,
        receivers=tuple(dict.fromkeys(settings.receivers)),
        goes_on=settings.goes_on,
        group_by=settings.group_by,
        group_wait=settings.group_wait,
        group_interval=settings.group_interval,
        repeat_interval=settings.repeat_interval.interval,
        repeat_by=settings.repeat_interval.by,
        repeat_most=settings.repeat_most,
        mute=hours(settings.mute),
        active=hours(settings.active),
        digest=None if digest is None else replace(digest, zone=ZoneInfo(zone)),
        fallback=tuple(dict.fromkeys(settings.fallback)),
        escalate_after=settings.escalate_after,
        escalate_to=tuple(dict.fromkeys(settings.escalate_to)),
    )


def _check_order(reading: Reading, routes: list[Route], receivers: tuple[str, ...]) -> None:
    if routes[-1].match:
        reading.refuse(
            ("routes", len(routes) - 1),
            "the last route must have no match, so that nothing goes untold",
            "add a [[routes]] with only receivers",
        )
    for index, (route, _) in enumerate(pairwise(routes)):
        if not route.match and not route.goes_on:
            reading.warn(("routes", index), "takes everything: the routes after it are never used")
    for index, route in enumerate(routes):
        if route.digest and _takes_critical(route) and not any(map(_takes_all, routes[:index])):
            text = "what is critical waits for the digest here, too: give it a route before this"
            reading.warn(("routes", index, "digest"), text)
    used = {
        name for route in routes for name in (*route.receivers, *route.fallback, *route.escalate_to)
    }
    for name in receivers:
        if name not in used:
            reading.warn(("receivers", name), "no route tells this receiver anything")


def _takes_critical(route: Route) -> bool:
    labels = {"severity": "critical"}
    return all(each.matches(labels) for each in route.match if each.label == "severity")


def _takes_all(route: Route) -> bool:
    """Whether nothing that is critical gets past it."""
    only = all(each.label == "severity" for each in route.match)
    return only and _takes_critical(route) and not route.goes_on


def read_inhibitions(reading: Reading) -> tuple[Inhibition, ...]:
    """What the configuration says of which alerts explain which others."""
    written = reading.document.values.get("inhibit", [])
    if not isinstance(written, list):
        reading.refuse(("inhibit",), "must be written [[inhibit]], one for each")
        return ()
    found = []
    for index, values in enumerate(written):
        settings = reading.table(("inhibit", index), values, InhibitSettings)
        if settings is None:
            continue
        if not settings.equal:
            text = "has no equal: one source anywhere holds back every target everywhere"
            reading.warn(("inhibit", index), text)
        found.append(
            Inhibition(source=settings.source, target=settings.target, equal=settings.equal)
        )
    return tuple(found)
