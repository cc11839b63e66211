"""Reading no more of a list than the places where somebody is expected to move.

A page says when each item on it is expected to move. Where the list can be read from any
place, a few short stretches hold all of these places, and what is told there of calls comes
with them. It is right only as long as everybody stands where they stood: so whoever stands in
such a place must be the one who stood there when it was read last, else the list has shifted
and its pages are read whole.

What is known of who stands where lives in memory only, and is learned with each reading.
"""

from array import array
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from xxhash import xxh3_64_intdigest

from monitor.ingest.pages import UNREAD, Difference, Raw, Read
from monitor.providers import Page
from monitor.store.pages import LIVE, WAITING, PageState

# After a list has shifted it is read by whole pages for so long.
DOUBTED_FOR = timedelta(minutes=10)
# So many more who wait are read than are missing: the dialler walks on while we read.
AHEAD = 10


class ShiftedError(Exception):
    """The list is not as it was when these places were noted."""


Places = Mapping[int, Sequence[int]]  # on each page, in order


def join(first: Read, then: Read) -> Read:
    """Two parts of one page, both compared with what was known of it before, as one."""
    before, after = first.difference, then.difference
    slices = after.slices[:]
    for place in before.positions:
        slices[place] = before.slices[place]
    positions, raws = before.positions + after.positions, before.raws + after.raws
    both = Difference(after.page, UNREAD, slices, positions, raws, in_place=True)
    return Read(both, {**first.items, **then.items}, first.unread + then.unread)


class Parts:
    """Where people stand in one batch's list, beside the book of its pages."""

    def __init__(self, pages: Mapping[str, Mapping[int, PageState]], seed: int) -> None:
        """``pages`` is what the book remembers, and changes as it does."""
        self._pages = pages
        self._seed = seed
        self._who: dict[tuple[str, int], dict[int, str]] = {}
        self._doubted_until: datetime | None = None

    def moving(self, now: datetime, begun: int) -> tuple[str, Places] | None:
        """The list, and where somebody in it is expected to have moved by now.

        ``begun``: so many who wait for their first call by what was read wait no longer. None
        where that is not known of a single list, or of too few who stand there.
        """
        if len(self._pages) != 1 or (self._doubted_until and now < self._doubted_until):
            return None
        at, ahead = int(now.timestamp()), begun + AHEAD
        places: dict[int, list[int]] = {}
        known = unknown = 0
        ((listing, pages),) = self._pages.items()
        for number, state in sorted(pages.items()):
            waiting = ahead > 0 and state.waiting
            if state.next_due > at and not waiting:
                continue
            who = self._who.get((listing, number), {})
            for place, due in enumerate(state.dues):
                if due == WAITING and ahead > 0:
                    ahead -= 1
                elif due != LIVE and not LIVE < due <= at:
                    continue
                elif place in who:
                    known += 1
                else:
                    unknown += 1
                places.setdefault(number, []).append(place)
        return (listing, places) if places and known >= unknown else None

    def retries_due(self, now: datetime) -> int:
        """How many people wait for a retry whose time has come."""
        at = int(now.timestamp())
        return sum(
            LIVE < due <= at and not due & 1  # an odd one is no retry's
            for pages in self._pages.values()
            for state in pages.values()
            if state.next_timed <= at
            for due in state.dues
        )

    def compare(self, page: Page, raws: Sequence[Raw]) -> Difference | None:
        """What is different in a part of a page that is known; None when nothing is.

        The page's own digest is of no use then: with the next whole reading each item of it
        is compared.
        """
        known, start = self._pages[page.listing].get(page.number), page.start or 0
        if known is None or start + len(raws) > len(known.slices):
            raise ShiftedError
        fresh = array("Q", [xxh3_64_intdigest(raw, self._seed) for raw in raws])
        again = known.rechecks(page.seen_at.timestamp())
        moved = [
            place
            for place, piece in enumerate(fresh, start)
            if piece != known.slices[place] or place in again
        ]
        if not moved:
            return None
        slices = known.slices[:]
        slices[start : start + len(fresh)] = fresh
        picked = tuple(raws[place - start] for place in moved)
        return Difference(page, UNREAD, slices, tuple(moved), picked, in_place=True)

    def check(self, read: Read) -> None:
        """ShiftedError where somebody stands where somebody else stood."""
        page = read.difference.page
        who = self._who.get((page.listing, page.number), {})
        for place, item in read.items.items():
            found = item.contact.contact_id
            if who.get(place, found) != found:
                raise ShiftedError

    def doubt(self, now: datetime) -> None:
        """The list has shifted, or gave less than it holds: read it by pages for a while."""
        self._doubted_until = now + DOUBTED_FOR

    def keep(self, read: Read, state: PageState) -> None:
        """Remember who stands on a page, after the transaction that wrote its items."""
        page = read.difference.page
        key = (page.listing, page.number)
        who = self._who.get(key, {}) if read.difference.in_place else {}
        for place in read.unread:
            who.pop(place, None)
        for place, item in read.items.items():
            if state.dues[place] >= LIVE:
                who[place] = item.contact.contact_id
            else:
                who.pop(place, None)
        if who:
            self._who[key] = who
        else:
            self._who.pop(key, None)
