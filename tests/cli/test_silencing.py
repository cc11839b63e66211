"""Silences and acknowledgements from the command line, beside a database in use."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from monitor.clock import SystemClock
from monitor.core.wish import SilenceError, read_time
from monitor.store import alerts, audit, batches
from monitor.store.batches import BatchRow
from monitor.store.engine import open_engine
from tests.builders import NOON, make_batch
from tests.cli.conftest import Offhook
from tests.delivering import make_alert, resolved

WHY = ("--comment", "the carrier is being changed")


@pytest.fixture
def database(tmp_path: Path, config: Path) -> Iterator[Path]:
    """One alert fires, one is closed, their batch runs; another holds the file open."""
    path = tmp_path / "data" / "offhook.db"
    engine = open_engine(path, create=True)
    look = make_batch(batch_id="btc_1")
    row = BatchRow(id=0, look=look, first_seen_at=NOON, fresh_at=NOON, moved_at=NOON, due_at=NOON)
    with engine.begin() as conn:
        batches.add(conn, row)
        alerts.save(conn, [make_alert(), resolved(make_alert("other"))])
    with engine.connect():
        yield path
    engine.dispose()


def deeds(path: Path) -> list[tuple[str, str, str]]:
    engine = open_engine(path, read_only=True)
    with engine.begin() as conn:
        found = [(each.who, each.source, each.what) for each in audit.load(conn)]
    engine.dispose()
    return found


def test_a_silence_is_made_listed_and_ended(
    offhook: Offhook, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USER", "ada")
    made = offhook("silence", "add", "rule=error_spike", "batch=btc_1", "--for", "2h", *WHY)

    assert made.status == 0
    assert "silenced, id " in made.out
    assert "holds back 1 alert now: Renewals May (error_spike); 1 of them critical" in made.out
    (listed,) = offhook("silence", "list", "--json").json
    assert listed["matchers"] == ["rule=error_spike", "batch=btc_1"]
    assert (listed["author"], listed["state"]) == ("ada", "standing")
    shown = offhook("silence", "list").out
    assert "rule=error_spike batch=btc_1" in shown
    assert "the carrier is being changed" in shown

    ended = offhook("silence", "expire", listed["id"][:5], "--author", "eve")

    assert (ended.status, ended.out) == (0, f"{listed['id']} has ended\n")
    assert "no silences stand" in offhook("silence", "list").out
    assert offhook("silence", "list", "--all", "--json").json[0]["state"] == "ended"
    again = offhook("silence", "expire", listed["id"])
    assert (again.status, "already" in again.err) == (1, True)
    assert deeds(database) == [("eve", "cli", "silence.end"), ("ada", "cli", "silence.add")]


def test_a_preview_writes_nothing(offhook: Offhook, database: Path) -> None:
    ran = offhook("silence", "add", "rule=error_spike", "--for", "2h", *WHY, "--dry-run")
    told = offhook("silence", "add", "rule=other", "--for", "2h", *WHY, "--dry-run", "--json")

    assert ran.out.startswith("would be silenced: rule=error_spike until ")
    assert told.json["text"] == "holds back no alert now"
    assert told.json["made"] is False
    assert offhook("silence", "list", "--json").json == []
    assert deeds(database) == []


def test_what_the_law_asks_for_is_left_out_and_said(offhook: Offhook, database: Path) -> None:
    engine = open_engine(database, create=True)
    with engine.begin() as conn:
        alerts.save(conn, [make_alert("too_many_attempts", rule="too_many_attempts")])
    engine.dispose()
    broad = ("silence", "add", "provider=renewals", "--for", "2h", *WHY)

    ran, told = offhook(*broad), offhook(*broad, "--json").json

    assert ran.out.splitlines()[1] == (
        "holds back 1 alert now: Renewals May (error_spike); 1 of them critical,"
        " and not Renewals May (too_many_attempts): name that rule to silence it"
    )
    assert len(told["holds_back"]) == len(told["left_out"]) == 1


def test_a_silence_stands_in_the_life_of_the_alert(offhook: Offhook, database: Path) -> None:
    made = offhook("silence", "add", "rule=error_spike", "--for", "2h", *WHY, "--json").json
    key = make_alert().key
    ran, life = offhook("alerts", key), offhook("alerts", key, "--json").json

    assert f"; end it: offhook silence expire {made['silence']['id']}" in " ".join(ran.out.split())
    assert [each["id"] for each in life["silences"]] == [made["silence"]["id"]]
    assert [each["what"] for each in life["deeds"]] == ["silence.add"]
    assert "silence.add" in ran.out


def test_until_the_batch_ends(offhook: Offhook, database: Path) -> None:
    made = offhook("silence", "add", "--until-batch-ends", "btc_1", *WHY, "--json").json

    assert made["silence"]["matchers"] == ["provider=renewals", "batch=btc_1"]
    assert made["silence"]["until_end_of"] == {"provider": "renewals", "batch": "btc_1", "run": 1}
    assert made["holds_back"] == [make_alert().key]
    assert "until batch btc_1 ends" in " ".join(
        offhook("silence", "add", "rule=x", "--until-batch-ends", "btc_1", *WHY).out.split()
    )


def test_one_may_begin_later(offhook: Offhook, database: Path) -> None:
    begin = (SystemClock().now() + timedelta(days=2)).isoformat()
    made = offhook("silence", "add", "rule=x", "--from", begin, "--for", "1h", *WHY)

    assert f" from {begin[:10]}" in made.out
    assert offhook("silence", "list", "--json").json[0]["state"] == "pending"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(("--for", "2h", *WHY), 'write for example "rule=error_spike"', id="nothing"),
        pytest.param(("rule=x", "--for", "2h"), "give a comment", id="no reason"),
        pytest.param(("rule=x", *WHY), 'give a length such as "2h"', id="no end"),
        pytest.param(("rule=x", "--for", "8d", *WHY), "at most 7 days", id="too long"),
        pytest.param(("rule=x", "--for", "soon", *WHY), "not a duration", id="no duration"),
        pytest.param(("rule=x", "--until", "soon", *WHY), 'write "18:00"', id="no time"),
        pytest.param(("rule=~.*", "--for", "2h", *WHY), "silence everything", id="everything"),
        pytest.param(("ruel=x", "--for", "2h", *WHY), "no label 'ruel'", id="no label"),
        pytest.param(("rule", "--for", "2h", *WHY), "not a matcher", id="no matcher"),
        pytest.param(("rule=~(", "--for", "2h", *WHY), "pattern cannot be read", id="no pattern"),
        pytest.param(("--until-batch-ends", "nope", *WHY), "offhook batches", id="no batch"),
    ],
)
def test_what_cannot_be_silenced_is_status_2_and_says_what_to_write(
    offhook: Offhook, database: Path, arguments: tuple[str, ...], says: str
) -> None:
    ran = offhook("silence", "add", *arguments)

    assert ran.status == 2
    assert says in ran.err
    assert deeds(database) == []


def test_an_alert_is_acknowledged_by_the_beginning_of_its_key(
    offhook: Offhook, database: Path
) -> None:
    ran = offhook("ack", make_alert().key[:6], "--author", "ada", "--comment", "on it")
    again = offhook("ack", make_alert().key[:6], "--author", "ada")

    assert ran.out == (
        "acknowledged by ada: Renewals May (error_spike); no repeats until it closes\n"
    )
    assert "ada has acknowledged it already" in again.out
    assert "acknowledged" in offhook("silence", "list").out
    assert deeds(database) == [("ada", "cli", "ack.add")]


def test_what_is_closed_is_status_1_and_what_is_unknown_2(offhook: Offhook, database: Path) -> None:
    closed = offhook("ack", make_alert("other").key)
    unknown = offhook("ack", "nothing")

    assert closed.status == 1
    assert "closed already: recovered" in closed.err
    assert (unknown.status, "offhook alerts" in unknown.err) == (2, True)
    assert offhook("silence", "expire", "nothing").status == 2


def test_an_acknowledgement_as_json(offhook: Offhook, database: Path) -> None:
    made = json.loads(offhook("ack", make_alert().key, "--author", "ada", "--json").out)
    assert made["silence"]["alert"] == make_alert().key
    assert made["holds_back"] == [make_alert().key]


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("18:00", datetime(2026, 6, 10, 16, tzinfo=UTC), id="later today"),
        pytest.param("9:30", datetime(2026, 6, 11, 7, 30, tzinfo=UTC), id="tomorrow"),
        pytest.param("2026-06-12 18:00", datetime(2026, 6, 12, 16, tzinfo=UTC), id="in the zone"),
        pytest.param("2026-06-12T18:00Z", datetime(2026, 6, 12, 18, tzinfo=UTC), id="with a zone"),
    ],
)
def test_times_are_read_in_the_configured_zone(text: str, found: datetime) -> None:
    assert read_time(text, BERLIN, NOON) == found


def test_an_hour_tomorrow_is_that_hour_on_the_wall() -> None:
    eve = datetime(2026, 10, 24, 20, tzinfo=UTC)  # the clocks are set back in the night
    assert read_time("21:00", BERLIN, eve) == datetime(2026, 10, 25, 20, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "25:00", "tomorrow", "9999-12-31T23:59-12:00"])
def test_other_texts_are_no_times(text: str) -> None:
    with pytest.raises(SilenceError, match="is not a time"):
        read_time(text, BERLIN, NOON)
