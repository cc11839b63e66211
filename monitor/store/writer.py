"""One writer, many readers: how the asynchronous shell reaches the synchronous store.

SQLite has one writer at a time; so has Offhook, in one thread with a queue by priority, so
that a long sweep never keeps an alert from leaving. A function is one transaction: it
commits when the function returns and leaves nothing when it raises. Cancelling the waiter
does not cut a transaction that has begun.
"""

import asyncio
import contextlib
import itertools
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from enum import IntEnum
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DatabaseError

from monitor.errors import StoreError
from monitor.store.engine import driver, explained, open_engine

T = TypeVar("T")
CHECKPOINT_AFTER_S = 1.0


class Priority(IntEnum):
    """Who goes first when several transactions wait."""

    INBOX = 0
    OUTBOX = 1
    NEWS = 2  # what has just come in, with the judging of what it moved
    EVALUATE = 3
    INGEST = 4
    RETENTION = 5


class Store:
    """The database of one daemon."""

    def __init__(
        self,
        engine: Engine,
        path: Path | None = None,
        *,
        checkpoint_after_s: float = CHECKPOINT_AFTER_S,
        alone: bool = True,
    ) -> None:
        """``alone`` False: a daemon may use the file too, so its WAL is never cut short."""
        self._alone = alone
        self.engine = engine
        self.path = path
        self._checkpoint_after_s = checkpoint_after_s
        self._order = itertools.count()
        self._queue: queue.PriorityQueue[tuple[int, int, Callable[[Connection], Any], Any]] = (
            queue.PriorityQueue()
        )
        self._readers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="store-read")
        self._stopped = threading.Event()
        self._written = threading.Event()
        self._threads = (
            threading.Thread(target=self._write_loop, name="store-write", daemon=True),
            threading.Thread(target=self._checkpoint_loop, name="store-checkpoint", daemon=True),
        )
        for thread in self._threads:
            thread.start()

    @classmethod
    def open(cls, path: Path) -> "Store":
        """Open or create the database file and start its threads."""
        return cls(open_engine(path, create=True), path)

    async def read(self, fn: Callable[[Connection], T]) -> T:
        """Run a function in a read transaction of its own."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read, fn)

    async def write(self, priority: Priority, fn: Callable[[Connection], T]) -> T:
        """Run a function in a write transaction, in its turn."""
        future: Future[T] = Future()
        self._queue.put((priority, next(self._order), fn, future))
        return await asyncio.shield(asyncio.wrap_future(future))

    def waiting(self) -> int:
        """How many transactions wait for their turn."""
        return self._queue.qsize()

    def close(self) -> None:
        """Finish what is queued, checkpoint, and let go of the file."""
        self._queue.put((len(Priority), next(self._order), _nothing, None))
        self._threads[0].join()
        self._stopped.set()
        self._written.set()
        self._threads[1].join()
        self._readers.shutdown()
        self.engine.dispose()

    def _read(self, fn: Callable[[Connection], T]) -> T:
        try:
            with self.engine.connect() as conn:
                reader = conn.execution_options(read_only=True)
                with reader.begin():
                    return fn(reader)
        except (DatabaseError, driver.Error) as error:
            raise explained(error, self.path) from error

    def _write_loop(self) -> None:
        while True:
            _, _, fn, future = self._queue.get()
            if future is None:
                return
            if not future.set_running_or_notify_cancel():
                continue
            try:
                with self.engine.begin() as conn:
                    result = fn(conn)
            except (DatabaseError, driver.Error) as error:  # hot statements raise the driver's
                future.set_exception(self._chained(error))
            except BaseException as error:  # noqa: BLE001 - the waiter raises it again
                future.set_exception(error)
            else:
                future.set_result(result)
            self._written.set()

    def _chained(self, error: Exception) -> StoreError:
        wrapped = explained(error, self.path)
        wrapped.__cause__ = error
        return wrapped

    def _checkpoint_loop(self) -> None:
        """Copy the WAL back beside the commits, so that no commit waits for it.

        A while after the first of them: what follows a rest is often an alert on its way, of
        several commits, and both would wait for one disk.
        """
        while self._written.wait() and not self._stopped.wait(self._checkpoint_after_s):
            self._written.clear()
            self._checkpoint("PASSIVE")
        # That waits for every reader, and keeps every writer waiting meanwhile.
        self._checkpoint("TRUNCATE" if self._alone else "PASSIVE")

    def _checkpoint(self, mode: str) -> None:
        # Busy, full or out of reach: the next round tries again.
        with contextlib.suppress(driver.Error):
            raw = self.engine.raw_connection()
            try:
                raw.cursor().execute(f"PRAGMA wal_checkpoint({mode})")
            finally:
                raw.close()


def _nothing(conn: Connection) -> None:
    del conn
