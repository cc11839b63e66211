"""Read-only answers for the command line and the status page, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    case,
    func,
    literal_column,
    or_,
    select,
)

from monitor.core.model import OPEN_CONTACT, Batch, Counts
from monitor.core.rule import Finding
from monitor.core.tally import CONTACTS, people
from monitor.store.coding import decode
from monitor.store.schema import alert_events, alerts, batches, deliveries, outbox


class _Fields(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


View = TypeVar("View", bound=_Fields)
OPEN_STATES = ("pending", "firing")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchView:
    """One batch as last seen. ``done`` is as the vendor counts, else as its people were read."""

    provider: str
    batch_id: str
    name: str | None
    campaign: str | None
    status: str
    watched: bool
    run: int
    counts: Counts
    done: int | None
    first_seen_at: datetime
    fresh_at: datetime
    moved_at: datetime
    swept_at: datetime | None
    complete_at: datetime | None
    terminal_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertView:
    """One episode of one alert. ``unknown`` says why it cannot be judged now."""

    key: str
    rule: str
    instance: str
    provider: str
    subject_kind: str
    subject_id: str
    title: str
    severity: str
    state: str
    episode: int
    since: datetime
    fired_at: datetime | None
    closed_at: datetime | None
    reason: str
    summary: str
    unknown: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertEventView:
    """One step of an alert's life, from the audit."""

    at: datetime
    before: str | None
    after: str
    reason: str
    severity: str
    value: float | None
    threshold: float | None
    n: int | None
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryView:
    """One message that is or was owed to one receiver."""

    delivery_key: str
    receiver: str
    alert_key: str
    rule: str
    title: str
    transition: str
    part: str
    state: str
    created_at: datetime
    due_at: datetime
    attempts: int
    sent_at: datetime | None
    possible_repeat: bool
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptView:
    """One try to hand a message over."""

    at: datetime
    attempt: int
    outcome: str
    word: str | None
    text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What matters at one glance: firing by severity, and what is owed or given up."""

    firing: Mapping[str, int]
    pending: int
    open_batches: int
    owed: int
    oldest_owed_at: datetime | None
    dead: int


def overview(conn: Connection) -> Overview:
    """The whole installation in six numbers."""
    firing = conn.execute(
        select(alerts.c.severity, func.count().label("n"))
        .where(alerts.c.state == "firing")
        .group_by(alerts.c.severity)
    )
    owed = outbox.c.state.in_(("pending", "attempting"))
    row = conn.execute(
        select(
            func.count(case((owed, 1))),
            func.min(case((owed, outbox.c.created_at)), type_=outbox.c.created_at.type),
            func.count(case((outbox.c.state == "dead", 1))),
        )
    ).one()
    return Overview(
        firing={row.severity: row.n for row in firing},
        pending=_count(conn, alerts.c.state == "pending"),
        open_batches=_count(conn, batches.c.open),
        owed=row[0],
        oldest_owed_at=row[1],
        dead=row[2],
    )


def _count(conn: Connection, condition: ColumnElement[bool]) -> int:
    return conn.execute(select(func.count()).where(condition)).scalar_one()


def load_batches(
    conn: Connection, *, provider: str | None = None, ended: bool = False, limit: int = 200
) -> tuple[BatchView, ...]:
    """The watched batches, and with ``ended`` those that are over; the last moved first."""
    conditions: list[ColumnElement[bool]] = [] if ended else [batches.c.open]
    if provider is not None:
        conditions.append(batches.c.provider == provider)
    rows = conn.execute(
        select(batches)
        .where(*conditions)
        .order_by(batches.c.moved_at.desc(), batches.c.id)
        .limit(limit)
    )
    return tuple(_batch(row) for row in rows)


def _batch(row: Row[Any]) -> BatchView:
    counts = decode(Batch, row.look).counts
    done = counts.finished
    if done is None:
        tally = decode(dict[str, int], row.tally)
        read = tally.get(CONTACTS, 0)
        done = read - people(tally, *OPEN_CONTACT) if read else None
    return _view(BatchView, row, watched=row.open, counts=counts, done=done)


def load_alerts(
    conn: Connection, *, closed: bool = False, limit: int = 200
) -> tuple[AlertView, ...]:
    """The open alerts, and with ``closed`` all that ever fired; the newest first."""
    is_open = alerts.c.state.in_(OPEN_STATES)
    # What was pending and came to nothing was no alert.
    wanted = or_(is_open, alerts.c.fired_at.is_not(None)) if closed else is_open
    rows = conn.execute(
        select(alerts).where(wanted).order_by(alerts.c.since.desc(), alerts.c.key).limit(limit)
    )
    return tuple(_alert(row) for row in rows)


def load_group(conn: Connection, conversation: int) -> tuple[AlertView, ...]:
    """Every alert that one conversation speaks of: what fires first, the heaviest of it first."""
    told = select(outbox.c.alert_key).where(outbox.c.conversation == conversation)
    rows = conn.execute(
        select(alerts)
        .where(alerts.c.key.in_(told))
        .order_by(alerts.c.state != "firing", _HEAVIEST, alerts.c.since.desc(), alerts.c.key)
    )
    return tuple(_alert(row) for row in rows)


_HEAVIEST = case({"critical": 0, "warning": 1}, value=alerts.c.severity, else_=2)


def find_alert(conn: Connection, key: str) -> AlertView | None:
    """One alert by its key, or by the beginning of it where only one begins so."""
    rows = conn.execute(
        select(alerts).where(alerts.c.key.startswith(key, autoescape=True)).limit(2)
    ).all()
    return _alert(rows[0]) if len(rows) == 1 else None


def _alert(row: Row[Any]) -> AlertView:
    summary = decode(Finding, row.closing or row.finding).summary
    return _view(AlertView, row, title=_title(row), summary=summary)


def _title(row: Row[Any]) -> str:
    title: str = decode(dict[str, Any], row.subject).get("title") or row.subject_id
    return title


def load_history(conn: Connection, key: str) -> tuple[AlertEventView, ...]:
    """The life of one alert, oldest first."""
    rows = conn.execute(
        select(alert_events).where(alert_events.c.alert_key == key).order_by(alert_events.c.id)
    )
    return tuple(_view(AlertEventView, row) for row in rows)


def load_deliveries(
    conn: Connection, *, state: str | None = None, receiver: str | None = None, limit: int = 200
) -> tuple[DeliveryView, ...]:
    """What was and is owed, the newest first; ``state`` "dead" are the given up."""
    asked = {outbox.c.state: state, outbox.c.receiver: receiver}
    wanted = (column == value for column, value in asked.items() if value is not None)
    return deliveries_where(conn, and_(True, *wanted), limit)


def load_given_up(conn: Connection, limit: int) -> tuple[int, tuple[DeliveryView, ...]]:
    """How many parts were given up, and the newest of them; at the cost of those alone."""
    found = conn.execute(select(outbox.c.id).where(_IS_DEAD)).scalars()
    ids = sorted(found, reverse=True)
    return len(ids), deliveries_where(conn, outbox.c.id.in_(ids[:limit]), limit)


# Written out, as the partial index has it: a bound word would miss that.
_IS_DEAD: ColumnElement[bool] = literal_column("state = 'dead'")


def find_delivery(conn: Connection, key: str) -> DeliveryView | None:
    """One delivery by its key, or by the beginning of it where only one begins so."""
    found = deliveries_where(conn, outbox.c.delivery_key.startswith(key, autoescape=True), 2)
    return found[0] if len(found) == 1 else None


def deliveries_where(
    conn: Connection, condition: ColumnElement[bool], limit: int = 200
) -> tuple[DeliveryView, ...]:
    """The deliveries that fulfil a condition, the newest first."""
    rows = conn.execute(
        select(outbox, alerts.c.instance, alerts.c.subject, alerts.c.subject_id)
        .join(alerts, alerts.c.key == outbox.c.alert_key)
        .where(condition)
        .order_by(outbox.c.id.desc())
        .limit(limit)
    )
    return tuple(_view(DeliveryView, row, rule=row.instance, title=_title(row)) for row in rows)


def load_attempts(conn: Connection, delivery_key: str) -> tuple[AttemptView, ...]:
    """Every try of one delivery, oldest first."""
    rows = conn.execute(
        select(deliveries)
        .join(outbox, outbox.c.id == deliveries.c.outbox)
        .where(outbox.c.delivery_key == delivery_key)
        .order_by(deliveries.c.id)
    )
    return tuple(_view(AttemptView, row) for row in rows)


def _view(kind: type[View], row: Row[Any], **made: Any) -> View:
    """The view whose fields are the row's columns of the same names, but for those ``made``."""
    names = set(kind.__dataclass_fields__) - set(made)
    return kind(**{name: getattr(row, name) for name in names}, **made)
