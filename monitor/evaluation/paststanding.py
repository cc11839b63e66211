"""One provider with its open batches, as they stood at any time of the past.

How it stood is kept (store/states.py), and so are the times in which a process of Offhook's
ran; how its batches stood is known from their own pasts. A call counts from its end on.
"""

from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from monitor.core.calls import Spent
from monitor.core.instants import to_micros
from monitor.core.model import AccountState
from monitor.core.money import ENOUGH, Course
from monitor.core.pastwatch import ELSEWHERE, NEVER, Span, Watched, within
from monitor.core.people import LONG_AGO
from monitor.evaluation.context import ProviderView
from monitor.evaluation.providers import a_person
from monitor.store import batches, coming, processes, providers, states
from monitor.store.batches import BatchRow
from monitor.store.providers import MISSING, ProviderRow, encode_missing
from monitor.store.states import Stood, Told


@dataclass(slots=True)
class PastProvider:
    """A provider with its batches, as they stood at any time of its past."""

    conn: Connection
    view: ProviderView
    stood: Sequence[Stood]
    told: Sequence[Told]
    silent: Sequence[Span]
    ran: Sequence[Span]
    batches: Sequence[Watched]
    begun: datetime
    last_told: datetime | None = None
    open: list[tuple[Watched, BatchRow]] = field(default_factory=list)
    _to_come: deque[Watched] = field(default_factory=deque)
    _around: dict[int, tuple[Watched, BatchRow]] = field(default_factory=dict)
    _ended: list[datetime] = field(default_factory=list)
    _before: dict[tuple[int, int], dict[str, float]] = field(default_factory=dict)
    _ends: "array[int] | None" = None

    @classmethod
    def load(
        cls, conn: Connection, view: ProviderView, watched: Sequence[Watched], begun: datetime
    ) -> "PastProvider":
        """All that is kept of it, with what its batches' pasts say; ``begun``: since when."""
        # A clock that was set back leaves them in another order than they came in.
        stood = sorted(states.standings(conn, view.name), key=_stood_at)
        now = providers.load(conn, view.name, view.vendor)
        silent = [(each.silent_since, each.at) for each in stood if each.silent_since]
        if now.fresh_at is not None:
            silent.append((now.fresh_at, NEVER))
        return cls(
            conn=conn,
            view=view,
            stood=stood,
            told=sorted(states.accounts(conn, view.name), key=_told_at),
            silent=silent,
            ran=processes.ran(conn),
            batches=[each for each in watched if each.open],
            begun=begun,
            last_told=now.account.seen_at if now.account else None,
        )

    def __post_init__(self) -> None:
        self._to_come.extend(sorted(self.batches, key=_begun))
        self._ended.extend(sorted(end for each in self.batches for _, end in each.open))

    @property
    def turns(self) -> Iterator[datetime]:
        """When anything stood otherwise than before, but for what batches cost."""
        yield from (each.at for each in self.stood)
        yield from (each.account.seen_at for each in self.told)
        for span in (*self.silent, *self.ran):
            yield from span
        for each in self.batches:
            yield from each.turns

    def bring(self, now: datetime) -> None:
        """Know which batches are open from now on; time goes forward."""
        while self._to_come and _begun(self._to_come[0]) <= now:
            each = self._to_come.popleft()
            if _over(each) > now:
                self._around[each.batch] = each, batches.load(self.conn, each.batch)
        for batch in [key for key, (each, _) in self._around.items() if _over(each) <= now]:
            del self._around[batch]
        self.open = [known for known in self._around.values() if known[0].is_open(now)]

    def started_at(self, now: datetime) -> datetime | None:
        """When the process began that judged then; None where none did."""
        ran = within(self.ran, now)
        return None if ran is None else max(ran[0], self.begun)

    def row(self, now: datetime) -> ProviderRow:
        """The provider as it stood."""
        stood = self.stood[bisect_right(self.stood, now, key=_stood_at) - 1]
        silent = within(self.silent, now)
        heard = now if silent is None else silent[0]
        return ProviderRow(
            name=self.view.name,
            vendor=self.view.vendor,
            discovered_at=stood.discovered_at,
            fresh_at=None if stood.fresh_at is None else heard,
            failing_since=stood.failing_since,
            failure=stood.failure,
            failures=stood.failures,
            memory={MISSING: encode_missing(dict(stood.missing))} if stood.missing else {},
            account=self._account(now),
        )

    def _account(self, now: datetime) -> AccountState | None:
        place = bisect_right(self.told, now, key=_told_at)
        if not place:
            return None
        account = self.told[place - 1].account
        # It was told again and again until what came next, or until it was not any more.
        last = self.told[place].before if place < len(self.told) else self.last_told
        return replace(account, seen_at=max(min(now, last or now), account.seen_at))

    def watched(self, now: datetime) -> Iterator[BatchRow]:
        """Its open batches as they stood, but for those that had vanished beside others."""
        for each, row in self.open:
            gone_at, word = each.gone_at(now)
            if gone_at is not None and (word == ELSEWHERE or self._shown(each, gone_at, now)):
                continue
            fresh_at = each.fresh_at(now)
            yield replace(
                row,
                fresh_at=fresh_at,
                failure="no fresh answer" if fresh_at < now else None,
                gone_at=gone_at,
                unlisted_since=each.unlisted_since(now),
                unlisted_why=None,
                terminal_at=None,
            )

    def _shown(self, batch: Watched, since: datetime, now: datetime) -> bool:
        """Whether a batch known before was looked at since then."""
        others = (each for each in self.batches if each.batch != batch.batch)
        return any(_begun(each) < since and _looked_at(each, now) >= since for each in others)

    def courses(self, rows: Sequence[BatchRow], now: datetime) -> tuple[Course, ...]:
        """What these had cost and who was left; what they cost lately is in a sentence only."""
        known = {each.batch: each for each, _ in self.open}
        return tuple(self._course(known[row.id], row, now) for row in rows)

    def _course(self, batch: Watched, row: BatchRow, now: datetime) -> Course:
        need = batch.need(now)
        if need is None:
            return Course(title=row.look.title, left=0)
        return Course(
            title=row.look.title,
            left=need.left,
            dialled=need.dialled,
            spent=Spent(micros=need.micros),
            before={} if need.dialled >= ENOUGH else self._a_person(row, now),
        )

    def _a_person(self, row: BatchRow, now: datetime) -> dict[str, float]:
        """What a person cost in the batch before it: others only once another has ended."""
        ended = bisect_right(self._ended, now)
        known = self._before.get((row.id, ended))
        if known is None:
            report = batches.previous_report(self.conn, replace(row, terminal_at=now))
            known = self._before[row.id, ended] = a_person(report) if report else {}
        return known

    def calls_since(self, since: datetime, most: int, now: datetime) -> int:
        """How many of its calls had ended since then, counted no further than asked."""
        if self._ends is None:
            self._ends = coming.ends_since(self.conn, self.view.name, since)
        first, last = to_micros(since), to_micros(now)
        return min(bisect_right(self._ends, last) - bisect_right(self._ends, first), most)


def _stood_at(stood: Stood) -> datetime:
    return stood.at


def _told_at(told: Told) -> datetime:
    return told.account.seen_at


def _begun(each: Watched) -> datetime:
    return each.open[0][0]


def _over(each: Watched) -> datetime:
    return each.open[-1][1]


def _looked_at(each: Watched, now: datetime) -> datetime:
    """The newest look at a batch by then, whether it was still open or not."""
    if each.is_open(now):
        return each.fresh_at(now)
    return max((end for _, end in each.open if end <= now), default=LONG_AGO)
