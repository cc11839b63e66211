"""One day over all batches, read where it stands: cost follows what the day moved."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, func, or_, select

from monitor.core.alert import AlertState
from monitor.core.rule import Severity
from monitor.store import batches
from monitor.store.batches import BatchRow
from monitor.store.schema import alerts
from monitor.store.schema import batches as table


def rows_of(conn: Connection, start: datetime, end: datetime) -> list[BatchRow]:
    """The batches that ended from ``start`` to ``end`` (the newest first), then those that ran."""
    ended = table.c.terminal_at
    in_it = (ended > start) & (ended <= end)
    runs = or_(ended > end, table.c.open & ended.is_(None)) & (table.c.first_seen_at <= end)
    wanted = (
        select(table.c.id).where(table.c.news, in_it | runs).order_by(ended.is_(None), ended.desc())
    )
    return [batches.load(conn, each) for each in conn.execute(wanted).scalars()]


def fired(conn: Connection, start: datetime, end: datetime) -> Mapping[tuple[str, str, str], int]:
    """How many alerts fired in it, by (instance, provider, subject); good reports are none."""
    rows = conn.execute(
        select(alerts.c.instance, alerts.c.provider, alerts.c.subject_id, func.count())
        .where(alerts.c.fired_at > start, alerts.c.fired_at <= end)
        .where(or_(alerts.c.state != AlertState.INFO, alerts.c.severity != Severity.INFO))
        .group_by(alerts.c.instance, alerts.c.provider, alerts.c.subject_id)
    )
    return {(instance, provider, subject): n for instance, provider, subject, n in rows}
