"""One request and its answer, as a fault has them in its hands."""

import asyncio
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from starlette.types import ASGIApp, Message

from monitor.simulator.wire import Asked

_NO_LINGER = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as a vendor gives it; header names are in lower case."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def having(self, **headers: str) -> "Answer":
        """The same with other headers; ``_`` stands for ``-``."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={**self.headers, **more})

    def head(self, length: int | None) -> bytes:
        """The first line and the headers; without a length the end of the connection ends it."""
        reason = HTTPStatus(self.status).phrase if self.status in _KNOWN else "Answer"
        lines = [f"HTTP/1.1 {self.status} {reason}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines.append("connection: close" if length is None else f"content-length: {length}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


_KNOWN = frozenset(HTTPStatus)


async def ask(app: ASGIApp, asked: Asked) -> Answer:
    """What an application answers, asked in process."""
    got: dict[str, Any] = {"status": 500, "headers": {}}
    body = bytearray()

    async def receive() -> Message:
        return {"type": "http.request", "body": asked.body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            got["status"] = message["status"]
            got["headers"] = {
                name.decode("latin-1").lower(): value.decode("latin-1")
                for name, value in message["headers"]
            }
        else:
            body.extend(message.get("body", b""))

    await app(_scope(asked), receive, send)
    got["headers"].pop("content-length", None)
    return Answer(got["status"], bytes(body), got["headers"])


def _scope(asked: Asked) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "method": asked.method,
        "path": asked.path,
        "raw_path": asked.path.encode(),
        "root_path": "",
        "query_string": asked.query.encode("latin-1"),
        "headers": [(k.encode("latin-1"), v.encode("latin-1")) for k, v in asked.headers.items()],
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
    }


def query_of(asked: Asked) -> dict[str, str]:
    """The parameters of a question."""
    return dict(parse_qsl(asked.query, keep_blank_values=True))


def asking(asked: Asked, **params: str | int | None) -> Asked:
    """The same question with other parameters; None leaves one out."""
    wanted = {**query_of(asked), **params}
    kept = {name: value for name, value in wanted.items() if value is not None}
    return replace(asked, query=urlencode(kept))


def target(asked: Asked) -> str:
    """What a cache would take for the same question."""
    return f"{asked.method} {asked.path}?{asked.query}"


class Pipe(NamedTuple):
    """Both ends of a connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class Exchange:
    """One question, whoever can answer it truly, and the connection that it came on.

    A question that came on none can only be given a whole answer, which is kept.
    """

    def __init__(self, app: ASGIApp, asked: Asked, pipe: Pipe | None, date: str) -> None:
        self.app = app
        self.asked = asked
        self.date = date
        self.over = False  # nothing more may be asked on this connection
        self.kept: Answer | None = None
        self._came_on = pipe

    async def true(self, asked: Asked | None = None) -> Answer:
        """What the vendor answers to this question, or to another one."""
        answer = await ask(self.app, asked or self.asked)
        return answer.having(date=self.date)

    async def send(self, answer: Answer) -> None:
        """Send a whole answer as it should be sent."""
        if self._came_on is None:
            self.kept = answer
        else:
            await self.write(answer.head(len(answer.body)) + answer.body)

    @property
    def _pipe(self) -> Pipe:
        if self._came_on is None:
            raise RuntimeError("this fault needs a connection")
        return self._came_on

    async def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._pipe.writer.write(data)
        with suppress(ConnectionError):
            await self._pipe.writer.drain()

    def close(self) -> None:
        """End the connection once all is sent."""
        self.over = True

    def reset(self) -> None:
        """Break the connection off."""
        self.over = True
        raw: socket.socket = self._pipe.writer.get_extra_info("socket")
        with suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._pipe.writer.transport.abort()

    async def gone(self, patience: float) -> bool:
        """Wait so many seconds for the other side to hang up; whether it did."""
        self.over = True
        try:
            async with asyncio.timeout(patience):
                await self._pipe.reader.read(1)
        except TimeoutError:
            return False
        except ConnectionError:
            pass
        return True


async def read_request(reader: asyncio.StreamReader) -> Asked | None:
    """The next request on a connection; None when there is none any more."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").strip().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
        return None
    parts = urlsplit(target)
    return Asked(method, unquote(parts.path), parts.query, headers, body)
