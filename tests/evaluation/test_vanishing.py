"""What shows that one batch is gone, and not the account."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection

from monitor.evaluation.vanishing import gone, gone_again, is_elsewhere
from monitor.ingest.looks import take_look
from monitor.store import absent, batches, changes, providers
from monitor.store.batches import BatchRow
from monitor.store.providers import ProviderRow
from tests.builders import HOUR, MINUTE, NOON, SECOND, make_batch

GONE_AT = NOON + HOUR


def add(conn: Connection, batch_id: str, seen: datetime = NOON, **changes: Any) -> BatchRow:
    """A batch first seen then."""
    look = make_batch(batch_id=batch_id, seen_at=seen)
    row = replace(take_look(conn, look, baseline=False), **changes)
    batches.save(conn, row)
    return row


def missing(conn: Connection) -> BatchRow:
    """A batch that has been missing for a while."""
    return add(conn, "b1", gone_at=GONE_AT, gone_again_at=GONE_AT + HOUR, gone_times=9)


def test_a_batch_that_is_there_is_not_gone(conn: Connection) -> None:
    row = add(conn, "b1")

    assert gone(row) is None
    assert not is_elsewhere(conn, row)


@pytest.mark.parametrize(
    ("first_seen", "looked_at", "shown", "sure"),
    [
        pytest.param(NOON, GONE_AT - SECOND, False, False, id="only before"),
        pytest.param(NOON, GONE_AT + SECOND, True, False, id="at about the same time"),
        pytest.param(NOON, GONE_AT + 5 * MINUTE, True, True, id="well after"),
        pytest.param(GONE_AT, GONE_AT + HOUR, False, False, id="one that came later"),
    ],
)
def test_another_batch_shows_that_the_account_is_right(
    conn: Connection, first_seen: datetime, looked_at: datetime, shown: bool, sure: bool
) -> None:
    add(conn, "b2", first_seen, fresh_at=looked_at)
    row = missing(conn)
    found = gone(gone_again(conn, row, GONE_AT + 2 * HOUR, MINUTE))

    assert is_elsewhere(conn, row) is shown
    assert found is not None
    assert (found.since, found.times, found.elsewhere) == (GONE_AT, 10, sure)


def test_the_first_that_comes_back_does_not_show_that_the_others_will_not(conn: Connection) -> None:
    row = gone_again(conn, missing(conn), GONE_AT + 2 * HOUR, MINUTE)
    add(conn, "b2", fresh_at=GONE_AT + 2 * HOUR + SECOND)
    before = gone(row)
    after = gone(gone_again(conn, row, GONE_AT + 3 * HOUR, MINUTE))

    assert before is not None
    assert not before.elsewhere
    assert after is not None
    assert after.elsewhere


@pytest.mark.parametrize(
    ("shown_at", "sure"),
    [(None, False), (GONE_AT, False), (GONE_AT + 5 * MINUTE, True)],
    ids=["never", "at about the same time", "well after"],
)
def test_so_does_a_list_that_shows_an_old_one(
    conn: Connection, shown_at: datetime | None, sure: bool
) -> None:
    providers.save(conn, ProviderRow(name="renewals", vendor="graine", showed_at=shown_at))
    found = gone(gone_again(conn, missing(conn), GONE_AT + 2 * HOUR, MINUTE))

    assert found is not None
    assert found.elsewhere is sure


@pytest.mark.parametrize(
    ("first_seen", "listed", "shows"),
    [
        pytest.param(NOON, ["old"], True, id="known before"),
        pytest.param(GONE_AT, ["old"], False, id="known since"),
        pytest.param(NOON, ["b1"], False, id="itself"),
        pytest.param(NOON, ["never seen"], False, id="never seen"),
        pytest.param(NOON, [], False, id="nothing"),
    ],
)
def test_which_lists_show_it(
    conn: Connection, first_seen: datetime, listed: list[str], shows: bool
) -> None:
    add(conn, "old", first_seen, open=False)
    missing(conn)

    assert absent.shows_known(conn, "renewals", listed) is shows


def test_while_nothing_is_gone_no_list_is_a_witness(conn: Connection) -> None:
    add(conn, "b1")

    assert not absent.shows_known(conn, "renewals", ["b1"])


def test_it_is_kept_when_a_batch_was_gone_and_when_it_was_there_again(conn: Connection) -> None:
    row = add(conn, "b1")
    row = gone_again(conn, row, GONE_AT, MINUTE)
    add(conn, "b2", fresh_at=GONE_AT + 5 * MINUTE)
    row = gone_again(conn, row, GONE_AT + 6 * MINUTE, MINUTE)
    batches.save(conn, row)
    seq = row.seq

    row = take_look(conn, make_batch(batch_id="b1", seen_at=GONE_AT + HOUR), baseline=False)

    (begun, *absences), there = split(changes.since(conn, row.id, 0), seq)
    assert begun.kind == "batch"
    assert [(each.kind, each.after) for each in absences if each.kind == "gone"] == [
        ("gone", "nothing shown"),
        ("gone", "others shown"),
    ]
    assert ("gone", None) in [(each.kind, each.after) for each in there]


def split(
    found: Sequence[changes.Changed], seq: int
) -> tuple[list[changes.Changed], list[changes.Changed]]:
    """Those up to a number, and those after it."""
    return [each for each in found if each.seq <= seq], [each for each in found if each.seq > seq]
