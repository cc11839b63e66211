"""Lists that are read from cursor to cursor.

Vogent tells neither the largest page nor the order of a list. A list ends where the cursor is
null, and nowhere else; one that goes round in a circle ends in an error and never by itself.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from monitor.errors import ProviderError
from monitor.providers.account import Account
from monitor.providers.answers import read

_MOST_PAGES = 100_000
_LONGEST_CURSOR = 2_000
# An answer without rows may stand in the middle of a list; two in a row stand for no list.
_FRUITLESS = 2
# Pages beyond this size some vendors refuse, instead of giving what they have.
_COMMON = 100


class Listed(msgspec.Struct):
    """A list's answer: its rows as raw slices."""

    data: list[msgspec.Raw]
    cursor: Any = msgspec.UNSET


LISTED = msgspec.json.Decoder(Listed)


class Cut(NamedTuple):
    """One page of a list. ``cursor`` led to it, ``after`` leads on; None where the list ends."""

    number: int
    body: bytes
    rows: Sequence[msgspec.Raw]
    seen_at: datetime
    cursor: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a list to begin: page 0 has no cursor."""

    number: int = 0
    cursor: str | None = None


@dataclass
class CursorList:
    """One kind of list: two small pages (``first``), and larger ones up to ``most`` rows.

    A page's number so stands for one place, whether the list is read to its end or not.
    """

    account: Account
    what: str  # for people: "the list of dials"
    first: int
    most: int
    _largest: int = field(init=False)

    def __post_init__(self) -> None:
        """Nothing has been refused yet."""
        self._largest = self.most

    async def pages(
        self, path: str, params: dict[str, str], start: Place | None = None
    ) -> AsyncGenerator[Cut, None]:
        """The pages from ``start`` to the end of the list."""
        place = start or Place()
        watch = _Watch(self.what, place.cursor)
        for _ in range(_MOST_PAGES):
            cut = await self._page(path, params, place)
            watch.see(cut)
            yield cut
            if cut.after is None:
                return
            place = Place(place.number + 1, cut.after)
        raise ProviderError("contract", f"{self.what} does not end")

    async def _page(self, path: str, params: dict[str, str], place: Place) -> Cut:
        """One page; smaller ones from then on, where this one is too large to be given or read."""
        while True:
            limit = self._limit(place.number)
            try:
                return await self._ask(path, params, place, limit)
            except ProviderError as error:
                if not self._shrinks(error, limit):
                    raise

    def _limit(self, number: int) -> int:
        return int(min(self.first * 2.0 ** min(max(number - 1, 0), 20), self._largest))

    def _shrinks(self, error: ProviderError, limit: int) -> bool:
        if error.kind == "oversize" and limit > 1:
            self._largest = max(1, limit // 4)
            return True
        if error.kind == "contract" and limit > _COMMON:
            self._largest = _COMMON
            return True
        return False

    async def _ask(self, path: str, params: dict[str, str], place: Place, limit: int) -> Cut:
        asked: dict[str, str | int] = {**params, "limit": limit}
        if place.cursor is not None:
            asked["cursor"] = place.cursor
        answer = await self.account.get(path, asked)
        listed = read(LISTED, answer.body, self.what)
        after = _next(listed, limit, self.what)
        return Cut(place.number, answer.body, listed.data, answer.sent_at, place.cursor, after)


def _next(listed: Listed, limit: int, what: str) -> str | None:
    """The cursor of the next page. One that is left out ends a list only with a short page."""
    cursor = listed.cursor
    if cursor is None or cursor == "":
        return None
    if cursor is msgspec.UNSET:
        if len(listed.data) < limit:
            return None
        raise ProviderError("garbage", f"{what}: a full page has no cursor in it")
    if isinstance(cursor, int) and not isinstance(cursor, bool):
        cursor = str(cursor)
    if not isinstance(cursor, str) or len(cursor) > _LONGEST_CURSOR:
        raise ProviderError("garbage", f"{what}: the cursor has another shape than documented")
    return cursor


class _Watch:
    """Notices a list that leads nowhere: a cursor a second time, or pages without a new row."""

    def __init__(self, what: str, cursor: str | None) -> None:
        self._what = what
        self._cursors = {cursor}
        self._rows: set[int] = set()
        self._fruitless = 0

    def see(self, cut: Cut) -> None:
        """Take note of a page; ProviderError where the list goes round."""
        known = len(self._rows)
        self._rows.update(hash(bytes(row)) for row in cut.rows)
        self._fruitless = 0 if len(self._rows) > known else self._fruitless + 1
        if cut.after is None:
            return
        if cut.after in self._cursors:
            text = f"{self._what} goes round: a cursor came a second time"
            raise ProviderError("contract", text)
        if self._fruitless >= _FRUITLESS:
            text = f"{self._what} leads nowhere: its pages hold nothing new"
            raise ProviderError("contract", text)
        self._cursors.add(cut.after)
