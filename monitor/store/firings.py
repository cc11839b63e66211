"""When each rule last fired, and of how much: for who looks at a rule and not at an alert."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, distinct, func, select

from monitor.store.schema import alerts, batches


@dataclass(frozen=True, slots=True, kw_only=True)
class Firings:
    """What one rule instance has done; ``subjects`` is how many batches or providers."""

    last_at: datetime
    episodes: int
    subjects: int


def load(conn: Connection, since: datetime | None = None) -> Mapping[str, Firings]:
    """By rule instance, of all time or since then."""
    fired = alerts.c.fired_at
    query = select(
        alerts.c.instance,
        func.max(fired, type_=fired.type).label("last_at"),
        func.count().label("episodes"),
        func.count(distinct(alerts.c.subject_id)).label("subjects"),
    ).where(fired.is_not(None))
    if since is not None:
        query = query.where(fired >= since)
    rows = conn.execute(query.group_by(alerts.c.instance))
    return {
        row.instance: Firings(last_at=row.last_at, episodes=row.episodes, subjects=row.subjects)
        for row in rows
    }


def ended(conn: Connection, since: datetime) -> int:
    """How many batches have ended since then."""
    query = select(func.count()).select_from(batches).where(batches.c.terminal_at >= since)
    return int(conn.execute(query).scalar() or 0)
