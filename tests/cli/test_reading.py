"""status, batches, alerts, deliveries and replay, on a database with a little of everything."""

import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select, update

from monitor.clock import SystemClock
from monitor.core.alert import AlertState, Subject
from monitor.core.message import Message
from monitor.core.model import AccountState, Batch, BatchStatus, Cap, Counts
from monitor.core.rule import Finding, SubjectKind
from monitor.core.traffic import Allowance, Asked, Traffic
from monitor.store import inbox
from monitor.store.arrivals import note_poll, note_webhook
from monitor.store.coding import encode
from monitor.store.engine import open_engine
from monitor.store.lock import sole_owner
from monitor.store.providers import save_account, save_refusal, save_traffic, save_webhook
from monitor.store.schema import (
    alert_events,
    alerts,
    batches,
    conversations,
    deliveries,
    outbox,
    providers,
)
from tests.cli.conftest import Offhook
from tests.delivering import make_alert, routing, tell_all
from tests.notices import arrived

THEN = datetime(2026, 5, 10, 12, 0, tzinfo=UTC)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data" / "offhook.db"


@pytest.fixture
def conn(data: Path, config: Path) -> Iterator[Connection]:
    engine = open_engine(data, create=True)
    with engine.begin() as conn:
        yield conn
    engine.dispose()


@pytest.fixture
def filled(data: Path, config: Path) -> Path:
    engine = open_engine(data, create=True)
    with engine.begin() as conn:
        fill(conn)
    engine.dispose()
    return data


def fill(conn: Connection) -> None:
    conn.execute(
        insert(providers).values(
            name="renewals",
            vendor="graine",
            baseline_at=THEN,
            fresh_at=THEN,
            failing_since=THEN,
            failure_kind="auth",
            failure_text="401",
        )
    )
    for number, status in ((1, BatchStatus.RUNNING), (2, BatchStatus.COMPLETED)):
        look = Batch(
            provider="renewals",
            batch_id=f"btc_{number}",
            status=status,
            seen_at=THEN,
            name="Renewals [bold]May[/bold]\x1b[2J",
            counts=Counts(
                total=500,
                finished=42,
                failed=19,
                live=7,
                waiting=404,
                estimated=frozenset({"live"} if number == 1 else {"total", "live"}),
            ),
        )
        conn.execute(
            insert(batches).values(
                provider="renewals",
                batch_id=look.batch_id,
                name=look.name,
                status=status,
                look=encode(look),
                news=True,
                open=number == 1,
                first_seen_at=THEN,
                fresh_at=THEN,
                moved_at=THEN,
                due_at=THEN,
            )
        )
    for key, state in (("a" * 64, AlertState.FIRING), ("b" * 64, AlertState.RESOLVED)):
        put_alert(conn, key, state)
    conversation = conn.execute(
        insert(conversations)
        .values(receiver="ops", group_key="g", route="1", opened_at=THEN)
        .returning(conversations.c.id)
    ).scalar_one()
    for number, sent in enumerate(("sent", "dead")):
        row = conn.execute(
            insert(outbox)
            .values(
                delivery_key=f"{number}" * 64,
                conversation=conversation,
                receiver="ops",
                alert_key="a" * 64,
                transition="fired",
                part="root",
                message=encode(message()),
                state=sent,
                created_at=THEN,
                owed_since=THEN,
                due_at=THEN + timedelta(seconds=10),
                attempts=1,
                error="channel_not_found" if sent == "dead" else None,
            )
            .returning(outbox.c.id)
        ).scalar_one()
        conn.execute(
            insert(deliveries).values(
                outbox=row, at=THEN, attempt=1, outcome="refused", word="channel_not_found"
            )
        )


def put_alert(conn: Connection, key: str, state: AlertState) -> None:
    subject = Subject(kind=SubjectKind.BATCH, provider="renewals", id="btc_1", title="Renewals May")
    conn.execute(
        insert(alerts).values(
            key=key,
            fingerprint=key,
            episode=1,
            rule="error_spike",
            instance="error_spike",
            provider="renewals",
            subject_kind="batch",
            subject_id="btc_1",
            subject=encode(subject),
            severity="critical",
            state=state,
            since=THEN,
            fired_at=THEN,
            reason="held_long_enough",
            revision=1,
            finding=encode(Finding(summary="19 of 42 calls failed")),
            labels="{}",
        )
    )
    conn.execute(
        insert(alert_events).values(
            alert_key=key,
            at=THEN,
            before="pending",
            after=state,
            reason="held_long_enough",
            severity="critical",
            value=0.45,
            threshold=0.25,
            n=42,
            evidence="[]",
            summary="19 of 42 calls failed",
        )
    )


def message() -> Message:
    return Message(
        key="a" * 64,
        state="FIRING",
        severity="critical",
        rule="error_spike",
        rule_id="error_spike",
        provider="renewals",
        batch="btc_1",
        sentence="Renewals May: 19 of 42 calls failed",
        reason="held long enough",
        at=THEN,
        zone="UTC",
    )


def test_status_finds_what_is_wrong(offhook: Offhook, filled: Path) -> None:
    ran = offhook("status")

    assert ran.status == 1
    assert "1 critical firing" in ran.out
    assert "0 waiting, 1 given up" in ran.out
    assert "cannot be read: auth" in ran.out
    assert ran.err == ""


def test_status_as_json_is_one_document(offhook: Offhook, filled: Path) -> None:
    found = offhook("status", "--json").json

    assert found["overview"]["firing"] == {"critical": 1}
    assert found["overview"]["dead"] == 1
    assert found["providers"][0]["failure_kind"] == "auth"


def test_status_of_an_empty_database_is_good(
    offhook: Offhook, conn: Connection, data: Path
) -> None:
    conn.commit()

    with sole_owner(data):
        ran = offhook("status")
        told = offhook("status", "--json").json

    assert (ran.status, ran.err) == (0, "")
    assert "no provider has been read yet" in ran.out
    assert "not running" not in ran.out
    assert told["running"] is True


def test_that_no_daemon_runs_is_found_however_well_all_was(
    offhook: Offhook, conn: Connection
) -> None:
    conn.commit()

    ran = offhook("status")

    assert ran.status == 1
    assert "not running: nothing is watched; start it: offhook run" in ran.out
    assert offhook("status", "--json").json["running"] is False
    daemon = next(look for look in offhook("doctor", "--json").json if look["what"] == "daemon")
    assert (daemon["verdict"], daemon["text"][:11]) == ("warning", "not running")


def test_status_says_what_is_owed_to_a_receiver_that_is_no_more(
    offhook: Offhook, conn: Connection
) -> None:
    tell_all(conn, make_alert(), to=routing("hook"))
    conn.commit()

    assert "1 owed to receiver hook" in offhook("status").out
    assert offhook("status", "--json").json["stray"] == {"hook": 1}


def test_batches_are_listed_without_markup_or_control_characters(
    offhook: Offhook, filled: Path
) -> None:
    ran = offhook("batches")

    assert ran.status == 0
    assert "btc_1" in ran.out
    assert "btc_2" not in ran.out
    assert "42 of 500" in ran.out
    assert "about 7" in ran.out
    assert "about 404" not in ran.out
    assert "42 of about 500" in offhook("batches", "--ended").out
    assert "Renewals [bold]May[/bold] [2J" in ran.out
    assert "\x1b" not in ran.out


def test_batches_as_json_with_those_that_ended(offhook: Offhook, filled: Path) -> None:
    found = offhook("batches", "--ended", "--provider", "renewals", "--json").json

    assert {each["batch_id"] for each in found} == {"btc_1", "btc_2"}
    assert found[0]["counts"]["total"] == 500
    assert {tuple(each["counts"]["estimated"]) for each in found} == {("live",), ("live", "total")}
    assert "no provider 'nobody'" in offhook("batches", "--provider", "nobody").err


def test_alerts_are_listed_and_one_that_fires_is_a_finding(offhook: Offhook, filled: Path) -> None:
    ran = offhook("alerts")

    assert ran.status == 1
    assert "19 of 42 calls failed" in ran.out
    assert "aaaaaaaaaaaa" in ran.out
    assert "resolved" not in ran.out
    assert len(offhook("alerts", "--all", "--json").json) == 2


def test_the_life_of_one_alert(offhook: Offhook, filled: Path) -> None:
    ran = offhook("alerts", "aaaa")
    found = offhook("alerts", "aaaa", "--json").json

    assert ran.status == 0
    assert "held_long_enough" in ran.out
    assert found["alert"]["key"] == "a" * 64
    assert found["events"][0]["threshold"] == 0.25


def test_alerts_show_who_has_them_and_what_silences_them(offhook: Offhook, filled: Path) -> None:
    offhook("ack", "aaaa", "--author", "ada", "--comment", "on it")
    offhook("silence", "add", "batch=btc_1", "--for", "2h", "--author", "bob", "--comment", "known")
    (until,) = {each["ends_at"] for each in offhook("silence", "list", "--json").json} - {None}

    ran, life = offhook("alerts"), offhook("alerts", "aaaa")
    for told in (ran.out, life.out):
        assert "acknowledged by ada" in told
        assert "silenced by bob until " in told
    (shown,) = offhook("alerts", "--json").json
    assert [each["comment"] for each in shown["acknowledged"]] == ["on it"]
    assert (shown["silenced"]["author"], shown["silenced"]["ends_at"]) == ("bob", until)
    assert offhook("alerts", "aaaa", "--json").json["alert"] == shown

    closed = {each["key"][0]: each for each in offhook("alerts", "--all", "--json").json}["b"]
    assert (closed["acknowledged"], closed["silenced"]) == ([], None)


def test_an_unknown_alert_or_delivery_is_wrong_use(offhook: Offhook, filled: Path) -> None:
    for arguments in (
        ("alerts", "zzz"),
        ("deliveries", "show", "%"),
        ("deliveries", "replay", "x"),
    ):
        ran = offhook(*arguments)
        assert ran.status == 2
        assert "there is no" in ran.err
        assert ran.out == ""


def test_deliveries_show_the_dead(offhook: Offhook, filled: Path) -> None:
    assert offhook("deliveries").status == 1
    ran = offhook("deliveries", "--state", "dead")
    assert "channel_not_found" in ran.out
    assert "000000000000" not in ran.out
    assert offhook("deliveries", "--state", "sent").status == 0
    assert "no receiver 'nobody'" in offhook("deliveries", "--receiver", "nobody").err
    assert offhook("deliveries", "--state", "daed").status == 2
    assert "refused" in offhook("deliveries", "show", "1111").out


def test_a_dead_delivery_is_owed_again_after_replay(offhook: Offhook, filled: Path) -> None:
    assert offhook("deliveries", "replay", "0000").status == 1
    ran = offhook("deliveries", "replay", "1111")

    assert ran.status == 0
    assert "owed to ops again" in ran.out
    engine = open_engine(filled, read_only=True)
    with engine.begin() as conn:
        states = set(conn.execute(select(outbox.c.state)).scalars())
    engine.dispose()
    assert states == {"sent", "pending"}


@pytest.mark.parametrize(
    "command",
    ["status", "batches", "alerts", "deliveries", "backup copy.db"],
)
def test_a_missing_database_names_the_path_and_the_user(
    offhook: Offhook, config: Path, data: Path, command: str
) -> None:
    ran = offhook(*command.split())

    assert ran.status == 2
    assert f"no database at {data}" in ran.err
    assert f"as the user {data.parent.parent.owner()}" in ran.err
    assert "Traceback" not in ran.err
    assert not data.parent.exists()


def test_something_else_under_the_databases_name_is_refused(
    offhook: Offhook, config: Path, data: Path
) -> None:
    data.parent.mkdir()
    data.write_text("not a database, but long enough to be read as the header of one" * 40)

    ran = offhook("status")

    assert ran.status == 2
    assert str(data) in ran.err


def test_a_backup_is_whole_private_and_never_overwrites(
    offhook: Offhook, filled: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"

    ran = offhook("backup", "copy.db", "--json")

    assert ran.status == 0
    assert ran.json["bytes"] == copy.stat().st_size
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    engine = open_engine(copy, read_only=True)
    with engine.begin() as conn:
        assert len(conn.execute(select(alerts.c.key)).all()) == 2
    engine.dispose()

    again = offhook("backup", "copy.db")
    assert again.status == 2
    assert "exists already" in again.err

    nowhere = offhook("backup", "none/copy.db")
    assert nowhere.status == 2
    assert "none/copy.db" in nowhere.err


def test_status_says_how_each_provider_is_asked_and_what_its_account_holds(
    offhook: Offhook, conn: Connection
) -> None:
    now = SystemClock().now()
    hour = Asked(
        seconds=840.0,
        requests=812,
        received=12_345_678,
        not_modified=3,
        waited_s=1.5,
        errors={"rate_limited": 2, "server": 1},
    )
    asked = Traffic(
        at=now,
        total=hour,
        hour=hour,
        allowance=Allowance(per_minute=300.0, ceiling=1200.0, waiting=4),
    )
    quiet = Allowance(per_minute=600.0, ceiling=1200.0, quiet_s=95.0, refused="rate_limited")
    account = AccountState(
        seen_at=now - timedelta(minutes=14),
        balance_micros=42_500_000,
        caps=(Cap(name="calls today", limit=2000, used=120), Cap(name="calls at once", limit=10)),
    )
    save_traffic(conn, "renewals", "graine", asked)
    save_account(conn, "renewals", "graine", account)
    save_traffic(conn, "surveys", "bland", replace(asked, allowance=quiet, hour=full(hour)))
    save_traffic(conn, "old", "bland", replace(asked, at=now - timedelta(hours=1)))
    conn.commit()

    shown = offhook("status").out
    told = {each["name"]: each for each in offhook("status", "--json").json["providers"]}

    assert "812 in 14m" in shown
    assert "812 an hour" in shown
    assert "12.3 MB" in shown
    assert "300 of 1200 a minute, 4 waiting" in shown
    assert "left alone for 1m3" in shown
    assert "2 rate_limited, 1 server" in shown
    assert "the requests of old were counted 1h ago" in shown
    assert (
        "account of renewals: balance 42.50 USD, calls today 120 of 2000, calls at once at most 10"
        " (14m ago)"
    ) in shown
    assert told["renewals"]["traffic"]["hour"]["requests"] == 812
    assert told["renewals"]["account"]["balance_micros"] == 42_500_000
    assert told["old"]["account"] is None


def test_a_failure_that_is_not_counted_yet_is_not_none(
    offhook: Offhook, filled: Path, conn: Connection
) -> None:
    save_traffic(conn, "renewals", "graine", replace(IDLE, at=THEN - timedelta(seconds=40)))
    conn.commit()

    assert "auth, not counted yet" in offhook("status").out


def full(hour: Asked) -> Asked:
    return replace(hour, seconds=3600.0)


def test_status_names_the_last_complete_sweep(
    offhook: Offhook, filled: Path, conn: Connection
) -> None:
    at = SystemClock().now() - timedelta(minutes=7)
    conn.execute(update(batches).where(batches.c.batch_id == "btc_2").values(complete_at=at))
    conn.commit()

    assert "7m ago" in offhook("status").out
    assert offhook("status", "--json").json["providers"][0]["open_batches"] == 1


IDLE = Traffic(
    at=THEN,
    total=Asked(seconds=1.0, requests=0, received=0, not_modified=0, waited_s=0.0),
    hour=Asked(seconds=1.0, requests=0, received=0, not_modified=0, waited_s=0.0),
    allowance=Allowance(per_minute=60.0, ceiling=60.0),
)


def test_status_says_what_webhooks_missed_and_how_late_they_were(
    offhook: Offhook, conn: Connection, tmp_path: Path
) -> None:
    written = (tmp_path / "config.toml").read_text()
    secret = 'vendor = "graine"\nwebhook_secret = "long enough to be one"'
    (tmp_path / "config.toml").write_text(written.replace('vendor = "graine"', secret))
    assert "webhooks of renewals: none ever came; they do not say what ended" in (
        offhook("status").out
    )

    bland = written.replace('vendor = "graine"', secret).replace('"graine"', '"bland"')
    (tmp_path / "config.toml").write_text(bland)
    assert "none ever came; polls saw nothing end in 6 h" in offhook("status").out

    now = SystemClock().now()
    then = now - timedelta(minutes=14)
    save_traffic(conn, "renewals", "bland", IDLE)
    save_webhook(conn, "renewals", then)
    ends = [(f"c{n}", then) for n in range(20)]
    note_poll(conn, "renewals", [(key, at + timedelta(seconds=20), at) for key, at in ends])
    note_webhook(conn, "renewals", [(key, at + timedelta(seconds=2), at) for key, at in ends[1:]])
    conn.commit()

    assert (
        "webhooks of renewals: the last one 14m ago; 1 of 20 ends missed (5 %), 0 late;"
        " heard of after 2 s (95 % within 2 s) by webhook and 20 s (95 % within 20 s) by poll"
    ) in offhook("status").out
    told = offhook("status", "--json").json["webhooks"]["renewals"]
    assert (told["both"], told["missed"], told["missed_share"]) == (19, 1, 0.05)
    assert told["webhook_delays"] == {"p50_s": 2.0, "p95_s": 2.0}


def test_status_counts_no_missed_end_where_webhooks_name_none(
    offhook: Offhook, conn: Connection, tmp_path: Path
) -> None:
    """A hint names nothing that ended: that polls alone saw it is no miss."""
    listens(tmp_path, "graine")
    then = SystemClock().now() - timedelta(minutes=14)
    save_traffic(conn, "renewals", "graine", IDLE)
    save_webhook(conn, "renewals", then)
    note_poll(conn, "renewals", [("c1", then + timedelta(seconds=20), then)])
    conn.commit()

    assert "the last one 14m ago; they do not say what ended" in offhook("status").out
    told = offhook("status", "--json").json["webhooks"]["renewals"]
    assert (told["ends_named"], told["missed"], told["missed_share"]) == (False, 0, None)


def test_status_says_that_webhooks_are_refused_and_which_could_not_be_read(
    offhook: Offhook, conn: Connection, tmp_path: Path
) -> None:
    listens(tmp_path, "bland")
    now = SystemClock().now()
    save_traffic(conn, "renewals", "bland", IDLE)
    save_webhook(conn, "renewals", now - timedelta(minutes=14))
    save_refusal(conn, "renewals", now - timedelta(seconds=90))
    unreadable = replace(arrived("nothing"), poison="its keys: 'surprise'")
    some = [
        replace(unreadable, unique_key=bytes([n]), digest=bytes([n] * 32), received_at=at)
        for n, at in enumerate([now - timedelta(hours=3), now - timedelta(hours=2)])
    ]
    inbox.put(conn, [*some, replace(some[0], unique_key=b"x", poison="it is not a JSON object")])
    conn.commit()

    out = offhook("status").out
    assert (
        "webhooks of renewals: the last good one 14m ago; refused since, the last 1m30s ago:"
        " compare webhook_secret of [providers.renewals] with the vendor's secret;"
    ) in out
    assert "3 set aside, unreadable" in out
    assert "  2 set aside: its keys: 'surprise' (the newest 2h ago, SHA-256 010101010101…)" in out
    assert (
        "  1 set aside: it is not a JSON object (the newest 3h ago, SHA-256 000000000000…)" in out
    )

    save_webhook(conn, "renewals", now)
    conn.commit()
    assert "refused" not in offhook("status").out


def listens(tmp_path: Path, vendor: str) -> None:
    written = (tmp_path / "config.toml").read_text()
    table = f'vendor = "{vendor}"\nwebhook_secret = "long enough to be one"'
    (tmp_path / "config.toml").write_text(written.replace('vendor = "graine"', table))
