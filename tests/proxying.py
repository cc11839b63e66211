"""A proxy on loopback: tunnels and plain requests to names that only it knows."""

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.loopback import talking


@dataclass
class Proxy:
    """``knows`` says at which port a name is served; ``asked`` are the first lines it got."""

    knows: Mapping[str, int]
    login: str | None = None  # "user:password"
    port: int = 0
    silent: bool = False
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        self.asked.append(first)
        if self.silent:
            await reader.read()
        headers = {name.lower(): value for name, value in (each.split(": ", 1) for each in lines)}
        method, target, _ = first.split(" ")
        if not self._lets_in(headers):
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
            return
        tunnel = method == "CONNECT"
        host = target.partition(":")[0] if tunnel else urlsplit(target).hostname or ""
        if host not in self.knows:
            writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
            return
        far_reader, far = await asyncio.open_connection("127.0.0.1", self.knows[host])
        if tunnel:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            far.write(f"{method} {urlsplit(target).path or '/'} HTTP/1.1\r\n".encode())
            far.write("\r\n".join([*lines, "", ""]).encode())
        try:
            await asyncio.gather(_pass_on(reader, far), _pass_on(far_reader, writer))
        finally:
            far.close()

    def _lets_in(self, headers: Mapping[str, str]) -> bool:
        if self.login is None:
            return True
        wanted = base64.b64encode(self.login.encode()).decode()
        return headers.get("proxy-authorization") == f"Basic {wanted}"


@asynccontextmanager
async def proxying(proxy: Proxy) -> AsyncIterator[Proxy]:
    """The proxy at work."""
    async with talking(proxy.talk) as port:
        proxy.port = port
        yield proxy


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while some := await reader.read(65536):
            writer.write(some)
            await writer.drain()
        writer.close()
