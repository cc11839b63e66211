"""One account at a vendor: its address, its key, and how it is asked."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

from monitor.bodies import MIB
from monitor.core.model import Batch
from monitor.errors import HttpError, ProviderError
from monitor.http import Answer, Asks
from monitor.providers import Known, LookFailed
from monitor.providers.answers import no_answer, refusal

# Errors that would meet every other question to the same account too.
_ACCOUNT = frozenset({"auth", "payment", "rate_limited", "tls", "unreachable"})
# Errors that may be of one batch only; so many in a row are of the account.
_IN_A_ROW = 3
_REPEATED = frozenset({"timeout", "server", "forbidden"})
_AT_ONCE = 4


class Account:
    """Asks with the account's headers and parameters; every way to fail is a ProviderError."""

    def __init__(
        self,
        http: Asks,
        base_url: str,
        headers: Mapping[str, str],
        params: Mapping[str, str | int] | None = None,
    ) -> None:
        self._http = http
        self._base_url = base_url
        self._headers = headers
        self._params = dict(params or {})

    def __repr__(self) -> str:
        return f"Account({self._base_url!r})"

    async def get(
        self,
        path: str,
        params: Mapping[str, str | int] | None = None,
        *,
        deadline: float = 30.0,
        limit: int = 16 * MIB,
    ) -> Answer:
        """The answer to a GET, status 200; asked once more where a kept connection had closed."""
        return await self._whole("GET", path, params, None, deadline, limit)

    async def post(
        self, path: str, json: Any, *, deadline: float = 30.0, limit: int = 16 * MIB
    ) -> Answer:
        """The answer to a POST, status 200; never asked a second time by itself."""
        return await self._whole("POST", path, None, json, deadline, limit)

    async def send(self, method: str, path: str, json: Any) -> Answer:
        """Whatever was answered, asked once; HttpError and ProviderError where nothing was."""
        return await self._http.request(
            method,
            self._base_url + path,
            headers=self._headers,
            params=self._params or None,
            json=json,
        )

    async def patch(self, path: str, json: Any) -> Answer:
        """The answer to a PATCH, status 200; never asked a second time by itself."""
        return await self._whole("PATCH", path, None, json, 30.0, 16 * MIB)

    async def _whole(
        self,
        method: str,
        path: str,
        params: Mapping[str, str | int] | None,
        json: Any,
        deadline: float,
        limit: int,
    ) -> Answer:
        ask = partial(
            self._http.request,
            method,
            self._base_url + path,
            headers=self._headers,
            params={**(params or {}), **self._params} or None,
            json=json,
            deadline=deadline,
            limit=limit,
        )
        try:
            answer = await ask()
        except HttpError as error:
            # Only what may be asked any number of times without harm is asked again.
            if error.kind != "reset" or method != "GET":
                raise no_answer(error) from error
            try:
                answer = await ask()
            except HttpError as again:
                raise no_answer(again) from again
        error_of_status = refusal(answer)
        if error_of_status is not None:
            raise error_of_status
        return answer


def part(value: str) -> str:
    """An id as one part of a path, whatever stands in it."""
    return quote(value, safe="") if value.strip(".") else value.replace(".", "%2E")


async def look_at_each(
    known: Sequence[Known], look: Callable[[Known], Awaitable[Batch]]
) -> AsyncGenerator[Batch | LookFailed, None]:
    """Look at batches one request each, a few at a time.

    An error of the account is raised, and so is one that meets several batches in a row:
    with a vendor that never answers, a hundred batches must not wait in turn.
    """
    in_a_row = 0
    for start in range(0, len(known), _AT_ONCE):
        some = known[start : start + _AT_ONCE]
        for found in await asyncio.gather(*(_tried(each, look) for each in some)):
            if isinstance(found, LookFailed):
                in_a_row += found.error.kind in _REPEATED
                if found.error.kind in _ACCOUNT or in_a_row >= _IN_A_ROW:
                    raise found.error
            else:
                in_a_row = 0
            yield found


async def _tried(known: Known, look: Callable[[Known], Awaitable[Batch]]) -> Batch | LookFailed:
    try:
        return await look(known)
    except ProviderError as error:
        return LookFailed(known.batch_id, error)
