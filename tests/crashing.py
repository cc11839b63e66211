"""Killing Offhook at every line: what is lost, what is doubled, what says that it may be.

A play (tests/crash_plays.py) runs Offhook's own parts over HTTP in a forked process that is
killed by SIGKILL at the n-th line of Offhook's own code. The channel is another process and
survives. A clean process then takes the play to its end, and the channel is judged.

    python -m tests.crashing --points 600
"""

import argparse
import asyncio
import http.client
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import monitor
from monitor.http import HttpClient
from monitor.store.engine import open_engine
from tests import crash_plays
from tests.crash_judging import Verdict, judge
from tests.crash_plays import Play
from tests.crash_watching import HEARING, WATCHING
from tests.delivering import LeapingClock
from tests.fake_slack import FakeSlack

PLAYS = {play.name: play for play in (*crash_plays.PLAYS, WATCHING, HEARING)}
OURS = str(Path(monitor.__file__).parent) + os.sep


class Killer:
    """Counts lines of Offhook's own code, in every thread, and dies at the n-th."""

    def __init__(self, at: int | None) -> None:
        self.at = at
        self.lines = 0

    def watch(self) -> None:
        threading.settrace(self.trace)
        sys.settrace(self.trace)

    def trace(self, frame: FrameType, event: str, arg: Any) -> Any:
        return self.line if frame.f_code.co_filename.startswith(OURS) else None

    def line(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event == "line":
            self.lines += 1
            if self.lines == self.at:
                os.kill(os.getpid(), signal.SIGKILL)
        return self.line


def forked(run: Callable[[], str]) -> Callable[[], tuple[int, str]]:
    """Start a function in a process of its own; what is returned waits: (wait status, answer)."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        status = 1
        try:
            sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - for the whole life of it
            os.write(writing, run().encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writing)

    def wait() -> tuple[int, str]:
        with os.fdopen(reading) as answer:
            said = answer.read()
        return os.waitpid(pid, 0)[1], said

    return wait


def lived(play: Play, path: Path, kind: str, port: int, *, nth: int, at: int | None) -> str:
    """The play in this process, its n-th start; how many lines of ours that took, if watched."""
    killer = Killer(at)
    if at is not None:
        killer.watch()
    asyncio.run(play.live(path, kind, port, nth))
    return str(killer.lines)


@contextmanager
def apart(serve: Callable[[int], None]) -> Iterator[int]:
    """A server in a process of its own; its port, which it writes where it is told, and closes."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reading)
        serve(writing)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        port = int(answer.read())
    try:
        yield port
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def channel() -> AbstractContextManager[int]:
    """The channel; its port."""
    return apart(_channel)


def _channel(told: int) -> None:
    with FakeSlack() as fake:
        os.write(told, str(fake.server.server_address[1]).encode())
        os.close(told)
        signal.pause()


def seen(port: int, path: str) -> dict[str, Any]:
    asking = http.client.HTTPConnection("127.0.0.1", port)
    asking.request("GET", path)
    state: dict[str, Any] = json.loads(asking.getresponse().read())
    asking.close()
    return state


def make_template(folder: Path) -> Path:
    """An empty database to copy, made where no child can see its connection."""
    path = folder / "template.db"

    def make() -> str:
        open_engine(path, create=True).dispose()
        return ""

    assert forked(make)()[0] == 0
    return path


def crash_at(
    play: Play,
    template: Path,
    kind: str,
    port: int,
    *,
    at: int | None,
    again_at: int | None = None,
) -> tuple[Verdict, int]:
    """One point: die there, perhaps once more while recovering, start again, judge.

    Without a point: how many lines there are.
    """
    path = template.with_name("offhook.db")
    for suffix in ("", "-wal", "-shm", ".clock"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    shutil.copy(template, path)
    seen(port, "/reset")
    count = _NEVER if at is None else at
    status, lines = forked(lambda: lived(play, path, kind, port, nth=0, at=count))()
    killed = os.WIFSIGNALED(status)
    assert killed or status == 0, f"the play failed by itself (status {status})"
    if again_at is not None:
        forked(lambda: lived(play, path, kind, port, nth=1, at=again_at))()
    again, _ = forked(lambda: lived(play, path, kind, port, nth=2, at=None))()
    assert again == 0, "the restart failed"
    return Verdict(killed=killed) + judge(play, kind, seen(port, "/state")), int(lines or 0)


_NEVER = -1  # a line that none is: watched, and not killed


def enumerate_points(
    play: Play,
    kind: str,
    points: int,
    told: Callable[[int, Verdict], None] = lambda at, verdict: None,
) -> Verdict:
    """Spread so many deaths evenly over all lines of the play; every third dies twice."""
    with tempfile.TemporaryDirectory() as folder, channel() as port:
        template = make_template(Path(folder))
        asyncio.run(_warm(port))
        total, lines = crash_at(play, template, kind, port, at=None)
        for n in range(points):
            at = 1 + n * lines // points
            again_at = 1 + at * 7919 % (lines // 2) if n % 3 == 2 else None
            verdict, _ = crash_at(play, template, kind, port, at=at, again_at=again_at)
            told(at, verdict)
            total += verdict
    return total


async def _warm(port: int) -> None:
    """Whatever is imported late is imported before the forks, not once in each."""
    http = HttpClient(LeapingClock())
    await http.request("GET", f"http://127.0.0.1:{port}/state")
    await http.aclose()


def _prove(play: Play, kind: str, points: int) -> str:
    failures: list[str] = []

    def told(at: int, verdict: Verdict) -> None:
        if verdict.wrong:
            failures.append(f"{play.name}, {kind}: line {at}: {verdict}\n")

    total = enumerate_points(play, kind, points, told)
    if total.killed < points * 9 // 10:
        failures.append(f"{play.name}, {kind}: only {total.killed} of {points} were killed\n")
    return "".join(failures) + (
        f"{play.name:9} {kind:8} killed {total.killed}, lost {total.lost}, doubled"
        f" {total.doubled}, false {total.false}, repeats that say so {total.marked}\n"
    )


def main() -> int:
    """Run the long proof, both kinds of channel at once, and print what came of it."""
    parser = argparse.ArgumentParser(description="Kill Offhook at many lines.")
    parser.add_argument("--points", type=int, default=300, help="deaths for each play and channel")
    parser.add_argument("--play", choices=sorted(PLAYS), help="one play only")
    asked = parser.parse_args()
    failed = False
    for play in PLAYS.values():
        if asked.play not in {None, play.name}:
            continue
        running = [forked(partial(_prove, play, kind, asked.points)) for kind in play.kinds]
        ended = [wait() for wait in running]
        sys.stdout.write("".join(said for _, said in ended))
        failed |= any(status or said.count("\n") != 1 for status, said in ended)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
