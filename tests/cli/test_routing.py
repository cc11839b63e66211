"""``route explain``: on an alert that is there, and on one that might be."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, update

from monitor.core.alert import AlertState, Reason, Transition
from monitor.core.route import parse_matcher
from monitor.core.rule import Severity
from monitor.core.silence import Source
from monitor.core.wish import Wish
from monitor.store import alerts, silences
from monitor.store.engine import open_engine
from monitor.store.schema import conversations, outbox
from tests.builders import HOUR, MINUTE, NOON
from tests.cli.conftest import Offhook
from tests.delivering import make_alert, resolved, routing, tell_all

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


def test_a_time_that_has_passed_is_answered_by_what_stood_then(
    offhook: Offhook, conn: Connection
) -> None:
    alert = make_alert(since=NOON, fired_at=NOON + MINUTE)
    pending = replace(alert, state=AlertState.PENDING, fired_at=None)
    fired = Transition(
        alert=alert,
        before=AlertState.PENDING,
        after=AlertState.FIRING,
        reason=Reason.HELD_LONG_ENOUGH,
        at=NOON + MINUTE,
    )
    alerts.save(conn, [alert])
    alerts.record(conn, [replace(fired, alert=pending, before=None, after=pending.state, at=NOON)])
    alerts.record(conn, [fired])
    tell_all(conn, alert, now=NOON + MINUTE, to=routing("hook"))
    conn.execute(update(outbox).values(receiver="ops", state="sent", sent_at=NOON + 2 * MINUTE))
    conn.execute(update(conversations).values(receiver="ops", told_at=NOON + 2 * MINUTE))
    wish = Wish(
        author="ann",
        source=Source.CLI,
        comment="known",
        matchers=(parse_matcher("rule=error_spike"),),
        lasts=10 * MINUTE,
    )
    made = silences.add(conn, wish, NOON + 3 * MINUTE).silence
    silences.end(conn, made.id, by="ann", source=Source.CLI, now=NOON + 5 * MINUTE)
    silences.acknowledge(conn, alert.key, by="bob", source=Source.CLI, now=NOON + 6 * MINUTE)
    over = resolved(alert, after=7 * MINUTE)
    alerts.save(conn, [over])
    ended = replace(fired, alert=over, before=AlertState.FIRING, after=over.state)
    alerts.record(conn, [replace(ended, reason=Reason.RECOVERED, at=NOON + 8 * MINUTE)])
    conn.commit()

    def asked(minutes: float) -> tuple[str, list[str], str | None, str | None]:
        at = (NOON + minutes * MINUTE).isoformat()
        told = offhook("route", "explain", alert.key, "--at", at, "--json").json
        assert "configuration of now" in told["unsure"][0]
        whys = [each["why"] for each in told["receivers"]]
        return told["state"], whys, told["silenced_by"], told["acknowledged_by"]

    assert asked(0.5) == ("pending", ["pending"], None, None)
    assert asked(1.5)[:2] == ("firing", ["already_told"])
    assert asked(2.5) == ("firing", ["not_due"], None, None)
    state, whys, silenced, acked = asked(4)
    assert (state, whys, acked) == ("firing", ["not_due"], None)
    assert (silenced or "").startswith("ann: known")
    assert asked(5.5) == ("firing", ["repeat"], None, None), "still bad when the silence ended"
    state, whys, silenced, acked = asked(7)
    assert (state, whys, silenced) == ("firing", ["acknowledged"], None)
    assert (acked or "").startswith("bob")
    assert asked(9)[0] == "resolved"


def test_what_might_have_been_is_explained_by_the_silences_of_then(
    offhook: Offhook, conn: Connection
) -> None:
    now = datetime.now(UTC)
    wish = Wish(
        author="ann",
        source=Source.CLI,
        comment="known",
        matchers=(parse_matcher("rule=error_spike"),),
        lasts=timedelta(hours=1),
    )
    silences.add(conn, wish, now - 10 * MINUTE)
    conn.commit()
    what = ("route", "explain", "rule=error_spike", "provider=renewals")

    def asked(at: datetime) -> str:
        return offhook(*what, "--at", at.isoformat()).out

    assert "silenced by ann" not in asked(now - 20 * MINUTE)
    assert "silenced by ann" in asked(now - 5 * MINUTE)
    assert "note: routes, calendars, rules" in asked(now - 5 * MINUTE)
    assert "note: whatever is fired, silenced" in asked(now + HOUR)
    assert "note:" not in offhook(*what).out


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


@pytest.mark.parametrize("at", ["0001-01-01 00:00", "9999-12-31 23:59"])
def test_nothing_is_explained_at_the_edge_of_the_calendar(
    offhook: Offhook, conn: Connection, at: str
) -> None:
    conn.commit()
    told = offhook("route", "explain", "rule=error_spike", "provider=renewals", "--at", at)

    assert (told.status, told.err) == (2, "that is more than ten years away\n")


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
