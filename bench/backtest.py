"""Candidate rules over a million recorded changes: how many a second.

The history is kept as ingest keeps it: batches of 5,000 people, of whom 1 % are called
between one poll and the next, half a minute later; each poll is a look at the counts and a
reading of the list. It is written straight into the tables, once, and read by every rule.
"""

import random
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from bench import path
from bench.results import Result, median
from monitor.app.backtest import Asked, backtest
from monitor.core.model import (
    Batch,
    BatchStatus,
    Call,
    CallStatus,
    Contact,
    ContactStatus,
    Counts,
    EndedBy,
)
from monitor.core.tally import Tally, count_call, count_contact
from monitor.evaluation.context import Context
from monitor.store import batches, changes, snapshot
from monitor.store.advancing import first_row
from monitor.store.changes import Change
from monitor.store.coding import encode
from monitor.store.engine import open_engine
from monitor.store.hot import Row

SECOND_LIMIT = 100_000
PEOPLE = 5_000
_A_POLL = PEOPLE // 100
_POLL = timedelta(seconds=30)
_LOOKED_AT_FOR = timedelta(minutes=15)  # after its end
_START = datetime(2026, 5, 4, 9, tzinfo=UTC)
_ENDS = (
    [CallStatus.COMPLETED] * 55
    + [CallStatus.NO_ANSWER] * 25
    + [CallStatus.BUSY] * 10
    + [CallStatus.FAILED] * 10
)
_AFTER = {
    CallStatus.COMPLETED: ContactStatus.COMPLETED,
    CallStatus.NO_ANSWER: ContactStatus.RETRYING,
    CallStatus.BUSY: ContactStatus.RETRYING,
    CallStatus.FAILED: ContactStatus.EXHAUSTED,
}


def measure(directory: Path, recorded: int, times: int) -> list[Result]:
    """About so many recorded changes through all rules, by wall clock on all cores."""
    file = directory / "backtest.db"
    _remove(file)
    _fill(file, recorded)
    found, n, fires = [], 0, 0
    for _ in range(times):
        began = time.perf_counter()
        done = backtest(_asked(file), _quiet)
        found.append(done.changes / (time.perf_counter() - began))
        n, fires = done.changes, sum(each.fires for each in done.entries)
    _remove(file)
    rules = len(path.context.instances)
    note = f"{n:,} changes, {rules} rules, {fires:,} alerts; {min(found):,.0f} to {max(found):,.0f}"
    return [
        Result("backtest, changes a second", SECOND_LIMIT, median(found), at_least=True, note=note)
    ]


def _remove(file: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)


def _quiet(done: int, of: int) -> None:
    del done, of


def _asked(file: Path) -> Asked:
    context: Context = path.context
    until = _START + timedelta(days=30)
    return Asked(database=file, context=context, since=_START, until=until)


def _fill(file: Path, recorded: int) -> None:
    engine = open_engine(file, create=True)
    some = random.Random(path.SEED)
    n = number = 0
    while n < recorded:
        with engine.begin() as conn:
            n += _batch(conn, some, number)
        number += 1
    engine.dispose()


def _batch(conn: Connection, some: random.Random, number: int) -> int:
    """One batch; how many changes it has."""
    at = _START + number * timedelta(minutes=3)
    look = Batch(
        provider=path.PROVIDER,
        batch_id=f"b{number:04}",
        status=BatchStatus.RUNNING,
        seen_at=at,
        name=f"Renewals {number % 20}",
        counts=Counts(total=PEOPLE, finished=0, live=5, waiting=PEOPLE),
        concurrency=10,
    )
    row = batches.add(conn, first_row(look, baseline=False))
    tally: Tally = {}
    for i in range(PEOPLE):
        count_contact(tally, Contact(f"p{i:05}", ContactStatus.PENDING), 1)
    word = str(look.status)
    begun: list[Change] = [("batch", look.batch_id, None, word), _counted(look)]
    seq = changes.append(conn, row.id, 0, at, begun)
    for poll in range(PEOPLE // _A_POLL // 2):
        at += _POLL
        look, seq = _poll(conn, some, row.id, look, tally, seq, at, poll)
    at += _POLL
    look = replace(look, status=BatchStatus.COMPLETED, seen_at=at)
    end: list[Change] = [("batch", look.batch_id, word, str(look.status))]
    seq = changes.append(conn, row.id, seq, at, end)
    row = replace(
        row,
        look=look,
        tally=tally,
        seq=seq,
        open=False,
        fresh_at=at + _LOOKED_AT_FOR,
        moved_at=at,
        terminal_at=at,
        terminal_again_at=at,
        swept_at=at,
        listed_at=at,
        read_at=at,
        complete_at=at,
    )
    batches.save(conn, row)
    return seq


def _poll(
    conn: Connection,
    some: random.Random,
    batch: int,
    look: Batch,
    tally: Tally,
    seq: int,
    at: datetime,
    poll: int,
) -> tuple[Batch, int]:
    people: list[Row] = []
    ended: list[Row] = []
    moved: list[Change] = []
    dues: list[Change] = []
    for i in range(poll * _A_POLL, (poll + 1) * _A_POLL):
        status = some.choice(_ENDS)
        before = Contact(f"p{i:05}", ContactStatus.PENDING)
        due = at + timedelta(minutes=20)
        after = before._replace(
            status=_AFTER[status],
            last_attempt_at=at,
            next_retry_at=due if _AFTER[status] is ContactStatus.RETRYING else None,
        )
        call = _call(some, status, after, at)
        count_contact(tally, before, -1)
        count_contact(tally, after, 1)
        count_call(tally, call, 1)
        moved.append(("contact", after.contact_id, before.status, after.status))
        moved.append(("call", call.call_id, None, str(call.outcome)))
        if after.next_retry_at is not None:
            dues.append(changes.due(after.contact_id, None, after.next_retry_at))
        kept = snapshot.Person(after, 0, {call.call_id: call})
        people.append(snapshot.person_row(batch, kept))
        row = snapshot.ended_row(batch, after, call)
        if row is not None:
            ended.append(row)
    snapshot.save_people(conn, people)
    snapshot.save_ended(conn, (), ended)
    done = (poll + 1) * _A_POLL
    look = replace(
        look,
        seen_at=at,
        counts=replace(look.counts, finished=done, waiting=PEOPLE - done, live=4 + poll % 4),
    )
    seq = changes.append(conn, batch, seq, at, [_counted(look)])
    read = at + timedelta(milliseconds=200)
    return look, changes.append(conn, batch, seq, read, moved + dues)


def _call(some: random.Random, status: CallStatus, person: Contact, at: datetime) -> Call:
    talked = status is CallStatus.COMPLETED
    return Call(
        call_id=f"c{person.contact_id}",
        contact_id=person.contact_id,
        status=status,
        ended_at=at - timedelta(seconds=some.randrange(28)),
        ended_by=EndedBy.VENDOR,
        duration_s=some.randrange(8, 300) if talked else None,
        error_class="carrier block" if status is CallStatus.FAILED else None,
        from_number=some.choice(("••0134", "••0199", "••0175")),
        hangup_class="goal_completed" if talked else None,
        cost_micros=50_000,
        currency="USD",
        seen_at=at,
        detail_at=at,
    )


def _counted(look: Batch) -> Change:
    return changes.COUNTS, look.batch_id, None, encode(look.counts)
