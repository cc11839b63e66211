"""``offhook report BATCH``."""

from pathlib import Path

import pytest

from monitor.store import alerts
from monitor.store.engine import open_engine
from tests.builders import MINUTE
from tests.cli.conftest import Offhook
from tests.delivering import make_alert, make_subject, resolved
from tests.lookbacks import look, take_batch


@pytest.fixture
def batches(config: Path) -> Path:
    """Two batches of one name; the first had a spike."""
    (config.parent / "data").mkdir()
    engine = open_engine(config.parent / "data" / "offhook.db", create=True)
    with engine.begin() as conn:
        take_batch(conn)
        take_batch(conn, batch_id="btc_10", seen_at=look().seen_at + MINUTE)
        subject = make_subject(id="btc_9")
        alerts.save(conn, [resolved(make_alert(subject=subject))])
        brief = make_alert(subject=subject, instance="lines_idle", fired_at=None)
        alerts.save(conn, [resolved(brief)])
    engine.dispose()
    return config


def test_the_report_of_a_batch_for_people(offhook: Offhook, batches: Path) -> None:
    ran = offhook("report", "btc_9")

    assert ran.status == 0, ran.err
    for words in (
        "Renewals June (btc_9) at renewals: completed",
        "2 h of calling time",
        "5 (50 %)",
        "a completed call cost 0.24 USD",
        "first call",
        "retry 2",
        "carrier block",
        "5 of 5",
        "error_spike",
    ):
        assert words in ran.out


def test_the_same_as_json(offhook: Offhook, batches: Path) -> None:
    found = offhook("report", "btc_9", "--json").json

    assert found["batch"]["batch_id"] == "btc_9"
    assert [rung["calls"] for rung in found["batch"]["ladder"]] == [10, 1, 1]
    assert [each["alert"]["instance"] for each in found["alerts"]] == ["error_spike"]


def test_the_same_as_a_page_that_needs_nothing_else(offhook: Offhook, batches: Path) -> None:
    ran = offhook("report", "btc_9", "--html", "report.html")

    page = Path("report.html").read_text()
    assert ran.status == 0
    assert "written: report.html" in ran.err
    for words in ("<h1>Renewals June</h1>", "<svg", "carrier block", "<style>"):
        assert words in page
    assert "/style.css" not in page
    assert "href=" not in page.replace('href="data:,"', "")
    assert "<script" not in page


def test_what_was_over_before_anybody_was_told_is_no_alert_of_its_life(
    offhook: Offhook, batches: Path
) -> None:
    assert "lines_idle" not in offhook("report", "btc_9").out


@pytest.mark.parametrize("place", ["nowhere/report.html", "data"])
def test_a_page_that_cannot_be_written_is_said(offhook: Offhook, batches: Path, place: str) -> None:
    ran = offhook("report", "btc_9", "--html", place)

    assert (ran.status, ran.out) == (2, "")
    assert f"{place} cannot be written: " in ran.err


def test_a_name_of_several_batches_is_answered_with_all_of_them(
    offhook: Offhook, batches: Path
) -> None:
    ran = offhook("report", "Renewals June")

    assert (ran.status, ran.out) == (2, "")
    assert "2 batches are called 'Renewals June'; write one of:" in ran.err
    assert ran.err.index("renewals/btc_10") < ran.err.index("renewals/btc_9")


def test_a_misspelt_word_is_answered_with_the_nearest(offhook: Offhook, batches: Path) -> None:
    ran = offhook("report", "btc_99")

    assert ran.status == 2
    assert "there is no batch 'btc_99'; did you mean \"btc_9\"?" in ran.err
