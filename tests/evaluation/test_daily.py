"""The day over all batches, told once at its time over the real store."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, select, update

from monitor.core.instance import RuleInstance
from monitor.core.message import Message
from monitor.core.model import BatchStatus
from monitor.core.route import Matcher
from monitor.core.rule import Severity
from monitor.evaluation.daily import LATE, day_facts, evaluate_days
from monitor.ingest.looks import take_look
from monitor.store import alerts, deadletters
from monitor.store.coding import decode
from monitor.store.engine import open_engine
from monitor.store.schema import outbox
from rules.daily_report import DailyReport
from tests.builders import HOUR, MINUTE, NOON, SECOND
from tests.delivering import make_alert, make_report, make_subject, resolved, routing, tell_all
from tests.lookbacks import look, take_batch
from tests.stories import make_context, run

ZONE = "Europe/Berlin"
SIX = datetime(2026, 6, 10, 16, tzinfo=UTC)  # 18:00 in Berlin


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    engine = open_engine(tmp_path / "offhook.db", create=True)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def told(conn: Connection, now: datetime, *instances: RuleInstance, zone: str = ZONE) -> int:
    """How many messages are owed since."""
    context = make_context(*(instances or (run(DailyReport()),)), zone=zone)
    return sum(each.told for each in evaluate_days(conn, context, now))


def messages(conn: Connection) -> list[Message]:
    texts = conn.execute(select(outbox.c.message).order_by(outbox.c.id)).scalars()
    return [decode(Message, text) for text in texts]


def test_it_is_told_once_at_its_time_and_again_the_next_day(conn: Connection) -> None:
    take_batch(conn)

    assert told(conn, SIX - SECOND) == 0
    assert told(conn, SIX) == 1
    assert told(conn, SIX + 10 * SECOND) == 0
    take_batch(conn, batch_id="btc_10", seen_at=look().seen_at + 20 * HOUR)
    assert told(conn, SIX + 24 * HOUR) == 1

    first, second = messages(conn)
    assert first.title == "Wednesday, 10 June"
    assert "1 batch ended; 5 of 10 people reached; 1.20 USD spent" in first.sentence
    assert second.title == "Thursday, 11 June"
    assert first.key != second.key


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        pytest.param(LATE - SECOND, 1, id="within six hours"),
        pytest.param(LATE, 0, id="later"),
    ],
)
def test_a_day_that_was_missed_is_told_for_a_while(
    conn: Connection, late: timedelta, expected: int
) -> None:
    take_batch(conn)

    assert told(conn, SIX + late) == expected


def test_a_day_on_which_nothing_was_is_not_told(conn: Connection) -> None:
    assert told(conn, SIX) == 0


@pytest.mark.parametrize(
    ("ended", "expected"),
    [
        pytest.param(SIX, ["btc_9"], id="at its very end"),
        pytest.param(SIX + SECOND, [], id="after it"),
        pytest.param(SIX - 24 * HOUR + SECOND, ["btc_9"], id="just in it"),
        pytest.param(SIX - 24 * HOUR, [], id="in the day before"),
    ],
)
def test_a_batch_is_of_the_day_in_which_it_ended(
    conn: Connection, ended: datetime, expected: list[str]
) -> None:
    take_batch(conn, seen_at=ended)
    context = make_context(zone=ZONE)
    facts = day_facts(conn, run(DailyReport()), context, SIX, SIX + MINUTE)

    assert [batch.batch_id for batch in facts.batches if batch.ended] == expected


def test_what_was_given_up_is_in_it_by_receiver_until_it_is_sent_again(conn: Connection) -> None:
    tell_all(conn, make_alert(), to=routing("hook", "mail"))
    conn.execute(update(outbox).values(state="dead"))

    def lost(*names: str) -> list[tuple[str, int]]:
        context = make_context(zone=ZONE, routing=routing(*names))
        facts = day_facts(conn, run(DailyReport()), context, SIX, SIX)
        return [(each.receiver, each.n) for each in facts.given_up]

    assert lost() == [("hook", 1), ("mail", 1)]
    assert told(conn, SIX) == 1
    assert lost("mail") == [("mail", 1)], "it can be sent again to those that there are"
    for each in deadletters.load_by_receiver(conn):
        deadletters.replay(conn, each.key, now=SIX)
    assert lost() == []


def test_what_runs_comes_after_what_ended(conn: Connection) -> None:
    take_batch(conn, batch_id="runs", status=BatchStatus.RUNNING, ended_at=None)
    take_batch(conn)
    facts = day_facts(conn, run(DailyReport()), make_context(zone=ZONE), SIX, SIX)

    assert [(batch.batch_id, batch.ended) for batch in facts.batches] == [
        ("btc_9", True),
        ("runs", False),
    ]
    assert facts.batches[1].text == "running, 10 of 10 people done, 1.20 USD"


def test_what_fired_in_it_is_counted_and_so_are_reports_of_something_bad(
    conn: Connection,
) -> None:
    bad = replace(make_report(), severity=Severity.CRITICAL, fired_at=SIX - HOUR)
    alerts.save(
        conn,
        [
            make_alert(fired_at=SIX - HOUR),
            resolved(make_alert(episode=2, fired_at=SIX - 25 * HOUR)),
            replace(bad, key="its end", rule="batch_failed", instance="batch_failed"),
            replace(bad, key="its result", episode=2, severity=Severity.INFO),
        ],
    )
    facts = day_facts(conn, run(DailyReport()), make_context(zone=ZONE), SIX, SIX)

    assert facts.alerts == {"error_spike": 1, "batch_failed": 1}


def test_its_matchers_choose_the_batches_and_their_alerts(conn: Connection) -> None:
    take_batch(conn)
    take_batch(conn, batch_id="btc_10", name="Survey")
    here = make_subject(id="btc_10", title="Survey")
    alerts.save(
        conn,
        [
            make_alert(fired_at=SIX - HOUR, subject=here),
            make_alert("batch_stalled", fired_at=SIX - HOUR, subject=make_subject(id="btc_9")),
        ],
    )
    instance = replace(run(DailyReport()), match=(Matcher("batch_name", "=", "Survey"),))
    facts = day_facts(conn, instance, make_context(zone=ZONE), SIX, SIX)

    assert [batch.title for batch in facts.batches] == ["Survey"]
    assert facts.alerts == {"error_spike": 1}
    assert told(conn, SIX, instance) == 1


@pytest.mark.parametrize(
    "day",
    [
        pytest.param(datetime(2026, 3, 29, tzinfo=UTC), id="one of 23 hours"),
        pytest.param(datetime(2026, 10, 25, tzinfo=UTC), id="one of 25 hours"),
    ],
)
def test_a_day_on_which_clocks_change_ends_at_its_time_on_the_wall(
    conn: Connection, day: datetime
) -> None:
    end = day.replace(tzinfo=ZoneInfo(ZONE), hour=18).astimezone(UTC)
    before = (day - timedelta(days=1)).replace(tzinfo=ZoneInfo(ZONE), hour=18).astimezone(UTC)
    take_batch(conn, seen_at=end - MINUTE)

    facts = day_facts(conn, run(DailyReport()), make_context(zone=ZONE), end, end)

    assert (facts.start, facts.end) == (before, end)
    assert told(conn, end - SECOND) == 0
    assert told(conn, end) == 1


def test_a_batch_of_before_anybody_looked_is_no_news_of_the_day(conn: Connection) -> None:
    take_look(conn, look(), baseline=True)

    assert day_facts(conn, run(DailyReport()), make_context(zone=ZONE), SIX, NOON).batches == ()


@pytest.mark.parametrize(
    "day",
    [
        pytest.param(datetime(2026, 3, 29, tzinfo=UTC), id="a time that is skipped"),
        pytest.param(datetime(2026, 10, 25, tzinfo=UTC), id="a time that comes twice"),
    ],
)
def test_days_follow_each_other_without_gap_or_overlap(conn: Connection, day: datetime) -> None:
    instance = run(DailyReport(at="02:30"))
    context = make_context(instance, zone=ZONE)
    take_batch(conn, status=BatchStatus.RUNNING, ended_at=None, seen_at=day - 72 * HOUR)
    half_hours = (day + n * HOUR / 2 for n in range(-72, 72))
    ends = [at for at in half_hours if evaluate_days(conn, context, at)]

    days = [day_facts(conn, instance, context, end, end) for end in ends]

    assert len(days) == 3
    assert [each.start for each in days[1:]] == [each.end for each in days[:-1]]
