"""``batch pause``, ``resume`` and ``stop`` as a person types them, at simulated vendors."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from monitor.clock import SystemClock
from monitor.simulator.bland import bland_app
from monitor.simulator.graine import graine_app
from monitor.simulator.script import Plan
from monitor.simulator.serving import serve_in_thread
from monitor.simulator.wire import Fault, Wire
from monitor.simulator.world import RunningBatch, World
from monitor.store.engine import driver
from tests.cli.conftest import Offhook

GRAINE_KEY, BLAND_KEY = "gat_secret_of_renewals", "sk-secret-of-surveys"


@dataclass
class Vendors:
    """Two accounts, with one batch each; another at the first has the id of the second's."""

    renewals: RunningBatch
    surveys: RunningBatch
    twin: RunningBatch
    graine: Wire
    bland: Wire


@pytest.fixture
def vendors(tmp_path: Path, offhook: Offhook) -> Iterator[Vendors]:
    clock = SystemClock()
    world = World(5, clock.now())
    graine, bland = (
        world.account("renewals", "graine", GRAINE_KEY),
        world.account("surveys", "bland", BLAND_KEY),
    )
    renewals = graine.open(Plan(name="Renewals May", contacts=60))
    surveys = bland.open(Plan(name="Survey", contacts=60, batch_id="both"))
    twin = graine.open(Plan(name="Twin", contacts=60, batch_id="both"))
    made = Vendors(renewals, surveys, twin, graine_app(graine, clock), bland_app(bland, clock))
    with serve_in_thread(made.graine) as one, serve_in_thread(made.bland) as other:
        write(tmp_path, f"{one}/api/v1", other)
        assert offhook("poll").status == 0
        yield made


def write(directory: Path, graine: str, bland: str, allowed: str = "actions = true") -> None:
    path = directory / "config.toml"
    path.write_text(
        f"""\
[monitor]
data_dir = "data"
[providers.renewals]
vendor = "graine"
api_key = "{GRAINE_KEY}"
base_url = "{graine}"
{allowed}
[providers.surveys]
vendor = "bland"
api_key = "{BLAND_KEY}"
base_url = "{bland}"
{allowed}
[receivers.ops]
kind = "slack"
webhook_url = "http://127.0.0.1:9/services/T/B/x"
"""
    )
    path.chmod(0o600)


class Terminal(StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


def types(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("".join(f"{line}\n" for line in lines)))


def standing(batch: RunningBatch) -> str:
    """How it truly stands by now."""
    return batch.status.value


def deeds(directory: Path) -> list[tuple[str, str, str]]:
    with driver.connect(directory / "data" / "offhook.db") as db:
        rows = db.execute("select who, what, outcome from audit order by id").fetchall()
    return [(who, what, outcome) for who, what, outcome in rows]


def test_it_is_paused_and_resumed_beside_no_daemon_at_all(
    offhook: Offhook, vendors: Vendors, tmp_path: Path
) -> None:
    paused = offhook("batch", "pause", vendors.renewals.batch_id, "--yes", "--author", "ann")
    assert (paused.status, paused.out) == (0, "Renewals May: paused by ann\n")
    assert standing(vendors.renewals) == "paused"

    again = offhook("batch", "pause", vendors.renewals.batch_id, "--yes", "--author", "bob")
    assert (again.status, again.out) == (0, "Renewals May: it is paused already\n")

    named = f"renewals/{vendors.renewals.batch_id}"
    resumed = offhook("batch", "resume", named, "--yes", "--author", "ann", "--json")
    assert resumed.status == 0
    assert resumed.json["outcome"] == "done"
    assert resumed.json["status"] == "running"
    assert standing(vendors.renewals) == "running"
    assert deeds(tmp_path) == [
        ("ann", "batch.pause", "unknown"),
        ("ann", "batch.pause", "done"),
        ("bob", "batch.pause", "refused"),
        ("ann", "batch.resume", "unknown"),
        ("ann", "batch.resume", "done"),
    ]


def test_what_is_for_good_is_asked_about_twice(
    offhook: Offhook, vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    types(monkeypatch, "n")
    refused = offhook("batch", "stop", "surveys/both")
    assert (refused.status, "nothing was done" in refused.err) == (2, True)
    assert "cannot be undone" in refused.out

    types(monkeypatch, "y", "Surveys")
    assert "that is not its name" in offhook("batch", "stop", "surveys/both").err

    monkeypatch.setattr(sys, "stdin", StringIO())
    nobody = offhook("batch", "stop", "surveys/both", "--yes")
    assert (nobody.status, "--yes --really" in nobody.err) == (2, True)
    assert standing(vendors.surveys) == "running"

    types(monkeypatch, "Survey")
    assert offhook("batch", "stop", "surveys/both", "--yes").status == 0
    assert standing(vendors.surveys) == "cancelled"

    assert standing(vendors.twin) == "running"
    monkeypatch.setattr(sys, "stdin", StringIO())
    assert offhook("batch", "stop", "renewals/both", "--yes", "--really").status == 0
    assert standing(vendors.twin) == "cancelled"


def test_what_is_not_clear_or_not_allowed_is_refused(
    offhook: Offhook, vendors: Vendors, tmp_path: Path
) -> None:
    both = offhook("batch", "pause", "both", "--yes")
    assert both.status == 2
    assert "renewals/both, surveys/both" in both.err

    nobody = offhook("batch", "pause", "renewals/nothing", "--yes")
    assert (nobody.status, "there is no batch" in nobody.err) == (2, True)

    none = offhook("batch", "pause", "surveys/both", "--yes")
    assert (none.status, "bland documents no pause, only stop" in none.err) == (2, True)

    text = (tmp_path / "config.toml").read_text()
    (tmp_path / "config.toml").write_text(text.replace("actions = true", ""))
    off = offhook("batch", "pause", vendors.renewals.batch_id)
    assert off.status == 2
    assert "add to [providers.renewals]: actions = true" in off.err
    sent = [*vendors.graine.seen, *vendors.bland.seen]
    assert [seen for seen in sent if seen.asked.method == "POST"] == []


def test_a_refusal_of_the_vendor_is_told_without_secrets(
    offhook: Offhook, vendors: Vendors
) -> None:
    vendors.graine.fail(".*/pause", Fault(status=403, body=GRAINE_KEY.encode()))
    refused = offhook("batch", "pause", vendors.renewals.batch_id, "--yes", "--json")

    assert refused.status == 1
    assert refused.json["outcome"] == "refused"
    assert "403: the key may not do this" in refused.err
    assert GRAINE_KEY not in refused.out + refused.err
