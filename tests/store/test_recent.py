"""What memory holds of the calls that ended lately is what the table says, whatever happens."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from monitor.core.calls import CallLog, Field
from monitor.core.model import AnsweredBy, CallStatus, ContactStatus, EndedBy, Item
from monitor.ingest.items import take_items
from monitor.ingest.looks import take_look
from monitor.ingest.sweeps import drop_vanished
from monitor.store import batches
from monitor.store.marks import marked, stale_from
from monitor.store.recent import LONGEST, Recent, RecentCalls
from monitor.store.windows import StoredCalls
from tests.builders import HOUR, MINUTE, NOON, SECOND, make_batch, make_call, make_contact
from tests.stories import hurried


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = hurried(tmp_path_factory.mktemp("recent") / "offhook.db")
    yield made
    made.dispose()


def begun(conn: Connection, batch_id: str = "b1") -> int:
    """A batch whose list was read, with nobody on it."""
    row = take_look(conn, make_batch(batch_id=batch_id), baseline=False)
    row = replace(row, listed_at=NOON - SECOND, swept_at=NOON - SECOND)
    batches.save(conn, row)
    return row.id


def taken(conn: Connection, batch: int, calls: list[dict[str, Any]], at: datetime) -> None:
    """One transaction's worth of calls, each of a person of its own."""
    items = {
        each["call_id"]: Item(
            make_contact(
                contact_id=each["call_id"],
                status=ContactStatus.COMPLETED,
                seen_at=at,
            ),
            (make_call(contact_id=each["call_id"], seen_at=at, detail_at=at, **each),),
        )
        for each in calls
    }
    take_items(conn, batches.load(conn, batch), list(items.values()), at)


def recent(conn: Connection, batch: int, memory: Recent, now: datetime) -> RecentCalls:
    """The batch's calls, of which memory has the newest."""
    return RecentCalls(conn, batch, batches.load(conn, batch).marks, memory, now)


def compared(conn: Connection, batch: int, memory: Recent, now: datetime, start: datetime) -> None:
    """Every question has one answer."""
    log, table = recent(conn, batch, memory, now), StoredCalls(conn, batch)
    for span in ((start, now), (start, now - 2 * MINUTE)):
        agreed(log, table, *span)
    ours, theirs = log.last_ends(3), table.last_ends(3)
    assert [each.ended_at for each in ours] == [each.ended_at for each in theirs]


def agreed(log: CallLog, table: CallLog, start: datetime, end: datetime) -> None:
    """The same of one span."""
    span = (start, end)
    assert log.window(*span) == table.window(*span)
    for fields in ((Field.OUTCOME,), (Field.FROM_NUMBER, Field.OUTCOME), (Field.COUNTRY,)):
        assert log.grouped(*span, *fields) == table.grouped(*span, *fields)
    assert log.having(*span, Field.HANGUP, "spam") == table.having(*span, Field.HANGUP, "spam")
    assert log.transfers(*span) == table.transfers(*span)
    assert log.spent(*span) == table.spent(*span)
    for than in (15 * SECOND, 2 * MINUTE, 5 * MINUTE):
        assert log.answered_shorter(*span, than) == table.answered_shorter(*span, than)


def drawn(chance: Random, now: datetime) -> dict[str, Any]:
    """Any call, as it stands now."""
    status = chance.choice([CallStatus.COMPLETED, CallStatus.FAILED, CallStatus.RINGING])
    ended = status is not CallStatus.RINGING
    return {
        "call_id": f"c{chance.randrange(40)}",
        "status": status,
        "ended_at": now - chance.choice([0, 0, 0, 1, 3, 20, 90]) * MINUTE if ended else None,
        "ended_by": EndedBy.VENDOR if ended else None,
        "answered_by": chance.choice([None, AnsweredBy.HUMAN, AnsweredBy.VOICEMAIL]),
        "duration_s": chance.choice([None, 8.0, 15.0, 119.5, 120.0, 400.0]),
        "hangup_class": chance.choice([None, "spam"]),
        "from_number": chance.choice([None, "+1 … 01", "+1 … 02"]),
        "transferred": chance.choice([None, True, False]),
        "cost_micros": chance.choice([None, 0, 120_000, 999_999]),
        "currency": chance.choice([None, "USD", "INR"]),
        "cost_estimated": chance.choice([True, False]),
    }


Span = tuple[datetime, datetime]
LENGTHS = [MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, LONGEST, 3 * HOUR]


@pytest.mark.parametrize("seed", range(8))
def test_memory_says_what_the_table_says_after_corrections_and_transactions_undone(
    engine: Engine, seed: int
) -> None:
    chance, memory, now = Random(seed), Recent(), NOON
    with engine.connect() as conn, conn.begin() as whole:
        batch = begun(conn)
        for _ in range(25):
            some = [drawn(chance, now) for _ in range(chance.randrange(8))]
            with conn.begin_nested() as piece:
                what = chance.choice(["kept", "kept", "kept", "undone", "gone", "looked"])
                if what == "gone":
                    drop_vanished(conn, batch, [each["call_id"] for each in some], now)
                elif what != "looked":
                    taken(conn, batch, some, now)
                compared(conn, batch, memory, now, now - chance.choice(LENGTHS))
                if what == "undone":
                    piece.rollback()
            compared(conn, batch, memory, now, now - HOUR)
            now += chance.choice([10 * SECOND, 10 * SECOND, MINUTE, 20 * MINUTE, 2 * HOUR])
        whole.rollback()


FIELDS = [
    (Field.OUTCOME,),
    (Field.FROM_NUMBER,),
    (Field.FROM_NUMBER, Field.OUTCOME),
    (Field.TRANSFERRED, Field.HANGUP),
    (Field.OUTCOME, Field.SENTIMENT),  # which memory has not
]


def asked(chance: Random, log: CallLog, table: CallLog, spans: list[Span]) -> None:
    """Any one question of any of these spans."""
    span = chance.choice(spans)
    match chance.randrange(7):
        case 0 | 1 | 2:
            fields = chance.choice(FIELDS)
            assert log.grouped(*span, *fields) == table.grouped(*span, *fields)
        case 3:
            assert log.window(*span) == table.window(*span)
        case 4:
            assert log.transfers(*span) == table.transfers(*span)
        case 5:
            assert log.spent(*span) == table.spent(*span)
        case _:
            than = chance.choice([15 * SECOND, 2 * MINUTE])
            assert log.answered_shorter(*span, than) == table.answered_shorter(*span, than)


def spans_drawn(chance: Random, now: datetime, most: int) -> list[Span]:
    """More spans than memory rolls along, of all lengths."""
    starts = [now - chance.choice(LENGTHS) * chance.random() for _ in range(most)]
    return [(start, chance.choice([now, start + (now - start) / 2])) for start in starts]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("kinds", [10, 60, 50_000])
def test_memory_says_what_the_table_says_in_whatever_order_it_is_asked(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, seed: int, kinds: int
) -> None:
    chance, memory, now = Random(seed), Recent(), NOON
    monkeypatch.setattr("monitor.store.recent._MOST_KINDS", kinds)
    monkeypatch.setattr("monitor.store.recent._MOST", chance.choice([15, 100]))
    monkeypatch.setattr("monitor.store.recent._NEAR", 2)
    with engine.connect() as conn, conn.begin() as whole:
        both = [begun(conn, "b1"), begun(conn, "b2")]
        for _ in range(12):
            batch = chance.choice(both)
            taken(conn, batch, [drawn(chance, now) for _ in range(chance.randrange(12))], now)
            log, table = recent(conn, batch, memory, now), StoredCalls(conn, batch)
            spans = spans_drawn(chance, now, 20)
            for _ in range(40):
                asked(chance, log, table, spans)
            now += chance.choice([10 * SECOND, MINUTE, 20 * MINUTE, HOUR])
        whole.rollback()


def test_what_ended_since_is_all_that_is_read_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    with engine.connect() as conn, conn.begin() as whole:
        batch, memory = begun(conn), Recent()
        ends = [NOON - n * MINUTE for n in range(50)]
        taken(conn, batch, [_ended(n, at) for n, at in enumerate(ends)], NOON)
        assert recent(conn, batch, memory, NOON).window(NOON - HOUR, NOON).n == 50

        take = Recent.read

        def noted(self: Recent, *told: Any) -> None:
            before = len(told[0].ends)
            take(self, *told)
            read.append(len(told[0].ends) - before)

        monkeypatch.setattr(Recent, "read", noted)
        taken(conn, batch, [_ended(50, NOON + SECOND)], NOON + SECOND)
        log = recent(conn, batch, memory, NOON + 2 * SECOND)
        assert log.window(NOON - HOUR, NOON + SECOND).n == 51
        assert log.transfers(NOON - HOUR, NOON + SECOND) == (0, 0)
        assert read == [1]
        whole.rollback()


def _ended(n: int, at: datetime) -> dict[str, Any]:
    return {
        "call_id": f"c{n}",
        "status": CallStatus.FAILED,
        "ended_at": at,
        "ended_by": EndedBy.VENDOR,
    }


def test_marks_say_from_which_end_on_to_read_again() -> None:
    one = marked(None, [70, 50])
    assert one is not None
    two = marked(one, [90, 0])
    assert two is not None
    three = marked(two, [60])
    assert three is not None

    assert marked(three, [0]) == three  # no end is known, and no span holds it
    assert stale_from(three, one) == 60
    assert stale_from(two, one) == 90
    assert stale_from(three, "undone:50") is None
    many = three
    for end in range(100, 120):
        many = marked(many, [end]) or ""
    assert stale_from(many, one) is None
    assert len(many.split()) < 20
