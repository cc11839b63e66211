"""backfill, on real HTTP: what a person reads, what a script reads, and every way to be wrong."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.clock import SystemClock
from monitor.simulator.bland import bland_app
from monitor.simulator.graine import graine_app
from monitor.simulator.script import End, ErrorBurst, Plan
from monitor.simulator.serving import serve_in_thread
from monitor.simulator.world import World
from monitor.store.engine import driver
from tests.cli.conftest import GRAINE_KEY, Offhook

HOUR_S = 3600.0


@pytest.fixture
def vendors(tmp_path: Path) -> Iterator[World]:
    """Two vendors with five days behind them, and a configuration for both."""
    clock = SystemClock()
    world = World(1, clock.now() - timedelta(days=5))
    renewals = world.account("renewals", "graine", GRAINE_KEY)
    surveys = world.account("surveys", "bland", "k")
    burst = ErrorBurst(after=300.0, lasts=600.0, share=0.9)
    for n in range(3):
        plan = Plan(name=f"Renewals {n}", contacts=150, talk=(9.0, 30.0))
        renewals.open(plan, *([burst] if n == 1 else []), after=n * 24 * HOUR_S)
    survey = Plan(name="Survey", contacts=40, talk=(9.0, 30.0))
    surveys.open(survey, End(after=60.0, reason="no balance"))
    world.advance(clock.now())
    with (
        serve_in_thread(graine_app(renewals, clock)) as graine,
        serve_in_thread(bland_app(surveys, clock)) as bland,
    ):
        (tmp_path / "config.toml").write_text(
            f"""\
[monitor]
data_dir = "data"
[providers.renewals]
vendor = "graine"
api_key = "{GRAINE_KEY}"
base_url = "{graine}/api/v1"
[providers.surveys]
vendor = "bland"
api_key = "k"
base_url = "{bland}"
[receivers.ops]
kind = "slack"
webhook_url = "http://127.0.0.1:9/services/T/B/x"
"""
        )
        (tmp_path / "config.toml").chmod(0o600)
        yield world


def rows(directory: Path, query: str) -> list[tuple[object, ...]]:
    connection = driver.connect(f"file:{directory / 'data' / 'offhook.db'}?mode=ro", uri=True)
    try:
        return list(connection.execute(query))
    finally:
        connection.close()


def test_it_says_what_it_read_and_what_would_have_been_told(
    offhook: Offhook, vendors: World, tmp_path: Path
) -> None:
    ran = offhook("backfill")

    assert (ran.status, ran.err) == (0, "")
    said = ran.out.splitlines()
    assert said[0] == "renewals (graine): 3 batches read, 450 people"
    assert said[1] == "surveys (bland): 1 batch read, 40 people"
    assert said[2] == (
        "the last 14 days would have made 5 messages:"
        " 3 batch_completed, 1 batch_failed, 1 error_spike"
    )
    assert said[3].startswith("  from 4 ended batches with ")
    assert "at surveys ended at an unknown time" in said[4]
    assert said[5].startswith("  not counted, because history does not tell: ")
    # None of them was watched, so how they moved is not known; how their calls ended is.
    uncounted = set(said[5].partition(": ")[2].split(", "))
    assert uncounted > {"batch_stalled", "count_mismatch", "stalled_retries"}
    assert not uncounted & {"batch_completed", "batch_failed", "error_spike"}
    for table in ("alerts", "alert_events", "outbox", "conversations"):
        assert rows(tmp_path, f"select * from {table}") == []
    assert rows(tmp_path, "select count(*) from batches where report is not null") == [(4,)]


def test_again_reads_nothing_and_says_the_same_of_what_would_have_been_told(
    offhook: Offhook, vendors: World
) -> None:
    first = offhook("backfill").out.splitlines()

    again = offhook("backfill").out.splitlines()

    assert again[0] == "renewals (graine): 0 batches read, 0 people; 3 known already"
    assert again[2:] == first[2:]


def test_as_json_for_one_provider(offhook: Offhook, vendors: World) -> None:
    ran = offhook("backfill", "--provider", "surveys", "--since", "7d", "--json")

    assert ran.status == 0
    assert list(ran.json["providers"]) == ["surveys"]
    assert ran.json["providers"]["surveys"]["read"] == 1
    assert ran.json["would_have_told"]["messages"] == {"batch_failed": 1}
    assert ran.json["would_have_told"]["total"] == 1
    assert "too_many_attempts" in ran.json["would_have_told"]["not_counted"]


def test_only_as_far_back_as_it_is_asked(offhook: Offhook, vendors: World) -> None:
    ran = offhook("backfill", "--since", "4d12h", "--json")

    assert ran.json["providers"]["renewals"]["read"] == 2
    assert ran.json["providers"]["surveys"]["read"] == 0


def test_what_cannot_be_read_is_a_finding_and_the_rest_is_read(
    offhook: Offhook, vendors: World, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(config.read_text().replace('api_key = "k"', 'api_key = "wrong"'))

    ran = offhook("backfill")

    assert ran.status == 1
    assert "renewals (graine): 3 batches read" in ran.out
    assert ran.err.startswith("surveys: ")
    assert "401" in ran.err
    assert "Traceback" not in ran.err
    assert "wrong" not in ran.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(("--since", "soon"), "'soon' is not a duration", id="no duration"),
        pytest.param(("--since", "0s"), "longer than nothing", id="nothing"),
        pytest.param(("--provider", "nobody"), "no provider 'nobody'; known: renewals", id="name"),
    ],
)
def test_wrong_use_reads_nothing(
    offhook: Offhook, vendors: World, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    ran = offhook("backfill", *arguments)

    assert ran.status == 2
    assert words in ran.err
    assert not (tmp_path / "data" / "offhook.db").exists()


def test_without_a_configuration_it_is_wrong_use(offhook: Offhook) -> None:
    assert offhook("backfill").status == 2
