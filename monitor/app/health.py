"""How the daemon is doing, as `/-/ready` and `/metrics` say it."""

from collections.abc import Container
from datetime import datetime, timedelta

from sqlalchemy import Connection

from monitor import __version__
from monitor.app.intake import Intake
from monitor.app.runtime import Runtime
from monitor.errors import StoreError
from monitor.scheduler.jobs import Jobs
from monitor.store import deadletters, inbox, outbox
from monitor.store import numbers as counted
from monitor.store.provider_views import load_providers
from monitor.store.webhook_views import load_webhooks
from monitor.web.metrics import Numbers

OUTBOX_LATE = timedelta(minutes=2)
INBOX_LATE = timedelta(minutes=1)


async def problems(runtime: Runtime) -> tuple[str, ...]:
    """Which part is late, and why; for people. A database that cannot be read is one of them."""
    now = runtime.clock.now()
    try:
        waiting = await runtime.store.read(
            lambda conn: stuck(conn, runtime.notifiers, now) + untaken(conn, now)
        )
    except StoreError as error:
        waiting = [str(error)]
    return (*runtime.late(), *runtime.delivering.problems(), *waiting)


def stuck(conn: Connection, receivers: Container[str], now: datetime) -> list[str]:
    """The receivers whose messages wait; what is owed to a receiver of old is nobody's to send."""
    found = []
    for each in outbox.load_owing(conn):
        since = min((at for at in (each.due_at, each.failing_since) if at), default=now)
        if each.receiver in receivers and now - since > OUTBOX_LATE:
            found.append(f"messages to {each.receiver} wait since {since:%H:%M:%S} UTC")
    return found


def untaken(conn: Connection, now: datetime) -> list[str]:
    """Whether webhooks wait to be taken in; what a vendor is asked about meanwhile does not."""
    since = inbox.oldest_new(conn)
    if since is None or now - since <= INBOX_LATE:
        return []
    return [f"webhooks wait to be taken in since {since:%H:%M:%S} UTC"]


async def numbers(runtime: Runtime, jobs: Jobs, intake: Intake, *, reload_ok: bool) -> Numbers:
    """What is counted now, of what is configured. StoreError when the database cannot be read."""
    ready = not await problems(runtime)
    now = runtime.clock.now()
    received = intake.receiver.taken  # since the start, by provider
    context = runtime.judge.context
    listened_to = {
        name: context.providers[name].ends_named
        for name, each in runtime.config.providers.items()
        if each.webhook_secret
    }

    def count(conn: Connection) -> Numbers:
        kept = {each.name: each for each in load_providers(conn)}
        known = {name: kept[name] for name in runtime.providers if name in kept}
        unknown: dict[str, datetime | None] = dict.fromkeys(runtime.providers)
        owed = {each.receiver: each for each in outbox.load_owing(conn)}
        return Numbers(
            now=now,
            version=__version__,
            ready=ready,
            fresh_at=unknown | {name: each.fresh_at for name, each in known.items()},
            complete_at={name: each.complete_at for name, each in known.items()},
            open_batches=dict.fromkeys(runtime.providers, 0)
            | {name: each.open_batches for name, each in known.items()},
            traffic={name: line.traffic() for name, line in runtime.line_of.items()},
            accounts={name: each.account for name, each in known.items() if each.account},
            webhooks=load_webhooks(conn, listened_to, now),
            received={name: received[name] for name in listened_to if name in received},
            firing=counted.firing(conn),
            owed={name: owed[name].waiting if name in owed else 0 for name in runtime.notifiers},
            oldest_owed_at={
                name: owed[name].due_at if name in owed else None for name in runtime.notifiers
            },
            dead_letters=deadletters.count_dead(conn),
            connections_closed=intake.door.closed,
            job_failures=jobs.failures,
            reload_ok=reload_ok,
        )

    return await runtime.store.read(count)
