"""``[[routes]]``: who hears of what."""

from itertools import pairwise

from monitor.config.model import RouteSettings
from monitor.config.reading import Reading
from monitor.core.route import Route


def read_routes(reading: Reading) -> tuple[Route, ...]:
    """The routes in order; without any, one that tells everything to every receiver."""
    written = reading.document.values.get("routes", [])
    receivers = _receivers(reading)
    if not isinstance(written, list):
        reading.refuse(("routes",), "must be written [[routes]], one for each route")
        return ()
    if not written:
        return (Route(name="1", receivers=receivers),)
    routes = []
    for index, values in enumerate(written):
        settings = reading.table(("routes", index), values, RouteSettings)
        if settings:
            routes.append(_route(reading, index, settings, receivers))
    if len(routes) == len(written):
        _check_order(reading, routes, receivers)
    return tuple(routes)


def _receivers(reading: Reading) -> tuple[str, ...]:
    receivers = reading.document.values.get("receivers", {})
    return tuple(receivers) if isinstance(receivers, dict) else ()


def _route(
    reading: Reading, index: int, settings: RouteSettings, receivers: tuple[str, ...]
) -> Route:
    for place, name in enumerate(settings.receivers):
        reading.known_name(("routes", index, "receivers", place), "receiver", name, receivers)
    return Route(
        name=str(index + 1),
        match=settings.match,
        receivers=tuple(dict.fromkeys(settings.receivers)),
        goes_on=settings.goes_on,
        group_by=settings.group_by,
        group_wait=settings.group_wait,
        group_interval=settings.group_interval,
        repeat_interval=settings.repeat_interval,
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
    used = {name for route in routes for name in route.receivers}
    for name in receivers:
        if name not in used:
            reading.warn(("receivers", name), "no route tells this receiver anything")
