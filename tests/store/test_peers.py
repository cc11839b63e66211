"""Whom a batch is compared with, and what is remembered of their calls."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from monitor.core.model import BatchStatus, CallStatus, Item, Outcome
from monitor.ingest.items import take_items
from monitor.ingest.looks import take_look
from monitor.store import batches
from monitor.store.batches import BatchRow
from monitor.store.engine import open_engine
from monitor.store.peers import Remembered, StoredPeers
from tests.builders import HOUR, MINUTE, NOON, make_batch, make_call, make_contact

DAY = 24 * HOUR


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = open_engine(tmp_path_factory.mktemp("peers") / "offhook.db", create=True)
    yield made
    made.dispose()


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as made, made.begin() as transaction:
        yield made
        transaction.rollback()


def kept(
    conn: Connection, batch_id: str, *, ended: datetime | None = None, **look: Any
) -> BatchRow:
    """A batch that runs, or that ended then."""
    status = BatchStatus.COMPLETED if ended else BatchStatus.RUNNING
    values = {"status": status, "name": "Renewals", "seen_at": ended or NOON} | look
    row = take_look(conn, make_batch(batch_id=batch_id, **values), baseline=False)
    row = replace(row, listed_at=NOON - 40 * DAY, terminal_at=ended)
    batches.save(conn, row)
    return row


def peers(conn: Connection, row: BatchRow, remembered: Remembered | None = None) -> StoredPeers:
    return StoredPeers(conn, row, remembered or Remembered(), NOON)


def ids(found: Any) -> list[str]:
    return [each.batch_id for each in found]


def test_the_last_batches_of_the_campaign_come_newest_first(conn: Connection) -> None:
    for n in range(1, 5):
        kept(conn, f"may{n}", ended=NOON - n * DAY, campaign="may")
    kept(conn, "june", ended=NOON - HOUR, campaign="june")
    kept(conn, "elsewhere", ended=NOON - HOUR, campaign="may", provider="other")
    kept(conn, "open", campaign="may")
    kept(conn, "ages", ended=NOON - 90 * DAY, campaign="may")
    row = kept(conn, "b", campaign="may")

    assert ids(peers(conn, row).previous(3)) == ["may1", "may2", "may3"]
    assert ids(peers(conn, row).previous(9)) == ["may1", "may2", "may3", "may4"]


def test_of_an_ended_batch_those_count_that_ended_before_it(conn: Connection) -> None:
    kept(conn, "later", ended=NOON - HOUR, campaign="may")
    kept(conn, "sooner", ended=NOON - 3 * HOUR, campaign="may")
    row = kept(conn, "b", ended=NOON - 2 * HOUR, campaign="may")

    assert ids(peers(conn, row).previous(5)) == ["sooner"]


def test_without_a_campaign_the_name_says_which_belong_together(conn: Connection) -> None:
    kept(conn, "same", ended=NOON - DAY, name="Surveys")
    kept(conn, "another", ended=NOON - DAY, name="Renewals")

    assert ids(peers(conn, kept(conn, "b", name="Surveys")).previous(5)) == ["same"]
    assert peers(conn, kept(conn, "nameless", name=None)).previous(5) == ()


def test_siblings_are_open_and_dialling(conn: Connection) -> None:
    kept(conn, "ended", ended=NOON - DAY)
    kept(conn, "paused", status=BatchStatus.PAUSED)
    kept(conn, "here")
    kept(conn, "there", provider="surveys")

    found = peers(conn, kept(conn, "b")).siblings()

    assert [(each.batch_id, each.provider) for each in found] == [
        ("here", "renewals"),
        ("there", "surveys"),
    ]


def test_many_siblings_are_too_many_to_ask(conn: Connection) -> None:
    for n in range(14):
        kept(conn, f"here{n}")
        kept(conn, f"there{n}", provider="surveys")

    found = peers(conn, kept(conn, "b")).siblings()

    assert [each.provider for each in found] == ["renewals"] * 10 + ["surveys"] * 10


def dial(conn: Connection, row: BatchRow, key: str, at: datetime | None, **call: Any) -> BatchRow:
    told = make_call(**{"call_id": key, "contact_id": key, "ended_at": at} | call)
    now = batches.load(conn, row.id)
    return take_items(conn, now, [Item(make_contact(contact_id=key), (told,))], NOON).row


def test_all_calls_of_an_ended_batch_count_those_of_unknown_ends_too(conn: Connection) -> None:
    before = kept(conn, "before", ended=NOON - DAY)
    before = dial(conn, before, "p1", NOON - DAY)
    dial(conn, before, "p2", None, ended_by=None)
    (peer,) = peers(conn, kept(conn, "b")).previous(5)

    assert peer.calls.window(peer.start, peer.end).outcomes == {Outcome.COMPLETED: 2}


def test_all_siblings_are_asked_at_once_and_each_tells_its_own_calls(conn: Connection) -> None:
    ended = {"here": (1, 2), "there": (3,), "idle": ()}
    for name, minutes in ended.items():
        row = kept(conn, name, provider="surveys" if name == "there" else "renewals")
        for n in minutes:
            row = dial(conn, row, f"p{n}", NOON - n * MINUTE)
    found = {each.batch_id: each.calls for each in peers(conn, kept(conn, "b")).siblings()}
    asked: list[str] = []
    raw: Any = conn.connection.driver_connection

    raw.set_trace_callback(asked.append)
    windows = {name: calls.window(NOON - HOUR, NOON) for name, calls in found.items()}
    raw.set_trace_callback(None)

    assert len(asked) == 1
    assert {name: window.n for name, window in windows.items()} == {
        "here": 2,
        "there": 1,
        "idle": 0,
    }
    assert windows["here"].last_ended_at == NOON - MINUTE
    assert found["here"].window(NOON - 2 * MINUTE, NOON).n == 1


def test_what_an_ended_batch_came_to_is_asked_once(conn: Connection) -> None:
    remembered = Remembered()
    before = dial(conn, kept(conn, "before", ended=NOON - DAY), "p1", NOON - DAY)
    row = kept(conn, "b")

    def counted() -> int:
        (peer,) = peers(conn, row, remembered).previous(5)
        return peer.calls.window(peer.start, peer.end).n

    assert counted() == 1
    conn.exec_driver_sql("DELETE FROM calls")
    assert counted() == 1
    dial(conn, before, "p2", NOON - DAY, status=CallStatus.FAILED)
    dial(conn, before, "p3", NOON - DAY)
    assert counted() == 2  # it has changed, so it was asked again


def test_of_the_batch_itself_only_what_lies_well_back_is_remembered(conn: Connection) -> None:
    remembered = Remembered()
    row = dial(conn, kept(conn, "b"), "p1", NOON - 20 * MINUTE)
    old, new = (NOON - HOUR, NOON - 10 * MINUTE), (NOON - HOUR, NOON)

    def counted() -> list[int]:
        own = peers(conn, row, remembered).own()
        return [own.window(*span).n for span in (old, new)]

    assert counted() == [1, 1]
    dial(conn, row, "p2", NOON - 15 * MINUTE)
    assert counted() == [1, 2]


def test_what_is_remembered_is_bounded() -> None:
    remembered = Remembered()
    for n in range(3_000):
        remembered.of(n)["asked"] = n
    assert remembered.of(0) == {}
    assert remembered.of(2_999) == {"asked": 2_999}
    for n in range(300):
        remembered.of(1, 5)[n] = n
        assert len(remembered.of(1, 5)) <= 201
