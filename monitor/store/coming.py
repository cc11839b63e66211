"""What came lately at a provider: batches, in few columns, and how many calls."""

from array import array
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, func, literal, select

from monitor.store.schema import batches, calls, to_micros

# However many batches there ever were, so many of the newest are looked through.
NEWEST = 2_000


class Named(NamedTuple):
    """A batch, in as much of it as it is chosen by; ``id`` is that of its row."""

    id: int
    provider: str
    batch_id: str
    name: str | None
    campaign: str | None

    @property
    def title(self) -> str:
        """The name people gave it, else its id."""
        return self.name or self.batch_id


def newest(conn: Connection, providers: Sequence[str], since: datetime) -> Sequence[Named]:
    """Batches of these providers first seen since then, or still open; the newest first."""
    columns = batches.c
    found = conn.execute(
        select(columns.id, columns.provider, columns.batch_id, columns.name, columns.campaign)
        .where(columns.provider.in_(list(providers)))
        .where((columns.first_seen_at >= since) | columns.open)
        .order_by(columns.id.desc())
        .limit(NEWEST)
    )
    return [Named(*row) for row in found]


def ends_since(conn: Connection, provider: str, since: datetime) -> "array[int]":
    """When the calls of a provider ended since a day before then, in microseconds, in order."""
    first = to_micros(since - timedelta(days=1))
    found = (
        select(calls.c.ended_at)
        .select_from(calls.join(batches, batches.c.id == calls.c.batch))
        .where(batches.c.provider == provider, calls.c.ended_at > first)
        .order_by(calls.c.ended_at)
    )
    return array("q", conn.execute(found).scalars())


def calls_since(conn: Connection, provider: str, since: datetime, most: int) -> int:
    """How many calls of a provider ended since then, counted no further than ``most``."""
    lately = batches.c.open | (batches.c.terminal_at >= since)
    some = (
        select(literal(1))
        .select_from(calls.join(batches, batches.c.id == calls.c.batch))
        .where(batches.c.provider == provider, lately, calls.c.ended_at > to_micros(since))
        .limit(most)
    )
    return conn.execute(select(func.count()).select_from(some.subquery())).scalar_one()
