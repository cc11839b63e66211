"""Slow and many connections, over real sockets: others get through, and none stays for ever."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from monitor.web.connections import Door, Patience
from monitor.web.server import serving
from tests.loopback import hang_up

SOON = Patience(head_s=0.2, body_s=0.2, answer_s=0.3, most=20, most_of_one=12)
PATIENT = Patience(head_s=60, body_s=60, answer_s=60, most=20, most_of_one=12)
WHOLE = b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello"


async def _echo(request: Request) -> Response:
    return PlainTextResponse(await request.body())


async def _never(request: Request) -> Response:
    await request.body()
    await asyncio.Event().wait()
    raise AssertionError


APP = Starlette(
    routes=[Route("/echo", _echo, methods=["POST"]), Route("/never", _never, methods=["POST"])]
)


@contextlib.asynccontextmanager
async def served(patience: Patience) -> AsyncIterator[int]:
    async with serving(APP, "127.0.0.1", 0, Door(patience)) as port:
        yield port


async def closed_by_the_server(port: int, *pieces: bytes) -> bytes:
    """What comes back until the server closes; it has to."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionError):
                return await reader.read()
        return b""
    finally:
        await hang_up(writer)


async def whole(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(WHOLE)
    async with asyncio.timeout(5):
        answer = await reader.readuntil(b"hello")
    await hang_up(writer)
    return answer


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param((), id="silent"),
        pytest.param((b"POST /ec",), id="half a head"),
        pytest.param(
            (b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhal",), id="body"
        ),
        pytest.param(
            (b"POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhe",),
            id="chunk",
        ),
        pytest.param(
            (b"POST /never HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n",), id="no answer"
        ),
        pytest.param((WHOLE + b"POST /ec",), id="half a head behind a whole request"),
    ],
)
async def test_what_stalls_is_closed(pieces: tuple[bytes, ...]) -> None:
    door = Door(SOON)
    async with serving(APP, "127.0.0.1", 0, door) as port:
        await closed_by_the_server(port, *pieces)
    assert door.closed == 1


async def test_bytes_that_trickle_in_buy_no_time() -> None:
    async with served(SOON) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        begun = time.monotonic()
        with contextlib.suppress(ConnectionError):
            for letter in b"POST /echo HTTP/1.1\r\nx-long: " + b"a" * 2_000:
                writer.write(bytes([letter]))
                await writer.drain()
                done, _ = await asyncio.wait({asyncio.create_task(reader.read(1))}, timeout=0.02)
                if done:
                    break
        assert time.monotonic() - begun < 3
        await hang_up(writer)


async def test_a_connection_that_is_kept_takes_one_request_after_the_other() -> None:
    async with served(SOON) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(5):
            writer.write(WHOLE)
            async with asyncio.timeout(5):
                await reader.readuntil(b"hello")
        writer.write(WHOLE + WHOLE)  # the second before the first is answered
        async with asyncio.timeout(5):
            await reader.readuntil(b"hello")
            await reader.readuntil(b"hello")
        await hang_up(writer)


async def test_stalled_connections_make_room_for_those_that_speak() -> None:
    """From one address, many more than are let in, none of which ever says a word."""
    async with served(PATIENT) as port:
        stalled = [await asyncio.open_connection("127.0.0.1", port) for _ in range(60)]

        answers = [await whole(port) for _ in range(30)]

        assert all(answer.startswith(b"HTTP/1.1 200") for answer in answers)
        closed = 0
        for reader, writer in stalled:
            with contextlib.suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(0.01):
                    await reader.read(1)
            closed += reader.at_eof() or reader.exception() is not None
            await hang_up(writer)
        assert closed >= 60 - PATIENT.most_of_one


async def test_who_is_being_answered_is_not_closed_for_another() -> None:
    patience = Patience(head_s=60, body_s=60, answer_s=60, most=4, most_of_one=4)
    async with served(patience) as port:
        busy = []
        for _ in range(4):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST /never HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()
            busy.append((reader, writer))
        await closed_by_the_server(port)

        for reader, writer in busy:
            assert not reader.at_eof()
            await hang_up(writer)
