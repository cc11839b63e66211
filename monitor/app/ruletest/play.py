"""Playing a story from its start to its end, by a clock that it moves."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from monitor.app.ruletest.files import Story
from monitor.app.ruletest.vendors import Vendors
from monitor.app.ruletest.watch import Heard, Watch
from monitor.core.alert import Alert, Transition
from monitor.evaluation.context import Context
from monitor.evaluation.judging import Opinion
from monitor.store import alerts


@dataclass(frozen=True, slots=True)
class Moment:
    """How all alerts stood, and what each rule said of what, at one time."""

    at: datetime
    alerts: Mapping[str, Alert]
    opinions: Sequence[tuple[frozenset[str], Opinion]]


@dataclass(slots=True)
class Played:
    """What came of a story."""

    transitions: list[Transition] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    moments: dict[datetime, Moment] = field(default_factory=dict)

    def at(self, time: datetime) -> Moment:
        """As it was judged last, at this time or just before."""
        return self.moments[max(at for at in self.moments if at <= time)]


def play(conn: Connection, context: Context, test: Story, wanted: Iterable[datetime]) -> Played:
    """Play all of it. ``wanted`` are the times of which everything is to be remembered."""
    start, played = test.origin.start, Played()
    # The tick at which a time is judged is the last one that is not later.
    ticks = {start + (at - start) // test.tick * test.tick for at in wanted}
    for now, watch in course(conn, context, test, played):
        if now in ticks:
            played.moments[now] = _moment(conn, watch, played, now)
    return played


def course(
    conn: Connection, context: Context, test: Story, played: Played
) -> Iterator[tuple[datetime, Watch]]:
    """Play it tick by tick, and put into ``played`` what moves and what is told."""
    start = test.origin.start
    vendors = Vendors(context.providers, test.batches, test.origin)
    watch = Watch(conn, context, vendors, start, poll=test.poll, tick=test.tick)
    left = deque(sorted(test.deeds, key=lambda deed: deed.at))
    now = start
    while now <= test.until:
        while left and left[0].at <= now:
            vendors.do(left.popleft())
        for followed in watch.tick(now):
            played.transitions += followed.transitions
        played.heard += watch.delivered(now)
        yield now, watch
        now += test.tick


def _moment(conn: Connection, watch: Watch, played: Played, now: datetime) -> Moment:
    keys = dict.fromkeys(each.alert.key for each in played.transitions)
    known = {key: alerts.load_key(conn, key) for key in keys}
    stored = {key: alert for key, alert in known.items() if alert is not None}
    return Moment(now, stored, tuple(watch.opinions(now)))
