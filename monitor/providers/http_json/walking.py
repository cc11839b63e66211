"""Reading a list on, in the styles in which vendors cut lists into pages."""

import re
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from monitor.errors import ProviderError
from monitor.providers.answers import whole
from monitor.providers.http_json.api import Api, Got
from monitor.providers.http_json.rows import RowsAt
from monitor.providers.http_json.settings import ItemsEndpoint, ListEndpoint
from monitor.providers.paging import Rows

_MOST_PAGES = 10_000
_LONGEST = 4096  # characters of a cursor or an address
_LINK = re.compile(r'<([^<>]*)>\s*;[^,<]*\brel\s*=\s*"?next\b', re.IGNORECASE)


class Walk:
    """One endpoint's pages. ``what`` names the list in errors."""

    def __init__(self, api: Api, endpoint: ListEndpoint | ItemsEndpoint, what: str) -> None:
        self._api = api
        self._endpoint = endpoint
        self._paging = endpoint.paging
        self._what = what
        self._told = False  # an answer has said what follows it
        self.rows = RowsAt(endpoint.rows, what)

    @property
    def by_number(self) -> bool:
        """Any page can be asked for by its place in the list."""
        return self._paging.style in {"offset", "page"}

    async def at(self, fill: Mapping[str, str], skip: int, limit: int) -> tuple[Rows, Got]:
        """So many rows from a place on; a page's number is the place in whole pages, or the next.

        The vendor's total is what it says, or what is read where it says that nothing follows.
        """
        asked: dict[str, str | int] = {}
        if self._paging.style == "offset":
            asked[self._paging.param or ""] = skip
        else:
            asked[self._paging.param or ""] = self._paging.first - (-skip // limit)
        got = await self._ask(fill, asked, limit)
        body = self.rows.body(got)
        length = len(self.rows.split(body))
        total = whole(self._paging.total.find(got.data)) if self._paging.total else None
        if self.is_last(got):
            total = skip + length
        return Rows(body, length, got.seen_at, total), got

    def is_last(self, got: Got) -> bool:
        """The vendor says in so many words that nothing follows; saying nothing is not that."""
        return self._paging.more is not None and self._paging.more.find(got.data) is False

    async def _ask(self, fill: Mapping[str, str], asked: dict[str, str | int], size: int) -> Got:
        if self._paging.size_param is not None:
            asked[self._paging.size_param] = size
        return await self._api.ask(self._endpoint, self._what, fill, asked)

    async def pages(self, fill: Mapping[str, str]) -> AsyncGenerator[tuple[Rows, Got, bool], None]:
        """The pages one after another, the last of them marked.

        A list that goes in circles, or on without rows, is a broken contract.
        """
        got = await self._ask(fill, {}, self._paging.size)
        seen: set[str] = set()
        empty = 0
        for _ in range(_MOST_PAGES):
            body = self.rows.body(got)
            length = len(self.rows.split(body))
            following = self._next(got, length)
            yield Rows(body, length, got.seen_at), got, following is None
            if following is None:
                return
            empty = 0 if length else empty + 1
            if following in seen or empty > 1:
                break
            seen.add(following)
            if self._paging.style == "link":
                got = await self._api.follow(got, following, self._endpoint, self._what)
            else:
                asked: dict[str, str | int] = {self._paging.param or "": following}
                got = await self._ask(fill, asked, self._paging.size)
        raise ProviderError("contract", f"{self._what} does not end: its pages go in circles")

    def _next(self, got: Got, length: int) -> str | None:
        """The cursor or address of what follows; None where the answer says that nothing does.

        An answer that says nothing at all ends a list only with a short page, or where an
        earlier answer did say something there: a misspelt path would find no end else.
        """
        at = self._paging.next
        if self._paging.style not in {"cursor", "link"}:
            return None
        found = _linked(got) if at is None else at.find(got.data)
        if found is not None and found is not False and found != "":
            if not readable(found):
                raise self._garbage("what follows it has another shape than a cursor or address")
            self._told = True
            return str(found)
        told = "link" in got.headers if at is None else at.stands_in(got.data)
        if found is None and not told and not self._told and self._is_full(length):
            where = "the Link header" if at is None else f"{at.text!r}"
            raise self._garbage(
                f"a full page does not say what follows it: it has nothing at {where}"
            )
        return None

    def _is_full(self, length: int) -> bool:
        """Where nobody knows how long a page is, any page may be a full one."""
        known = {"size", "size_param"} & self._paging.model_fields_set or self._paging.next is None
        return length >= self._paging.size if known else length > 0

    def _garbage(self, text: str) -> ProviderError:
        return ProviderError("garbage", f"{self._what}: {text}")


def _linked(got: Got) -> str | None:
    found = _LINK.search(got.headers.get("link", ""))
    return found.group(1) if found else None


def readable(found: Any) -> bool:
    """Whether it can be a cursor or an address."""
    if isinstance(found, str):
        return len(found) <= _LONGEST
    return isinstance(found, int) and not isinstance(found, bool)
