"""The command as a person runs it, in a directory with a small configuration."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from monitor.cli.main import main
from monitor.clock import SystemClock
from monitor.simulator.graine import graine_app
from monitor.simulator.serving import serve_in_thread
from monitor.simulator.slack import HOOK_PATH, slack_app
from monitor.simulator.slack_store import Slack
from monitor.simulator.world import World

GRAINE_KEY = "gat_simulated"


@dataclass(frozen=True)
class Ran:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Offhook = Callable[..., Ran]


@pytest.fixture
def offhook(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Offhook:
    """Run ``offhook …`` in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    for name in ("OFFHOOK_CONFIG", "STATE_DIRECTORY", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["offhook", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        heard = capsys.readouterr()
        code = stopped.value.code
        return Ran(code if isinstance(code, int) else 0, heard.out, heard.err)

    return run


@dataclass(frozen=True)
class Services:
    """A simulated vendor and a simulated Slack, on real HTTP."""

    graine: str
    slack_hook: str
    slack: Slack


@pytest.fixture
def services() -> Iterator[Services]:
    clock = SystemClock()
    world = World(1, clock.now())
    account = world.account("renewals", "graine", GRAINE_KEY)
    slack = Slack(clock)
    with (
        serve_in_thread(graine_app(account, clock)) as graine,
        serve_in_thread(slack_app(slack)) as chat,
    ):
        yield Services(f"{graine}/api/v1", f"{chat}{HOOK_PATH}", slack)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose vendor and receiver nobody listens for."""
    return write_config(tmp_path, "http://127.0.0.1:9", "http://127.0.0.1:9/services/T/B/x")


def write_config(directory: Path, graine: str, hook: str) -> Path:
    path = directory / "config.toml"
    path.write_text(
        f"""\
[monitor]
data_dir = "data"
[providers.renewals]
vendor = "graine"
api_key = "{GRAINE_KEY}"
base_url = "{graine}"
[receivers.ops]
kind = "slack"
webhook_url = "{hook}"
"""
    )
    path.chmod(0o600)
    return path
