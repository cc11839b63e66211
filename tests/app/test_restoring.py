"""A backup is put back after what came later was told: the daemon says what may be a repeat."""

from functools import partial
from pathlib import Path

import pytest

from monitor.simulator.script import Mix, Plan
from tests.app.site import Daemon, Place, until

SURVEY = Plan(
    name="Survey",
    contacts=6,
    concurrency=6,
    starts_after=1,
    ring=(0.2, 0.4),
    talk=(12.0, 13.0),  # a backup is made meanwhile
    mix=Mix(no_answer=0.0, failed=0.0),
)
REPEAT = "possible repeat: restored from a backup of"


@pytest.fixture(scope="module")
def restored(shared: Place) -> Daemon:
    """It goes on with the database of before a batch completed."""
    site = shared.site
    first = shared.start()
    # What ends before the first look is history.
    seen = "select 1 from providers where name = 'surveys' and baseline_at is not null"
    until(lambda: first.rows(seen))
    site.run(lambda: site.surveys.open(SURVEY))
    until(lambda: first.rows("select 1 from batches where status = 'running'"))
    copy = str(shared.directory / "copy.db")
    assert shared.offhook("backup", copy).returncode == 0
    for channel in (site.bot, site.hook):
        until(partial(site.posts, "batch_completed", channel=channel))
    assert first.stop() == 0
    ran = shared.offhook("restore", copy)
    assert ran.returncode == 0, ran.stderr
    return shared.start()


def test_what_was_told_since_is_marked_where_it_is_told_again(
    shared: Place, restored: Daemon
) -> None:
    for channel in (shared.site.bot, shared.site.hook):
        until(partial(shared.site.posts, "batch_completed", REPEAT, channel=channel))
        told = shared.site.posts("batch_completed", channel=channel)
        before = [each for each in told if REPEAT not in each.shown]
        assert len(told) == 2
        assert len(before) == 1
        assert "possible repeat" not in before[0].shown
    assert len(restored.logged("database_restored")) == 1


def test_the_database_of_before_is_kept(shared: Place, restored: Daemon) -> None:
    (before,) = Path(shared.database).parent.glob("offhook.db.before-*")

    assert before.stat().st_size > 0
    assert restored.alerts("batch_completed"), "the one at work is another"


def test_a_restart_is_no_second_restore(shared: Place, restored: Daemon) -> None:
    assert restored.stop() == 0
    again = shared.start()

    assert again.logged("database_restored") == []
