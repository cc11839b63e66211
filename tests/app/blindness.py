"""Stories of vendors and receivers that are away for a while."""

from dataclasses import replace

from monitor.simulator.script import End, ErrorBurst, Mix, Plan
from monitor.simulator.wire import Fault
from tests.app.site import Daemon, Place, until

SERVER_ERROR = Fault(status=500, body=b"oops")
TOO_MUCH = Fault(status=429, body=b"{}", headers={"Retry-After": "1"})
NO_ANSWERS = (
    Fault(status=401, body=b'{"detail":"Invalid or expired token"}'),
    TOO_MUCH,
    Fault(reset=True),
    Fault(cut=20),
    Fault(status=200, body=b"<html>Sign in</html>", headers={"content-type": "text/html"}),
    Fault(status=200, body=b""),
    Fault(status=200, body=b'{"items": 3}'),
    Fault(status=200, body=b"[" * 100_000),
    Fault(status=200, body=b"[" + b" " * 20_000_000 + b"]"),
)
SHORT = Plan(name="Short", contacts=40, concurrency=3, pace=0.2, ring=(0.1, 0.2), talk=(0.2, 0.4))
BUSY = Plan(
    name="Early",
    contacts=900,
    concurrency=5,
    pace=0.2,
    ring=(0.1, 0.2),
    talk=(0.2, 0.4),
    mix=Mix(no_answer=0.0, busy=0.0, failed=0.0),
)


def vendor_away(place: Place) -> None:
    """While it answers anything but batches, a spike ends, another begins, a batch completes."""
    site = place.site
    place.configure(**{"rules.error_spike": 'window = "8s"\nmin_calls = 8\n'})
    daemon = place.start()
    until(lambda: len(daemon.rows("select 1 from providers where baseline_at > 0")) == 2)
    early = site.run(lambda: site.renewals.open(BUSY, ErrorBurst(after=0, lasts=6, share=1.0)))
    late = site.run(lambda: site.renewals.open(replace(BUSY, name="Late")))
    until(lambda: site.posts("FIRING", "error_spike", "Early"), 60)
    short = site.run(lambda: site.renewals.open(SHORT))
    until(lambda: len(daemon.rows("select 1 from batches where swept_at > 0")) == 3)

    site.graine.fail(".*", SERVER_ERROR)
    for fault in reversed(NO_ANSWERS):
        site.graine.fail(".*", fault, times=1)
    until(lambda: site.posts("FIRING", "provider_blind", "renewals"), 30)
    site.run(lambda: late.script(ErrorBurst(after=0, lasts=600, share=1.0)))
    until(lambda: len(site.graine.seen) and short.status.terminal and not early.bursts, 30)
    assert daemon.alerts("error_spike") == [("firing", "held_long_enough", early.batch_id)]
    assert [row[0] for row in daemon.alerts("provider_blind")] == ["firing"]
    assert not site.posts("Short")

    site.graine.mend()
    until(lambda: site.posts("RESOLVED", "provider_blind", "renewals"), 40)
    until(lambda: site.posts("Short", "completed"))
    until(lambda: site.posts("FIRING", "error_spike", "Late"))
    until(lambda: site.posts("RESOLVED (recovered)", "error_spike", "Early"))

    assert len(site.posts("Short", "completed")) == 1
    assert len(daemon.alerts("error_spike")) == len(site.posts("error_spike")) == 2
    assert len(daemon.alerts("provider_blind")) == len(site.posts("provider_blind")) == 1
    until(lambda: len(site.mails("provider_blind")) == 2)
    states = [mail["X-Offhook-State"] for mail in site.mails("provider_blind")]
    assert states == ["FIRING", "RESOLVED"]
    healthy(daemon)


def healthy(daemon: Daemon) -> None:
    """It never crashed, neither as a whole nor in a part."""
    assert not daemon.logged("job_failed")
    assert "Traceback" not in daemon.log.read_text()
    assert daemon.process.poll() is None
    assert daemon.get("/-/ready").status_code == 200


def receivers_away(place: Place) -> None:
    """Slack puts the bot off and may have taken the webhook's message: a repeat says so.

    What a bot may have said is looked for in the channel only half a minute later; that has
    tests of its own.
    """
    site = place.site
    daemon = place.start()
    until(lambda: len(daemon.rows("select 1 from providers where baseline_at > 0")) == 2)
    # The daemon's first message must not meet the faults instead.
    until(lambda: site.posts("self_watching") and site.posts("self_watching", channel=site.hook))
    site.chat.fail("/api/chat.postMessage", TOO_MUCH, times=2)
    site.chat.fail("/services/.*", replace(SERVER_ERROR, acts=True), times=1)
    plan = Plan(name="Broken", contacts=40, concurrency=1, ring=(0.1, 0.2), talk=(0.1, 0.2))
    end = End(after=1.5, code="source_invalid", reason="Entry #7 did not have a phone number.")
    site.run(lambda: site.surveys.open(plan, end))

    until(lambda: site.mails("batch_failed") and site.posts("Broken", "batch_failed"), 40)
    until(lambda: len(site.posts("Broken", "batch_failed", channel=site.hook)) == 2)
    until(lambda: daemon.rows("select distinct state from outbox") == [("sent",)])

    assert len(site.mails("batch_failed")) == len(site.posts("Broken", "batch_failed")) == 1
    first, second = site.posts("Broken", "batch_failed", channel=site.hook)
    assert "possible repeat" not in first.shown
    assert "possible repeat" in second.shown
    healthy(daemon)
