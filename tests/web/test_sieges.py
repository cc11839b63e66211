"""The gate under siege, over real sockets: who stalls is closed, and real webhooks pass."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.web.connections import MOST_PIECES, Door, Patience
from monitor.web.server import serving
from tests.gate import SAMPLES, Gate, sample

SOON = Patience(head_s=0.3, body_s=0.3, answer_s=0.5, most=20, most_of_one=12)
SLOW = Patience(head_s=60, body_s=60, answer_s=60)
POST = b"POST /webhooks/surveys HTTP/1.1\r\nhost: x\r\n"
CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n"
Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def request(site: Gate, body: bytes, *more: bytes) -> bytes:
    """A proven webhook as bytes, perhaps with more lines in its head."""
    path, headers = site.signed("surveys", body)
    lines = [b"POST %s HTTP/1.1" % path.encode(), b"host: x", b"content-length: %d" % len(body)]
    lines += [name + b": " + value for name, value in headers.items()]
    return b"\r\n".join([*lines, *more, b"", b""]) + body


async def status(reader: asyncio.StreamReader) -> int:
    """The next answer's status; 0 when the connection was closed without one."""
    async with asyncio.timeout(20):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length or 0))
            return int(head.split()[1])
    return 0


@contextlib.asynccontextmanager
async def connected(port: int, number: int = 1) -> AsyncIterator[Pair]:
    """A connection from one of the many addresses of loopback."""
    here = (f"127.0.0.{number}", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=here)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def asked(port: int, *pieces: bytes) -> int:
    async with connected(port) as (reader, writer):
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
        return await status(reader)


@pytest.mark.parametrize(
    ("head", "then"),
    [
        pytest.param(b"POST /webhooks/sur", b"v", id="head"),
        pytest.param(POST + b"content-length: 100000\r\n\r\n", b"x", id="body"),
        pytest.param(CHUNKED, b"1\r\nx\r\n", id="chunks"),
        pytest.param(CHUNKED + b"ffff;", b"x", id="a chunk's head"),
        pytest.param(CHUNKED + b"0\r\n", b"a: b\r\n", id="trailers"),
        pytest.param(POST + b"expect: 100-continue\r\ncontent-length: 9\r\n\r\n", b"", id="waits"),
    ],
)
async def test_who_trickles_is_closed_whatever_trickles(
    site: Gate, head: bytes, then: bytes
) -> None:
    door = Door(SOON)
    async with serving(site.app, "127.0.0.1", 0, door) as port, connected(port) as (reader, writer):
        async with asyncio.timeout(20):
            with contextlib.suppress(ConnectionError):
                writer.write(head)
                while not (reader.at_eof() or writer.is_closing()):
                    writer.write(then)
                    await writer.drain()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(0.02):
                            await reader.read(100)
    assert await site.rows() == []


async def test_a_thousand_stalled_sockets_do_not_keep_a_webhook_out(
    site: Gate, *, proof: bool
) -> None:
    """From one address and from many, silent or in the middle of a head, a body, a chunk."""
    stalls = (b"", b"POST /web", POST + b"content-length: 9\r\n\r\nx", CHUNKED + b"ff\r\nx")
    before = _descriptors()
    async with contextlib.AsyncExitStack() as stack:
        port = await stack.enter_async_context(serving(site.app, "127.0.0.1", 0, Door(SLOW)))
        for n, stall in zip(range(1000), itertools.cycle(stalls), strict=False):
            number = 1 if n < 500 else 2 + n % 200
            _, writer = await stack.enter_async_context(connected(port, number))
            with contextlib.suppress(ConnectionError):
                writer.write(stall)
                await writer.drain()
            if n % 50 == 0:
                body = json.dumps(dict(SAMPLES["surveys"][0]) | {"call_id": f"c-{n}"}).encode()
                assert await asked(port, request(site, body)) == 200
        answers = [await asked(port, request(site, b"{}")) for _ in range(200 if proof else 20)]
        # Ours are a thousand; theirs are no more than are let in.
        assert _descriptors() - before <= 1000 + SLOW.most + 20

    assert set(answers) == {200}
    assert len(await site.rows()) == 21


async def test_a_body_in_crumbs_is_refused(site: Gate) -> None:
    """Six bytes of the sender's would cost the server what a whole webhook does."""
    async with serving(site.app, "127.0.0.1", 0) as port:
        assert await asked(port, CHUNKED, b"1\r\nx\r\n" * (4 * MOST_PIECES)) in {0, 400}
        assert await asked(port, request(site, sample("surveys"))) == 200


async def test_a_gibibyte_is_refused_and_not_taken_into_memory(site: Gate) -> None:
    piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    async with serving(site.app, "127.0.0.1", 0) as port, connected(port) as (reader, writer):
        resident = _resident()
        writer.write(CHUNKED)
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 1024**3 and not writer.is_closing() and not reader.at_eof():
                writer.write(piece)
                sent += len(piece)
                await writer.drain()
        # What the kernel holds of a connection goes beyond what was read of it.
        assert sent < 64 * 1024**2
        assert await status(reader) in {0, 413}
        assert _resident() - resident < 32 * 1024**2


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.parametrize(
    ("pieces", "may"),
    [
        pytest.param((b"\xff\x00\r\n\r\n",), {400}, id="no HTTP"),
        pytest.param((b"POST / HTTP/1.1\r\n\r\n",), {400}, id="no host"),
        pytest.param((POST + b"host: y\r\n\r\n",), {400}, id="two hosts"),
        pytest.param((POST + b"a: \xff\xfe\r\ncontent-length: 0\r\n\r\n",), {401}, id="no text"),
        pytest.param((POST + b"x-webhook-signature: \xff\r\n\r\n",), {401}, id="its signature"),
        pytest.param((POST + b"a: " + b"b" * 20_000,), {400}, id="a long head"),
        pytest.param((POST + b"a:b\r\n" * 20_000,), {400}, id="a head of many"),
        pytest.param((POST + b"content-length: -1\r\n\r\n",), {400}, id="a length below nothing"),
        pytest.param(
            (POST + b"content-length: 1\r\ncontent-length: 2\r\n\r\nxx",), {400}, id="two lengths"
        ),
        pytest.param(
            (POST + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",),
            {400},
            id="a length and chunks",
        ),
        pytest.param(
            (POST + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",), {400, 501}, id="packed"
        ),
        pytest.param((CHUNKED, b"zz\r\n"), {400}, id="a chunk of no length"),
        pytest.param((CHUNKED, b"-1\r\n"), {400}, id="a chunk below nothing"),
        pytest.param((CHUNKED, b"ffffffffffffffffffffff\r\n"), {0, 400}, id="a chunk of all"),
        pytest.param((CHUNKED, b"1;" + b"x" * 40_000), {400}, id="a chunk's long head"),
        pytest.param(
            (
                POST + b"upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n"
                b"sec-websocket-key: eHh4eHh4eHh4eHh4eHh4eA==\r\ncontent-length: 0\r\n\r\n",
            ),
            {401},
            id="another protocol",
        ),
        pytest.param((b"POST http://x/webhooks/surveys HTTP/1.1\r\nhost: x\r\n\r\n",), {401, 404}),
        pytest.param((b"POST /webhooks/%FF%00/%ED%A0%80 HTTP/1.1\r\nhost: x\r\n\r\n",), {401}),
        pytest.param((b"POST /webhooks/\xff HTTP/1.1\r\nhost: x\r\n\r\n",), {400}, id="raw bytes"),
        pytest.param((b"GET /webhooks/surveys HTTP/1.0\r\n\r\n",), {405}, id="an old one"),
    ],
)
async def test_what_is_no_request_is_refused(
    site: Gate, pieces: tuple[bytes, ...], may: set[int], caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(site.app, "127.0.0.1", 0) as port:
        assert await asked(port, *pieces) in may

    # No stranger writes our log.
    assert caplog.records == []


async def test_what_comes_after_a_refusal_is_not_read(
    site: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither as a request of its own nor as a fault of ours."""
    async with serving(site.app, "127.0.0.1", 0) as port, connected(port) as (reader, writer):
        with contextlib.suppress(ConnectionError):
            writer.write(b"PUT /-/nothing HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nab")
            assert await status(reader) in {401, 404, 405}
            writer.write(b"cde" + request(site, sample("surveys")))
            assert await status(reader) in {0, 200}
        async with connected(port) as (other, writing):
            writing.write(b"PUT / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
            assert await status(other) in {401, 404, 405}
            writing.write(b"zz\r\n")
            assert await status(other) == 0

    assert caplog.records == []


async def test_who_asks_and_never_reads_is_closed(site: Gate) -> None:
    patience = replace(SOON, answer_s=60)
    many = b"GET /-/healthy HTTP/1.1\r\nhost: x\r\n\r\n" * 200
    async with (
        serving(site.app, "127.0.0.1", 0, Door(patience)) as port,
        connected(port) as (reader, writer),
    ):
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # it reads for us otherwise
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(60):  # thousands are answered first
                while not writer.is_closing():
                    writer.write(many)
                    await writer.drain()
        reader._transport.resume_reading()  # type: ignore[attr-defined]  # as above
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(20):
                while await reader.read(2**20):
                    pass
