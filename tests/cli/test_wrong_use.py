"""Whatever is wrong in the configuration: status 2, file and line, no traceback, nothing sent."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from monitor.cli.main import app
from tests.cli.conftest import Offhook, Services, write_config

COMMANDS = (
    "run",
    "poll",
    "poll --dry-run",
    "check-config",
    "check-config --json",
    "status",
    "batches",
    "alerts",
    "deliveries",
    "deliveries show x",
    "deliveries replay x",
    "notify test",
    "silence list",
    "silence add rule=x --for 1h --comment y",
    "silence expire x",
    "ack x",
    "doctor",
    "backup copy.db",
)
MISTAKES = {
    "key": ("[monitor]", "[monitor]\nretian = '3d'", 2, '"retain"'),
    "rule": ("[monitor]", "[rules.eror_spike]\n[monitor]", 1, '"error_spike"'),
    "vendor": ('"graine"', '"grain"', 4, '"graine"'),
    "receiver": ("[monitor]", "[[routes]]\nreceivers = ['opss']\n[monitor]", 2, '"ops"'),
    "duration": ("[monitor]", "[monitor]\nretain = '3x'", 2, '"30s"'),
    "label": ("[providers.renewals]", "[providers.renewals]\nmatch = ['bach=x']", 4, '"batch"'),
    "matcher": ("[providers.renewals]", "[providers.renewals]\nmatch = ['batch']", 4, "matcher"),
}


# Each command meets two mistakes, and each mistake five commands or more.
MEETINGS = [
    pytest.param(command, mistake, id=f"{mistake}-{command}")
    for n, command in enumerate(COMMANDS)
    for m, mistake in enumerate(MISTAKES)
    if (m - n) % len(MISTAKES) in {0, 3}
]


@pytest.mark.parametrize(("command", "mistake"), MEETINGS)
def test_a_mistake_stops_every_command(
    offhook: Offhook, config: Path, command: str, mistake: str, tmp_path: Path
) -> None:
    before, after, line, words = MISTAKES[mistake]
    config.write_text(config.read_text().replace(before, after, 1))

    ran = offhook(*command.split())

    said = ran.err + (ran.out if command == "doctor" else "")
    assert ran.status == 2
    assert f"config.toml:{line}: " in said
    assert words in said
    assert "Traceback" not in said
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("command", ["run", "poll", "check-config", "notify test"])
def test_a_missing_secret_stops_what_needs_it(offhook: Offhook, config: Path, command: str) -> None:
    text = config.read_text().replace('api_key = "gat_simulated"', "api_key = { env = 'NOT_SET' }")
    config.write_text(text)

    ran = offhook(*command.split())

    assert ran.status == 2
    assert "config.toml:5: providers.renewals.api_key: the environment has no NOT_SET" in ran.err


def test_a_mistake_sends_nothing(offhook: Offhook, services: Services, tmp_path: Path) -> None:
    path = write_config(tmp_path, services.graine, services.slack_hook)
    path.write_text(path.read_text() + "[rules.nope]\n")

    assert offhook("notify", "test").status == 2
    assert offhook("poll").status == 2
    assert services.slack.posts == []


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("nonsense",), id="command"),
        pytest.param(("status", "--nonsense"), id="option"),
        pytest.param(("backup",), id="missing argument"),
        pytest.param(("--config",), id="option without value"),
    ],
)
def test_wrong_use_is_status_2(offhook: Offhook, arguments: tuple[str, ...]) -> None:
    ran = offhook(*arguments)

    assert ran.status == 2
    assert "Error" in ran.err or "Usage" in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""


def test_without_any_configuration_the_places_are_named(offhook: Offhook) -> None:
    ran = offhook("status")

    assert ran.status == 2
    assert "config.toml" in ran.err
    assert "offhook init" in ran.err


def test_the_configuration_is_found_by_option_variable_and_place(
    offhook: Offhook, config: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "other.toml"
    config.rename(other)

    assert offhook("check-config", "--config", "other.toml").status == 0
    assert offhook("--config", "other.toml", "check-config").status == 0
    monkeypatch.setenv("OFFHOOK_CONFIG", str(other))
    assert offhook("check-config").status == 0
    monkeypatch.delenv("OFFHOOK_CONFIG")
    assert "no configuration" in offhook("check-config").err
    other.rename(config)
    assert offhook("check-config").status == 0


def test_an_unknown_variable_is_an_error(
    offhook: Offhook, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFHOOK_MONITOR__RETIAN", "3d")

    ran = offhook("status")

    assert ran.status == 2
    assert "OFFHOOK_MONITOR__RETAIN" in ran.err


def test_help_imports_nothing_heavy() -> None:
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "monitor", "--help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "NO_COLOR": "1"},
    )

    imported = {line.rpartition("|")[2].strip() for line in ran.stderr.splitlines()}
    assert "typer" in imported
    assert not imported & {"sqlalchemy", "pydantic", "httpx", "slack_sdk", "structlog", "rich"}
    for command in ("init", "run", "check-config", "poll", "demo", "status", "doctor", "backup"):
        assert command in ran.stdout


def test_a_crash_is_logged_without_what_is_personal_and_is_no_finding(tmp_path: Path) -> None:
    crash = tmp_path / "crash.py"
    crash.write_text(
        "import sys\n"
        "from monitor.cli import main, status\n"
        "def boom(*_, **__):\n"
        "    number = 'a-local-variable'\n"
        "    raise ZeroDivisionError('bug with +1 415 555 0123')\n"
        "status.status = boom\n"
        "sys.argv = ['offhook', 'status']\n"
        "main.main()\n"
    )

    ran = subprocess.run(
        [sys.executable, str(crash)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )

    assert ran.returncode == 70
    assert "ZeroDivisionError" in ran.stderr
    assert "0123" not in ran.stderr
    assert "a-local-variable" not in ran.stderr.replace("number = 'a-local-variable'", "")


def commands(command: Any, *path: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, by its words."""
    below = getattr(command, "commands", {})
    for name, each in below.items():
        yield from commands(each, *path, name)
    if not below:
        yield " ".join(path), command


def test_every_command_takes_the_configuration_behind_it() -> None:
    without = [
        words
        for words, each in commands(get_command(app))
        if not any("--config" in parameter.opts for parameter in each.params)
    ]

    assert without == []
