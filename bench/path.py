"""Offhook's own path from page bytes to evaluated rules, on its real engine and adapter.

A fixture file is made once: a first reading of the list, as the daemon takes it, and as many
evaluations as it takes to know everybody. Each measurement works on a copy of that file and
of what the process remembers of pages, people and calls.
"""

import shutil
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import Connection, Engine, Table, func, select, update
from xxhash import xxh3_64

from bench.generator import NOW
from bench.results import Took, took
from monitor.clock import SystemClock
from monitor.config.rules import default_instances
from monitor.core.model import Batch, BatchStatus, Counts
from monitor.evaluation.accounts import PIECE
from monitor.evaluation.batches import BatchEvaluated, evaluate_batch
from monitor.evaluation.context import Context, ProviderView
from monitor.evaluation.telling import Routing
from monitor.http import HttpClient
from monitor.ingest import sweeps
from monitor.ingest.looks import take_look
from monitor.ingest.pages import PageBook, Read, decode
from monitor.providers import Page
from monitor.providers.graine import Graine, GraineSettings
from monitor.store import batches, schema
from monitor.store.engine import open_engine
from monitor.store.pages import PageState

SEED = 20260510
PROVIDER = "bench"
# What the sweeper settles on where a transaction is to take about 50 ms.
CHUNK = 1_000
MINUTE = timedelta(minutes=1)

adapter = Graine(
    PROVIDER,
    GraineSettings(vendor="graine", api_key=SecretStr("gat_bench")),
    HttpClient(SystemClock()),
    b"k" * 32,
)
context = Context(
    instances=default_instances(set()),
    providers={
        PROVIDER: ProviderView(
            name=PROVIDER,
            vendor="graine",
            capabilities=adapter.capabilities,
            blind_after=5 * MINUTE,
        )
    },
    routing=Routing(routes=(), receivers={}),
    zone="UTC",
    started_at=NOW - timedelta(hours=1),
)


@dataclass(slots=True)
class Known:
    """A database after a first reading, and what the process remembers of it."""

    file: Path
    batch: int
    look: Batch
    states: dict[str, dict[int, PageState]]
    context: Context


@dataclass(slots=True)
class Work:
    """One copy at work."""

    engine: Engine
    batch: int
    look: Batch
    book: PageBook
    context: Context = context
    spent: dict[str, float] = field(default_factory=dict)


def look_at(people: int, at: datetime) -> Batch:
    """A look at the running batch."""
    return Batch(
        provider=PROVIDER,
        batch_id="btc_bench0001",
        status=BatchStatus.RUNNING,
        seen_at=at,
        name="bench",
        concurrency=200,
        counts=Counts(total=people, live=0, waiting=0),
    )


def prepare(file: Path, people: int, pages: Sequence[bytes]) -> Known:
    """Take a first reading into a new database, as the daemon does."""
    for old in file.parent.glob(f"{file.name}*"):
        old.unlink()
    engine = open_engine(file, create=True)
    # Long enough before that each copy writes down that it was judged, not what is measured.
    at = NOW - 2 * MINUTE
    look = look_at(people, at)
    with engine.begin() as conn:
        row = take_look(conn, look, baseline=True)
        sweeps.begin_sweep(conn, row.id, at)
    book = PageBook({}, SEED)
    work = Work(engine, row.id, look, book, remembering(context))
    take_in(work, pages, at)
    with engine.begin() as conn:
        swept = sweeps.Swept(counts=look.counts, rows=people, run=1, every_page=True, anew=True)
        sweeps.finish_sweep(conn, row.id, swept, at)
    for _ in range(2 + people // PIECE):  # until it has walked past everybody
        judge(work, at)
    close(engine)
    states = book._pages  # noqa: SLF001 - what the process remembers
    return Known(file, row.id, look, states, work.context)


def remembering(known: Context) -> Context:
    """The same with a memory of its own of people and the newest calls.

    What is asked about other batches now and then only is remembered across the copies.
    """
    return replace(known, people=deepcopy(known.people), recent=deepcopy(known.recent))


def close(engine: Engine) -> None:
    """Copy the WAL back and let go of the file."""
    _checkpoint(engine, "TRUNCATE")
    engine.dispose()


def _checkpoint(engine: Engine, mode: str) -> None:
    raw = engine.raw_connection()
    raw.cursor().execute(f"PRAGMA wal_checkpoint({mode})")
    raw.close()


@contextmanager
def copy_of(known: Known, name: str = "work.db") -> Iterator[Work]:
    """A copy of the database, opened and warm, with its own memory of the pages."""
    file = known.file.with_name(name)
    shutil.copy(known.file, file)
    engine = open_engine(file, create=True)
    states = {
        listing: {
            number: PageState(
                state.digest, array("Q", state.slices), array("I", state.dues), state.marks
            )
            for number, state in pages.items()
        }
        for listing, pages in known.states.items()
    }
    try:
        # As in the daemon, the batch was read and judged a moment before, and what that wrote
        # was copied back: the WAL begins anew in the blocks that it has.
        with engine.begin() as conn:
            conn.execute(update(schema.contacts).values(value=schema.contacts.c.value))
            conn.execute(select(func.max(schema.calls.c.outcome))).all()
        _checkpoint(engine, "PASSIVE")
        work = Work(
            engine, known.batch, known.look, PageBook(states, SEED), remembering(known.context)
        )
        judge(work, NOW - MINUTE / 2)
        work.book.overdue(NOW - MINUTE / 2)
        yield work
    finally:
        engine.dispose()
        for each in file.parent.glob(f"{name}*"):
            each.unlink()


def take_in(work: Work, pages: Sequence[bytes], at: datetime) -> int:
    """Compare, decode and write what differs, in chunks; how many people differed."""
    waiting: list[Read] = []
    items = found = 0
    for number, body in enumerate(pages):
        difference = work.book.compare(adapter, Page("contacts", number, body, at))
        if difference is None:
            continue
        read = decode(adapter, work.look, difference)
        waiting.append(read)
        items += len(read.items)
        if items >= CHUNK:
            _write(work, waiting, at)
            found += items
            waiting, items = [], 0
    if waiting:
        _write(work, waiting, at)
    work.book.release()
    return found + items


def _write(work: Work, reads: Sequence[Read], at: datetime) -> None:
    with work.engine.begin() as conn:
        taken = sweeps.take_pages(conn, work.batch, work.book, reads, at)
    sweeps.remember(work.book, taken)


def judge(work: Work, at: datetime) -> BatchEvaluated | None:
    """All rules on the batch, in their transaction."""
    with work.engine.begin() as conn:
        return evaluate_batch(conn, work.batch, work.context, at)


def run(work: Work, pages: Sequence[bytes], at: datetime = NOW) -> Took:
    """What it takes from page bytes to evaluated rules."""
    return took(lambda: (take_in(work, pages, at), judge(work, at)))


COUNTED = (
    schema.contacts,
    schema.moved_contacts,
    schema.calls,
    schema.changes,
    schema.pages,
    schema.page_moves,
)


def contents(work: Work) -> tuple[object, ...]:
    """Every row of the snapshot's tables, digested: equal where nothing was written."""
    with work.engine.begin() as conn:
        return tuple(_digest(conn, table) for table in COUNTED)


def _digest(conn: Connection, table: Table) -> tuple[int, int]:
    digest = xxh3_64()
    count = 0
    for row in conn.execute(select(table)):
        digest.update(repr(tuple(row)).encode())
        count += 1
    return count, digest.intdigest()


def tally(work: Work) -> dict[str, int]:
    """The batch's counters as stored."""
    with work.engine.begin() as conn:
        return dict(batches.load(conn, work.batch).tally)
