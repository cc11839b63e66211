"""Changes are numbered one by one, however many of them were written at once."""

from pathlib import Path

from sqlalchemy import Connection

from monitor.ingest.looks import take_look
from monitor.store import changes
from monitor.store.changes import Change
from tests.builders import MINUTE, NOON, make_batch
from tests.stories import hurried

CHUNKS: list[list[Change]] = [
    [("contact", "p1", None, "pending"), ("contact", "p2", None, "pending")],
    [],
    [("contact", "p1", "pending", "in_call")],
    [("call", "c1", None, "in_progress"), ("call", "c1", "in_progress", "busy")],
]


def written(conn: Connection) -> int:
    """The number of the last change of a new batch, beyond which the chunks follow."""
    row = take_look(conn, make_batch(), baseline=False)
    last = row.seq
    for n, chunk in enumerate(CHUNKS):
        last = changes.append(conn, row.id, last, NOON + n * MINUTE, chunk)
    assert last == row.seq + 5
    return row.seq


def test_changes_read_back_in_order_from_any_number(tmp_path: Path) -> None:
    engine = hurried(tmp_path / "offhook.db")
    with engine.begin() as conn:
        first = written(conn)
        every = [change for chunk in CHUNKS for change in chunk]
        for start in range(6):
            found = changes.since(conn, 1, first + start)
            assert [each.seq for each in found] == list(range(first + start + 1, first + 6))
            told = [(each.kind, each.subject, each.before, each.after) for each in found]
            assert told == every[start:]
        assert [each.seq for each in changes.since(conn, 1, first + 1, limit=2)] == [
            first + 2,
            first + 3,
        ]
        assert found == []
        assert changes.since(conn, 1, first)[2].at == NOON + 2 * MINUTE
    engine.dispose()
