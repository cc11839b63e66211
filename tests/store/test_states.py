"""How providers stood is kept once for each time that it was otherwise."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from monitor.core.facts import Failure
from monitor.core.model import AccountState, Cap
from monitor.store import processes, providers, states
from monitor.store.states import Stood
from tests.builders import HOUR, MINUTE, NOON, SECOND

TIMEOUT = Failure(kind="timeout", text="no answer within 30 s")


def heard(conn: Connection, after: timedelta) -> None:
    row = providers.load(conn, "sales", "bland")
    providers.save(conn, providers.answered(row, NOON + after))


def failed(conn: Connection, after: timedelta, failure: Failure = TIMEOUT) -> None:
    row = providers.load(conn, "sales", "bland")
    providers.save(conn, providers.failed(row, failure, NOON + after))


def told(conn: Connection, after: timedelta, micros: int = 7, caps: tuple[Cap, ...] = ()) -> None:
    state = AccountState(seen_at=NOON + after, balance_micros=micros, caps=caps)
    providers.save_account(conn, "sales", "bland", state)


def ran(conn: Connection, began: int, *hours: int) -> None:
    """A process that began in an hour, and told that it ran in these."""
    for hour in hours:
        processes.alive(conn, NOON + began * HOUR, NOON + hour * HOUR)


def test_what_is_as_before_is_not_kept_again(conn: Connection) -> None:
    for n in range(10):
        heard(conn, n * MINUTE)
        told(conn, n * 15 * MINUTE)

    assert states.standings(conn, "sales") == [Stood(at=NOON, fresh_at=NOON, missing={})]
    assert len(states.accounts(conn, "sales")) == 1


def test_failures_are_kept_with_their_kinds_and_the_first_repetition(conn: Connection) -> None:
    heard(conn, MINUTE)
    for n in range(2, 6):
        failed(conn, n * MINUTE)
    failed(conn, 6 * MINUTE, Failure(kind="auth", text="401"))
    heard(conn, 7 * MINUTE)

    found = states.standings(conn, "sales")

    assert [(each.at - NOON) / MINUTE for each in found] == [1, 2, 3, 6, 7]
    assert [each.failures for each in found] == [0, 1, 2, 1, 0]
    assert {each.failing_since for each in found[1:4]} == {NOON + 2 * MINUTE}
    assert found[-1].silent_since == NOON + MINUTE


def test_the_same_failure_in_other_words_is_not_kept_again(conn: Connection) -> None:
    for n in range(6):
        failed(conn, n * MINUTE, Failure(kind="server", text=f"500, request {n}"))
        row = providers.load(conn, "sales", "bland")
        missing = {"b1": (NOON, f"404, request {n}")}
        memory = {providers.MISSING: providers.encode_missing(missing)}
        providers.save(conn, providers.heard(replace(row, memory=memory), NOON + n * MINUTE))

    found = states.standings(conn, "sales")

    assert [(each.failures, sorted(each.missing or ())) for each in found] == [
        (1, []),
        (1, ["b1"]),
        (2, ["b1"]),
    ]


def test_while_patience_is_asked_for_it_is_kept_when_lists_were_read(conn: Connection) -> None:
    failed(conn, timedelta(0), Failure(kind="rate_limited", text="429"))
    for n in (1, 2, 2):
        row = providers.load(conn, "sales", "bland")
        row = replace(row, discovered_at=NOON + n * MINUTE)
        providers.save(conn, providers.heard(row, NOON + n * MINUTE))
    failed(conn, 3 * MINUTE)

    found = [each.discovered_at for each in states.standings(conn, "sales")]

    assert found == [None, NOON + MINUTE, NOON + 2 * MINUTE, None]


@pytest.mark.parametrize(
    ("silent", "kept"), [(3 * MINUTE, False), (3 * MINUTE + SECOND, True)], ids=["short", "long"]
)
def test_a_silence_is_kept_once_it_is_over(
    conn: Connection, silent: timedelta, *, kept: bool
) -> None:
    heard(conn, timedelta(0))
    heard(conn, silent)

    assert [each.silent_since for each in states.standings(conn, "sales")][1:] == [NOON] * kept


def test_an_account_is_kept_when_it_is_otherwise_or_was_not_told_for_long(
    conn: Connection,
) -> None:
    told(conn, timedelta(0))
    told(conn, 15 * MINUTE)
    told(conn, 30 * MINUTE, micros=6)
    told(conn, 2 * HOUR, micros=6)
    told(conn, 2 * HOUR + MINUTE, micros=6, caps=(Cap(name="calls today", limit=5, used=1),))

    found = states.accounts(conn, "sales")

    times = [(each.account.seen_at - NOON, each.before and each.before - NOON) for each in found]
    assert times == [
        (timedelta(0), None),
        (30 * MINUTE, 15 * MINUTE),
        (2 * HOUR, 30 * MINUTE),
        (2 * HOUR + MINUTE, 2 * HOUR),
    ]


def test_what_stood_no_more_is_forgotten_and_what_still_did_is_not(conn: Connection) -> None:
    for n in range(4):
        told(conn, n * HOUR, micros=n)
    heard(conn, timedelta(0))
    ran(conn, 0, 0)
    ran(conn, 3, 3)

    gone = [states.prune(conn, NOON + 2 * HOUR + MINUTE, piece=1) for _ in range(4)]

    assert gone == [1, 1, 0, 0]
    assert [each.account.balance_micros for each in states.accounts(conn, "sales")] == [2, 3]
    assert len(states.standings(conn, "sales")) == 1
    assert len(states.runs(conn)) == 2


def test_nobody_judged_before_a_process_began_and_after_it_was_gone(conn: Connection) -> None:
    assert processes.ran(conn) == []

    ran(conn, 0, 0, 1)
    ran(conn, 3, 4)

    (first, second) = processes.ran(conn)
    assert (first[0], second[0]) == (NOON, NOON + 3 * HOUR)
    assert first[1] - first[0] == HOUR + timedelta(microseconds=1)
    assert second[1] == NOON + 4 * HOUR + MINUTE


def test_one_that_stopped_in_order_ran_no_longer_than_that(conn: Connection) -> None:
    ran(conn, 0, 1)
    processes.stopped(conn, NOON, NOON + 2 * HOUR)
    ((_, ended),) = processes.ran(conn)
    ran(conn, 0, 3)  # it had only read its configuration anew
    ((_, last),) = processes.ran(conn)

    assert ended - ended.resolution == NOON + 2 * HOUR
    assert last == NOON + 3 * HOUR + MINUTE


def test_times_in_which_processes_ran_are_in_order_after_the_clock_was_set_back(
    conn: Connection,
) -> None:
    ran(conn, 0, 1)
    ran(conn, 5, 6)
    ran(conn, 2, 3)

    starts = [start for start, _ in processes.ran(conn)]

    assert starts == [NOON, NOON + 2 * HOUR, NOON + 5 * HOUR]
