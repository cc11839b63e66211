"""The other open batches beside one, as they stood at any time of its past.

What is known of each is laid out once, and asked as of a moment: which were dialling, when
they had moved last, and which of their calls had been seen by then.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from monitor.core.calls import Peer
from monitor.core.instants import to_micros
from monitor.core.model import BatchStatus
from monitor.core.past import KnownCalls
from monitor.core.pastcalls import PastCall
from monitor.core.pastmoves import Past
from monitor.core.pastwatch import NEVER, Span
from monitor.evaluation.standing import Standing
from monitor.store import batches, history
from monitor.store.batches import BatchRow
from monitor.store.peers import SIBLINGS

_CALLS_MOST = 500_000  # of the batches that are kept laid out
_NEVER = to_micros(NEVER)


class _Turn(NamedTuple):
    """From ``at`` on it stood so."""

    at: datetime
    running: bool
    moved_at: datetime


class _Version(NamedTuple):
    """A call as it was known from one time to before another, in microseconds."""

    call: PastCall
    since: int
    until: int


class Sibling:
    """One batch at any time of its past."""

    def __init__(self, row: BatchRow, past: Past, every: timedelta) -> None:
        """``every`` is how often it was looked at."""
        self.row = row
        self._turns = list(_turns(row, past, every))
        self._versions = sorted(_versions(past), key=_place)
        self._ends = [each.call.ended for each in self._versions]

    def __len__(self) -> int:
        return len(self._ends)

    def moved_at(self, now: datetime) -> datetime | None:
        """When it had moved last; None where it was not dialling."""
        place = bisect_right(self._turns, now, key=_at)
        turn = self._turns[place - 1] if place else None
        return turn.moved_at if turn is not None and turn.running else None

    def peer(self, start: datetime, now: datetime) -> Peer:
        """The batch with its calls that had ended after ``start`` and were known by now."""
        look, at = self.row.look, to_micros(now)
        first, stop = bisect_right(self._ends, to_micros(start)), bisect_right(self._ends, at)
        some = self._versions[first:stop]
        calls = KnownCalls.of([call for call, since, until in some if since <= at < until])
        return Peer(
            batch_id=look.batch_id,
            title=look.title,
            provider=look.provider,
            calls=calls,
            start=start,
            end=now,
        )


def _turns(row: BatchRow, past: Past, every: timedelta) -> Iterator[_Turn]:
    standing = Standing(final=row, every=every)
    standing.begin(past)
    yield _turn(standing, past.moments[0].at)
    for moment in past.moments[1:]:
        standing.take(moment)
        yield _turn(standing, moment.at)


def _turn(standing: Standing, at: datetime) -> _Turn:
    row = standing.row
    return _Turn(at, row.look.status is BatchStatus.RUNNING, row.moved_at)


def _versions(past: Past) -> Iterator[_Version]:
    open_: dict[str, tuple[PastCall, int]] = {each.call_id: (each, 0) for each in past.before}
    for moment in past.moments:
        at = to_micros(moment.at)
        for call in (*(each for each, _ in moment.calls), *moment.priced):
            if call.call_id in open_:
                yield _Version(*open_[call.call_id], at)
            open_[call.call_id] = call, at
    for call, since in open_.values():
        yield _Version(call, since, _NEVER)


def _at(turn: _Turn) -> datetime:
    return turn.at


def _place(version: _Version) -> tuple[int, str]:
    return version.call.ended, version.call.call_id


class Siblings:
    """Batches that were laid out once, for whichever batch asks: those asked for last."""

    def __init__(self, most: int = _CALLS_MOST) -> None:
        """``most`` calls of them are kept."""
        self._most = most
        self._calls = 0
        self._known: OrderedDict[int, Sibling] = OrderedDict()

    def get(self, conn: Connection, batch: int, every: timedelta) -> Sibling | None:
        """One batch; None where nobody watched it."""
        known = self._known.get(batch)
        if known is None:
            row = batches.load(conn, batch)
            past = history.past(conn, row, every, retries=False)
            if not past.whole:
                return None
            known = self._known[batch] = Sibling(row, past, every)
            self._calls += len(known)
        self._known.move_to_end(batch)
        while self._calls > self._most and len(self._known) > 1:
            self._calls -= len(self._known.popitem(last=False)[1])
        return known


@dataclass(slots=True, kw_only=True)
class Beside:
    """Who stood beside one batch. ``reach``: no window that is asked about is longer."""

    conn: Connection
    row: BatchRow
    known: Siblings
    every: timedelta
    begun: datetime
    until: datetime
    reach: timedelta
    _ids: list[int] | None = None
    _asked: tuple[Span, tuple[Peer, ...]] | None = None

    def at(self, now: datetime, unseen_since: datetime | None = None) -> tuple[Peer, ...]:
        """The others of its provider that were dialling, those that had moved last.

        ``unseen_since``: windows of any time since then are asked about, too.
        """
        start = min(now, unseen_since or now) - self.reach
        if self._asked is None or self._asked[0] != (start, now):
            self._asked = (start, now), tuple(self._peers(start, now))
        return self._asked[1]

    def _peers(self, start: datetime, now: datetime) -> Iterator[Peer]:
        if self._ids is None:
            self._ids = history.beside(self.conn, self.row, self.begun, self.until)
        found: list[tuple[datetime, Sibling]] = []
        for batch in self._ids:
            each = self.known.get(self.conn, batch, self.every)
            moved_at = None if each is None else each.moved_at(now)
            if each is not None and moved_at is not None:
                found.append((moved_at, each))
        found.sort(key=_moved, reverse=True)
        for _, each in found[:SIBLINGS]:
            yield each.peer(start, now)


def _moved(pair: tuple[datetime, Sibling]) -> datetime:
    return pair[0]
