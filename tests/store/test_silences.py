"""Silences and acknowledgements as kept: made, found, ended, and every change written down."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update

from monitor.core.alert import Alert
from monitor.core.route import Matcher, parse_matcher
from monitor.core.silence import BatchRun, Silence, Source
from monitor.core.wish import NoSuchError, OverError, SilenceError, Wish
from monitor.store import alerts, audit, batches, runs, silences
from monitor.store.audit import Deed
from monitor.store.batches import BatchRow
from monitor.store.schema import batches as batches_table
from monitor.store.schema import silences as silences_table
from monitor.store.silence_views import Standing, load_views
from tests.builders import HOUR, MINUTE, NOON, SECOND, make_batch
from tests.delivering import make_alert, make_report, make_subject, resolved
from tests.stories import hurried

LATER = NOON + MINUTE
RUN = BatchRun(provider="renewals", batch="btc_1", run=1)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    engine = hurried(tmp_path_factory.mktemp("silences") / "test.db")
    yield engine
    engine.dispose()


@pytest.fixture
def conn(built: Any) -> Iterator[Connection]:
    """A transaction that is taken back."""
    with built.connect() as made:
        made.begin()
        yield made


def wish(*matchers: str, **changes: Any) -> Wish:
    values: dict[str, Any] = {
        "author": "ada",
        "source": Source.API,
        "comment": "known",
        "matchers": tuple(map(parse_matcher, matchers)) or (Matcher("rule", "=", "error_spike"),),
        "lasts": HOUR,
    }
    return Wish(**values | changes)


def add_batch(conn: Connection, batch_id: str = "btc_1", provider: str = "renewals") -> int:
    look = make_batch(batch_id=batch_id, provider=provider)
    row = BatchRow(id=0, look=look, first_seen_at=NOON, fresh_at=NOON, moved_at=NOON, due_at=NOON)
    return batches.add(conn, row).id


def set_batch(conn: Connection, batch: int, **values: Any) -> None:
    conn.execute(update(batches_table).where(batches_table.c.id == batch).values(**values))


def fire(conn: Connection, *found: Alert) -> None:
    alerts.save(conn, found)


def standing(conn: Connection, now: datetime = LATER) -> list[Silence]:
    return [each for each in silences.load_standing(conn, now) if each.stands(now)]


def told(conn: Connection) -> list[tuple[str, str, str, str]]:
    return [(each.who, each.source, each.what, each.target) for each in audit.load(conn)]


def test_a_silence_is_kept_as_it_was_made(conn: Connection) -> None:
    odd = Matcher("batch_name", "=", ' "VIP", =~ ')
    held = silences.add(conn, wish(matchers=(odd,), starts_at=NOON + HOUR), NOON)

    assert silences.load(conn) == silences.load_standing(conn, NOON) == (held.silence,)
    assert held.silence.matchers == (odd,)
    assert standing(conn) == []
    assert standing(conn, NOON + HOUR) == [held.silence]


def test_it_says_what_it_holds_back_now(conn: Connection) -> None:
    fire(conn, make_alert(), make_alert("other"), resolved(make_alert("error_spike", episode=2)))

    held = silences.preview(conn, wish("rule=other", "batch=btc_1"), NOON)

    assert held.text == "holds back 1 alert now: Renewals May (other); 1 of them critical"
    assert silences.load(conn) == ()
    assert audit.load(conn) == ()


def test_every_change_is_written_down_with_who_and_from_where(conn: Connection) -> None:
    fire(conn, make_alert())
    silence = silences.add(conn, wish(), NOON).silence
    ack = silences.acknowledge(
        conn, make_alert().key, by="bob", source=Source.SLACK, now=NOON, comment="on it"
    ).silence
    silences.end(conn, silence.id, by="eve", source=Source.PAGE, now=LATER)

    assert told(conn) == [
        ("eve", "page", "silence.end", silence.id),
        ("bob", "slack", "ack.add", ack.id),
        ("ada", "api", "silence.add", silence.id),
    ]
    assert audit.load(conn, alert=make_alert().key)[0].detail == "Renewals May (error_spike): on it"
    assert [each.what for each in audit.load(conn, target=silence.id)] == [
        "silence.end",
        "silence.add",
    ]


def test_what_cannot_be_made_leaves_nothing(conn: Connection) -> None:
    with pytest.raises(SilenceError):
        silences.add(conn, wish(comment=""), NOON)
    assert (silences.load(conn), audit.load(conn)) == ((), ())


def test_an_ended_one_stands_no_more_and_is_remembered_for_a_day(conn: Connection) -> None:
    silence = silences.add(conn, wish(), NOON).silence

    ended = silences.end(conn, silence.id[:6], by="eve", source=Source.CLI, now=LATER)

    assert ended == replace(silence, ended_at=LATER)
    assert standing(conn) == []
    assert silences.load_standing(conn, LATER) == (ended,)
    assert silences.load_standing(conn, LATER + timedelta(days=1, seconds=1)) == ()
    assert (silences.load(conn), silences.load(conn, ended=True)) == ((), (ended,))
    with pytest.raises(OverError, match="already"):
        silences.end(conn, silence.id, by="eve", source=Source.CLI, now=LATER)


@pytest.mark.parametrize("id_", ["", "nothing", "%", "_"])
def test_there_must_be_one_to_end(conn: Connection, id_: str) -> None:
    silences.add(conn, wish(), NOON)
    silences.add(conn, wish(comment="more"), NOON)
    with pytest.raises(NoSuchError, match="no silence"):
        silences.end(conn, id_, by="eve", source=Source.CLI, now=LATER)


def test_what_is_over_is_listed_no_more_also_before_it_is_marked(conn: Connection) -> None:
    silences.add(conn, wish(), NOON)

    assert [each.state for each in load_views(conn, NOON)] == [Standing.STANDING]
    assert load_views(conn, NOON + HOUR) == ()
    assert [each.state for each in load_views(conn, NOON + HOUR, ended=True)] == [Standing.ENDED]


def test_time_ends_it_to_the_moment(conn: Connection) -> None:
    silence = silences.add(conn, wish(), NOON).silence

    assert silences.close_ended(conn, NOON + HOUR - SECOND) == 0
    assert silences.close_ended(conn, NOON + 2 * HOUR) == 1
    assert silences.close_ended(conn, NOON + 2 * HOUR) == 0

    assert silences.load(conn, ended=True)[0].ended_at == NOON + HOUR
    assert told(conn)[0] == ("offhook", "offhook", "silence.end", silence.id)
    assert audit.load(conn)[0].detail == "its time is over"


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"terminal_at": NOON, "terminal_again_at": LATER}, id="ended"),
        pytest.param({"open": False}, id="given up as vanished"),
        pytest.param({"run": 2}, id="runs anew"),
    ],
)
def test_the_end_of_the_batch_ends_it(conn: Connection, values: dict[str, Any]) -> None:
    batch = add_batch(conn)
    silences.add(conn, wish(lasts=None, until_end_of=RUN), NOON)
    assert silences.close_ended(conn, LATER + timedelta(days=90)) == 0

    set_batch(conn, batch, **values)

    assert standing(conn) == []  # also before it is marked
    assert silences.close_ended(conn, LATER) == 1
    assert silences.load(conn, ended=True)[0].ended_at == LATER
    assert audit.load(conn)[0].detail == "the batch has ended"


def test_an_end_that_was_seen_once_ends_no_silence(conn: Connection) -> None:
    """What fires closes with the confirmed end: a moment before it would be told as firing."""
    batch = add_batch(conn)
    made = silences.add(conn, wish(lasts=None, until_end_of=RUN), NOON).silence
    set_batch(conn, batch, terminal_at=LATER)

    assert [each.id for each in standing(conn)] == [made.id]
    assert silences.close_ended(conn, LATER + MINUTE) == 0


def test_a_batch_that_has_ended_ends_nothing_more(conn: Connection) -> None:
    set_batch(conn, add_batch(conn), terminal_at=NOON, terminal_again_at=NOON)
    with pytest.raises(OverError, match="btc_1 has ended already"):
        silences.add(conn, wish(lasts=None, until_end_of=RUN), NOON)


def test_batches_are_found_by_their_id(conn: Connection) -> None:
    add_batch(conn)
    add_batch(conn, "btc_2")
    add_batch(conn, "btc_2", "other")

    assert runs.find_run(conn, "btc_1") == RUN
    assert runs.find_run(conn, "other/btc_2").provider == "other"
    assert runs.find_run(conn, "btc_2", "other").provider == "other"
    with pytest.raises(NoSuchError, match="several"):
        runs.find_run(conn, "btc_2")
    with pytest.raises(NoSuchError, match="no batch"):
        runs.find_run(conn, "btc")


def test_an_acknowledgement_ends_with_its_episode(conn: Connection) -> None:
    fire(conn, make_alert())
    ack = silences.acknowledge(
        conn, make_alert().key[:8], by="ada", source=Source.CLI, now=NOON
    ).silence
    assert ack.alert == make_alert().key
    assert silences.close_ended(conn, LATER) == 0

    fire(conn, resolved(make_alert()))
    fire(conn, make_alert(episode=2))

    assert silences.close_ended(conn, LATER) == 1
    assert audit.load(conn)[0] == Deed(
        at=LATER,
        who="offhook",
        source="offhook",
        what="ack.end",
        target=ack.id,
        detail="the alert has closed",
        alert_key=make_alert().key,
    )


def test_to_acknowledge_twice_is_to_acknowledge_once(conn: Connection) -> None:
    fire(conn, make_alert())
    key = make_alert().key

    first = silences.acknowledge(conn, key, by="ada", source=Source.CLI, now=NOON)
    again = silences.acknowledge(conn, key, by="ada", source=Source.SLACK, now=LATER)
    other = silences.acknowledge(conn, key, by="bob", source=Source.SLACK, now=LATER)

    assert (first.new, again.new, other.new) == (True, False, True)
    assert again.silence == first.silence
    assert len(audit.load(conn)) == 2


def test_what_is_closed_or_unknown_cannot_be_acknowledged(conn: Connection) -> None:
    other = make_alert(subject=make_subject(id="btc_2"))
    fire(conn, resolved(make_alert()), make_report(), other)

    def ask(key: str) -> None:
        silences.acknowledge(conn, key, by="ada", source=Source.CLI, now=NOON)

    with pytest.raises(OverError, match="closed already: recovered"):
        ask(make_alert().key)
    with pytest.raises(OverError, match="reported"):
        ask(make_report().key)
    for key in ("", "zz", "%"):
        with pytest.raises(NoSuchError, match="no alert"):
            ask(key)


def test_there_are_only_so_many_at_once(conn: Connection) -> None:
    first = silences.add(conn, wish(), NOON).silence
    (row,) = conn.execute(select(silences_table)).mappings()
    more = [{**row, "id": f"copy {n}"} for n in range(1, silences.MOST)]
    conn.execute(insert(silences_table), more)

    with pytest.raises(SilenceError, match="1,000 silences stand already") as refused:
        silences.add(conn, wish(comment="one more"), NOON)
    assert "silence list" in refused.value.hint
    fire(conn, make_alert())
    silences.acknowledge(conn, make_alert().key, by="ada", source=Source.API, now=NOON)
    silences.end(conn, first.id, by="ada", source=Source.API, now=LATER)
    silences.add(conn, wish(comment="one more"), LATER)


def test_what_the_evaluations_load_is_found_by_an_index(conn: Connection) -> None:
    text = str(silences._STANDING)
    plan = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", {"since": 0}).all()
    assert not [row for row in plan if "SCAN silences" in row[-1]], plan
