"""How the daemon is doing, as `/-/ready` and `/metrics` say it."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from monitor import __version__
from monitor.app.runtime import Runtime
from monitor.errors import StoreError
from monitor.scheduler.jobs import Jobs
from monitor.store import numbers as counted
from monitor.store import outbox
from monitor.web.metrics import Numbers

OUTBOX_LATE = timedelta(minutes=2)


async def problems(runtime: Runtime) -> tuple[str, ...]:
    """Which part is late, and why; for people. A database that cannot be read is one of them."""
    now = runtime.clock.now()
    try:
        stuck = await runtime.store.read(lambda conn: _stuck(conn, runtime, now))
    except StoreError as error:
        stuck = [str(error)]
    return (*runtime.late(), *stuck)


def _stuck(conn: Connection, runtime: Runtime, now: datetime) -> list[str]:
    """The receivers whose messages wait; what is owed to a receiver of old is nobody's to send."""
    found = []
    for each in outbox.load_owing(conn):
        since = min((at for at in (each.due_at, each.failing_since) if at), default=now)
        if each.receiver in runtime.notifiers and now - since > OUTBOX_LATE:
            found.append(f"messages to {each.receiver} wait since {since:%H:%M:%S} UTC")
    return found


async def numbers(runtime: Runtime, jobs: Jobs, *, reload_ok: bool) -> Numbers:
    """What is counted now, of what is configured. StoreError when the database cannot be read."""
    ready = not await problems(runtime)
    now = runtime.clock.now()

    def count(conn: Connection) -> Numbers:
        fresh, watched = counted.fresh_at(conn), counted.open_batches(conn)
        owed = {each.receiver: each for each in outbox.load_owing(conn)}
        return Numbers(
            now=now,
            version=__version__,
            ready=ready,
            fresh_at={name: fresh.get(name) for name in runtime.providers},
            open_batches={name: watched.get(name, 0) for name in runtime.providers},
            firing=counted.firing(conn),
            owed={name: owed[name].waiting if name in owed else 0 for name in runtime.notifiers},
            oldest_owed_at={
                name: owed[name].due_at if name in owed else None for name in runtime.notifiers
            },
            dead_letters=outbox.count_dead(conn),
            job_failures=jobs.failures,
            reload_ok=reload_ok,
        )

    return await runtime.store.read(count)
