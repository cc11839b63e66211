import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.systemd import Systemd, is_journal

UNITS = Path(__file__).parents[1] / "systemd"
ANALYZE = shutil.which("systemd-analyze")


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(5)
        yield listening


def test_the_manager_hears_each_word(manager: socket.socket) -> None:
    systemd = Systemd.from_environ({"NOTIFY_SOCKET": manager.getsockname()})

    for said, expected in (
        (systemd.ready("watching 3 batches"), b"READY=1\nSTATUS=watching 3 batches"),
        (systemd.status("two\nlines"), b"STATUS=two lines"),
        (systemd.reloading(12.5), b"RELOADING=1\nMONOTONIC_USEC=12500000"),
        (systemd.watchdog(), b"WATCHDOG=1"),
        (systemd.stopping("finishing"), b"STOPPING=1\nSTATUS=finishing"),
    ):
        assert said
        assert manager.recv(1024) == expected


def test_an_abstract_socket_works_too() -> None:
    name = f"offhook-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{name}")
        listening.settimeout(5)

        assert Systemd(address=f"@{name}").watchdog()
        assert listening.recv(64) == b"WATCHDOG=1"


@pytest.mark.parametrize(
    "systemd",
    [
        pytest.param(Systemd(), id="no manager"),
        pytest.param(Systemd(address="no-such-socket"), id="a manager that is gone"),
    ],
)
def test_without_a_manager_nothing_happens(systemd: Systemd) -> None:
    assert not systemd.ready("ready")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param({}, None, id="not asked"),
        pytest.param({"WATCHDOG_USEC": "60000000"}, 30.0, id="asked"),
        pytest.param({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None, id="another"),
        pytest.param({"WATCHDOG_USEC": "soon"}, None, id="garbage"),
        pytest.param({"WATCHDOG_USEC": "0"}, None, id="off"),
    ],
)
def test_the_watchdog_is_fed_twice_in_its_time(
    environ: dict[str, str], expected: float | None
) -> None:
    assert Systemd.from_environ(environ).watchdog_s == expected


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize(
    ("told", "expected"),
    [("{dev}:{ino}", True), ("{dev}:1", False), ("{ino}", False), ("", False)],
)
def test_whether_what_is_written_goes_to_the_journal(
    tmp_path: Path, told: str, *, expected: bool
) -> None:
    with (tmp_path / "stream").open("w") as stream:
        found = os.fstat(stream.fileno())
        environ = {"JOURNAL_STREAM": told.format(dev=found.st_dev, ino=found.st_ino)}

        assert is_journal(environ, stream) is expected
        assert not is_journal({}, stream)
    assert not is_journal(environ, stream)


def test_the_unit_is_valid_and_hardened() -> None:
    unit = str(UNITS / "offhook.service")
    verified = subprocess.run(
        [str(ANALYZE), "verify", unit], capture_output=True, text=True, check=False
    )
    judged = subprocess.run(
        [str(ANALYZE), "security", "--offline=true", "--no-pager", unit],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")
    exposure = re.search(r"exposure level for offhook\.service: ([\d.]+)", judged.stdout)
    assert exposure
    assert float(exposure.group(1)) <= 1.5


def test_the_unit_runs_as_the_static_user_of_the_sysusers_file() -> None:
    unit = (UNITS / "offhook.service").read_text()
    (line,) = [
        line
        for line in (UNITS / "offhook.sysusers").read_text().splitlines()
        if line and not line.startswith("#")
    ]

    assert line.split()[:2] == ["u", "offhook"]
    for setting in (
        "User=offhook",
        "Type=notify",
        "WatchdogSec=60",
        "StateDirectory=offhook",
        "UMask=0077",
        "Restart=on-failure",
        "ExecReload=/bin/kill -HUP $MAINPID",
    ):
        assert setting in unit.splitlines()
    assert "DynamicUser" not in unit
