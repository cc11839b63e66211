"""Which ends polls and webhooks note: what somebody listened to, and what is no history."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from monitor.core.hearing import Expected
from monitor.core.model import BatchStatus, Call, CallStatus, EndedBy, Item
from monitor.ingest.ends import RECENT, note_batch, note_calls
from monitor.ingest.items import take_items
from monitor.ingest.looks import take_look
from monitor.ingest.notices import take_notices
from monitor.providers.facts import Proof
from monitor.providers.notices import Notice
from monitor.store import batches, inbox, providers
from monitor.store.batches import BatchRow
from monitor.store.coding import encode
from monitor.store.inbox import Arrived
from monitor.store.providers import ProviderRow
from monitor.store.schema import arrivals
from tests.builders import HOUR, MINUTE, NOON, SECOND, make_batch, make_call, make_contact
from tests.stories import hurried

TICK = timedelta(microseconds=1)
LISTENING = Expected(since=NOON - HOUR, calls=True, batches=True)


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    engine = hurried(tmp_path / "offhook.db")
    with engine.begin() as connection:
        providers.save(connection, ProviderRow(name="renewals", vendor="bland"))
        yield connection
    engine.dispose()


def begin(conn: Connection, listed_at: datetime | None = NOON - MINUTE) -> BatchRow:
    """A running batch; when its list was read before."""
    row = take_look(conn, make_batch(seen_at=NOON - 30 * MINUTE), baseline=False)
    row = replace(row, listed_at=listed_at, full_swept_at=listed_at)
    batches.save(conn, row)
    return row


def call(key: str = "c1", **changes: Any) -> Call:
    values: dict[str, Any] = {"call_id": key, "contact_id": "p1", "seen_at": NOON}
    return make_call(**values | {"ended_at": NOON, "ended_by": EndedBy.VENDOR} | changes)


def item(*calls: Call) -> Item:
    return Item(make_contact(contact_id="p1", seen_at=NOON), calls)


UNTIMED = {"ended_at": None, "ended_by": None}


def poll(
    conn: Connection, row: BatchRow, *calls: Call, expected: Expected = LISTENING
) -> dict[str, tuple[Any, ...]]:
    """A poll sees these calls; what is noted then."""
    row = batches.load(conn, row.id)
    taken = take_items(conn, row, [item(*calls)], NOON)
    note_calls(conn, row, taken.people, [item(*calls)], NOON, expected)
    return noted(conn)


def noted(conn: Connection) -> dict[str, tuple[Any, ...]]:
    """By subject: when by webhook, when by poll, when it ended."""
    query = select(arrivals).where(arrivals.c.provider == "renewals")
    rows = conn.execute(query).all()
    return {row.subject: (row.webhook_at, row.poll_at, row.ended_at) for row in rows}


# Calls that polls see


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, {"c1": (None, NOON, NOON)}, id="just ended"),
        pytest.param({"status": CallStatus.IN_PROGRESS} | UNTIMED, {}, id="goes on"),
        pytest.param(
            {"ended_at": NOON - RECENT}, {"c1": (None, NOON, NOON - RECENT)}, id="a while ago"
        ),
        pytest.param({"ended_at": NOON - RECENT - TICK}, {}, id="too long ago"),
        pytest.param(UNTIMED, {"c1": (None, NOON, None)}, id="seen to have ended"),
    ],
)
def test_a_poll_notes_what_ended_a_short_while_ago(
    conn: Connection, changes: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert poll(conn, begin(conn), call(**changes)) == expected


@pytest.mark.parametrize(
    ("listed_at", "changes"),
    [
        pytest.param(None, UNTIMED, id="the first reading, and nobody knows when"),
        pytest.param(NOON - 6 * MINUTE, UNTIMED, id="history since the last reading"),
        pytest.param(NOON - 3 * MINUTE - TICK, UNTIMED, id="perhaps before anybody listened"),
        pytest.param(
            NOON - MINUTE, {"ended_at": NOON - 3 * MINUTE - TICK}, id="before anybody listened"
        ),
    ],
)
def test_what_nobody_listened_to_is_not_noted(
    conn: Connection, listed_at: datetime | None, changes: dict[str, Any]
) -> None:
    since = replace(LISTENING, since=NOON - 3 * MINUTE)

    assert poll(conn, begin(conn, listed_at), call(**changes), expected=since) == {}


def test_the_first_reading_notes_ends_that_the_vendor_times(conn: Connection) -> None:
    assert set(poll(conn, begin(conn, None), call())) == {"c1"}


def test_a_vendor_whose_webhooks_tell_no_calls_misses_none(conn: Connection) -> None:
    assert poll(conn, begin(conn), call(), expected=replace(LISTENING, calls=False)) == {}


def test_what_a_webhook_told_first_is_noted_once_a_poll_sees_it_too(conn: Connection) -> None:
    row = begin(conn)
    hear(conn, call_notice(call(), batch_id="b1"))
    assert noted(conn) == {"c1": (NOON - SECOND, None, NOON)}

    assert poll(conn, row, call()) == {"c1": (NOON - SECOND, NOON, NOON)}


# Batches that polls see


def look(conn: Connection, *, expected: Expected = LISTENING, **changes: Any) -> set[str]:
    seen = make_batch(**{"status": BatchStatus.COMPLETED, "seen_at": NOON} | changes)
    note_batch(conn, take_look(conn, seen, baseline=False), seen, expected)
    return set(noted(conn))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, {"b1"}, id="seen to have ended"),
        pytest.param({"ended_at": NOON - MINUTE}, {"b1"}, id="told when"),
        pytest.param({"ended_at": NOON - RECENT - TICK}, set(), id="long ago"),
        pytest.param({"status": BatchStatus.RUNNING}, set(), id="goes on"),
        pytest.param({"expected": replace(LISTENING, batches=False)}, set(), id="no webhook tells"),
        pytest.param({"expected": replace(LISTENING, since=NOON + SECOND)}, set(), id="not then"),
    ],
)
def test_a_look_notes_the_end_of_a_batch(
    conn: Connection, changes: dict[str, Any], expected: set[str]
) -> None:
    begin(conn)

    assert look(conn, **changes) == expected


def test_a_batch_first_seen_ended_is_noted_only_if_the_vendor_says_when(conn: Connection) -> None:
    assert look(conn) == set()
    assert look(conn, batch_id="b2", ended_at=NOON - MINUTE) == {"b2"}


def test_what_had_ended_when_the_provider_was_first_read_is_history(conn: Connection) -> None:
    seen = make_batch(status=BatchStatus.COMPLETED, seen_at=NOON, ended_at=NOON)
    note_batch(conn, take_look(conn, seen, baseline=True), seen, LISTENING)

    assert noted(conn) == {}


# What webhooks tell


def hear(conn: Connection, notice: Notice, at: datetime = NOON - SECOND) -> None:
    """It comes, is kept, and is taken in."""
    arrived = Arrived(
        provider="renewals",
        unique_key=notice.event.encode(),
        received_at=at,
        event=notice.event,
        proves=str(notice.proves),
        digest=b"d" * 32,
        batch_id=notice.batch_id,
        call_id=notice.call_id,
        told=encode(notice) if notice.item or notice.look or notice.ended else None,
    )
    inbox.put(conn, [arrived])
    take_notices(conn, "renewals", inbox.waiting(conn, 10), NOON)


def call_notice(told: Call, batch_id: str | None) -> Notice:
    return Notice(
        event="record", proves=Proof.CALL, batch_id=batch_id, call_id="c1", item=item(told)
    )


def batch_notice(status: BatchStatus) -> Notice:
    told = make_batch(status=status, seen_at=NOON)
    return Notice(event="status", proves=Proof.BATCH, batch_id="b1", look=told)


@pytest.mark.parametrize(
    ("notice", "expected"),
    [
        pytest.param(call_notice(call(), "b1"), {"c1"}, id="a call"),
        pytest.param(call_notice(call(), "b2"), {"c1"}, id="a call of a batch not seen yet"),
        pytest.param(batch_notice(BatchStatus.COMPLETED), {"b1"}, id="a batch"),
        pytest.param(batch_notice(BatchStatus.RUNNING), set(), id="a batch that goes on"),
        pytest.param(
            Notice(event="dial.updated", proves=Proof.CALL_STATUS, call_id="c1", ended=True),
            {"c1"},
            id="that a call has ended, and not how",
        ),
        pytest.param(
            Notice(event="ringing", proves=Proof.HINT, call_id="c1"), set(), id="a mere hint"
        ),
    ],
)
def test_a_webhook_notes_the_end_that_it_tells(
    conn: Connection, notice: Notice, expected: set[str]
) -> None:
    begin(conn)
    hear(conn, notice)

    assert set(noted(conn)) == expected
    assert providers.load(conn, "renewals", "bland").webhook_at == NOON - SECOND


def test_a_rehearsal_is_no_sign_of_the_vendors(conn: Connection) -> None:
    begin(conn)
    hear(conn, Notice(event="hint", proves=Proof.HINT, batch_id="offhook-test-1"))

    assert providers.load(conn, "renewals", "bland").webhook_at is None
