"""SIGTERM: within ten seconds, whatever hangs, and nothing is lost."""

import time

from monitor.simulator.script import Plan
from monitor.simulator.wire import Fault
from tests.app.site import Place, until

HANGS = Fault(delay=60)
LONG_LIST = Plan(name="Long list", contacts=8_000, head_start=0.5)


def stopped(place: Place) -> None:
    """Amid a sweep, while a vendor and Slack hang: it stops, and keeps what it owes."""
    site = place.site
    site.run(lambda: site.renewals.open(LONG_LIST))
    site.graine.fail(r".*/contacts", Fault(delay=0.5))
    site.bland.fail(".*", HANGS)
    site.chat.fail(".*", HANGS)
    place.write(place.configure().replace('blind_after = "6s"', 'blind_after = "2s"'))
    daemon = place.start()
    until(lambda: owed(place) == ["bot", "hook"], 30)

    began = time.monotonic()
    status = daemon.stop()
    took = time.monotonic() - began

    assert (status, took < 10.0) == (0, True), took
    assert daemon.logged("stopped")
    assert "Traceback" not in daemon.log.read_text()
    assert owed(place) == ["bot", "hook"]
    assert "mail" in {row[0] for row in daemon.rows("select receiver from outbox")}
    assert daemon.rows("select swept_at from batches") == [(None,)]
    assert daemon.rows("select count(*) from contacts") > [(0,)]


def owed(place: Place) -> list[str]:
    """The receivers whose message is under way or waits."""
    if not place.database.exists():
        return []
    rows = place.daemons[-1].rows(
        "select distinct receiver from outbox where sent_at is null and receiver <> 'mail'"
        " and state in ('attempting', 'pending') order by receiver"
    )
    return [row[0] for row in rows]
