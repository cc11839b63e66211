"""Results that a workflow writes to a file, or to a directory with one file a batch."""

import asyncio
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from monitor.bodies import MIB
from monitor.clock import Clock
from monitor.errors import ProviderError
from monitor.providers.svalync.node import batch_in, batches_in, id_of

_MOST_BYTES = 64 * MIB
_MOST_FILES = 1000
# Two writes within the tick of a file system's clock leave one time; sooner than this after
# the last of them, a file with an unchanged time is read again.
_TICK_S = 2.0


@dataclass(frozen=True, slots=True)
class Result:
    """A batch as a file tells of it, and when that was written."""

    raw: bytes
    written_at: datetime


@dataclass(frozen=True, slots=True)
class _Read:
    """What one file held: its batches by id."""

    state: tuple[int, int, int]  # time, size, identity: unchanged means unread
    settled: bool
    batches: dict[str, bytes]


class Files:
    """Reads results, each file only when it has changed.

    A file that cannot be read whole, half-written ones among them, is a failure and never a
    conclusion. Times of writing are never later than now.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._known: dict[Path, _Read] = {}

    async def result(self, batch_id: str) -> Result:
        """What the file or directory tells of a batch; ProviderError where that is nothing."""
        return await asyncio.to_thread(self._result, batch_id)

    def now(self) -> datetime:
        """The time by the clock that written times are compared with."""
        return self._clock.now()

    def _result(self, batch_id: str) -> Result:
        try:
            if not self._path.is_dir():
                return self._from(self._path, batch_id)
            named = self._path / f"{batch_id}.json"
            # An id may hold anything; only a name inside the directory is one.
            if named.parent == self._path and named.is_file():
                return self._from(named, batch_id)
        except OSError as error:
            raise _unreadable(self._path, error) from error
        return self._searched(batch_id)

    def _from(self, path: Path, batch_id: str) -> Result:
        read = self._read(path)
        if batch_id not in read.batches:
            raise ProviderError("missing", f"{path} tells nothing of this batch")
        return Result(read.batches[batch_id], self._written(read))

    def _searched(self, batch_id: str) -> Result:
        """The newest of the files in the directory that tell of the batch."""
        found: list[_Read] = []
        failed: ProviderError | None = None
        for path in self._listed():
            try:
                read = self._read(path)
            except ProviderError as error:
                failed = error
            else:
                if batch_id in read.batches:
                    found.append(read)
        if not found:
            # The file that could not be read may be the one.
            raise failed or ProviderError(
                "missing", f"no file in {self._path} tells of this batch yet"
            )
        newest = max(found, key=lambda read: read.state)
        return Result(newest.batches[batch_id], self._written(newest))

    def _listed(self) -> list[Path]:
        try:
            paths = sorted(path for path in self._path.iterdir() if path.suffix == ".json")
        except OSError as error:
            raise _unreadable(self._path, error) from error
        if len(paths) > _MOST_FILES:
            text = f"{self._path} holds more than {_MOST_FILES} results; take old ones away"
            raise ProviderError("contract", text)
        self._known = {path: read for path, read in self._known.items() if path in set(paths)}
        return paths

    def _read(self, path: Path) -> _Read:
        known = self._known.get(path)
        try:
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                state = (status.st_mtime_ns, status.st_size, status.st_ino)
                if known is not None and known.settled and known.state == state:
                    return known
                body = file.read(_MOST_BYTES + 1)
        except OSError as error:
            raise _unreadable(path, error) from error
        if len(body) > _MOST_BYTES:
            raise ProviderError("oversize", f"{path} is larger than {_MOST_BYTES // MIB} MiB")
        age = self._clock.now().timestamp() - status.st_mtime
        read = _Read(state, age > _TICK_S, _by_id(body))
        self._known[path] = read
        return read

    def _written(self, read: _Read) -> datetime:
        at = datetime.fromtimestamp(read.state[0] / 1e9, UTC)
        return min(at, self._clock.now())


def _by_id(body: bytes) -> dict[str, bytes]:
    found = {}
    for raw in batches_in(body):
        try:
            batch_id = id_of(raw)
        except ValueError:
            continue
        found[batch_id] = batch_in(body, batch_id)
    return found


def _unreadable(path: Path, error: OSError) -> ProviderError:
    return ProviderError("missing", f"{path} cannot be read: {error.strerror or 'no reason told'}")
