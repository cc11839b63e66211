"""One row of the fault table: what a vendor does wrong, what Offhook does, and what it says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import cycle
from typing import Any

from monitor.simulator.answers import Manners
from monitor.simulator.faults.exchange import Answer, Exchange
from monitor.simulator.faults.server import Fault, Reply
from monitor.simulator.faults.shapes import Shape

MINUTE = timedelta(minutes=1)
AT_ONCE = timedelta(0)
STEP = timedelta(seconds=150)
NAME = "renewals"


@dataclass(frozen=True)
class Scene:
    """What a fault may need to know: the vendor's answers, the last true ones, batches by name."""

    shape: Shape
    given: Mapping[str, Answer]
    ids: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One fault.

    ``alert`` fires about ``subject`` when the fault has lasted ``after``, once, and is resolved
    once it is mended, unless it is ``news`` that is told once. It may take up to ``noticed``
    until the fault is met at all: lists are read when counts move. ``may`` are rules that may
    speak besides. ``doubted`` are batches that may be reported complete as unverified.
    ``lasting``: the batch does not end before the
    fault does. ``moves_stuck``: what the vendor says
    of the batch that stands still moves. ``wire``: it is how bytes come that is wrong, and no
    whole answer. ``at`` holds other fields for single vendors.
    """

    id: str
    fault: str
    behaviour: str
    make: Callable[[Scene], Fault]
    alert: str | None = None
    after: timedelta = AT_ONCE
    noticed: timedelta = AT_ONCE
    step: timedelta = STEP
    subject: str = NAME
    news: bool = False
    may: frozenset[str] = frozenset()
    doubted: frozenset[str] = frozenset()
    lasts: timedelta = 10 * MINUTE
    lasting: bool = False
    moves_stuck: bool = False
    wire: bool = False
    tls: bool = False
    manners: Manners = field(default_factory=Manners)
    at: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def of(self, vendor: str) -> "Row":
        """The row as it holds for one vendor."""
        return replace(self, **self.at.get(vendor, {}))


def always(reply: Reply, **more: Any) -> Callable[[Scene], Fault]:
    """Every answer goes wrong in this way."""

    def make(scene: Scene) -> Fault:
        del scene
        return Fault(reply=reply, **more)

    return make


def in_turn(*replies: Reply) -> Callable[[Scene], Fault]:
    """Every answer goes wrong, each in the next of these ways."""

    def make(scene: Scene) -> Fault:
        del scene
        turns = cycle(replies)

        async def reply(exchange: Exchange) -> None:
            await next(turns)(exchange)

        return Fault(reply=reply)

    return make
