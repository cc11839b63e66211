"""``route explain``: on an alert that is there, and on one that might be."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from monitor.core.route import parse_matcher
from monitor.core.rule import Severity
from monitor.core.silence import Source
from monitor.core.wish import Wish
from monitor.store import alerts, silences
from monitor.store.engine import open_engine
from monitor.store.schema import conversations
from tests.cli.conftest import Offhook
from tests.delivering import make_alert, routing, tell_all

ROUTES = """
[calendars.nights]
timezone = "UTC"
hours = ["daily 22:00-07:00"]
[[routes]]
match = ["severity=critical"]
receivers = ["ops"]
[[routes]]
match = ["severity=info"]
receivers = ["ops"]
digest = "hourly"
[[routes]]
receivers = ["ops"]
mute = ["nights"]
"""


@pytest.fixture
def routed(config: Path) -> Path:
    config.write_text(config.read_text() + ROUTES)
    return config


@pytest.fixture
def conn(tmp_path: Path, routed: Path) -> Iterator[Connection]:
    engine = open_engine(tmp_path / "data" / "offhook.db", create=True)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def test_an_alert_that_might_be_is_explained_before_anything_has_run(
    offhook: Offhook, routed: Path
) -> None:
    told = offhook("route", "explain", "rule=error_spike", "provider=renewals", "batch=b1")

    assert told.status == 0, told.err
    assert "route 1: matches, to ops" in told.out
    assert "group provider=renewals batch=b1 cause=dialling" in told.out
    assert "route 2: not reached" in told.out
    assert "ops: is told, at " in told.out


@pytest.mark.parametrize(
    ("what", "at", "status", "says"),
    [
        (("rule=stalled_retries",), "2026-05-10 23:00", 1, "waits until its route opens"),
        (("rule=stalled_retries",), "2026-05-10 12:00", 0, "does not match severity=critical"),
        (("rule=batch_completed",), "2026-05-10 12:10", 0, "is reported, at 2026-05-10 13:00"),
        (("rule=error_spike", "severity=info"), "2026-05-10 12:10", 0, "in the digest of"),
    ],
    ids=["muted", "open", "digest", "as another severity"],
)
def test_at_any_time(
    offhook: Offhook, routed: Path, what: tuple[str, ...], at: str, status: int, says: str
) -> None:
    told = offhook("route", "explain", *what, "provider=renewals", "--at", at)

    assert (told.status, says in told.out) == (status, True), told.out + told.err


def test_an_alert_that_is_there_is_explained_with_its_silence(
    offhook: Offhook, conn: Connection
) -> None:
    now = datetime.now(UTC)
    alert = make_alert(fired_at=now, since=now)
    alerts.save(conn, [alert])
    wish = Wish(
        author="ann",
        source=Source.CLI,
        comment="known",
        matchers=(parse_matcher("rule=error_spike"),),
        lasts=timedelta(hours=1),
    )
    silences.add(conn, wish, now)
    conn.commit()

    told = offhook("route", "explain", alert.key, "--json")

    assert told.status == 1, told.err
    found = json.loads(told.out)
    assert "ann: known" in found["silenced_by"]
    assert [each["why"] for each in found["receivers"]] == ["silenced"]
    assert found["receivers"][0]["until"] is not None


def test_nothing_is_explained_of_a_time_before_the_alert(
    offhook: Offhook, conn: Connection
) -> None:
    alert = make_alert()
    tell_all(conn, alert, to=routing("hook"))
    conn.commit()
    told = offhook("route", "explain", alert.key, "--at", "2026-06-10 11:59")

    assert (told.status, told.out) == (2, ""), told.out
    assert told.err == (
        "that alert was not there then: it was first seen at 2026-06-10 12:00:00 UTC\n"
    )


@pytest.mark.parametrize(
    ("what", "says"),
    [
        (("rule=eror_spike",), '"error_spike"'),
        (("provider=renewals",), "name the rule"),
        (("rule=error_spike", "provider=renewal"), '"renewals"'),
        (("rule=error_spike", "bach=b1"), '"batch"'),
        (("rule=error_spike", "provider=renewals", "severity=bad"), "no severity"),
        (("rule=error_spike", "nonsense"), "is no label"),
        (("abc",), "there is no alert"),
    ],
    ids=["rule", "no rule", "provider", "label", "severity", "no label", "no alert"],
)
def test_what_makes_no_sense_is_said(
    offhook: Offhook, routed: Path, what: tuple[str, ...], says: str
) -> None:
    told = offhook("route", "explain", *what)

    assert (told.status, says in told.err) == (2, True), told.err


def test_all_that_one_message_stands_for_is_listed_the_gravest_first(
    offhook: Offhook, conn: Connection
) -> None:
    mild = make_alert("count_mismatch", severity=Severity.WARNING)
    tell_all(conn, mild, make_alert(), to=routing("hook", group_by=("batch",)))
    group = conn.execute(select(conversations.c.id)).scalar_one()
    conn.commit()

    listed = offhook("alerts", "--group", str(group), "--json")
    nothing = offhook("alerts", "--group", "99")

    assert [each["rule"] for each in listed.json] == ["error_spike", "error_spike"]
    assert [each["severity"] for each in listed.json] == ["critical", "warning"]
    assert (nothing.status, "no message 99" in nothing.err) == (2, True)
