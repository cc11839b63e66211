"""How far a webhook came that Offhook sent to itself, as its database tells it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine

from monitor.app import rehearsing
from monitor.app.rehearsing import FOLLOW_S, Beside, Sample, Step
from monitor.errors import HttpError
from monitor.providers.signing import body_key
from monitor.store import inbox
from monitor.store.engine import open_engine
from monitor.store.inbox import Arrived
from monitor.store.writer import Priority, Store
from tests.builders import NOON
from tests.clocks import ManualClock

SUBJECT = "offhook-test-1"
SAMPLE = Sample(provider="sales", subject=SUBJECT, body=b"{}", sent_at=NOON)
ROW = Arrived(
    provider="sales",
    unique_key=b"k",
    received_at=NOON + timedelta(milliseconds=5),
    event="hint",
    proves="hint",
    digest=b"d",
    call_id=SUBJECT,
)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "offhook.db"
    Store.open(path).close()
    return path


def write(path: Path, change: Callable[[Connection], object]) -> None:
    store = Store.open(path)
    try:
        asyncio.run(store.write(Priority.INGEST, change))
    finally:
        store.close()


def followed(path: Path, clock: ManualClock) -> list[Step]:
    def engine() -> Engine:
        return open_engine(path, read_only=True)

    beside = Beside(engine=engine, receivers=("ops",))
    opened = engine()
    try:
        return asyncio.run(rehearsing._followed(opened, SAMPLE, beside, clock))
    finally:
        opened.dispose()


def test_a_row_that_is_taken_in_has_come_the_whole_way(database: Path) -> None:
    write(database, lambda conn: inbox.put(conn, [ROW]))
    write(database, lambda conn: inbox.done(conn, [1], NOON + timedelta(milliseconds=9)))

    steps = followed(database, ManualClock())

    assert [(each.name, each.ok, each.after_s) for each in steps] == [
        ("kept", True, 0.005),
        ("taken in", True, 0.009),
        ("outbox", True, None),
    ]


def test_an_answer_without_a_row_came_from_another_daemon(database: Path) -> None:
    clock = ManualClock()

    (step,) = followed(database, clock)

    assert (step.name, step.ok) == ("kept", False)
    assert "another daemon" in step.text
    assert clock.now() - NOON >= timedelta(seconds=FOLLOW_S)


def test_a_row_that_nobody_takes_in_is_waited_for_and_told(database: Path) -> None:
    write(database, lambda conn: inbox.put(conn, [ROW]))

    kept, taken = followed(database, ManualClock())

    assert kept.ok
    assert not taken.ok
    assert "does the daemon run?" in taken.text


def test_a_row_that_cannot_be_read_is_told_with_its_reason(database: Path) -> None:
    write(database, lambda conn: inbox.put(conn, [ROW]))
    write(database, lambda conn: inbox.quarantine(conn, [1], "its call_id is a list", NOON))

    _, taken = followed(database, ManualClock())

    assert (taken.ok, taken.text) == (False, "set aside: its call_id is a list")


def test_a_row_that_could_not_even_be_read_is_found_by_its_body(database: Path) -> None:
    digest = body_key(SAMPLE.body)
    poison = replace(ROW, call_id=None, digest=digest, poison="its call_id is a list")
    write(database, lambda conn: inbox.put(conn, [poison]))
    clock = ManualClock()

    kept, taken = followed(database, clock)

    assert kept.ok
    assert (taken.ok, taken.text) == (False, "set aside: its call_id is a list")
    assert clock.now() == NOON


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        pytest.param("tls", "a certificate for this name", id="tls"),
        pytest.param("unreachable", "the name lead there (DNS)", id="refused"),
        pytest.param("timeout_before", "the firewall", id="no connection"),
        pytest.param("timeout", "did not answer", id="no answer"),
        pytest.param("oversize", "something other than Offhook", id="another server"),
    ],
)
def test_no_answer_is_told_with_what_to_look_at(kind: str, words: str) -> None:
    text = rehearsing._no_answer(HttpError(kind, "the text of it", sent=False))

    assert text.startswith("the text of it; ")
    assert words in text
