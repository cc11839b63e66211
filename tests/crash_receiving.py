"""Killing the gate at every line that it runs for a webhook: what was answered 200 is kept.

Senders speak HTTP to a forked server that is killed by SIGKILL at the n-th line of Offhook's
own code after it began to listen. As vendors do, they send again what was not answered to
the server that comes after it.
"""

import asyncio
import contextlib
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from monitor.config import Config
from monitor.store.engine import driver
from monitor.web.server import serving
from tests.crash_judging import Verdict
from tests.crashing import Killer, forked, make_template
from tests.gate import SAMPLES, configuration, gate
from tests.loopback import hang_up

_NEVER = -1
_SENDERS = 3  # at a time, so that they share commits


@dataclass
class Mail:
    """What is sent, as bytes of HTTP with the digest of its body; and what was answered."""

    letters: Sequence[tuple[bytes, bytes]]
    forged: frozenset[bytes]
    answered: dict[bytes, int] = field(default_factory=dict)


def letters(directory: Path, config: Config) -> Mail:
    """Proven calls, a batch's end, hints, poison, one that comes twice, and a forged one."""
    bodies = [
        ("surveys", json.dumps(dict(SAMPLES["surveys"][0]) | {"call_id": f"c-{n}"}).encode())
        for n in range(6)
    ]
    bodies += [(name, json.dumps(each).encode()) for name in SAMPLES for each in SAMPLES[name]]
    bodies += [("surveys", b"[1]"), bodies[2], ("surveys", b'{"call_id": "forged"}')]
    made, forged = [], frozenset({sha256(bodies[-1][1]).digest()})
    with gate(directory, config=config) as site:
        for name, body in bodies:
            digest = sha256(body).digest()
            path, headers = site.signed(name, b"" if digest in forged else body)
            lines = [f"POST {path} HTTP/1.1".encode(), b"host: x"]
            lines += [b"content-length: %d" % len(body)]
            lines += [key + b": " + value for key, value in headers.items()]
            made.append((digest + name.encode(), b"\r\n".join([*lines, b"", body])))
    return Mail(made, frozenset(each + b"surveys" for each in forged))


@contextlib.contextmanager
def server(directory: Path, config: Config, at: int) -> Iterator[tuple[int, Callable[[], int]]]:
    """A gate in a process of its own: its port, and what ends it and tells its lines.

    The lines are -1 when it was killed.
    """
    reading, writing = os.pipe()
    until, ending = os.pipe()

    def run() -> str:
        os.close(ending)
        killer = Killer(None)
        if at:
            killer.watch()
        return asyncio.run(_serve(directory, config, killer, at, writing, until))

    wait = forked(run)
    os.close(writing)
    os.close(until)
    with os.fdopen(reading) as answer:
        port = int(answer.readline())

    def end() -> int:
        os.close(ending)
        status, lines = wait()
        assert status == 0 or os.WIFSIGNALED(status), f"it failed by itself (status {status})"
        return -1 if status else int(lines)

    yield port, end


async def _serve(
    directory: Path, config: Config, killer: Killer, at: int, writing: int, until: int
) -> str:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    loop.add_reader(until, over.set)
    with gate(directory, config=config) as site:
        async with serving(site.app, "127.0.0.1", 0) as port:
            killer.lines, killer.at = 0, at
            os.write(writing, b"%d\n" % port)
            await over.wait()
            lines = killer.lines
    return str(lines)


async def post(port: int, mail: Mail) -> None:
    """Send what was not answered yet, over a few connections, as long as anybody listens."""
    waiting = iter([each for each in mail.letters if each[0] not in mail.answered])

    async def one() -> None:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionError:
            return
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            for digest, letter in waiting:
                writer.write(letter)
                head = await reader.readuntil(b"\r\n\r\n")
                mail.answered[digest] = int(head.split()[1])
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length))
        await hang_up(writer)

    await asyncio.gather(*(one() for _ in range(_SENDERS)))


def kept(database: Path) -> Counter[bytes]:
    """What is in the inbox: digests with their providers, and how often."""
    with contextlib.closing(driver.connect(database)) as conn:
        rows = conn.execute("SELECT digest, provider FROM inbox").fetchall()
    return Counter(bytes(digest) + provider.encode() for digest, provider in rows)


def judge(mail: Mail, found: Counter[bytes]) -> Verdict:
    """What is kept beside what was answered."""
    promised = {each for each, status in mail.answered.items() if status == 200}
    return Verdict(
        lost=len(promised - found.keys()),
        doubled=sum(count - 1 for count in found.values()),
        false=len(found.keys() & mail.forged),
    )


def crash_at(directory: Path, template: Path, config: Config, mail: Mail, at: int) -> Verdict:
    """One point: die there, look, start again, send again, and look again."""
    database = directory / "offhook.db"
    for suffix in ("", "-wal", "-shm"):
        Path(f"{database}{suffix}").unlink(missing_ok=True)
    shutil.copy(template, database)
    mail.answered.clear()
    with server(directory, config, at) as (port, end):
        asyncio.run(post(port, mail))
        killed = end() == -1
    verdict = Verdict(killed=killed) + judge(mail, kept(database))
    with server(directory, config, 0) as (port, end):
        asyncio.run(post(port, mail))
        end()
    assert all(status in {200, 401} for status in mail.answered.values())
    assert mail.answered.keys() == {each for each, _ in mail.letters}
    return verdict + judge(mail, kept(database))


def lines_of(directory: Path, config: Config, mail: Mail) -> int:
    """How many lines of Offhook's own all of it takes."""
    with server(directory, config, _NEVER) as (port, end):
        asyncio.run(post(port, mail))
        return end()


def enumerate_points(points: int) -> tuple[Verdict, list[int]]:
    """Spread so many deaths evenly over all lines; what came of it, and where it was wrong."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        template = make_template(directory)
        config = configuration(directory)
        (directory / "made").mkdir()
        mail = letters(directory / "made", config)
        shutil.copy(template, directory / "offhook.db")
        lines = lines_of(directory, config, mail)
        total, wrong = Verdict(), []
        for n in range(points):
            at = 1 + n * lines // points
            verdict = crash_at(directory, template, config, mail, at)
            total += verdict
            wrong += [at] * bool(verdict.wrong)
    return total, wrong
