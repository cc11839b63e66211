"""A small HTTP server on loopback, and a clock that stands still."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

NOW = datetime(2026, 5, 10, 12, 0, tzinfo=UTC)


class StillClock:
    """Always the same moment."""

    def __init__(self, now: datetime = NOW) -> None:
        self.at = now

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Reply:
    """One answer; a body that is not bytes goes out as JSON."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        lines = [f"HTTP/1.1 {self.status} Answer", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + body


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def talking(talk: Talk, **options: Any) -> AsyncIterator[int]:
    """A server that does with each connection what the test wants; gives its port."""
    tasks: set[asyncio.Task[Any]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(ConnectionError, asyncio.CancelledError, asyncio.IncompleteReadError):
            await talk(reader, writer)
        writer.close()
        with suppress(ConnectionError, asyncio.CancelledError):
            await writer.wait_closed()

    server = await asyncio.start_server(one, "127.0.0.1", 0, **options)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass
class Loopback:
    """Where the server is, and what it was asked."""

    url: str
    asked: list[Asked] = field(default_factory=list)

    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]


@asynccontextmanager
async def serving(answer: Callable[[Asked], Any]) -> AsyncIterator[Loopback]:
    """A server that answers each request by a function; what is no Reply goes out as JSON."""
    loopback = Loopback("")

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            first, *lines = head.decode().strip().split("\r\n")
            method, target, _ = first.split(" ")
            parts = urlsplit(target)
            headers = {
                name.lower(): value
                for name, value in (line.split(": ", 1) for line in lines if ": " in line)
            }
            asked = Asked(
                method,
                unquote(parts.path),
                dict(parse_qsl(parts.query)),
                headers,
                await reader.readexactly(int(headers.get("content-length", 0))),
            )
            loopback.asked.append(asked)
            said = answer(asked)
            reply = said if isinstance(said, Reply) else Reply(said)
            writer.write(reply.encoded())
            await writer.drain()

    async with talking(talk) as port:
        loopback.url = f"http://127.0.0.1:{port}"
        yield loopback


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close a connection, whichever way the other side has left it, and wait until it is."""
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
