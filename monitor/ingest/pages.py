"""Reading pages without decoding what is known: digest of the page, then of each item.

Digests are salted, so that a vendor's text cannot be made to collide, and the salt changes
with the adapter's version, so that an upgrade reads everything again. A book changes only
after the transaction that wrote what it says (``keep``).
"""

import sys
from array import array
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
from xxhash import xxh3_64_intdigest

from monitor.core.model import OPEN_CONTACT, Batch, CallStatus, ContactStatus, Item
from monitor.ingest import marks
from monitor.providers import Page, Provider
from monitor.store import pages as stored
from monitor.store.pages import CLOSED, LIVE, WAITING, PageState, recheck_at, retry_at

Raw = bytes | memoryview | msgspec.Raw
# A slice that could not be read or was not wholly applied: equal to nothing, so read again.
UNREAD = 0
# Pages ahead of the first people that wait: a dialler walks on while we read.
AHEAD = 2
# So many pages around are searched first for an item that has moved, and all of them for
# the fourth page that is wholly different, for the sixteenth, and so on.
_NEAR = 8
_SEARCHED = frozenset(4**n for n in range(1, 13))


class Difference(NamedTuple):
    """A page that is not as it was: where, and the raw items there."""

    page: Page
    digest: int
    slices: "array[int]"
    positions: tuple[int, ...]
    raws: tuple[Raw, ...]  # of the positions
    in_place: bool  # every other item stands where it stood
    marks: "array[int] | None" = None


_cut = msgspec.json.Decoder(list[msgspec.Raw]).decode  # of a page with marks: a bare array


class Read(NamedTuple):
    """A different page with its items decoded; ``unread`` positions could not be."""

    difference: Difference
    items: Mapping[int, Item]
    unread: tuple[int, ...] = ()


class PageBook:
    """The remembered pages of one batch."""

    def __init__(
        self,
        pages: dict[str, dict[int, PageState]],
        seed: int,
        recheck_after: timedelta | None = None,
    ) -> None:
        """``recheck_after``: how long after a call its missing cost is looked for once more."""
        self._pages = pages
        self._seed = seed
        self._recheck_after = recheck_after
        # Where a list shifted: every remembered item's due, by its digest. Only while needed.
        self._anywhere: dict[str, dict[int, int]] = {}
        self._unlike = 0  # pages of this reading that were other than before in most places

    def compare(self, provider: Provider, page: Page, *, anew: bool = False) -> Difference | None:
        """What is different on a page; None when its bytes are known. ``anew`` forgets them."""
        digest = xxh3_64_intdigest(page.body, self._seed)
        pages = self._pages.get(page.listing)
        known = None if pages is None else pages.get(page.number)
        again: Sequence[int] = ()
        if known is not None and not anew:
            if known.next_timed <= (at := page.seen_at.timestamp()):
                again = known.rechecks(at)
            if not again:
                if known.digest == digest:
                    return None
                narrow = self._narrow(page, known, digest)
                if narrow is not None:
                    return narrow
        raws: Sequence[Raw] = provider.split(page)
        slices = self._digests(raws)
        moved, in_place = self._different(page, slices, known)
        if again and in_place:
            # A page may have become shorter since.
            moved = sorted({*moved, *(i for i in again if i < len(raws))})
        positions = tuple(range(len(raws)) if anew else moved)
        picked = tuple(raws[i] for i in positions)
        learned = marks.learn(page.body, [len(raw) for raw in raws], self._seed)
        return Difference(page, digest, slices, positions, picked, in_place, learned)

    def _narrow(self, page: Page, known: PageState, digest: int) -> Difference | None:
        """The difference, by parsing only where it lies; None where that cannot be told."""
        if known.marks is None:
            return None
        seed = self._seed
        found = marks.differing(page.body, known.marks, known.slices, seed)
        if found is None:
            return None
        try:
            raws = _cut(found.body)
        except (ValueError, RecursionError):
            return None  # the whole page is parsed, and its error is the one to tell
        if (lengths := [*map(len, raws)]) != found.lengths:
            return None  # something came or went, or what is inside an item looks like one
        slices = known.slices[:]
        moved: list[int] = []
        picked: list[Raw] = []
        for place, raw in zip(found.places, raws, strict=True):
            piece = xxh3_64_intdigest(raw, seed)
            if piece != slices[place]:
                slices[place] = piece
                moved.append(place)
                picked.append(raw)
        learned = marks.relearn(page.body, known.marks, found, lengths, seed)
        return Difference(
            page, digest, slices, tuple(moved), tuple(picked), in_place=True, marks=learned
        )

    def _digests(self, raws: Sequence[Raw]) -> "array[int]":
        seed = self._seed
        return array("Q", [xxh3_64_intdigest(raw, seed) for raw in raws])

    def _different(
        self, page: Page, slices: "array[int]", known: PageState | None
    ) -> tuple[Sequence[int], bool]:
        if known is not None:
            pairs = zip(slices, known.slices, strict=False)
            moved = [i for i, (new, old) in enumerate(pairs) if new != old]
            moved.extend(range(len(known.slices), len(slices)))
            if len(moved) * 2 <= len(slices) or not self._shifted(page, slices, moved):
                return moved, True
        # The list shifted (or the page is new): an item may be known from another place.
        anywhere = self._dues_anywhere(page.listing)
        return [i for i, new in enumerate(slices) if new not in anywhere], False

    def _shifted(self, page: Page, slices: "array[int]", moved: Sequence[int]) -> bool:
        """Whether what stands here now stood elsewhere before, as far as a few items tell.

        A wrong answer costs time and nothing else: items are decoded that were known.
        """
        if page.listing in self._anywhere:
            return True
        pages = self._pages[page.listing]
        here = page.number
        some = [slices[i].to_bytes(8, sys.byteorder) for i in moved[:: max(1, len(moved) // 2)]]
        near = _joined(pages[n] for n in range(here - _NEAR, here + _NEAR + 1) if n in pages)
        if any(piece in near for piece in some):
            return True
        # All pages are searched less and less often: once a list has shifted, the next page
        # that is wholly different tells as well.
        self._unlike += 1
        if self._unlike not in _SEARCHED:
            return False
        return some[len(some) // 2] in _joined(pages.values())

    def _dues_anywhere(self, listing: str) -> dict[int, int]:
        found = self._anywhere.get(listing)
        if found is None:
            found = self._anywhere[listing] = {}
            for state in self._pages.get(listing, {}).values():
                found.update(zip(state.slices, state.dues, strict=True))
            found.pop(UNREAD, None)
        return found

    def release(self) -> None:
        """Let go of what only a sweep over a shifted list needs."""
        self._anywhere.clear()
        self._unlike = 0

    def state_after(self, read: Read) -> PageState:
        """What is remembered of the page once its items are in the snapshot."""
        difference = read.difference
        slices = difference.slices[:] if read.unread else difference.slices
        dues = self._carried(difference)
        at = difference.page.seen_at
        for position, item in read.items.items():
            dues[position] = due(item) or self._recheck(item, at)
        for position in read.unread:
            slices[position] = UNREAD
            dues[position] = LIVE
        # An unread item must be read again even if the page's bytes stay the same.
        if read.unread:
            return PageState(UNREAD, slices, dues)
        return PageState(difference.digest, slices, dues, difference.marks)

    def to_write(self, read: Read, state: PageState) -> stored.Page:
        """What is to be written of the page: where it moved, or all of it."""
        page, places = read.difference.page, read.difference.positions
        known = self._pages.get(page.listing, {}).get(page.number)
        alike = known is not None and len(known.slices) == len(state.slices)
        few = alike and read.difference.in_place and 2 * len(places) < len(state.slices)
        return stored.Page(page.listing, page.number, state, places if few else None)

    def _recheck(self, item: Item, at: datetime) -> int:
        """When to look again for the cost of a call that has just ended; CLOSED for never."""
        if self._recheck_after is None:
            return CLOSED
        for call in item.calls:
            ended = call.ended_at or at
            if call.status is _COMPLETED and call.cost_micros is None:
                due_at = ended + self._recheck_after
                if due_at > at:
                    return recheck_at(due_at.timestamp())
        return CLOSED

    def _carried(self, difference: Difference) -> "array[int]":
        """When the unchanged items are expected to move, taken along to where they are now."""
        page = difference.page
        if difference.in_place:
            count = len(difference.slices)
            dues = self._pages[page.listing][page.number].dues[:count]
            if len(dues) < count:
                # Who is new at the end of a page has been decoded, and gets a time from that.
                dues.extend([CLOSED] * (count - len(dues)))
            return dues
        anywhere = self._dues_anywhere(page.listing)
        return array("I", [anywhere.get(piece, CLOSED) for piece in difference.slices])

    def rows(self, page: Page) -> "array[int]":
        """The digests of the rows that are remembered of a page."""
        return self._pages[page.listing][page.number].slices

    def keep(self, page: Page, state: PageState) -> None:
        """Remember a page, after the transaction that wrote its items."""
        self._pages.setdefault(page.listing, {})[page.number] = state

    def shorten(self, listing: str, last: int) -> None:
        """Forget the pages beyond the last of a listing."""
        known = self._pages.get(listing, {})
        for number in [number for number in known if number > last]:
            del known[number]

    def hot(self, now: datetime) -> tuple[int, ...]:
        """The pages on which something is expected to have moved by ``now``, likeliest first."""
        at = int(now.timestamp())
        moving: list[int] = []
        waiting: list[int] = []
        for states in self._pages.values():
            for number, state in sorted(states.items()):
                if state.next_due <= at:
                    moving.append(number)
                elif state.waiting and len(waiting) < AHEAD:
                    waiting.append(number)
        return tuple(dict.fromkeys((*moving, *waiting)))

    def overdue(self, now: datetime) -> bool:
        """Whether a retry's time has come: its page may move though the counts do not."""
        at = int(now.timestamp())
        return any(
            state.next_timed <= at for states in self._pages.values() for state in states.values()
        )


def _joined(states: Iterable[PageState]) -> bytes:
    """All their digests in one, in which one that begins nowhere may turn up: hardly ever."""
    return b"".join([state.slices for state in states])


def due(item: Item) -> int:
    """When an item is expected to move (see store/pages.py)."""
    status = item.contact.status
    if status is _PENDING:
        return WAITING
    if status in _RETRYING:
        at = item.contact.next_retry_at
        return LIVE if at is None else retry_at(at.timestamp())
    if status in OPEN_CONTACT:
        return LIVE
    for call in item.calls:
        if call.status in _OPEN_CALL:
            return LIVE
    return CLOSED


_PENDING = ContactStatus.PENDING
_COMPLETED = CallStatus.COMPLETED
_RETRYING = frozenset({ContactStatus.RETRYING, ContactStatus.FOLLOW_UP})
_OPEN_CALL = frozenset(status for status in CallStatus if not status.terminal)


def decode(provider: Provider, batch: Batch, difference: Difference) -> Read:
    """Translate the different items of a page; what cannot be read is named, not guessed."""
    items: dict[int, Item] = {}
    unread: list[int] = []
    page = difference.page
    for position, raw in zip(difference.positions, difference.raws, strict=True):
        try:
            items[position] = provider.decode(batch, page, raw)
        except ValueError:
            unread.append(position)
    return Read(difference, items, tuple(unread))
