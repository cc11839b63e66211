"""What is counted is what the pipeline puts into the outbox and its receivers take."""

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select, update
from structlog.testing import capture_logs

from monitor.core.alert import Alert, AlertState, Reason
from monitor.core.calendar import Calendar
from monitor.core.hours import parse_hours
from monitor.core.route import Receiver, Route
from monitor.evaluation.telling import Routing, tell
from monitor.evaluation.tellings import Tellings
from monitor.store import alerts as stored
from monitor.store.engine import open_engine
from monitor.store.schema import alerts, conversations, outbox
from tests.builders import MINUTE, NOON
from tests.evaluation.test_tellings import alert
from tests.stories import unsynced

MINUTES_AFTER = 10
LUNCH = Calendar(ZoneInfo("UTC"), (parse_hours("daily 12:08-12:16"),))
_names = itertools.count()
ENDS = [Reason.RECOVERED, Reason.BATCH_ENDED, Reason.RULE_CHANGED]


class Life(NamedTuple):
    """When one alert fires and ends, in minutes, and why it ends."""

    batch: int
    start: int
    length: int
    reason: Reason


lives = st.lists(
    st.builds(
        Life, st.integers(0, 2), st.integers(0, 20), st.integers(1, 15), st.sampled_from(ENDS)
    ),
    max_size=5,
)
routes = st.builds(
    Route,
    name=st.just("1"),
    receivers=st.just(("hook",)),
    group_by=st.sampled_from([("provider", "batch", "rule"), ("rule",), ("batch",)]),
    group_wait=st.integers(0, 3).map(lambda n: n * MINUTE),
    group_interval=st.integers(1, 6).map(lambda n: n * MINUTE),
    repeat_interval=st.integers(2, 9).map(lambda n: n * MINUTE),
    repeat_most=st.integers(2, 30).map(lambda n: n * MINUTE),
    mute=st.sampled_from([(), (), (LUNCH,)]),
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = unsynced(open_engine(Path(tmp_path_factory.mktemp("told"), "a.db"), create=True))
    yield made
    made.dispose()


def moves(told: list[Life], rule: str) -> list[tuple[datetime, Alert]]:
    """The same alerts as they were when they moved; at most one life of each at a time."""
    found: list[tuple[datetime, Alert]] = []
    free: dict[int, int] = {}
    episodes: Counter[int] = Counter()
    for life in sorted(told, key=lambda each: each.start):
        start = max(life.start, free.get(life.batch, 0))
        end = start + life.length
        free[life.batch] = end + 1
        episodes[life.batch] += 1
        made = alert(rule, f"b{life.batch}", episodes[life.batch])
        began, over = NOON + start * MINUTE, NOON + end * MINUTE
        firing = replace(
            made, state=AlertState.FIRING, since=began, fired_at=began, reason=Reason.HOLDS
        )
        found.append((began, firing))
        closed = replace(
            firing, state=AlertState.RESOLVED, closed_at=over, reason=life.reason, revision=1
        )
        found.append((over, closed))
    return sorted(found, key=lambda each: each[0])


def deliver(conn: Connection, now: datetime) -> None:
    """What is due is taken."""
    due = (outbox.c.state == "pending") & (outbox.c.due_at <= now)
    talks = conn.execute(select(outbox.c.conversation).where(due)).scalars().all()
    conn.execute(update(outbox).where(due).values(state="sent", sent_at=now))
    told = conversations.c.id.in_(talks)
    conn.execute(update(conversations).where(told).values(told_at=now))


def piped(engine: Engine, routing: Routing, moved: list[tuple[datetime, Alert]]) -> int:
    """How many messages the pipeline itself delivers, judged every minute."""
    known: dict[str, Alert] = {}
    last = max((at for at, _ in moved), default=NOON)
    for minute in range((last - NOON) // MINUTE + MINUTES_AFTER):
        now = NOON + minute * MINUTE
        with engine.begin() as conn:
            deliver(conn, now)
            for at, each in moved:
                if at == now:
                    known[each.key] = each
                    stored.save(conn, [each])
                    tell_one(conn, routing, each, now)
                    deliver(conn, now)
            for each in known.values():
                if each.state is AlertState.FIRING:
                    tell_one(conn, routing, each, now)
            deliver(conn, now)
    with engine.connect() as conn:
        rows = conn.execute(
            select(outbox.c.state)
            .join(alerts, alerts.c.key == outbox.c.alert_key)
            .where(outbox.c.alert_key.in_(list(known)))
        )
        return [row.state for row in rows].count("sent")


def tell_one(conn: Connection, routing: Routing, each: Alert, now: datetime) -> None:
    tell(conn, alerts=[each], routing=routing, now=now, inhibited={}, default_zone="UTC")


def test_counting_agrees_with_the_outbox(engine: Engine, *, proof: bool) -> None:
    @settings(
        max_examples=150 if proof else 12,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),  # to shrink takes minutes: each example is a life of an hour
    )
    @given(told=lives, route=routes, send_resolved=st.booleans())
    def agrees(told: list[Life], route: Route, *, send_resolved: bool) -> None:
        hook = Receiver(name="hook", kind="slack", send_resolved=send_resolved)
        routing = Routing(routes=(route,), receivers={"hook": hook})
        moved = moves(told, f"rule{next(_names)}")

        counting = Tellings(routing)
        counting.hear(moved)
        with capture_logs():
            delivered = piped(engine, routing, moved)

        assert sum(counting.told().values()) == delivered

    agrees()
