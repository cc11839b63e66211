"""Whatever happens: nothing is told twice, nothing that lasts is kept from anybody."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select
from structlog.testing import capture_logs

from monitor.core.alert import Alert, AlertState
from monitor.core.calendar import Calendar
from monitor.core.hours import parse_hours
from monitor.core.route import Digest, Receiver, Route, parse_matcher
from monitor.core.silence import Source
from monitor.core.wish import Wish
from monitor.evaluation.routing import Routing
from monitor.evaluation.telling import tell
from monitor.store import alerts as stored
from monitor.store import claims, outcomes, silences
from monitor.store.engine import open_engine
from monitor.store.outcomes import Note
from monitor.store.schema import outbox
from tests.builders import HOUR, MINUTE, NOON
from tests.delivering import make_alert, make_report, make_subject
from tests.stories import unsynced

EDITS = Receiver(name="bot", kind="slack", edits=True, readable=True)
POSTS = Receiver(name="hook", kind="slack")
KEEPS = Receiver(name="pager", kind="pagerduty", stateful=True)
RECEIVERS = {each.name: each for each in (EDITS, POSTS, KEEPS)}
LUNCH = Calendar(ZoneInfo("UTC"), (parse_hours("daily 12:20-13:10"),))
LAST = 4 * HOUR
# Whatever fires from here on has been there for longer than anything may keep it back:
# the mute until 13:10, silences, the digest of the full hour.
LONG = 2 * HOUR
_names = itertools.count()


class Life(NamedTuple):
    """One alert's episodes, in minutes: when each begins and how long it lasts."""

    rule: str
    gaps: tuple[tuple[int, int], ...]


lives = st.lists(
    st.builds(
        Life,
        st.sampled_from(["error_spike", "batch_stalled", "count_mismatch"]),
        st.lists(st.tuples(st.integers(1, 40), st.integers(1, 60)), min_size=1, max_size=7).map(
            tuple
        ),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda each: each.rule,
)
hushes = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 60)), max_size=2)
ways = st.builds(
    Route,
    name=st.just("1"),
    receivers=st.just(tuple(RECEIVERS)),
    group_by=st.sampled_from([("provider", "batch", "cause"), ("provider",), ("rule",)]),
    group_wait=st.sampled_from([timedelta(0), MINUTE]),
    mute=st.sampled_from([(), (LUNCH,)]),
    digest=st.sampled_from([None, None, Digest(), Digest(every=20 * MINUTE)]),
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = unsynced(open_engine(Path(tmp_path_factory.mktemp("laws"), "a.db"), create=True))
    yield made
    made.dispose()


class World:
    """One batch, minute by minute: what fires, and what was sent."""

    def __init__(self, conn: Connection, route: Route) -> None:
        self.conn = conn
        self.name = f"btc_{next(_names)}"
        match = (parse_matcher(f"batch={self.name}"),)
        self.routing = Routing(routes=(replace(route, match=match),), receivers=RECEIVERS)
        self.sent: list[tuple[str, str, str]] = []  # receiver, alert, state

    def hush(self, at: datetime, lasts: timedelta) -> None:
        matchers = (parse_matcher(f"batch={self.name}"), parse_matcher("rule=error_spike"))
        wish = Wish(
            author="ann", source=Source.CLI, comment=str(lasts), matchers=matchers, lasts=lasts
        )
        silences.add(self.conn, wish, at)

    def alert(self, rule: str, episode: int, at: datetime) -> Alert:
        subject = make_subject(id=self.name)
        return make_alert(rule, rule=rule, subject=subject, episode=episode, since=at, fired_at=at)

    def judge(self, moved: list[Alert], now: datetime) -> int:
        stored.save(self.conn, moved)
        return tell(
            self.conn,
            alerts=moved,
            routing=self.routing,
            now=now,
            inhibited={},
            default_zone="UTC",
        )

    def take(self, now: datetime) -> None:
        for name, receiver in RECEIVERS.items():
            while claim := claims.claim(self.conn, receiver=name, now=now, lease=MINUTE):
                outcomes.mark_sent(
                    self.conn,
                    claim,
                    remote_id=f"C:{claim.conversation.id}" if receiver.edits else None,
                    note=Note(at=now, outcome="sent"),
                )
                self.sent += [(name, each.key, each.state) for each in claim.messages]


def episodes(world: World, life: Life) -> Iterator[tuple[int, int, Alert]]:
    """(begins, ends, alert) in minutes."""
    at = 0
    for n, (gap, length) in enumerate(life.gaps, start=1):
        begins = at + gap
        at = begins + length
        yield begins, at, world.alert(life.rule, n, NOON + begins * MINUTE)


def closed(alert: Alert, now: datetime) -> Alert:
    return replace(alert, state=AlertState.RESOLVED, closed_at=now)


def test_laws(engine: Engine, *, proof: bool) -> None:
    @settings(
        max_examples=40 if proof else 3,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),
    )
    @given(told=lives, route=ways, quiet=hushes)
    def holds(told: list[Life], route: Route, quiet: list[tuple[int, int]]) -> None:
        with engine.connect() as conn, conn.begin() as transaction, capture_logs():
            world = World(conn, route)
            plan = [each for life in told for each in episodes(world, life)]
            live_through(world, plan, quiet)
            _check(world, plan)
            transaction.rollback()

    holds()


def live_through(
    world: World, plan: list[tuple[int, int, Alert]], quiet: list[tuple[int, int]]
) -> None:
    last = LAST // MINUTE
    for minute in range(last):
        now = NOON + minute * MINUTE
        for at, lasts in quiet:
            if at == minute:
                world.hush(now, lasts * MINUTE)
        if minute % 5 and not any(minute in {begins, ends} for begins, ends, _ in plan):
            continue
        moved = [each for begins, ends, each in plan if begins <= minute < ends]
        moved += [closed(each, now) for _, ends, each in plan if ends == minute]
        world.judge(moved, now)
        assert world.judge(moved, now) == 0, "asked twice it tells once"
        world.take(now)
    world.take(NOON + LAST + 2 * HOUR)


def _check(world: World, plan: list[tuple[int, int, Alert]]) -> None:
    rows = world.conn.execute(
        select(outbox.c.receiver, outbox.c.alert_key, outbox.c.transition, outbox.c.part)
    ).all()
    assert len(rows) == len(set(rows)), "no transition is owed twice"
    waiting = world.conn.execute(
        select(outbox.c.transition).where(outbox.c.state == "pending")
    ).scalars()
    assert set(waiting) == set(), "nothing is owed for ever"
    for begins, ends, alert in plan:
        for name in RECEIVERS:
            states = [state for to, key, state in world.sent if (to, key) == (name, alert.key)]
            if ends - begins >= LONG // MINUTE:
                assert "FIRING" in states, "what lasts is told"
            if "FIRING" in states and ends < LAST // MINUTE - 60 and not _flapped(world, alert):
                assert "RESOLVED" in states, "whoever heard of it hears of its end"


def _flapped(world: World, alert: Alert) -> bool:
    """Its end may be told by the newest episode of the same condition."""
    return alert.episode >= 4 or bool(
        world.conn.execute(
            select(outbox.c.id).where(
                outbox.c.alert_key == alert.key,
                outbox.c.transition == "resolved",
                outbox.c.state == "superseded",
            )
        ).first()
    )


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::5], ids=str)
def test_the_order_in_which_alerts_are_judged_makes_no_difference(
    engine: Engine, order: tuple[int, ...]
) -> None:
    with engine.connect() as conn, conn.begin() as transaction, capture_logs():
        world = World(conn, Route(name="1", receivers=tuple(RECEIVERS), group_wait=MINUTE))
        told = [
            world.alert("error_spike", 1, NOON),
            world.alert("batch_stalled", 1, NOON),
            world.alert("count_mismatch", 1, NOON),
            make_report(subject=make_subject(id=world.name)),
        ]
        for place in order:
            world.judge([told[place]], NOON)
        world.take(NOON)
        world.take(NOON + MINUTE)

        assert sorted(world.sent) == sorted(
            (name, each.key, each.state.upper()) for name in RECEIVERS for each in told
        )
        transaction.rollback()
