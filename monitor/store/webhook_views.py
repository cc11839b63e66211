"""How each provider's webhooks stand, as plain values for the command line and for metrics."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from monitor.core.hearing import Delays, Heard
from monitor.store import arrivals, inbox
from monitor.store.schema import providers


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhooksView:
    """One provider's webhooks: the ends of the last hours by how they were heard of.

    ``heard_at`` is when the last webhook was taken in; ``unreadable`` ones are set aside.
    Shares are from 0 to 1; of nothing they are None.
    """

    heard_at: datetime | None
    unreadable: int
    both: int
    missed: int
    alone: int
    late: int
    missed_share: float | None
    late_share: float | None
    webhook_delays: Delays | None
    poll_delays: Delays | None


def load_webhooks(conn: Connection, names: Iterable[str], now: datetime) -> dict[str, WebhooksView]:
    """These providers, by name."""
    known = list(names)
    found = arrivals.figures(conn, now, known)
    columns = (providers.c.name, providers.c.webhook_at)
    heard_at = {row.name: row.webhook_at for row in conn.execute(select(*columns))}
    return {
        name: _view(found.get(name, Heard()), heard_at.get(name), inbox.unreadable(conn, name))
        for name in known
    }


def _view(heard: Heard, heard_at: datetime | None, unreadable: int) -> WebhooksView:
    return WebhooksView(
        heard_at=heard_at,
        unreadable=unreadable,
        both=heard.both,
        missed=heard.missed,
        alone=heard.alone,
        late=heard.late,
        missed_share=round(heard.missed_share, 4) if heard.both + heard.missed else None,
        late_share=round(heard.late_share, 4) if heard.both else None,
        webhook_delays=heard.webhooks,
        poll_delays=heard.polls,
    )
