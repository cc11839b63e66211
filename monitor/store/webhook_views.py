"""How each provider's webhooks stand, as plain values for the command line and for metrics."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from monitor.core.hearing import Delays, Heard
from monitor.store import arrivals, inbox
from monitor.store.schema import providers


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhooksView:
    """One provider's webhooks: the ends of the last hours by how they were heard of.

    ``heard_at`` is when the last webhook was taken in, ``refused_at`` when the last that looked
    like one of the vendor's was refused; ``unreadable`` ones are set aside. Where webhooks name
    no ends (not ``ends_named``), none can be missed and none is counted. Shares are from 0 to 1;
    of nothing they are None.
    """

    heard_at: datetime | None
    refused_at: datetime | None
    unreadable: int
    ends_named: bool
    both: int
    missed: int
    alone: int
    late: int
    missed_share: float | None
    late_share: float | None
    webhook_delays: Delays | None
    poll_delays: Delays | None

    @property
    def is_refused(self) -> bool:
        """Whether one that looked like the vendor's was refused since the last good one."""
        refused, heard = self.refused_at, self.heard_at
        return refused is not None and (heard is None or refused > heard)


def load_webhooks(
    conn: Connection, listened: Mapping[str, bool], now: datetime
) -> dict[str, WebhooksView]:
    """These providers, by name; of each whether its webhooks name what ended."""
    found = arrivals.figures(conn, now, listened)
    columns = (providers.c.name, providers.c.webhook_at, providers.c.refused_at)
    times = {name: (heard, refused) for name, heard, refused in conn.execute(select(*columns))}
    return {
        name: _view(
            _told(found.get(name, Heard()), named=named),
            times.get(name, (None, None)),
            inbox.unreadable(conn, name),
            named=named,
        )
        for name, named in listened.items()
    }


def _told(heard: Heard, *, named: bool) -> Heard:
    """What can be said of them: how late polls are, also where webhooks name no ends."""
    return heard if named else Heard(polls=heard.polls)


def _view(
    heard: Heard, times: tuple[datetime | None, datetime | None], unreadable: int, *, named: bool
) -> WebhooksView:
    heard_at, refused_at = times
    return WebhooksView(
        heard_at=heard_at,
        refused_at=refused_at,
        unreadable=unreadable,
        ends_named=named,
        both=heard.both,
        missed=heard.missed,
        alone=heard.alone,
        late=heard.late,
        missed_share=round(heard.missed_share, 4) if heard.both + heard.missed else None,
        late_share=round(heard.late_share, 4) if heard.both else None,
        webhook_delays=heard.webhooks,
        poll_delays=heard.polls,
    )
