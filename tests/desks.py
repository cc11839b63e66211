"""A desk with a little of everything on it, and its server on loopback."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Connection, delete, insert
from starlette.applications import Starlette

from monitor.core.alert import Alert, AlertState, Reason, Transition
from monitor.core.compose import compose
from monitor.core.model import Counts
from monitor.core.route import LABELS
from monitor.core.rule import Severity, SubjectKind
from monitor.evaluation.context import Context, ProviderView
from monitor.evaluation.routing import Routing
from monitor.store import alerts, audit, batches
from monitor.store.audit import Deed
from monitor.store.batches import BatchRow
from monitor.store.coding import encode
from monitor.store.schema import conversations, metadata, outbox, providers
from monitor.store.writer import Priority, Store
from monitor.web.desk import Desk, House, Watched
from monitor.web.metrics import Numbers
from monitor.web.server import application, serving
from tests.builders import EVERYTHING, HOUR, MINUTE, NOON, make_batch
from tests.delivering import make_alert, make_report, make_subject, resolved
from tests.loopback import StillClock

TOKEN = "the token of those who read"


@dataclass
class Front:
    """What is served, and what it woke."""

    desk: Desk
    clock: StillClock
    woken: list[str] = field(default_factory=list)
    late: tuple[str, ...] = ()

    def begin_anew(self) -> None:
        self.woken.clear()
        self.late = ()
        self.clock.at = NOON + 10 * MINUTE

    async def read(self, fn: Callable[[Connection], Any]) -> Any:
        return await self.desk.store.read(fn)

    async def write(self, fn: Callable[[Connection], Any]) -> Any:
        return await self.desk.store.write(Priority.INGEST, fn)

    async def deeds(self) -> list[tuple[str, str, str]]:
        found: tuple[Deed, ...] = await self.read(audit.load)
        return [(each.who, each.source, each.what) for each in found]

    def app(self, token: str | None = None, public_url: str | None = None) -> Starlette:
        """The application; ``token`` is what it wants to see."""

        async def problems() -> tuple[str, ...]:
            return self.late

        return application(
            problems=problems,
            numbers=nobody_counts,
            token=token,
            desk=self.desk,
            public_url=public_url,
            clock=self.clock,
        )

    def browser(self, token: str | None = None, public_url: str | None = None) -> httpx.AsyncClient:
        """Somebody on this machine who keeps cookies, in process."""
        transport = httpx.ASGITransport(app=self.app(token, public_url))
        return httpx.AsyncClient(transport=transport, base_url=public_url or "http://localhost")

    @contextlib.asynccontextmanager
    async def served(self) -> AsyncIterator[httpx.AsyncClient]:
        """The same over a real socket."""
        async with (
            serving(self.app(), "127.0.0.1", 0) as port,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
        ):
            yield client


async def nobody_counts() -> Numbers:
    raise AssertionError


@contextlib.contextmanager
def front(directory: Path) -> Iterator[Front]:
    """A desk over an empty database."""
    clock = StillClock(NOON + 10 * MINUTE)
    store = Store.open(directory / "offhook.db")
    watched = Watched(
        name="renewals",
        vendor="graine",
        blind_after=5 * MINUTE,
        webhooks=True,
        cannot_see=("retries", "cost"),
    )
    house = House(
        version="1.2.3",
        zone="Europe/Berlin",
        labels=frozenset({*LABELS, "team"}),
        providers={"renewals": watched},
        receivers=("ops",),
    )
    made: list[Front] = []

    async def problems() -> tuple[str, ...]:
        return made[0].late

    desk = Desk(
        store=store,
        clock=clock,
        house=lambda: house,
        context=lambda: CONTEXT,
        problems=problems,
        changed=lambda: made[0].woken.append("judge"),
        owed=lambda: made[0].woken.append("dispatcher"),
    )
    made.append(Front(desk, clock))
    try:
        yield made[0]
    finally:
        store.close()


CONTEXT = Context(
    instances=(),
    providers={
        "renewals": ProviderView(
            name="renewals",
            vendor="graine",
            capabilities=EVERYTHING,
            blind_after=5 * MINUTE,
        )
    },
    routing=Routing(routes=()),
    zone="Europe/Berlin",
    started_at=NOON,
)
FIRING = make_alert()
WARNING = make_alert("batch_stalled", rule="batch_stalled", severity=Severity.WARNING)
BLIND = make_alert(
    "provider_blind",
    rule="provider_blind",
    subject=make_subject(kind=SubjectKind.PROVIDER, id="renewals", title="renewals"),
)
CLOSED = resolved(make_alert("other"))
REPORT = make_report()
DEAD = "d" * 24


def fill(conn: Connection, name: str = "Renewals May") -> None:
    """Alerts of every kind, a batch that runs and one that is stale, and a dead letter."""
    for table in reversed(metadata.sorted_tables):
        conn.execute(delete(table))
    subject = make_subject(title=name)
    found = [replace(each, subject=subject) for each in (FIRING, WARNING, CLOSED, REPORT)]
    alerts.save(conn, [*found, BLIND])
    alerts.record(conn, [_fired(found[0])])
    _add_provider(conn)
    for n in range(2):
        look = make_batch(
            batch_id=f"btc_{n + 1}",
            name=name,
            counts=Counts(total=412, finished=208, failed=19, live=7, waiting=197),
        )
        seen = NOON + 10 * MINUTE - n * HOUR
        times = {"first_seen_at": seen, "fresh_at": seen, "moved_at": seen, "due_at": seen}
        batches.add(conn, BatchRow(id=0, look=look, **times))  # type: ignore[arg-type]  # times only
    _add_dead(conn, found[0])


def _fired(alert: Alert) -> Transition:
    return Transition(
        alert=alert,
        before=AlertState.PENDING,
        after=AlertState.FIRING,
        reason=Reason.HELD_LONG_ENOUGH,
        at=NOON,
    )


def _add_provider(conn: Connection) -> None:
    values = {"baseline_at": NOON, "fresh_at": NOON, "failing_since": NOON, "webhook_at": NOON}
    words = {"failure_kind": "auth", "failure_text": "401"}
    conn.execute(insert(providers).values(name="renewals", vendor="graine", **values, **words))


def _add_dead(conn: Connection, alert: Alert) -> None:
    conversation = conn.execute(
        insert(conversations)
        .values(receiver="ops", group_key="g", route="1", opened_at=NOON)
        .returning(conversations.c.id)
    ).scalar_one()
    conn.execute(
        insert(outbox).values(
            delivery_key=DEAD,
            conversation=conversation,
            receiver="ops",
            alert_key=alert.key,
            transition="fired",
            part="root",
            message=encode(compose(alert, at=NOON, default_zone="UTC")),
            state="dead",
            created_at=NOON,
            owed_since=NOON,
            due_at=NOON,
            attempts=3,
            error="channel_not_found",
        )
    )
