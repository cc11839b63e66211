"""The store and the network without threads and sockets: everything is so at once, in order."""

import ssl
from abc import abstractmethod
from collections.abc import Callable, Mapping
from functools import cache
from json import dumps
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlencode, urlsplit

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DatabaseError
from starlette.types import ASGIApp, Message, Scope

from monitor.bodies import MIB
from monitor.clock import Clock
from monitor.http import Answer, HttpClient
from monitor.simulator.faults.exchange import Answer as Given
from monitor.simulator.wire import Asked
from monitor.store.engine import driver, explained
from monitor.store.writer import Priority, Store

T = TypeVar("T")


class InThread(Store):
    """The same store without threads: what is read and written is so at once, and in order.

    Who reads and writes in turn needs no more than one connection, which is kept. For
    SQLAlchemy it is within one transaction that never ends, and the database is told of each.
    """

    def __init__(self, engine: Engine, path: Path) -> None:
        # The store's own way starts its threads.
        self.engine = engine
        self.path = path
        self._kept: Connection | None = None
        self._raw: Any = None  # the driver's own connection

    async def read(self, fn: Callable[[Connection], T]) -> T:
        return self._within(fn)

    async def write(self, priority: Priority, fn: Callable[[Connection], T]) -> T:
        del priority
        return self._within(fn)

    def waiting(self) -> int:
        return 0

    def _within(self, fn: Callable[[Connection], T]) -> T:
        try:
            conn = self._begun()
            try:
                done = fn(conn)
            except BaseException:
                self._raw.execute("ROLLBACK")
                raise
            self._raw.execute("COMMIT")
        except (DatabaseError, driver.Error) as error:
            raise explained(error, self.path) from error
        return done

    def _begun(self) -> Connection:
        if self._kept is None:
            self._kept = self.engine.connect()
            self._kept.begin()
            self._raw = self._kept.connection.driver_connection
        else:
            self._raw.execute("BEGIN IMMEDIATE")
        return self._kept

    def close(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None
        self.engine.dispose()


@cache
def _trust() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Unwired(HttpClient):
    """Asks without a connection: whoever is asked gives the whole answer."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, tls=_trust())

    @abstractmethod
    async def answer(self, asked: Asked, limit: int) -> Given:
        """What is answered; ``limit`` is how many bytes are read."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str | int] | None = None,
        json: Any = None,
        content: bytes | None = None,
        deadline: float = 30.0,
        limit: int = 16 * MIB,
    ) -> Answer:
        del deadline
        sent_at = self._clock.now()
        self.asked_at = self._clock.monotonic()
        parts = urlsplit(url)
        query = "&".join(each for each in (parts.query, urlencode(params or {})) if each)
        told = {name.lower(): value for name, value in (headers or {}).items()}
        body = content or (b"" if json is None else dumps(json).encode())
        given = await self.answer(Asked(method, unquote(parts.path), query, told, body), limit)
        answer = Answer(
            status=given.status,
            headers=given.headers,
            body=given.body,
            sent_at=sent_at,
            received=len(given.body),
        )
        return self._dated(method, f"{url}?{query}", answer)


class InProcess(Unwired):
    """Asks an application."""

    def __init__(self, clock: Clock, app: ASGIApp) -> None:
        super().__init__(clock)
        self._app = app

    async def answer(self, asked: Asked, limit: int) -> Given:
        del limit
        status, body = await ask(self._app, asked.method, asked.path, asked.query, asked.headers)
        return Given(status=status, body=body)


async def ask(
    app: ASGIApp,
    method: str,
    path: str,
    query: str = "",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    **more: Any,
) -> tuple[int, bytes]:
    """Ask an application in process; status and body of its answer."""
    told = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    scope: Scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "query_string": query.encode(),
        "headers": told,
        "server": ("simulated", 80),
        "client": ("127.0.0.1", 1),
        "http_version": "1.1",
    } | more
    answer: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        answer.append(message)

    await app(scope, receive, send)
    return answer[0]["status"], b"".join(each.get("body", b"") for each in answer[1:])
