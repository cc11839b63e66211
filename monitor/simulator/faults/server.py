"""A raw socket in front of a simulated vendor, so that every byte of an answer can be wrong."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from email.utils import format_datetime
from enum import StrEnum
from typing import Any

from starlette.types import ASGIApp

from monitor.clock import Clock
from monitor.simulator.faults.exchange import Answer, Exchange, Pipe, read_request, target
from monitor.simulator.wire import Asked

Reply = Callable[[Exchange], Awaitable[None]]


class Door(StrEnum):
    """How the vendor takes connections."""

    OPEN = "open"
    CLOSED = "closed"  # nobody listens
    UNTRUSTED = "untrusted"  # with a certificate that nobody vouches for
    NO_TLS = "no_tls"  # plain text where TLS is spoken


def everything(asked: Asked) -> bool:
    """Every question goes wrong."""
    del asked
    return True


async def truly(exchange: Exchange) -> None:
    """Answer as the vendor does."""
    await exchange.send(await exchange.true())


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong: with the answers to some questions, or with every connection.

    ``known`` False: the vendor's name is not known any more, which whoever asks must play.
    ``hangs``: answers never end, so the asker's deadline is what ends them.
    """

    reply: Reply = truly
    to: Callable[[Asked], bool] = everything
    door: Door = Door.OPEN
    known: bool = True
    hangs: bool = False


@dataclass(frozen=True, slots=True)
class Certificates:
    """TLS as the vendor speaks it, and with a certificate that nobody vouches for."""

    good: ssl.SSLContext
    bad: ssl.SSLContext


class FaultServer:
    """A vendor on loopback. ``begin`` and ``mend`` set what is wrong with it."""

    def __init__(
        self, app: ASGIApp, clock: Clock, certificates: Certificates | None = None
    ) -> None:
        self.app = app
        self.port = 0
        self.asked: list[Asked] = []
        self.given: dict[str, Answer] = {}  # the last true answer to each question
        self._clock = clock
        self._certificates = certificates
        self._fault: Fault | None = None
        self._server: asyncio.Server | None = None
        self._door = Door.OPEN
        self._talks: dict[asyncio.Task[Any], asyncio.StreamWriter] = {}

    @property
    def address(self) -> str:
        """Where it is, without a slash at the end."""
        return f"{'https' if self._certificates else 'http'}://127.0.0.1:{self.port}"

    async def begin(self, fault: Fault) -> None:
        """From now on this goes wrong."""
        await self._open(fault.door)
        self._fault = fault

    async def mend(self) -> None:
        """All is well again."""
        hung = self._fault is not None and self._fault.hangs
        was = self._fault.door if self._fault else Door.OPEN
        self._fault = None
        if was is not Door.OPEN or hung:
            await self._open(Door.OPEN, anew=True)

    async def start(self) -> None:
        """Take connections, on the port of the last time where there was one."""
        await self._open(Door.OPEN, anew=True)

    async def stop(self) -> None:
        """Take none any more, and break off those that there are."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._talks.values():
            writer.transport.abort()
        talks = list(self._talks)
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)

    async def _open(self, door: Door, *, anew: bool = False) -> None:
        if door is Door.OPEN and not anew:
            return
        await self.stop()
        self._door = door
        if door is not Door.CLOSED:
            self._server = await asyncio.start_server(
                self._talk, "127.0.0.1", self.port, ssl=self._tls(door), reuse_address=True
            )
            self.port = self._server.sockets[0].getsockname()[1]

    def _tls(self, door: Door) -> ssl.SSLContext | None:
        if self._certificates is None or door is Door.NO_TLS:
            return None
        return self._certificates.bad if door is Door.UNTRUSTED else self._certificates.good

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._talks[task] = writer
        try:
            if self._door is Door.NO_TLS:
                writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
                return
            while (asked := await read_request(reader)) is not None:
                exchange = self._exchange(asked, Pipe(reader, writer))
                await self._answered(exchange)
                if exchange.over:
                    break
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            del self._talks[task]
            writer.close()
            with suppress(ConnectionError, ssl.SSLError, asyncio.CancelledError):
                await writer.wait_closed()

    async def answer(self, asked: Asked) -> Answer:
        """Answer one question that came on no connection, well or not."""
        exchange = self._exchange(asked, None)
        await self._answered(exchange)
        if exchange.kept is None:
            raise RuntimeError("a question was not answered")
        return exchange.kept

    def _exchange(self, asked: Asked, pipe: Pipe | None) -> Exchange:
        return Exchange(self.app, asked, pipe, format_datetime(self._clock.now(), usegmt=True))

    async def _answered(self, exchange: Exchange) -> None:
        """Answer one question, well or not."""
        self.asked.append(exchange.asked)
        fault = self._fault
        wrong = fault is not None and fault.to(exchange.asked)
        await (fault.reply if fault is not None and wrong else self._well)(exchange)

    async def _well(self, exchange: Exchange) -> None:
        answer = await exchange.true()
        if self._fault is None:
            self.given[target(exchange.asked)] = answer
        await exchange.send(answer)


@asynccontextmanager
async def serve_with_faults(
    app: ASGIApp, clock: Clock, certificates: Certificates | None = None
) -> AsyncIterator[FaultServer]:
    """Serve a vendor on a free port of loopback."""
    server = FaultServer(app, clock, certificates)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def answering(answer: Answer) -> Reply:
    """Give this answer to whatever is asked."""

    async def reply(exchange: Exchange) -> None:
        await exchange.send(answer.having(date=exchange.date))

    return reply
