"""Counting for metrics."""

from collections.abc import Mapping

from sqlalchemy import Connection, func, select

from monitor.store.schema import alerts


def firing(conn: Connection) -> Mapping[str, int]:
    """How many alerts fire, by rule instance."""
    rows = conn.execute(
        select(alerts.c.instance, func.count())
        .where(alerts.c.state == "firing")
        .group_by(alerts.c.instance)
    )
    return {row[0]: row[1] for row in rows}
