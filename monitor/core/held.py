"""What keeps a telling back for now: a route that is closed, a silence, another alert.

A route is closed while one of its ``mute`` calendars is open, and while it has ``active``
ones and none of them is.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.core.calendar import is_open, next_closing, next_opening
from monitor.core.flapping import Flap
from monitor.core.route import Route
from monitor.core.silence import Silence

_HORIZON = timedelta(days=366)


def opens_at(route: Route, at: datetime) -> datetime | None:
    """The first instant at or after ``at`` at which the route is open; None within a year."""
    moment = at
    while moment <= at + _HORIZON:
        later = _closed_until(route, moment)
        if later == moment:
            return moment
        if later is None:
            return None
        moment = later
    return None


def _closed_until(route: Route, at: datetime) -> datetime | None:
    """When what closes the route now no longer does; ``at`` itself when nothing does."""
    for calendar in route.mute:
        if is_open(calendar, at):
            return next_closing(calendar, at)
    if not route.active or any(is_open(each, at) for each in route.active):
        return at
    openings = [next_opening(each, at) for each in route.active]
    return min((each for each in openings if each is not None), default=None)


def opening(route: Route | None, at: datetime) -> datetime:
    """The same; a route that never opens would lose what it is given, so it holds nothing."""
    return at if route is None else opens_at(route, at) or at


def is_open_at(route: Route, at: datetime) -> bool:
    """Whether the route holds nothing back then."""
    return opening(route, at) == at


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is true of an alert besides itself, for one receiver.

    ``inhibited`` says what holds it back. ``silence`` covers it now, ``ended`` is the last
    one that did. ``unheard_at``: this receiver is to hear of it then if nobody has
    acknowledged it; None when no route escalates to it. ``summoned``: that alone leads here.
    ``compliance``: the law asks for it.
    """

    inhibited: str | None = None
    silence: Silence | None = None
    ended: Silence | None = None
    acknowledged: Silence | None = None
    flap: Flap | None = None
    unheard_at: datetime | None = None
    unheard_for: timedelta = timedelta(0)
    summoned: bool = False
    compliance: bool = False


ORDINARY = Circumstances()
