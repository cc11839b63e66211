"""Stories of a database that cannot be used for a while."""

import resource
import sqlite3

from monitor.simulator.script import Plan
from tests.app.site import Place, until

CALM = Plan(name="Calm", contacts=300, concurrency=3, pace=0.4, ring=(0.1, 0.2), talk=(0.2, 0.4))
LOCKED = "is locked by another program; is a second daemon or a backup running?"


def database_locked(place: Place) -> None:
    """Another program holds it for longer than a provider may be silent."""
    site = place.site
    site.run(lambda: site.renewals.open(CALM))
    place.write(place.configure().replace('blind_after = "6s"', 'blind_after = "8s"'))
    daemon = place.start()
    until(lambda: daemon.rows("select 1 from batches where swept_at > 0"))
    other = sqlite3.connect(place.database, isolation_level=None)
    other.execute("begin immediate")

    until(lambda: len(daemon.logged("job_failed")) >= 2, 40)
    assert all(LOCKED in each["error"] for each in daemon.logged("job_failed"))
    assert daemon.get("/-/healthy").status_code == 200
    assert daemon.get("/metrics").status_code == 200
    other.execute("rollback")
    other.close()

    moved = daemon.rows("select max(moved_at) from batches")
    until(lambda: daemon.rows("select max(moved_at) from batches") > moved, 30)
    quiet(place)


def disk_full(place: Place) -> None:
    """No byte more can be written, then it can."""
    site = place.site
    site.run(lambda: site.renewals.open(CALM))
    daemon = place.start()
    until(lambda: daemon.rows("select 1 from batches where swept_at > 0"))
    _, hard = resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (20_000, hard))

    until(lambda: daemon.logged("job_failed"), 40)
    assert "disk" in daemon.logged("job_failed")[0]["error"]
    assert daemon.get("/-/healthy").status_code == 200
    resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (hard, hard))

    moved = daemon.rows("select max(moved_at) from batches")
    until(lambda: daemon.rows("select max(moved_at) from batches") > moved, 30)
    quiet(place)


def quiet(place: Place) -> None:
    """Nobody was told anything of batches or vendors, and no traceback was printed."""
    daemon = place.daemons[-1]
    until(lambda: daemon.get("/-/ready").status_code == 200)
    fired = "select rule, state from alerts where fired_at is not null and rule not like 'self_%'"
    assert daemon.rows(fired) == []
    assert [post for post in place.site.posts() if "self_watching" not in post.shown] == []
    assert "exception" not in daemon.log.read_text()
    assert daemon.stop() == 0
    assert sqlite3.connect(place.database).execute("pragma integrity_check").fetchone() == ("ok",)
