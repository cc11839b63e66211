"""One writer in turn, readers beside it, and what a waiter learns."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from monitor.errors import StoreError
from monitor.store import hot
from monitor.store import settings as kept
from monitor.store.engine import open_engine
from monitor.store.schema import settings
from monitor.store.writer import Priority, Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "offhook.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    made = Store.open(path)
    yield made
    made.close()


class Held:
    """A transaction that stays open until it is let go."""

    def __init__(self, store: Store) -> None:
        self.begun = threading.Event()
        self.free = threading.Event()
        self.done = asyncio.create_task(store.write(Priority.RETENTION, self._run))

    def _run(self, conn: Connection) -> str:
        kept.save(conn, "held", "yes")
        self.begun.set()
        self.free.wait(10)
        return "done"

    async def running(self) -> None:
        await asyncio.to_thread(self.begun.wait, 10)


def note(store: Store, priority: Priority, log: list[str], name: str) -> "asyncio.Task[None]":
    return asyncio.create_task(store.write(priority, lambda conn: log.append(name)))


async def test_who_matters_more_goes_first_and_equals_keep_their_order(store: Store) -> None:
    held = Held(store)
    await held.running()
    log: list[str] = []
    tasks = [
        note(store, priority, log, f"{priority.name} {n}")
        for n in (1, 2)
        for priority in reversed(Priority)
    ]
    await asyncio.sleep(0)
    waiting = store.waiting()
    held.free.set()
    await asyncio.gather(held.done, *tasks)

    assert waiting == len(tasks)
    assert log == [f"{priority.name} {n}" for priority in Priority for n in (1, 2)]


async def test_what_a_function_returns_reaches_its_waiter(store: Store) -> None:
    def put(conn: Connection) -> int:
        kept.save(conn, "word", "kept")
        return 7

    assert await store.write(Priority.INGEST, put) == 7
    assert await store.read(lambda conn: kept.load(conn, "word")) == "kept"


async def test_an_error_goes_to_its_waiter_and_leaves_nothing(store: Store) -> None:
    def fail(conn: Connection) -> None:
        kept.save(conn, "word", "lost")
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        await store.write(Priority.INGEST, fail)

    assert await store.read(lambda conn: kept.load(conn, "word")) is None
    assert await store.write(Priority.INGEST, lambda conn: "goes on") == "goes on"


async def test_a_waiter_that_gives_up_does_not_cut_its_transaction(store: Store) -> None:
    held = Held(store)
    await held.running()
    held.done.cancel()
    with pytest.raises(asyncio.CancelledError):
        await held.done
    held.free.set()

    assert await store.write(Priority.RETENTION, lambda conn: kept.load(conn, "held")) == "yes"


async def test_a_waiter_that_gives_up_in_the_queue_still_gets_its_write(store: Store) -> None:
    held = Held(store)
    await held.running()
    waiting = asyncio.create_task(
        store.write(Priority.INGEST, lambda conn: kept.save(conn, "word", "kept"))
    )
    await asyncio.sleep(0)
    waiting.cancel()
    held.free.set()
    await held.done

    assert await store.write(Priority.RETENTION, lambda conn: kept.load(conn, "word")) == "kept"


async def test_a_reader_does_not_wait_for_the_writer(store: Store) -> None:
    held = Held(store)
    await held.running()
    seen = await store.read(lambda conn: kept.load(conn, "held"))
    held.free.set()
    await held.done

    assert seen is None


async def test_a_reader_sees_one_moment(store: Store) -> None:
    await store.write(Priority.INGEST, lambda conn: kept.save(conn, "word", "old"))
    looked, changed = threading.Event(), threading.Event()

    def look_twice(conn: Connection) -> tuple[str | None, str | None]:
        first = kept.load(conn, "word")
        looked.set()
        changed.wait(10)
        return first, kept.load(conn, "word")

    reading = asyncio.create_task(store.read(look_twice))
    await asyncio.to_thread(looked.wait, 10)
    await store.write(Priority.INGEST, lambda conn: kept.save(conn, "word", "new"))
    changed.set()

    assert await reading == ("old", "old")


async def test_closing_finishes_what_is_queued(path: Path) -> None:
    store = Store.open(path)
    held = Held(store)
    await held.running()
    task = asyncio.create_task(
        store.write(Priority.RETENTION, lambda conn: kept.save(conn, "last", "kept"))
    )
    await asyncio.sleep(0)
    closing = asyncio.create_task(asyncio.to_thread(store.close))
    held.free.set()
    await asyncio.gather(held.done, task, closing)

    engine = open_engine(path)
    with engine.connect() as conn:
        assert kept.load(conn, "last") == "kept"
    engine.dispose()


async def test_closing_leaves_no_log_beside_the_file(path: Path) -> None:
    store = Store.open(path)
    await store.write(Priority.INGEST, lambda conn: kept.save(conn, "word", "kept"))
    await asyncio.to_thread(store.close)

    wal = path.with_name(path.name + "-wal")
    assert not wal.exists() or wal.stat().st_size == 0


async def test_the_log_beside_the_file_is_copied_back_though_no_commit_does_it(path: Path) -> None:
    store = Store(open_engine(path, create=True), path, checkpoint_after_s=0.001)
    for n in range(5):
        await store.write(Priority.INGEST, partial(kept.save, name=f"s{n}", value="x" * 50))
    async with asyncio.timeout(10):
        while await asyncio.to_thread(frames_left, store):
            pass
    await asyncio.to_thread(store.close)


class Timed(Store):
    """Notes when the log is copied back."""

    copied: "list[float]"
    copying: threading.Event

    def _checkpoint(self, mode: str) -> None:
        self.copied.append(time.monotonic())
        self.copying.set()
        super()._checkpoint(mode)


async def test_after_a_rest_no_commit_is_disturbed_by_the_copying_of_the_first(path: Path) -> None:
    after_s = 0.1
    Timed.copied, Timed.copying = [], threading.Event()
    store = Timed(open_engine(path, create=True), path, checkpoint_after_s=after_s)
    rested = await asyncio.to_thread(Timed.copying.wait, 3 * after_s)
    began = time.monotonic()
    await store.write(Priority.INGEST, partial(kept.save, name="s", value="x"))
    copied = await asyncio.to_thread(Timed.copying.wait, 10)
    await asyncio.to_thread(store.close)

    assert (rested, copied) == (False, True)
    assert Timed.copied[0] - began >= after_s


def frames_left(store: Store) -> int:
    raw = store.engine.raw_connection()
    _, frames, copied = raw.cursor().execute("PRAGMA wal_checkpoint(NOOP)").fetchone()
    raw.close()
    return int(frames - copied)


def full(conn: Connection) -> None:
    used = conn.execute(text("PRAGMA page_count")).scalar_one()
    conn.execute(text(f"PRAGMA max_page_count = {used + 1}"))


def fill_slowly(conn: Connection) -> None:
    full(conn)
    kept.save(conn, "big", "x" * 100_000)


def fill_hot(conn: Connection) -> None:
    full(conn)
    hot.insert(conn, settings, [("big", "x" * 100_000)])


@pytest.mark.parametrize("fill", [fill_slowly, fill_hot], ids=["by core", "by a hot statement"])
async def test_a_full_disk_is_a_clear_error_and_leaves_nothing(
    store: Store, path: Path, fill: Callable[[Connection], None]
) -> None:
    with pytest.raises(StoreError) as raised:
        await store.write(Priority.INGEST, fill)

    assert str(raised.value) == (
        f"the database {path} cannot grow: the disk is full; free some space"
    )
    assert await store.read(lambda conn: kept.load(conn, "big")) is None


async def test_a_database_that_another_program_holds_is_a_clear_error(path: Path) -> None:
    store = Store(open_engine(path, create=True, busy_ms=1), path)
    other = open_engine(path)
    with other.begin():
        with pytest.raises(StoreError, match="is locked by another program"):
            await store.write(Priority.INGEST, lambda conn: None)
        assert await store.read(lambda conn: kept.load(conn, "none")) is None
    other.dispose()

    assert await store.write(Priority.INGEST, lambda conn: "goes on") == "goes on"
    await asyncio.to_thread(store.close)


async def test_two_stores_of_one_file_do_not_lose_a_write(path: Path) -> None:
    stores = [Store.open(path) for _ in range(2)]

    def add(conn: Connection) -> None:
        kept.save(conn, "n", str(int(kept.load(conn, "n") or 0) + 1))

    await asyncio.gather(*(each.write(Priority.INGEST, add) for each in stores * 20))

    assert await stores[0].read(lambda conn: kept.load(conn, "n")) == "40"
    for each in stores:
        await asyncio.to_thread(each.close)


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "a guest"])
async def test_a_guest_never_cuts_the_journal_of_others_short(path: Path, *, alone: bool) -> None:
    host = Store.open(path)  # its connections keep the file in use
    guest = Store(open_engine(path), path, alone=alone)
    await guest.write(Priority.INGEST, lambda conn: kept.save(conn, "a", "b"))
    journal = path.with_name(f"{path.name}-wal")
    assert journal.stat().st_size > 0

    await asyncio.to_thread(guest.close)

    assert (journal.stat().st_size > 0) is not alone
    assert await host.read(lambda conn: kept.load(conn, "a")) == "b"
    host.close()
