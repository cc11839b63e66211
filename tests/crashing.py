"""Killing the delivery at every line: what is lost, what is doubled, what says that it may be.

A story (fires, gets worse, recovers; a report, settled) is told by real evaluation writes,
the real dispatcher and the real notifiers over HTTP, in a forked process that is killed by
SIGKILL at the n-th line of Offhook's own code. The channel is another process and survives.
A clean process then takes the story to its end, and the channel is judged.

    python -m tests.crashing --points 600
"""

import argparse
import asyncio
import http.client
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Connection

import monitor
from monitor.core.alert import Alert, Reason
from monitor.core.route import Route
from monitor.core.rule import Severity
from monitor.dispatcher import Dispatcher, Timing
from monitor.evaluation.telling import Routing, tell
from monitor.http import HttpClient
from monitor.notifiers import Notifier
from monitor.notifiers.slack import SlackBot, SlackWebhook
from monitor.store import alerts as alerts_store
from monitor.store import outbox
from monitor.store.engine import open_engine
from monitor.store.writer import Priority, Store
from tests.builders import HOUR, MINUTE, NOON
from tests.delivering import LeapingClock, make_alert, make_report, resolved, settled
from tests.fake_slack import CHANNEL, HOOK, TOKEN, FakeSlack

KINDS = ("bot", "webhook")
OURS = str(Path(monitor.__file__).parent) + os.sep
SOON = Timing(settle=timedelta(seconds=1), lease=timedelta(seconds=2), pace={})

FIRED = make_alert(severity=Severity.WARNING)
WORSE = replace(FIRED, severity=Severity.CRITICAL, reason=Reason.ESCALATED)
OVER = resolved(WORSE)
REPORTED = make_report()
SETTLED = settled(REPORTED, cost="41.90 USD")
STORY = (FIRED, WORSE, OVER, REPORTED, SETTLED)


@dataclass(frozen=True)
class Verdict:
    """How one point, or many, ended."""

    killed: int = 0
    lost: int = 0
    doubled: int = 0  # twice without a word about it
    marked: int = 0  # twice, and the second says so

    def __add__(self, other: "Verdict") -> "Verdict":
        return Verdict(
            self.killed + other.killed,
            self.lost + other.lost,
            self.doubled + other.doubled,
            self.marked + other.marked,
        )


def make_notifier(kind: str, port: int, http: HttpClient) -> Notifier:
    url = f"http://127.0.0.1:{port}"
    if kind == "webhook":
        return SlackWebhook("ops", SecretStr(url + HOOK), http)
    return SlackBot("ops", token=SecretStr(TOKEN), channel=CHANNEL, api_url=f"{url}/api", http=http)


async def live(path: Path, kind: str, port: int, now: datetime) -> None:
    """Take the story from wherever it stands to its end, and pay everything."""
    clock = LeapingClock(now)
    store, http = Store.open(path), HttpClient(clock)
    notifier = make_notifier(kind, port, http)
    dispatcher = Dispatcher(store, {"ops": notifier}, clock, timing=SOON)
    routing = Routing(
        routes=(Route(name="1", receivers=("ops",), group_wait=timedelta(0)),),
        receivers={"ops": notifier.receiver},
    )
    await dispatcher.drain_once("ops")
    for step in STORY:
        clock.move(MINUTE)
        await store.write(Priority.EVALUATE, _evaluation(step, routing, clock.now()))
        await dispatcher.drain_once("ops")
    while due := await store.read(
        lambda conn: outbox.next_due(conn, receiver="ops", after=clock.now())
    ):
        clock.move(due - clock.now())
        await dispatcher.drain_once("ops")
    await http.aclose()
    store.close()


def _evaluation(step: Alert, routing: Routing, now: datetime) -> Callable[[Connection], None]:
    """One transaction: the alert as it is now and what is owed for it, if it is news."""

    def evaluate(conn: Connection) -> None:
        known = alerts_store.load_key(conn, step.key)
        if known is None or _place(known) < _place(step):
            alerts_store.save(conn, [step])
            tell(conn, alerts=[step], routing=routing, now=now, inhibited={}, default_zone="UTC")

    return evaluate


def _place(alert: Alert) -> int:
    return next(
        n
        for n, step in enumerate(STORY)
        if (step.key, step.state, step.severity, step.reason)
        == (alert.key, alert.state, alert.severity, alert.reason)
    )


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


def lived(path: Path, kind: str, port: int, *, now: datetime, at: int | None, trace: bool) -> str:
    """The story in this process; how many lines of ours that took."""
    killer = Killer(at)
    if trace:
        killer.watch()
    asyncio.run(live(path, kind, port, now))
    return str(killer.lines)


@contextmanager
def channel() -> Iterator[int]:
    """The channel's own process; its port."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        with FakeSlack() as fake:
            os.write(writing, str(fake.server.server_address[1]).encode())
            os.close(writing)
            signal.pause()
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        port = int(answer.read())
    try:
        yield port
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def seen(port: int, path: str) -> dict[str, Any]:
    asking = http.client.HTTPConnection("127.0.0.1", port)
    asking.request("GET", path)
    state: dict[str, Any] = json.loads(asking.getresponse().read())
    asking.close()
    return state


def judge(kind: str, state: dict[str, Any]) -> Verdict:
    return _judge_bot(state) if kind == "bot" else _judge_webhook(state["hooked"])


def _judge_bot(state: dict[str, Any]) -> Verdict:
    """One root for each alert, showing its end; each reply once; no copy ever made."""
    posts = state["posts"]
    roots = [post for post in posts if not post["body"].get("thread_ts")]
    lost = doubled = 0
    for alert, end in ((OVER, "RESOLVED (recovered)"), (SETTLED, "41.90 USD")):
        mine = [root for root in roots if alert.key in root["body"]["text"]]
        newest = [(root["edits"] or [root["body"]])[-1]["text"] for root in mine]
        lost += not any(end in text for text in newest)
        doubled += max(len(mine) - 1, 0)
    replies = [post for post in posts if post["body"].get("thread_ts")]
    firing = any("FIRING" in root["body"]["text"] for root in roots)
    lost += firing and not any("RESOLVED" in post["body"]["text"] for post in replies)
    keys = Counter(post["body"]["metadata"]["event_payload"]["key"] for post in posts)
    doubled += sum(keys.values()) - len(keys) + len(state["deleted"])
    return Verdict(lost=lost, doubled=doubled)


def _judge_webhook(hooked: list[dict[str, Any]]) -> Verdict:
    """The end of everything is told; whatever comes twice says so from the second time on."""
    texts = [body["text"] for body in hooked]
    lost = sum(
        not any(alert.key in text and end in text for text in texts)
        for alert, end in ((OVER, "RESOLVED (recovered)"), (SETTLED, "41.90 USD"))
    )
    told: set[str] = set()
    doubled = marked = 0
    for body in hooked:
        key = body["blocks"][-1]["block_id"]
        says = re.match("possible repeat", body["text"]) is not None
        if key in told:
            marked, doubled = marked + says, doubled + (not says)
        told.add(key)
    return Verdict(lost=lost, doubled=doubled, marked=marked)


def make_template(folder: Path) -> Path:
    """An empty database to copy, made where no child can see its connection."""
    path = folder / "template.db"

    def make() -> str:
        open_engine(path, create=True).dispose()
        return ""

    assert forked(make)()[0] == 0
    return path


def crash_at(
    template: Path, kind: str, port: int, at: int | None, again_at: int | None = None
) -> tuple[Verdict, int]:
    """One point: die there, perhaps once more while recovering, start again, judge.

    Without a point: how many lines there are.
    """
    path = template.with_name("offhook.db")
    for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        name.unlink(missing_ok=True)
    shutil.copy(template, path)
    seen(port, "/reset")
    status, lines = forked(lambda: lived(path, kind, port, now=NOON, at=at, trace=True))()
    killed = os.WIFSIGNALED(status)
    assert killed or status == 0, f"the story failed by itself (status {status})"
    if again_at is not None:
        later = NOON + HOUR
        forked(lambda: lived(path, kind, port, now=later, at=again_at, trace=True))()
    latest = NOON + 2 * HOUR
    again, _ = forked(lambda: lived(path, kind, port, now=latest, at=None, trace=False))()
    assert again == 0, "the restart failed"
    return Verdict(killed=killed) + judge(kind, seen(port, "/state")), int(lines or 0)


def enumerate_points(
    kind: str, points: int, told: Callable[[int, Verdict], None] = lambda at, verdict: None
) -> Verdict:
    """Spread so many deaths evenly over all lines of the story; every third dies twice."""
    with tempfile.TemporaryDirectory() as folder, channel() as port:
        template = make_template(Path(folder))
        asyncio.run(_warm(port))
        total, lines = crash_at(template, kind, port, None)
        for n in range(points):
            at = 1 + n * lines // points
            again_at = 1 + at * 7919 % (lines // 2) if n % 3 == 2 else None
            verdict, _ = crash_at(template, kind, port, at, again_at)
            told(at, verdict)
            total += verdict
    return total


async def _warm(port: int) -> None:
    """Whatever is imported late is imported before the forks, not once in each."""
    http = HttpClient(LeapingClock())
    await http.request("GET", f"http://127.0.0.1:{port}/state")
    await http.aclose()


def _prove(kind: str, points: int) -> str:
    failures: list[str] = []

    def told(at: int, verdict: Verdict) -> None:
        if verdict.lost or verdict.doubled:
            failures.append(f"{kind}: line {at}: {verdict}\n")

    total = enumerate_points(kind, points, told)
    if total.killed < points * 9 // 10:
        failures.append(f"{kind}: only {total.killed} of {points} were killed\n")
    return "".join(failures) + (
        f"{kind:8} killed {total.killed}, lost {total.lost}, doubled {total.doubled},"
        f" repeats that say so {total.marked}\n"
    )


def main() -> int:
    """Run the long proof, both kinds at once, and print what came of it."""
    parser = argparse.ArgumentParser(description="Kill the delivery at many lines.")
    parser.add_argument("--points", type=int, default=600, help="deaths for each kind of channel")
    points = parser.parse_args().points
    running = [forked(partial(_prove, kind, points)) for kind in KINDS]
    ended = [wait() for wait in running]
    sys.stdout.write("".join(said for _, said in ended))
    return int(any(status or said.count("\n") != 1 for status, said in ended))


if __name__ == "__main__":
    sys.exit(main())
