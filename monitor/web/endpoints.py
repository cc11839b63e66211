"""How each thing that the API can be asked is asked and answered."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from monitor.core.silence import Source
from monitor.core.wish import NoSuchError, OverError, SilenceError
from monitor.errors import StoreError
from monitor.web.access import Refusal
from monitor.web.asking import Failed
from monitor.web.bodies import RefusedError, read_json
from monitor.web.deeds import Hands
from monitor.web.desk import Desk
from monitor.web.openapi import Described, document

BASE = "/api/v1"
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request that is well formed. ``name`` is what stands in the path, "" without."""

    desk: Desk
    name: str
    query: Any
    body: Any

    @property
    def hands(self) -> Hands:
        """Of whoever calls."""
        return Hands(self.desk, Source.API)

    @property
    def now(self) -> datetime:
        """The time."""
        return self.desk.clock.now()

    async def read(self, fn: Callable[[Connection], T]) -> T:
        """What the database says."""
        return await self.desk.store.read(fn)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint(Described):
    """One thing that can be asked, and how it is answered."""

    handle: Callable[[Call], Awaitable[Any]]


def routes_of(endpoints: Iterable[Endpoint], desk: Desk) -> list[Route]:
    """Where they are asked, with their own description beside them."""
    listed = list(endpoints)
    by_path: dict[str, dict[str, Endpoint]] = {}
    for each in listed:
        by_path.setdefault(BASE + each.path, {})[each.method] = each

    async def described(request: Request) -> Response:
        del request
        return _json(document(listed, BASE, desk.house().version))

    found = [
        Route(path, _answering(desk, methods), methods=list(methods))
        for path, methods in by_path.items()
    ]
    return [*found, Route(f"{BASE}/openapi.json", described)]


def _answering(
    desk: Desk, methods: Mapping[str, Endpoint]
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        endpoint = methods.get(request.method, methods.get("GET"))
        try:
            return _json(await _called(desk, endpoint, request))
        except (RefusedError, SilenceError, StoreError, ValueError) as error:
            return failed(refusal_of(error))

    return answer


async def _called(desk: Desk, endpoint: Endpoint | None, request: Request) -> Any:
    if endpoint is None:
        raise RefusedError(405, "that cannot be done here")
    try:
        query = msgspec.convert(dict(request.query_params), endpoint.query, strict=False)
    except msgspec.ValidationError as error:
        raise RefusedError(400, f"the query cannot be read: {error}") from error
    body = await read_json(request, endpoint.asks) if endpoint.asks else None
    name = next(iter(request.path_params.values()), "")
    return await endpoint.handle(Call(desk=desk, name=name, query=query, body=body))


def refusal_of(error: Exception) -> Refusal:
    """What somebody hears whose request cannot be carried out."""
    if isinstance(error, RefusedError):
        return error.refusal
    if isinstance(error, StoreError):
        return Refusal(503, str(error), "try again")
    if not isinstance(error, SilenceError):
        return Refusal(422, str(error))
    status = 404 if isinstance(error, NoSuchError) else 409 if isinstance(error, OverError) else 422
    return Refusal(status, str(error), error.hint)


def failed(refusal: Refusal) -> Response:
    """The same as JSON."""
    answer = _json(Failed(refusal.text, refusal.hint or msgspec.UNSET), refusal.status)
    answer.headers["connection"] = "close"  # the rest of a body is not waited for
    return answer


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")
