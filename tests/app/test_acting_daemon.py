"""A batch goes wrong under the running daemon, and somebody pauses it from a terminal."""

from typing import Any

import pytest

from monitor.simulator.script import ErrorBurst, Plan
from monitor.simulator.world import RunningBatch
from tests.app.site import Place, until

pytestmark = pytest.mark.proof

PLAN = Plan(name="Offers", contacts=400, concurrency=8, ring=(0.1, 0.3), talk=(0.2, 0.6), pace=0.1)
BURST = ErrorBurst(after=1.0, lasts=3600.0, share=1.0)


def posted(place: Place, *words: str) -> list[Any]:
    return place.site.run(lambda: place.site.posts(*words, replies=True))


def done(place: Place, action: str, batch: RunningBatch) -> str:
    """Run the command beside the daemon; what it said."""
    ran = place.offhook("batch", action, batch.batch_id, "--yes", "--author", "ann")
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_a_pause_from_a_terminal_is_heard_of_once_and_quietly(shared: Place, proof: bool) -> None:
    if not proof:
        pytest.skip("the same without processes is in test_acting; this one runs with --proof")
    place, site = shared, shared.site
    text = place.configure()
    place.write(text.replace('vendor = "graine"', 'vendor = "graine"\nactions = true'))
    daemon = place.start()
    until(lambda: daemon.rows("select name from providers where baseline_at is not null"))
    batch = site.run(lambda: site.renewals.open(PLAN, BURST))
    until(lambda: posted(place, "Offers", "calls failed"))

    assert done(place, "pause", batch) == "Offers: paused by ann\n"
    until(lambda: posted(place, "Offers: paused by ann"))
    told = len(posted(place, "Offers"))
    judged = "select count(*) from evaluations where at > (select max(at) from audit)"
    until(lambda: daemon.rows(judged)[0][0])
    assert len(posted(place, "Offers")) == told

    site.run(batch.bursts.clear)  # what was wrong is put right
    assert done(place, "resume", batch) == "Offers: resumed by ann\n"
    until(lambda: posted(place, "Offers", "completed"))
    fired = daemon.rows(
        "select instance from alerts where fired_at is not null and state != 'info'"
    )
    assert fired == [("error_spike",)]
    deeds = daemon.rows("select what, outcome from audit order by id")
    assert deeds == [
        ("batch.pause", "unknown"),
        ("batch.pause", "done"),
        ("batch.resume", "unknown"),
        ("batch.resume", "done"),
    ]
