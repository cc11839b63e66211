"""What one configuration does again and again, and how often."""

from functools import partial

from monitor.app import restating
from monitor.app.delivering import WATCH_EVERY
from monitor.app.greeting import GREET_EVERY, greet
from monitor.app.heartbeat import BEAT_EVERY, Heartbeat
from monitor.app.runtime import (
    CHECK_EVERY,
    HEARTBEAT,
    JUDGE_EVERY,
    LEDGER_EVERY,
    POLL_TICK,
    PRUNE_EVERY,
    Runtime,
)
from monitor.scheduler.jobs import Jobs


def jobs_of(runtime: Runtime) -> Jobs:
    """The jobs, not yet begun."""
    jobs = Jobs(runtime.judge.unwritten)
    for poller in runtime.pollers:
        jobs.add(f"poll {poller.provider.name}", POLL_TICK, poller.poll)
    jobs.add("judge", JUDGE_EVERY, runtime.judge.everything)
    jobs.add("prune", PRUNE_EVERY, runtime.prune)
    jobs.add("first message", GREET_EVERY, partial(greet, runtime))
    jobs.add("keep the ledger", LEDGER_EVERY, runtime.ledger.keep)
    jobs.add("check receivers", CHECK_EVERY, runtime.check_receivers)
    jobs.add("watch deliveries", WATCH_EVERY, runtime.delivering.watch)
    restating.add_jobs(jobs, runtime)
    settings = runtime.config.monitor
    if settings.heartbeat_url or settings.heartbeat_fail_url:
        beat = Heartbeat(settings, runtime, runtime.clients[HEARTBEAT]).beat
        jobs.add("heartbeat", BEAT_EVERY, beat)
    return jobs
