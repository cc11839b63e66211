"""From a webhook to Slack: the real daemon beside a simulated vendor, and the floor below it.

Each sample is a failed call of a batch of which none failed before: it fires at once. Slack
takes one message a second, so the samples are a little further apart than that, and the
first waits for what Offhook says of itself when it starts. The floor is what cannot be left
out: one fsync, and one request to Slack on loopback.
"""

import asyncio
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.intake import NAME, SECRET, answer, letter
from bench.results import Result
from monitor.clock import SystemClock
from monitor.config import load
from monitor.simulator.script import Mix, Plan
from monitor.simulator.serving import serve
from monitor.simulator.vendors import vendor_app, vendor_table
from monitor.simulator.world import World
from monitor.store.engine import driver

_APART_S = 1.3
_APART_LOADED_S = 3.2
_PATIENCE_S = 30.0
_QUIET = Plan(name="bench", contacts=50, concurrency=1, pace=3600.0, mix=Mix(failed=0.0))
_OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: text/html\r\n\r\nok"


@dataclass(slots=True)
class Slack:
    """An incoming webhook that notes when each request has come in whole."""

    port: int = 0
    came: asyncio.Queue[float] = field(default_factory=asyncio.Queue)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take requests until the connection ends."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length))
                self.came.put_nowait(time.perf_counter())
                writer.write(_OK)
        writer.close()


@dataclass(slots=True)
class Place:
    """Everything that one run needs, and where it is."""

    slack: Slack
    port: int
    database: Path
    batches: list[str]

    async def sample(self, batch_id: str) -> float:
        """Seconds from the webhook until Slack has the request."""
        while not self.slack.came.empty():
            self.slack.came.get_nowait()
        signed = letter(f"failed-{batch_id}", batch_id, status="failed")
        began = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(signed)
        async with asyncio.timeout(_PATIENCE_S):
            assert await answer(reader) == 200
            came = await self.slack.came.get()
        writer.close()
        return came - began

    def kept(self) -> int:
        """How many webhooks are in the inbox."""
        with contextlib.closing(driver.connect(f"file:{self.database}?mode=ro", uri=True)) as conn:
            return int(conn.execute("SELECT count(*) FROM inbox").fetchone()[0])


def measure(directory: Path, *, samples: int, seconds: int, rate: int) -> list[Result]:
    """One run of the daemon: idle for so many samples, then so many seconds under load."""
    return asyncio.run(_measure(directory, samples, seconds, rate))


async def _measure(directory: Path, samples: int, seconds: int, rate: int) -> list[Result]:
    busy = int(seconds / _APART_LOADED_S)
    async with _running(directory, 1 + samples + busy + 1) as place:
        first, *others, stormy = place.batches
        await place.sample(first)
        found = []
        if samples:
            found.append(await _while_idle(directory, place, others[:samples]))
        if seconds:
            found += await _while_loaded(place, others[samples:], stormy, seconds, rate)
    return found


async def _while_idle(directory: Path, place: Place, batches: Sequence[str]) -> Result:
    floors, idle = [], []
    for batch_id in batches:
        await asyncio.sleep(_APART_S)
        floors.append(await _floor(directory, place.slack))
        idle.append(await place.sample(batch_id))
    return _idle(idle, floors)


async def _while_loaded(
    place: Place, batches: Sequence[str], stormy: str, seconds: int, rate: int
) -> list[Result]:
    before = place.kept()
    storm = asyncio.create_task(_storm(place.port, stormy, seconds, rate))
    busy = []
    for batch_id in batches:
        await asyncio.sleep(_APART_LOADED_S)
        if storm.done():
            break
        busy.append(await place.sample(batch_id))
    sent, took = await storm
    assert busy, "no sample was taken under load; the storm must last longer"
    missing = sent + len(busy) - (place.kept() - before)
    return _busy(busy, sent, took, missing, rate)


def _idle(idle: list[float], floors: list[float]) -> Result:
    low, mine = statistics.median(floors), statistics.median(idle)
    return Result(
        "webhook to Slack, idle ÷ one fsync and one request",
        4.0,
        mine / low,
        note=f"p50 {mine * 1000:.1f} ms, p99 {_p99(idle):.1f} ms; floor {low * 1000:.1f} ms,"
        f" p99 {_p99(floors):.1f} ms; {len(idle)} times",
    )


def _busy(busy: list[float], sent: int, took: float, missing: int, rate: int) -> list[Result]:
    told = f"to Slack p50 {statistics.median(busy) * 1000:.1f} ms, p99 {_p99(busy):.1f} ms"
    return [
        Result(
            "webhooks lost of many in a second",
            0.0,
            float(missing),
            note=f"{sent} in {took:.1f} s; {told}; {len(busy)} times",
        ),
        Result(
            "webhooks answered in a second, of those to be sent",
            0.95 * rate,
            sent / took,
            unit="/s",
            at_least=True,
            note=f"{rate}/s for {sent / rate:.0f} s, while alerts are told",
        ),
    ]


def _p99(times: list[float]) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * 0.99))] * 1000


async def _floor(directory: Path, slack: Slack) -> float:
    """Seconds of one fsync of a page and one request to Slack on a new connection."""
    began = time.perf_counter()
    descriptor = os.open(directory / "floor", os.O_WRONLY | os.O_CREAT)
    os.write(descriptor, b"x" * 4096)
    os.fsync(descriptor)
    os.close(descriptor)
    reader, writer = await asyncio.open_connection("127.0.0.1", slack.port)
    writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2000\r\n\r\n" + b"x" * 2000)
    assert await answer(reader) == 200
    took = time.perf_counter() - began
    writer.close()
    await slack.came.get()
    return took


async def _storm(port: int, batch_id: str, seconds: int, rate: int) -> tuple[int, float]:
    """Send records of calls at a rate, whatever the answers take; how many, and in what time."""
    numbers = iter(range(seconds * rate))
    began = time.perf_counter()

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for n in numbers:
            await asyncio.sleep(max(0.0, began + n / rate - time.perf_counter()))
            writer.write(letter(f"storm-{n}", batch_id))
            status = await answer(reader)
            assert status == 200, status
        writer.close()

    await asyncio.gather(*(one() for _ in range(64)))
    return seconds * rate, time.perf_counter() - began


@contextlib.asynccontextmanager
async def _running(directory: Path, batches: int) -> AsyncIterator[Place]:
    slack, clock = Slack(), SystemClock()
    world = World(7, clock.now())
    account = world.account(NAME, "bland", "sk_bench")
    for _ in range(batches):
        account.open(_QUIET)
    async with AsyncExitStack() as stack:
        server = await asyncio.start_server(slack.talk, "127.0.0.1", 0)
        stack.callback(server.close)
        slack.port = server.sockets[0].getsockname()[1]
        address = await stack.enter_async_context(serve(vendor_app(account, clock)))
        port = _free_port()
        file = directory / "config.toml"
        own = (f'webhook_secret = "{SECRET}"', 'poll_every = "30s"')
        file.write_text(
            f'[monitor]\ndata_dir = "{directory / "data"}"\nlog = "json"\n'
            f'[web]\nlisten = "127.0.0.1:{port}"\n'
            f"{vendor_table(account, address, *own)}"
            f'[receivers.ops]\nkind = "slack"\nwebhook_url = "http://127.0.0.1:{slack.port}'
            '/services/T/B/x"\n[[routes]]\nreceivers = ["ops"]\ngroup_wait = "0s"\n'
            'group_interval = "1s"\n[rules.error_spike]\nmin_calls = 1\nmin_failed = 1\n'
            # Whoever is called lives in one country, and this runs at any hour.
            "[rules.outside_calling_hours]\nenabled = false\n"
        )
        file.chmod(0o600)
        place = Place(slack, port, load(file, environ={}).monitor.database, [])
        log = stack.enter_context((directory / "daemon.log").open("w"))
        start = "from monitor.cli.main import main; main()"
        command = [sys.executable, "-c", start, "run", "--config", str(file)]
        process = subprocess.Popen(command, stderr=log)  # noqa: ASYNC220 - it is our own
        stack.callback(process.wait)
        stack.callback(process.terminate)
        place.batches = [batch.batch_id for batch in account]
        await _known(place, batches)
        async with asyncio.timeout(_PATIENCE_S):
            await slack.came.get()
        await asyncio.sleep(_APART_S)
        yield place


async def _known(place: Place, batches: int) -> None:
    """Wait until the daemon knows the batches; TimeoutError when it never does."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(driver.Error):
                address = f"file:{place.database}?mode=ro"
                with contextlib.closing(driver.connect(address, uri=True)) as conn:
                    ((count,),) = conn.execute("SELECT count(*) FROM batches").fetchall()
                if count >= batches:
                    break
            await asyncio.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
