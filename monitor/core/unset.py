"""Verdicts of rules of which nothing is written that they could hold by."""

from monitor.core.rule import Unknown


class Unset(Unknown):
    """It cannot be said of anything: no limit is set, no time, no kind of call."""

    __slots__ = ()
