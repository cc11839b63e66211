"""Counting for metrics."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, func, select

from monitor.store.schema import alerts, batches, providers


def fresh_at(conn: Connection) -> Mapping[str, datetime | None]:
    """When each provider last answered."""
    rows = conn.execute(select(providers.c.name, providers.c.fresh_at))
    return {row[0]: row[1] for row in rows}


def open_batches(conn: Connection) -> Mapping[str, int]:
    """How many batches are watched, by provider."""
    rows = conn.execute(
        select(batches.c.provider, func.count()).where(batches.c.open).group_by(batches.c.provider)
    )
    return {row[0]: row[1] for row in rows}


def firing(conn: Connection) -> Mapping[str, int]:
    """How many alerts fire, by rule instance."""
    rows = conn.execute(
        select(alerts.c.instance, func.count())
        .where(alerts.c.state == "firing")
        .group_by(alerts.c.instance)
    )
    return {row[0]: row[1] for row in rows}
