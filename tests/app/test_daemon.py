"""One daemon at its daily work, and what people run beside it."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from monitor.simulator.people import (
    FIRST,
    LAST,
    SUMMARIES,
    american_number,
    indian_number,
    own_number,
    speech,
)
from monitor.simulator.script import ErrorBurst, Mix, Plan
from monitor.simulator.slack import HOOK_PATH, TOKEN
from tests.app.site import BLAND_KEY, GRAINE_KEY, REPO, Daemon, Place, environment, until

RENEWALS = Plan(
    name="Renewals May",
    contacts=600,
    concurrency=3,
    pace=0.2,
    ring=(0.1, 0.3),
    talk=(0.3, 0.6),
    mix=Mix(no_answer=0.1, failed=0.02),
)
SURVEY = Plan(name="Survey", contacts=12, concurrency=4, pace=0.2, ring=(0.2, 0.5), talk=(0.5, 0.9))


@dataclass(frozen=True)
class AtWork:
    place: Place
    daemon: Daemon
    manager: socket.socket


@pytest.fixture(scope="module")
def at_work(shared: Place) -> Iterator[AtWork]:
    """A daemon that has seen a batch go wrong."""
    site = shared.site
    burst = ErrorBurst(after=3, lasts=600, share=0.8, error="carrier_blocked_608")
    site.run(lambda: site.renewals.open(RENEWALS, burst))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(shared.directory / "notify"))
        manager.settimeout(10)
        daemon = shared.start(
            NOTIFY_SOCKET=str(shared.directory / "notify"), WATCHDOG_USEC="1000000"
        )
        until(lambda: site.posts("error_spike"), 60)
        # Had it ended before the first look, it would be history.
        site.run(lambda: site.surveys.open(SURVEY))
        until(lambda: site.posts("completed", "Survey"), 60)
        yield AtWork(shared, daemon, manager)


def test_it_tells_the_service_manager_that_it_is_ready_and_lives(at_work: AtWork) -> None:
    heard = [at_work.manager.recv(1024).decode() for _ in range(4)]

    assert heard[0] == "READY=1\nSTATUS=watching renewals, surveys"
    assert heard[1:] == ["WATCHDOG=1"] * 3


def test_it_is_healthy_and_ready_and_counts(at_work: AtWork) -> None:
    daemon = at_work.daemon
    exposition = daemon.get("/metrics").text
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
    }

    assert daemon.get("/-/healthy").status_code == 200
    assert daemon.get("/-/ready").json() == {"ready": True, "problems": []}
    assert samples["offhook_ready",] == 1
    assert samples["offhook_open_batches", "renewals"] == 1
    assert samples["offhook_alerts_firing", "error_spike"] == 1
    assert samples["offhook_outbox_owed", "hook"] >= 0
    assert samples["offhook_dead_letters",] == 0
    assert samples["offhook_provider_last_answer_timestamp_seconds", "surveys"] > 1.7e9


@dataclass(frozen=True)
class Ran:
    returncode: int
    stdout: str
    stderr: str


# One process says what each of several would: importing takes longer than all the rest.
IN_TURN = """
import contextlib, io, json, sys
from monitor.cli.main import main
ran = []
for line in sys.argv[1:]:
    out, err = io.StringIO(), io.StringIO()
    sys.argv = ["offhook", *line.split()]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as stopped:
            ran.append((stopped.code or 0, out.getvalue(), err.getvalue()))
print(json.dumps(ran))
"""


@pytest.fixture(scope="module")
def beside(at_work: AtWork) -> dict[str, Ran]:
    """What the other commands answered while the daemon ran."""
    commands = ("status --json", "deliveries --json", "run", "poll", "poll --dry-run")
    lines = [f"{command} --config {at_work.place.config}" for command in commands]
    said = subprocess.run(
        [sys.executable, "-c", IN_TURN, *lines],
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPO,
        env=environment(),
        timeout=60,
        check=True,
    ).stdout
    return {name: Ran(*ran) for name, ran in zip(commands, json.loads(said), strict=True)}


def test_reading_commands_work_beside_it(beside: dict[str, Ran]) -> None:
    found = {name: json.loads(ran.stdout) for name, ran in beside.items() if "--json" in name}

    assert beside["status --json"].returncode == 1  # it found something: an alert fires
    assert found["status --json"]["overview"]["firing"] == {"critical": 1}
    assert {"bot", "hook", "mail"} == {each["receiver"] for each in found["deliveries --json"]}
    assert beside["deliveries --json"].returncode == 0


@pytest.mark.parametrize("command", ["run", "poll"])
def test_a_second_one_on_its_database_is_refused(
    at_work: AtWork, beside: dict[str, Ran], command: str
) -> None:
    ran = beside[command]

    assert ran.returncode != 0
    assert f"another Offhook (process {at_work.daemon.process.pid}) already uses" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_dry_poll_beside_it_tells_what_it_sees(at_work: AtWork, beside: dict[str, Ran]) -> None:
    assert beside["poll --dry-run"].returncode == 0
    assert "Renewals May" in beside["poll --dry-run"].stdout
    assert at_work.daemon.process.poll() is None


def test_it_stops_when_asked_and_what_it_knew_can_still_be_read(at_work: AtWork) -> None:
    place = at_work.place

    assert at_work.daemon.stop() == 0
    assert not [path for path in place.database.parent.iterdir() if path.suffix == ".db-wal"]

    before = snapshot(place.database.parent)
    assert "Renewals May" in place.offhook("poll", "--dry-run").stdout
    assert snapshot(place.database.parent) == before


def snapshot(directory: Path) -> dict[str, tuple[int, bytes]]:
    return {
        path.name: (path.stat().st_mtime_ns, path.read_bytes())
        for path in directory.iterdir()
        if path.suffix not in {".db-wal", ".db-shm"}
    }


def test_what_it_kept_and_logged_holds_no_person_and_no_secret(at_work: AtWork) -> None:
    """After it ran: in its database, the journal, the backup and its log."""
    place, daemon = at_work.place, at_work.daemon
    kept = b"".join(path.read_bytes() for path in place.database.parent.glob("offhook.db*"))
    logged = daemon.log.read_bytes()
    people = [indian_number(1, n) for n in range(RENEWALS.contacts)]
    people += [american_number(2, n) for n in range(SURVEY.contacts)]
    numbers = [number.removeprefix("+").encode() for number in people]
    secrets = [GRAINE_KEY, BLAND_KEY, TOKEN, HOOK_PATH, "oncall@example.com"]
    said = [*speech(7), *SUMMARIES, *(f"{a} {b}" for a in FIRST for b in LAST)]

    assert len(kept) > 100_000
    assert [number for number in numbers if number in kept or number in logged] == []
    assert [word for word in secrets if word.encode() in kept] == []
    assert [word for word in secrets if word.encode() in logged] == []
    assert [word for word in said if word.encode() in kept or word.encode() in logged] == []
    assert own_number(0).encode() not in logged
