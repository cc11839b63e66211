"""The scenarios on a real Alertmanager on loopback, all of them at once, in about a minute."""

import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from monitor.core.route import parse_matcher
from tests.alertmanager.heard import Heard, Sending, heard
from tests.alertmanager.scenarios import (
    LAST,
    MINUTE_AT,
    RESTART_AT,
    SCENARIOS,
    Scenario,
    Step,
    Way,
)

BINARY = "prometheus-alertmanager"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@dataclass
class Peer:
    """One Alertmanager with its scenarios, its files, and what it has sent."""

    cases: Mapping[str, Scenario]
    directory: Path
    began: datetime
    hook: int
    port: int = field(default_factory=_free_port)
    process: subprocess.Popen[bytes] | None = None
    silences: dict[str, str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        config = self.directory / "alertmanager.yml"
        config.write_text(json.dumps(_config(self.cases, self.hook, self.began)))
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    BINARY,
                    f"--config.file={config}",
                    f"--storage.path={self.directory / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                    "--cluster.listen-address=",
                ],
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        for _ in range(100):
            try:
                self.ask("GET", "/-/ready")
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise RuntimeError((self.directory / "log").read_text())

    def stop(self) -> None:
        """End it as the service manager does."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One question, which must be answered well."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        said = answer.read().decode()
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {said}")
        return json.loads(said) if said.startswith(("{", "[")) else said

    def do(self, case: str, step: Step) -> None:
        """What the step says."""
        match step.what:
            case "fire" | "end":
                now = datetime.now(UTC)
                over = now if step.what == "end" else now + timedelta(hours=1)
                labels = {"alertname": step.name, "rule": step.name, "case": case, **step.labels}
                alert = {"labels": labels, "startsAt": now.isoformat(), "endsAt": over.isoformat()}
                if step.what == "end":
                    del alert["startsAt"]
                self.ask("POST", "/api/v2/alerts", [alert])
            case "silence":
                made = self.ask("POST", "/api/v2/silences", _silence(case, step, self.began))
                self.silences[case] = made["silenceID"]
            case "expire":
                self.ask("DELETE", f"/api/v2/silence/{self.silences[case]}")


def _silence(case: str, step: Step, began: datetime) -> dict[str, Any]:
    return {
        "matchers": [
            {
                "name": each.label,
                "value": each.value,
                "isRegex": each.operator.endswith("~"),
                "isEqual": not each.operator.startswith("!"),
            }
            for each in map(parse_matcher, (f"case={case}", *step.matchers))
        ],
        "startsAt": datetime.now(UTC).isoformat(),
        "endsAt": (began + timedelta(seconds=step.until)).isoformat(),
        "createdBy": "ann",
        "comment": "known",
    }


def _config(cases: Mapping[str, Scenario], hook: int, began: datetime) -> dict[str, Any]:
    receivers: dict[str, Any] = {"null": {"name": "null"}}
    routes, holds = [], []
    for case, scenario in cases.items():
        for way in scenario.ways:
            name = f"{case} {' '.join(way.to)}"
            receivers[name] = {
                "name": name,
                "webhook_configs": [
                    {
                        "url": f"http://127.0.0.1:{hook}/{case}/{to}",
                        "send_resolved": not scenario.no_ends,
                    }
                    for to in way.to
                ],
            }
            routes.append(_route(case, way, name))
        holds += [
            {
                "source_matchers": _matchers(case, each.source),
                "target_matchers": _matchers(case, each.target),
                "equal": list(each.equal),
            }
            for each in scenario.holds
        ]
    return {
        "route": {"receiver": "null", "routes": routes},
        "receivers": list(receivers.values()),
        "inhibit_rules": holds,
        "time_intervals": _hours(began),
    }


def _matchers(case: str, *texts: str) -> list[str]:
    found = map(parse_matcher, (f"case={case}", *texts))
    return [f"{each.label}{each.operator}{json.dumps(each.value)}" for each in found]


def _route(case: str, way: Way, receiver: str) -> dict[str, Any]:
    return {
        "receiver": receiver,
        "matchers": _matchers(case, *way.match),
        "continue": way.goes_on,
        "group_by": list(way.group_by),
        "group_wait": f"{way.wait}s",
        "group_interval": f"{way.interval}s",
        "repeat_interval": f"{way.repeat}s",
        "mute_time_intervals": [way.mute] if way.mute else [],
        "active_time_intervals": [way.active] if way.active else [],
    }


def _hours(began: datetime) -> list[dict[str, Any]]:
    minute = (began + timedelta(seconds=MINUTE_AT)).strftime("%H:%M")
    return [
        {"name": "always", "time_intervals": [{"years": ["2000:2999"]}]},
        {"name": "never", "time_intervals": [{"years": ["1999"]}]},
        {
            "name": "until",
            "time_intervals": [{"times": [{"start_time": "00:00", "end_time": minute}]}],
        },
        {
            "name": "from",
            "time_intervals": [{"times": [{"start_time": minute, "end_time": "24:00"}]}],
        },
    ]


@contextmanager
def _listening(sent: list[tuple[str, str, Sending]], began: list[datetime]) -> Iterator[int]:
    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            at = (datetime.now(UTC) - began[0]).total_seconds()
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            _, case, receiver = self.path.split("/")
            states = tuple((each["labels"]["rule"], each["status"]) for each in told["alerts"])
            sent.append((case, receiver, Sending(round(at, 1), states)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _start_of(now: datetime) -> datetime:
    """So that a minute ends when the scenarios want it; never over midnight."""
    began = now.replace(second=60 - MINUTE_AT, microsecond=0)
    while began < now + timedelta(seconds=3) or began.hour * 60 + began.minute >= 1437:
        began += timedelta(minutes=1)
    return began


def run(directory: Path) -> dict[str, Heard]:
    """What each receiver heard in each scenario; takes up to two minutes."""
    sent: list[tuple[str, str, Sending]] = []
    began = _start_of(datetime.now(UTC))
    with _listening(sent, [began]) as hook:
        steady = {name: each for name, each in SCENARIOS.items() if not each.restarts}
        restarting = {name: each for name, each in SCENARIOS.items() if each.restarts}
        peers = []
        for name, cases in (("steady", steady), ("restarting", restarting)):
            place = directory / name
            place.mkdir()
            peers.append(Peer(cases, place, began, hook))
        for peer in peers:
            peer.start()
        try:
            _play(peers, began)
        finally:
            for peer in peers:
                peer.stop()
    return {
        case: heard((receiver, each) for of, receiver, each in sent if of == case)
        for case in SCENARIOS
    }


def _play(peers: list[Peer], began: datetime) -> None:
    plan = sorted(
        (
            (step.at, place, name, step)
            for place, peer in enumerate(peers)
            for name, scenario in peer.cases.items()
            for step in scenario.steps
        ),
        key=lambda one: one[0],
    )
    for second in range(LAST + 1):
        left = (began + timedelta(seconds=second) - datetime.now(UTC)).total_seconds()
        time.sleep(max(left, 0))
        if second == RESTART_AT:
            peers[1].stop()
            peers[1].start()
        for at, place, name, step in plan:
            if at == second:
                peers[place].do(name, step)
