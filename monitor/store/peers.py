"""The batches that one batch is compared with, and what is remembered of calls of before.

What calls came to that ended long ago is asked again in every evaluation, of many batches at
once. ``Remembered`` keeps such answers while the process runs: of ended batches until
something changes about them, of open ones for spans that lie well back.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Column, Connection, Select, bindparam, literal_column, select, true

from monitor.core.baseline import SETTLED
from monitor.core.calls import Answer, Peer, Window
from monitor.core.instants import EPOCH
from monitor.core.model import BatchStatus
from monitor.store import among, hot
from monitor.store.batches import BatchRow
from monitor.store.ended import window_of, windows
from monitor.store.schema import batches, to_micros
from monitor.store.windows import StoredCalls, Told

# Calls whose end nobody timed stand at 0, and count among all of a batch.
_EVER = EPOCH - timedelta(microseconds=1)
_LAST = datetime(9999, 1, 1, tzinfo=UTC)
_OLDEST = timedelta(days=60)  # whatever ended before is no measure of today
SIBLINGS = 10  # of the provider, and as many of all others: enough to compare with
_BATCHES, _ANSWERS = 2_000, 200  # remembered: of so many batches, so many of each

_batch = batches.c
_COLUMNS = (_batch.id, _batch.batch_id, _batch.name, _batch.provider, _batch.seq)


class Remembered:
    """Answers about calls, by batch: bounded, and shared by all evaluations of a process."""

    def __init__(self) -> None:
        self._told: OrderedDict[tuple[int, int], Told] = OrderedDict()

    def of(self, batch: int, seq: int = -1) -> Told:
        """What was told of a batch, as long as this is its last change; -1: of one that moves."""
        told = self._told.setdefault((batch, seq), {})
        self._told.move_to_end((batch, seq))
        if len(told) > _ANSWERS:
            told.clear()
        if len(self._told) > _BATCHES:
            self._told.popitem(last=False)
        return told


def _ended(column: Column[Any]) -> Select[Any]:
    return (
        select(*_COLUMNS)
        .where(
            _batch.provider == bindparam("provider"),
            column == bindparam("value"),
            _batch.terminal_at < bindparam("before"),
            _batch.terminal_at > bindparam("oldest"),
            _batch.id != bindparam("own"),
            ~_batch.pruned,
        )
        .order_by(_batch.terminal_at.desc())
        .limit(bindparam("most"))
    )


def _open(*, here: bool) -> Select[Any]:
    provider: Any = bindparam("provider")
    return (
        select(*_COLUMNS)
        .where(
            _batch.open == true(),
            _batch.status == literal_column(f"'{BatchStatus.RUNNING.value}'"),
            _batch.provider == provider if here else _batch.provider != provider,
            _batch.id != bindparam("own"),
        )
        .order_by(_batch.moved_at.desc())
        .limit(literal_column(str(SIBLINGS)))
    )


_OF_CAMPAIGN, _OF_NAME = _ended(_batch.campaign), _ended(_batch.name)
_HERE, _ELSEWHERE = _open(here=True), _open(here=False)
_WINDOWS = windows(2 * SIBLINGS)


class _Siblings:
    """The calls of batches that are asked the same: a window is counted for all at once."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._batches: list[int] = []
        self._windows: dict[tuple[datetime, datetime], dict[int, Window]] = {}

    def calls(self, batch: int) -> "_SiblingCalls":
        """The calls of one more of them."""
        self._batches.append(batch)
        return _SiblingCalls(self._conn, batch, self)

    def window(self, batch: int, start: datetime, end: datetime) -> Window:
        """The calls of one of them that ended in a span."""
        if (start, end) not in self._windows:
            self._windows[start, end] = self._ask(start, end)
        return self._windows[start, end][batch]

    def _ask(self, start: datetime, end: datetime) -> dict[int, Window]:
        rows: dict[int, list[hot.Row]] = {batch: [] for batch in self._batches}
        span = {"start": to_micros(start), "until": to_micros(end)}
        asked = among.filled(self._batches, 2 * SIBLINGS)
        for batch, *counted in hot.ask(self._conn, _WINDOWS, **asked, **span):
            rows[batch].append(tuple(counted))
        return {batch: window_of(some, start, end) for batch, some in rows.items()}


class _SiblingCalls(StoredCalls):
    """The calls of one of them."""

    def __init__(self, conn: Connection, batch: int, siblings: _Siblings) -> None:
        super().__init__(conn, batch)
        self._siblings = siblings

    def _window(self, start: datetime, end: datetime) -> Window:
        return self._siblings.window(self._batch, start, end)


class StoredPeers:
    """Peers of one batch; who they are is asked once."""

    def __init__(
        self, conn: Connection, row: BatchRow, remembered: Remembered, now: datetime
    ) -> None:
        self._conn = conn
        self._row = row
        self._remembered = remembered
        self._now = now
        self._previous: dict[int, tuple[Peer, ...]] = {}
        self._siblings: tuple[Peer, ...] | None = None
        self._own: StoredCalls | None = None
        self._standing: list[tuple[int, int]] = []  # the ended ones, and their last changes

    def previous(self, n: int) -> tuple[Peer, ...]:
        """The last n ended batches of its campaign, else of its name, newest first."""
        if n not in self._previous:
            look = self._row.look
            found = self._ended_ones(_OF_CAMPAIGN, look.campaign, n)
            found = found or self._ended_ones(_OF_NAME, look.name, n)
            self._previous[n] = found
        return self._previous[n]

    def siblings(self) -> tuple[Peer, ...]:
        """Other open batches that are dialling now, those that moved last."""
        if self._siblings is None:
            asked = {"provider": self._row.look.provider, "own": self._row.id}
            rows = (*hot.ask(self._conn, _HERE, **asked), *hot.ask(self._conn, _ELSEWHERE, **asked))
            together = _Siblings(self._conn)
            self._siblings = tuple(_peer(row, together.calls(row[0])) for row in rows)
        return self._siblings

    def once(self, question: Hashable, ask: Callable[[], Answer]) -> Answer:
        """What was answered before about the same batches as they stand, else what is now."""
        told = self._remembered.of(self._row.id)
        key = ("once", question, tuple(self._standing))
        found: Answer | None = told.get(key)
        if found is None:
            found = told[key] = ask()
        return found

    def own(self) -> StoredCalls:
        """The batch's own calls, of which what lies well back is remembered."""
        if self._own is None:
            old = self._remembered.of(self._row.id)
            self._own = StoredCalls(
                self._conn, self._row.id, old=old, old_until=self._now - SETTLED
            )
        return self._own

    def _ended_ones(self, statement: Select[Any], value: str | None, n: int) -> tuple[Peer, ...]:
        if not value:
            return ()
        before = self._row.terminal_at or self._now
        rows = hot.ask(
            self._conn,
            statement,
            provider=self._row.look.provider,
            value=value,
            before=to_micros(before),
            oldest=to_micros(before - _OLDEST),
            own=self._row.id,
            most=n,
        )
        return tuple(_peer(row, self._standing_calls(row[0], row[-1])) for row in rows)

    def _standing_calls(self, batch: int, seq: int) -> StoredCalls:
        """The calls of a batch that ended, and what was told of them since its last change."""
        self._standing.append((batch, seq))
        return StoredCalls(self._conn, batch, self._remembered.of(batch, seq))


def _peer(row: hot.Row, of: StoredCalls) -> Peer:
    _, batch_id, name, provider, _ = row
    return Peer(
        batch_id=batch_id,
        title=name or batch_id,
        provider=provider,
        calls=of,
        start=_EVER,
        end=_LAST,
    )
