"""The pages of a job for a reading: its dials, and who waits.

A dial's row weighs as much as an agent and a transcript, so a quick reading begins where new
dials stand and ends as soon as it may. Until the list has shown which way it runs, every page
is read.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from monitor.core.model import Batch
from monitor.errors import ProviderError
from monitor.providers import Page, Stop
from monitor.providers.account import Account, part
from monitor.providers.vogent.cursors import CursorList, Cut, Place
from monitor.providers.vogent.dials import times
from monitor.providers.vogent.order import Order, Trail
from monitor.providers.vogent.unseen import Unseen

DIALS, QUEUE = "dials", "queue"
_FEW_DIALS, _MOST_DIALS = 10, 50
_MOST_WAITING = 500
# A remembered place that the vendor knows no more.
_LOST = frozenset({"contract", "not_found", "garbage"})


class Pages:
    """Reads the lists of one account's jobs. What it keeps saves questions, no more."""

    def __init__(self, account: Account, unseen: Unseen) -> None:
        self._unseen = unseen
        self._dials = CursorList(account, "the list of dials", _FEW_DIALS, _MOST_DIALS)
        self._queue = CursorList(account, "the queue", _MOST_WAITING, _MOST_WAITING)
        self._order = Order()
        self._tails: dict[str, Place] = {}
        self._met: set[str] = set()

    async def of(self, batch: Batch) -> AsyncGenerator[Page, None]:
        """Every page of both lists; the queue last, but first where a job was never read.

        Whoever leaves the queue while the dials are read is so seen at least once.
        """
        met = batch.batch_id in self._met
        lists = (self._dialled, self._waiting) if met else (self._waiting, self._dialled)
        for read in lists:
            async with aclosing(read(batch)) as pages:
                async for page in pages:
                    yield page
            self._met.add(batch.batch_id)

    async def _waiting(self, batch: Batch) -> AsyncGenerator[Page, None]:
        path = f"/batch_dial_jobs/{part(batch.batch_id)}/queue"
        async with aclosing(self._queue.pages(path, {})) as pages:
            async for cut in pages:
                if cut.after is None:
                    self._unseen.queue_read(batch.batch_id, cut.seen_at)
                yield _page(QUEUE, cut, Stop.NEVER)

    async def _dialled(self, batch: Batch) -> AsyncGenerator[Page, None]:
        """The dials, from where new ones are expected."""
        tail = self._tails.get(batch.batch_id) if self._order.oldest_first else None
        if tail is not None:
            async with aclosing(self._behind(batch, tail)) as pages:
                async for page in pages:
                    yield page
        read_behind = tail if batch.batch_id in self._tails else None
        async with aclosing(self._from_front(batch, read_behind)) as pages:
            async for page in pages:
                yield page

    async def _behind(self, batch: Batch, tail: Place) -> AsyncGenerator[Page, None]:
        """The end of the list, from a remembered place; nothing where that is known no more."""
        try:
            async with aclosing(self._cuts(batch, tail)) as cuts:
                async for cut in cuts:
                    yield _page(DIALS, cut, Stop.HERE if cut.after is None else Stop.NEVER)
        except ProviderError as error:
            if error.kind not in _LOST:
                raise
            self._tails.pop(batch.batch_id, None)

    async def _from_front(self, batch: Batch, tail: Place | None) -> AsyncGenerator[Page, None]:
        """The list from its beginning, up to the place behind which it was read already."""
        read = 0
        async with aclosing(self._cuts(batch, None)) as cuts:
            async for cut in cuts:
                read += len(cut.rows)
                yield _page(DIALS, cut, self._stop(batch, read))
                if tail is not None and cut.after == tail.cursor:
                    return

    async def _cuts(self, batch: Batch, start: Place | None) -> AsyncGenerator[Cut, None]:
        path = f"/batch_dial_jobs/{part(batch.batch_id)}/dials"
        trail, read = Trail(), 0
        places: list[tuple[int, Place]] = []  # with the rows that were read before each
        async with aclosing(self._dials.pages(path, {}, start)) as cuts:
            async for cut in cuts:
                told = [times(row, cut.seen_at) for row in cut.rows]
                self._order.see([each.moments for each in told], trail)
                for span in (each.span for each in told if each.span is not None):
                    self._unseen.ended(batch.batch_id, span)
                if cut.cursor is not None:
                    places.append((read, Place(cut.number, cut.cursor)))
                read += len(cut.rows)
                if cut.after is None and places:
                    self._tails[batch.batch_id] = self._tail(batch, places, read)
                yield cut

    def _tail(self, batch: Batch, places: Sequence[tuple[int, Place]], read: int) -> Place:
        """Where new dials stand from: the last page, or as many rows before the end as lines.

        Where dials stand as they were created, one that took long stands before shorter ones.
        """
        deep = 1 if self._order.last_ended_last else batch.concurrency or 1
        far = [place for before, place in places if read - before >= deep]
        return far[-1] if far else places[0][1]

    def _stop(self, batch: Batch, read: int) -> Stop:
        """Whether a quick reading may end so far from the front.

        Where dials stand as they were created, one that took long stands behind shorter ones:
        as many as there are lines are looked through.
        """
        if self._order.last_changed_first:
            return Stop.KNOWN
        deep = read >= (batch.concurrency or 1)
        return Stop.KNOWN if self._order.newest_first and deep else Stop.NEVER


def _page(listing: str, cut: Cut, stop: Stop) -> Page:
    return Page(listing, cut.number, cut.body, cut.seen_at, cut.after is None, stop)
