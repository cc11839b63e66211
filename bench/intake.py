"""Servers that take webhooks, each in a process of its own: ours, and what it is held against.

``python -m bench.intake KIND DIRECTORY`` prints its port and serves until its input ends.

- nothing: the same server, which answers 200 and does nothing
- ours: Offhook's receiver with Bland's adapter on SQLite
- slow: the same, where the disk takes 4 ms more for each commit
- single: slow, and every webhook is a transaction of its own
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from hmac import digest
from pathlib import Path
from zlib import crc32

from pydantic import SecretStr
from sqlalchemy import Connection, event
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from monitor.app.senders import read
from monitor.clock import SystemClock
from monitor.http import HttpClient
from monitor.providers.bland import Bland, BlandSettings
from monitor.providers.signing import Hmac, Verifier
from monitor.store import inbox
from monitor.store.inbox import Arrived
from monitor.store.writer import Priority, Store
from monitor.web.metrics import Numbers
from monitor.web.receiver import Receiver, Sender
from monitor.web.server import application, serving

KINDS = ("nothing", "ours", "slow", "single")
NAME = "surveys"
HEADER = "X-Webhook-Signature"
SECRET = "the secret of nobody's webhooks"
CONNECTIONS = 64
DISK_S = 0.004


async def _accept(request: Request) -> PlainTextResponse:
    del request
    return PlainTextResponse("kept\n")


async def _nothing_late() -> tuple[str, ...]:
    return ()


async def _no_numbers() -> Numbers:
    raise AssertionError


def _slow(conn: Connection) -> None:
    del conn
    time.sleep(DISK_S)


@asynccontextmanager
async def _site(kind: str, directory: Path) -> AsyncIterator[ASGIApp]:
    if kind == "nothing":
        yield Starlette(routes=[Route("/webhooks/{provider}", _accept, methods=["POST"])])
        return
    clock = SystemClock()
    http = HttpClient(clock)
    store = Store.open(directory / f"{kind}.db")
    if kind != "ours":
        event.listen(store.engine, "commit", _slow)

    async def keep(arrived: Sequence[Arrived]) -> list[bool]:
        return await store.write(Priority.INBOX, lambda conn: inbox.put(conn, arrived))

    async def keep_each(arrived: Sequence[Arrived]) -> list[bool]:
        return [new for each in arrived for new in await keep([each])]

    settings = BlandSettings(vendor="bland", api_key=SecretStr("sk_bench"))
    vendor = Bland(NAME, settings, http, b"k" * 32)
    receiver = Receiver(keep_each if kind == "single" else keep, clock)
    verifier = Verifier(Hmac(header=HEADER.lower()), (SECRET,), ())
    sender = Sender(
        provider=NAME, verifier=verifier, read=lambda body, now: read(vendor, body, now)
    )
    receiver.serve({NAME: sender})
    try:
        yield application(problems=_nothing_late, numbers=_no_numbers, token="t", receiver=receiver)
    finally:
        await http.aclose()
        store.close()


async def _serve(kind: str, directory: Path) -> None:
    async with _site(kind, directory) as app, serving(app, "127.0.0.1", 0) as port:
        print(port, flush=True)
        await asyncio.to_thread(sys.stdin.read)


@contextmanager
def running(kind: str, directory: Path) -> Iterator[int]:
    """One of the servers while the context lasts; its port."""
    command = [sys.executable, "-m", "bench.intake", kind, str(directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()
            process.wait()


def letter(call_id: str, batch_id: str = "b-1", status: str = "completed") -> bytes:
    """A signed record of a call that just ended: 2 KB, most of it what is never kept."""
    now = SystemClock().now()
    begun = now - timedelta(seconds=91)
    record = {
        "call_id": call_id,
        "batch_id": batch_id,
        "to": f"+1555{crc32(call_id.encode()) % 10**7:07}",  # somebody else each time
        "from": "+15550100999",
        "status": status,
        "completed": True,
        "answered_by": "human",
        "created_at": begun.isoformat(),
        "started_at": begun.isoformat(),
        "end_at": (now - timedelta(seconds=1)).isoformat(),
        "call_length": 1.5,
        "price": 0.12,
        "variables": {"first_name": "x" * 100},
        "summary": "y" * 200,
        "concatenated_transcript": "z" * 1_300,
    }
    body = json.dumps(record).encode()
    signature = digest(SECRET.encode(), body, "sha256").hex()
    lines = [f"POST /webhooks/{NAME} HTTP/1.1", "host: localhost", "content-type: application/json"]
    lines += [f"{HEADER}: {signature}", f"content-length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


async def answer(reader: asyncio.StreamReader) -> int:
    """The status of the next answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    await reader.readexactly(int(length))
    return int(head.split()[1])


async def rush(port: int, letters: Sequence[bytes], connections: int = CONNECTIONS) -> float:
    """Requests a second while all of them are sent over so many connections."""
    waiting = iter(letters)

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for each in waiting:
            writer.write(each)
            status = await answer(reader)
            assert status == 200, status
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    return len(letters) / (time.perf_counter() - began)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], Path(sys.argv[2])))
