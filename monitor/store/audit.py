"""What people did, append-only; each row is written in the transaction of what was done."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, or_, select

from monitor.store.schema import audit

DONE, REFUSED, UNKNOWN = "done", "refused", "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One thing somebody did. ``target`` is the id of what it was done to."""

    at: datetime
    who: str
    source: str
    what: str  # silence.add, silence.end, ack.add, ack.end, batch.pause, …
    target: str
    outcome: str = DONE
    detail: str = ""  # for people
    provider: str | None = None
    alert_key: str | None = None


def record(conn: Connection, deed: Deed) -> None:
    """Write it down."""
    conn.execute(insert(audit).values({name: getattr(deed, name) for name in Deed.__slots__}))


def load(
    conn: Connection,
    *,
    alert: str | None = None,
    silences: Collection[str] = (),
    target: str | None = None,
    limit: int = 50,
) -> tuple[Deed, ...]:
    """The newest deeds first: all, or those about one alert or one target.

    ``silences`` are the ids of those that are about the alert as well.
    """
    query = select(*(audit.c[name] for name in Deed.__slots__))
    if alert is not None:
        about = audit.c.target.in_([alert, *silences])
        query = query.where(or_(audit.c.alert_key == alert, about))
    if target is not None:
        query = query.where(audit.c.target == target)
    rows = conn.execute(query.order_by(audit.c.id.desc()).limit(limit))
    return tuple(Deed(**row._asdict()) for row in rows)
