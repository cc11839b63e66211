"""What fires anywhere is remembered between evaluations, and never staler than the database."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine

from monitor.core.alert import Alert, AlertState, Transition
from monitor.core.inhibit import BUILT_IN, Inhibition
from monitor.core.route import parse_matcher
from monitor.core.rule import Severity
from monitor.evaluation.explaining import held_back
from monitor.evaluation.firing import Firing
from monitor.store import alerts
from monitor.store.engine import open_engine
from tests.builders import MINUTE, NOON
from tests.delivering import make_alert, make_subject, resolved

WIDE = Inhibition(
    source=(parse_matcher("severity=critical"),),
    target=(parse_matcher("severity=warning"),),
    equal=("provider",),
)
GRAVE = make_alert(subject=make_subject(id="grave"))
LIGHT = make_alert(subject=make_subject(id="light"), severity=Severity.WARNING)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_engine(tmp_path / "offhook.db", create=True)
    yield made
    made.dispose()


def move(conn: Connection, alert: Alert) -> None:
    alerts.save(conn, [alert])
    moved = Transition(
        alert=alert, before=None, after=alert.state, reason=alert.reason, at=alert.since
    )
    alerts.record(conn, [moved])


def held(conn: Connection, everywhere: Firing) -> bool:
    return bool(held_back(conn, [LIGHT], [LIGHT], (), [WIDE], everywhere))


def test_what_fires_and_ends_elsewhere_is_seen_at_once_and_read_once(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    load = alerts.load_firing

    def counted(conn: Connection) -> list[Alert]:
        read.append(1)
        return load(conn)

    monkeypatch.setattr(alerts, "load_firing", counted)
    everywhere = Firing()
    with engine.begin() as conn:
        move(conn, LIGHT)
        assert not held(conn, everywhere)
        move(conn, GRAVE)
        assert held(conn, everywhere)
        move(conn, resolved(GRAVE))
        assert not held(conn, everywhere)
        for n in range(50):
            move(conn, make_alert(subject=make_subject(id=f"b{n}"), since=NOON + n * MINUTE))
            assert held(conn, everywhere)
    assert len(read) == 1


@pytest.mark.parametrize("others", [0, 1, 2])
def test_what_was_taken_back_explains_nothing(engine: Engine, others: int) -> None:
    everywhere = Firing()
    with engine.begin() as conn:
        move(conn, LIGHT)
        assert not held(conn, everywhere)
    with engine.connect() as conn:
        conn.begin()
        move(conn, GRAVE)
        assert held(conn, everywhere)
        conn.rollback()
    with engine.begin() as conn:
        for n in range(others):
            calm = make_alert(
                subject=make_subject(id=f"calm_{n}"), severity=Severity.INFO, since=NOON + MINUTE
            )
            move(conn, calm)
        assert not held(conn, everywhere)


def test_an_alert_of_the_subject_counts_as_it_is_now(engine: Engine) -> None:
    """Also where its severity sank, which is no move."""
    everywhere = Firing()
    with engine.begin() as conn:
        move(conn, LIGHT)
        move(conn, GRAVE)
        assert held(conn, everywhere)
        sunk = replace(GRAVE, severity=Severity.WARNING)
        assert held_back(conn, [sunk], [sunk], (), [WIDE], everywhere) == {}
        assert not held(conn, everywhere)


def test_what_is_pending_beside_it_is_forgotten_again(engine: Engine) -> None:
    everywhere = Firing()
    with engine.begin() as conn:
        move(conn, LIGHT)
        pending = replace(GRAVE, state=AlertState.PENDING)
        assert held_back(conn, [LIGHT], [LIGHT, pending], (), [WIDE], everywhere) == {}
        assert GRAVE.key not in everywhere.now(conn, (*BUILT_IN, WIDE))
