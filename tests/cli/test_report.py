from pathlib import Path

import pytest

from monitor.store import alerts
from monitor.store.engine import open_engine
from tests.builders import HOUR, MINUTE, NOON
from tests.cli.conftest import Offhook
from tests.delivering import make_alert, resolved


@pytest.fixture
def month(config: Path) -> Path:
    """Six spikes that nobody needed, in June 2026."""
    (config.parent / "data").mkdir()
    engine = open_engine(config.parent / "data" / "offhook.db", create=True)
    with engine.begin() as conn:
        for n in range(6):
            at = NOON + n * 24 * HOUR
            alert = make_alert(episode=n + 1, since=at, fired_at=at)
            alerts.save(conn, [resolved(alert, after=3 * MINUTE)])
    engine.dispose()
    return config


def test_a_month_for_people(offhook: Offhook, month: Path) -> None:
    ran = offhook("report", "rules", "--month", "2026-06")

    assert ran.status == 0, ran.err
    assert "error_spike" in ran.out
    assert "error_spike: raise: 6 of 6 episodes were over by themselves within 5 min" in ran.out
    assert "did not fire: " in ran.out
    assert "unknown" in ran.out  # nothing is known of what its batch cost


def test_a_month_as_json(offhook: Offhook, month: Path) -> None:
    found = offhook("report", "rules", "--month", "2026-06", "--json").json

    assert found["month"] == "2026-06"
    spike = found["rules"][0]
    assert (spike["instance"], spike["episodes"], spike["firing"]) == ("error_spike", 6, 180.0)
    assert spike["proposal"] == "raise"
    assert {each["proposal"] for each in found["rules"][1:]} == {"nothing"}


def test_a_month_without_alerts(offhook: Offhook, month: Path) -> None:
    ran = offhook("report", "rules", "--month", "2026-05")

    assert ran.status == 0
    assert "no rule fired in this month" in ran.out


def test_the_running_month_is_the_default(offhook: Offhook, month: Path) -> None:
    assert offhook("report", "rules", "--json").status == 0


@pytest.mark.parametrize("word", ["may", "2026-13", "2026-5", "9999-12", "0000-01"])
def test_what_is_no_month_is_said(offhook: Offhook, month: Path, word: str) -> None:
    ran = offhook("report", "rules", "--month", word)

    assert ran.status == 2
    assert "is not a month; write for example 2026-11" in ran.err
