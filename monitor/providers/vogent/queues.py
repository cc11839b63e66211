"""How many people wait: counted row by row, because nothing tells it."""

from array import array
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from monitor.errors import NotFoundError, ProviderError
from monitor.providers.account import Account, part
from monitor.providers.answers import decoded
from monitor.providers.vogent.cursors import CursorList, Cut

# Where rows leave from the front, the front tells how many are left. Everything is counted
# again this often, for whoever was added at the end or taken out of the middle.
_COUNT_EVERY = timedelta(minutes=5)
_FRONT = 20
_MOST = 500


class _Id(msgspec.Struct, gc=False):
    id: str | int


_ID = msgspec.json.Decoder(_Id)


@dataclass
class _Kept:
    """The rows of a queue in their order, as digests, when they were last counted."""

    rows: "array[int]"
    counted_at: datetime

    def left(self, front: "array[int]") -> int | None:
        """How many are left behind the front, itself included; None where it does not fit."""
        try:
            gone = self.rows.index(front[0])
        except ValueError:
            return None
        return len(self.rows) - gone if self.rows[gone : gone + len(front)] == front else None


class Queues:
    """Counts the queues of one account's jobs. What it keeps saves questions, no more."""

    def __init__(self, account: Account) -> None:
        self._front = CursorList(account, "the queue", _FRONT, _FRONT)
        self._whole = CursorList(account, "the queue", _MOST, _MOST)
        self._kept: dict[str, _Kept] = {}

    async def count(self, batch_id: str, now: datetime, *, final: bool) -> int:
        """How many rows wait; ``final``: the job has ended, so that every row is looked at."""
        kept = self._kept.get(batch_id)
        try:
            if kept is not None and not final and now - kept.counted_at < _COUNT_EVERY:
                left = await self._by_front(batch_id, kept)
                if left is not None:
                    return left
            return await self._count(batch_id, keep=not final)
        except NotFoundError as error:
            # The job itself was found a moment ago: it has not vanished.
            raise ProviderError("contract", f"the queue of a job that is there: {error}") from error

    async def _by_front(self, batch_id: str, kept: _Kept) -> int | None:
        async with aclosing(self._front.pages(*_asked(batch_id))) as pages:
            async for cut in pages:
                rows = _digests(cut)
                if cut.after is None:
                    return len(rows)
                left = kept.left(rows) if len(rows) else None
                if left is not None:
                    del kept.rows[: len(kept.rows) - left]
                return left
        return None

    async def _count(self, batch_id: str, *, keep: bool) -> int:
        rows, at = array("q"), None
        async with aclosing(self._whole.pages(*_asked(batch_id))) as pages:
            async for cut in pages:
                at = at or cut.seen_at
                rows.extend(_digests(cut))
        self._kept.pop(batch_id, None)
        if keep and at is not None and len(rows) > _FRONT:
            self._kept[batch_id] = _Kept(rows, at)
        return len(set(rows))


def _asked(batch_id: str) -> tuple[str, dict[str, str]]:
    return f"/batch_dial_jobs/{part(batch_id)}/queue", {}


def _digests(cut: Cut) -> "array[int]":
    """A number for each row, by its id; by the row itself where it has none."""
    return array("q", [hash(_id(row)) for row in cut.rows])


def _id(row: msgspec.Raw) -> str | bytes:
    try:
        return str(decoded(_ID, row).id)
    except (ValueError, RecursionError):
        return bytes(row)
