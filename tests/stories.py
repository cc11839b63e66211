"""A batch whose story a test tells: what is dialled, looked at, read and judged, and when."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Engine, event, select, update

from monitor.core.alert import Alert, Timing
from monitor.core.facts import Failure
from monitor.core.instance import RuleInstance, Settings
from monitor.core.message import Message
from monitor.core.model import (
    OPEN_CONTACT,
    BatchStatus,
    Call,
    CallStatus,
    Capabilities,
    Contact,
    ContactStatus,
    Counts,
    Item,
)
from monitor.core.route import Receiver, Route
from monitor.core.rule import Rule
from monitor.evaluation.batches import BatchEvaluated, evaluate_batch
from monitor.evaluation.context import Context, ProviderView
from monitor.evaluation.following import Followed
from monitor.evaluation.providers import evaluate_provider
from monitor.evaluation.telling import Routing
from monitor.ingest.items import take_items
from monitor.ingest.looks import take_look
from monitor.ingest.sweeps import Swept, begin_sweep, finish_sweep
from monitor.store import audit, batches, providers, stopping
from monitor.store.audit import Deed
from monitor.store.batches import BatchRow
from monitor.store.coding import decode
from monitor.store.engine import open_engine
from monitor.store.schema import alert_events, alerts, conversations, outbox
from rules import catalogue
from tests.builders import EVERYTHING, MINUTE, NOON, make_batch, make_call, make_contact

OPS = Receiver(name="ops", kind="slack")


def unsynced(engine: Engine) -> Engine:
    """The same database without waiting for the disk: no test pulls the plug."""

    def hurry(connection: Any, record: object) -> None:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA wal_autocheckpoint=500")

    engine.dispose()
    event.listen(engine, "connect", hurry)
    return engine


@cache
def _fresh() -> bytes:
    """A database with its tables and nothing in them."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "fresh.db"
        open_engine(path, create=True).dispose()
        return path.read_bytes()


def hurried(path: Path) -> Engine:
    """The database at a path, unsynced; a new one is a copy, which is quicker than making it."""
    if not path.exists():
        blank(path)
    return unsynced(open_engine(path))


def blank(path: Path) -> None:
    """Put a new database at a path."""
    path.write_bytes(_fresh())
    path.chmod(0o600)


def run(rule: Rule, name: str | None = None, **timing: timedelta) -> RuleInstance:
    """One rule as a configuration runs it."""
    times = Timing(**{"pending_for": rule.pending_for} | timing)
    settings = Settings(rule=rule, severity=rule.severity, timing=times)
    return RuleInstance(name=name or rule.id, settings=settings)


def every_rule() -> tuple[RuleInstance, ...]:
    """What runs when no rule is written."""
    return tuple(run(rule()) for rule in catalogue().values() if not rule.written_only)


def make_view(**changes: Any) -> ProviderView:
    """The provider of the story."""
    values: dict[str, Any] = {
        "name": "renewals",
        "vendor": "graine",
        "capabilities": EVERYTHING,
        "blind_after": 5 * MINUTE,
    }
    return ProviderView(**values | changes)


def make_context(*rules: RuleInstance, **changes: Any) -> Context:
    """These rules (else all of them), for one provider, everything to one receiver at once."""
    route = Route(name="1", receivers=("ops",), group_wait=timedelta(0))
    values: dict[str, Any] = {
        "instances": rules or every_rule(),
        "providers": {"renewals": make_view()},
        "routing": Routing(routes=(route,), receivers={"ops": OPS}),
        "zone": "UTC",
        "started_at": NOON,
    }
    return Context(**values | changes)


@dataclass
class Story:
    """One batch at one provider, from NOON on, on a real database.

    The vendor's truth (``people``, ``calls``, ``status``) is what the test sets; ``see`` looks
    at it, reads it and judges, as a poll does; the smaller steps do one of these alone.
    """

    path: Path
    context: Context = field(default_factory=make_context)
    now: datetime = NOON
    status: BatchStatus = BatchStatus.RUNNING
    people: dict[str, Contact] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)
    counts: Counts | None = None  # instead of the true ones
    baseline: bool = False
    engine: Engine = field(init=False)
    batch: int = 0

    def __post_init__(self) -> None:
        self.engine = hurried(self.path)

    # The vendor's side

    def invite(self, n: int) -> None:
        """So many more people to be called."""
        for _ in range(n):
            key = f"p{len(self.people):03}"
            self.people[key] = make_contact(contact_id=key, seen_at=self.now)

    def dial(self, n: int, status: CallStatus = CallStatus.COMPLETED, **more: Any) -> None:
        """So many of those who wait were called just now, and this is how it ended."""
        waiting = [p for p in self.people.values() if p.status is ContactStatus.PENDING][:n]
        for person in waiting:
            key = f"c{len(self.calls):03}"
            values: dict[str, Any] = {
                "call_id": key,
                "contact_id": person.contact_id,
                "status": status,
                "ended_at": self.now,
                "seen_at": self.now,
            }
            self.calls[key] = make_call(**values | more)
            ended = (
                ContactStatus.COMPLETED
                if status is CallStatus.COMPLETED
                else ContactStatus.EXHAUSTED
            )
            self.people[person.contact_id] = person._replace(status=ended, seen_at=self.now)

    def counted(self) -> Counts:
        """What the vendor counts."""
        words = [person.status for person in self.people.values()]
        return self.counts or Counts(
            total=len(words),
            finished=sum(word not in OPEN_CONTACT for word in words),
            live=0,
            waiting=words.count(ContactStatus.PENDING),
            by_status={status: words.count(status) for status in sorted(set(words))},
        )

    # Offhook's side

    def wait(self, by: timedelta) -> None:
        """Time passes."""
        self.now += by

    def look(self, **changes: Any) -> BatchRow:
        """Ask how the batch stands."""
        values = {"status": self.status, "seen_at": self.now, "counts": self.counted()}
        with self.engine.begin() as conn:
            row = providers.load(conn, "renewals", "graine")
            providers.save(conn, providers.answered(row, self.now))
            found = take_look(conn, make_batch(**values | changes), baseline=self.baseline)
        self.batch = found.id
        return found

    def read(self, *, finish: bool = True, unread: int = 0) -> BatchRow:
        """Read the batch's list, to its end or not."""
        found: dict[str, list[Call]] = {}
        for call in self.calls.values():
            found.setdefault(call.contact_id, []).append(call)
        items = [Item(p, tuple(found.get(p.contact_id, ()))) for p in self.people.values()]
        with self.engine.begin() as conn:
            row = begin_sweep(conn, self.batch, self.now)
            row = take_items(conn, row, items, self.now).row
            if finish:
                swept = Swept(
                    counts=row.look.counts,
                    rows=len(items),
                    run=row.run,
                    every_page=True,
                    anew=True,
                    unread=unread,
                )
                row = finish_sweep(conn, self.batch, swept, self.now)
        return row

    def judge(self, context: Context | None = None) -> BatchEvaluated | None:
        """Judge the batch."""
        with self.engine.begin() as conn:
            return evaluate_batch(conn, self.batch, context or self.context, self.now)

    def see(self, after: timedelta = timedelta(0)) -> BatchEvaluated | None:
        """Look, judge, read and judge again, as one poll does."""
        self.wait(after)
        self.look()
        self.judge()
        self.read()
        return self.judge()

    def judge_provider(self) -> Followed:
        """Judge the provider."""
        view = self.context.providers["renewals"]
        with self.engine.begin() as conn:
            return evaluate_provider(conn, view, self.context, self.now)

    def refuse(self, kind: str = "auth", text: str = "401 Unauthorized") -> None:
        """The vendor refuses to be read."""
        with self.engine.begin() as conn:
            row = providers.load(conn, "renewals", "graine")
            failure = Failure(kind=kind, text=text)
            providers.save(conn, providers.failed(row, failure, self.now))

    def row(self) -> BatchRow:
        """The batch as it is kept."""
        with self.engine.connect() as conn:
            return batches.load(conn, self.batch)

    def act(self, verb: str) -> None:
        """Somebody has Offhook pause or stop the batch, and the vendor agrees."""
        with self.engine.begin() as conn:
            row = batches.load(conn, self.batch)
            deed = Deed(
                at=self.now,
                who="ann",
                source="cli",
                what=f"batch.{verb}",
                target=row.look.batch_id,
                provider=row.look.provider,
            )
            audit.record(conn, deed)
            stopping.mark(conn, row, verb, self.now)

    def deliver(self) -> None:
        """Everything owed is taken by its receiver."""
        with self.engine.begin() as conn:
            owed = update(outbox).where(outbox.c.state == "pending")
            conn.execute(owed.values(state="sent", sent_at=self.now))
            conn.execute(update(conversations).values(told_at=self.now))

    # What came of it

    def alerts(self) -> dict[str, tuple[str, str]]:
        """The newest episode of each rule: its state and its last reason."""
        query = select(alerts).order_by(alerts.c.episode)
        with self.engine.connect() as conn:
            return {row.instance: (row.state, row.reason) for row in conn.execute(query)}

    def moves(self, instance: str) -> list[tuple[str | None, str, str]]:
        """The audit of one rule: before, after, why."""
        query = (
            select(alert_events)
            .join(alerts, alerts.c.key == alert_events.c.alert_key)
            .where(alerts.c.instance == instance)
            .order_by(alert_events.c.id)
        )
        with self.engine.connect() as conn:
            return [(row.before, row.after, row.reason) for row in conn.execute(query)]

    def messages(self, *instances: str) -> list[Message]:
        """What was ever owed, of these rules or all, in order."""
        with self.engine.connect() as conn:
            texts = conn.execute(select(outbox.c.message).order_by(outbox.c.id)).scalars().all()
        found = [decode(Message, text) for text in texts]
        return [each for each in found if not instances or each.rule in instances]

    def owed(self) -> list[tuple[str, str]]:
        """(rule, transition) of everything ever owed, in order."""
        query = (
            select(alerts.c.instance, outbox.c.transition)
            .join(alerts, alerts.c.key == outbox.c.alert_key)
            .order_by(outbox.c.id)
        )
        with self.engine.connect() as conn:
            return [(row[0], row[1]) for row in conn.execute(query)]


def transitions(done: BatchEvaluated | Followed | None) -> Sequence[Alert]:
    """The alerts that moved in one evaluation."""
    if done is None:
        return ()
    followed = done if isinstance(done, Followed) else done.followed
    return [each.alert for each in followed.transitions]


def without(context: Context, *names: str) -> Context:
    """The same context, some rules gone."""
    kept: Iterable[RuleInstance] = (each for each in context.instances if each.name not in names)
    return replace(context, instances=tuple(kept))


def viewed(context: Context, **changes: Any) -> Context:
    """The same context, the provider seen otherwise."""
    view = replace(context.providers["renewals"], **changes)
    found: Mapping[str, ProviderView] = {"renewals": view}
    return replace(context, providers=found)


def blind_to(**changes: Any) -> Capabilities:
    """A vendor that tells everything but this."""
    return replace(EVERYTHING, **changes)
