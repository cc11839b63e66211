"""``[test.batches.x]``: what is true of a batch from its beginning."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from pydantic import Field

from monitor.app.ruletest.lines import Line, Origin
from monitor.config.hints import hint_for
from monitor.config.model import Zone
from monitor.core.calendar import Calendar
from monitor.core.hours import parse_hours
from monitor.core.model import Rates, RetryPolicy
from monitor.settings import Duration, ProviderSettings, Strict


class BatchTable(Strict):
    """``[test.batches.x]``: what is true of a batch from its beginning."""

    provider: str | None = None
    id: str | None = None
    name: str | None = None
    campaign: str | None = None
    timezone: Zone | None = None
    hours: tuple[str, ...] = ()
    scheduled_at: str | None = None
    lines: int | None = Field(default=None, ge=0)
    max_retries: int | None = Field(default=None, ge=0)
    cooldown: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What a test says of a batch beside its story."""

    name: str
    provider: str
    batch_id: str
    title: str | None = None
    campaign: str | None = None
    timezone: str | None = None
    calendar: Calendar | None = None
    scheduled_at: datetime | None = None
    concurrency: int | None = None
    retry: RetryPolicy | None = None
    rates: Rates | None = None  # the provider's, where its vendor tells no cost


def describe(
    name: str,
    table: BatchTable,
    providers: Mapping[str, ProviderSettings],
    origin: Origin,
    at: Callable[[str], Line],
) -> Described:
    """A batch of its table, which was checked by itself; ``at`` finds the line of a key."""
    known = list(providers)
    provider = table.provider or known[0]
    if provider not in known:
        at("provider").refuse(f"there is no provider {provider!r}", hint_for(provider, known))
    retry = None
    if table.max_retries is not None or table.cooldown is not None:
        cooldown = None if table.cooldown is None else table.cooldown.total_seconds()
        retry = RetryPolicy(max_retries=table.max_retries, cooldown_s=cooldown)
    scheduled = table.scheduled_at
    return Described(
        name=name,
        provider=provider,
        batch_id=table.id or name,
        title=table.name or name,
        campaign=table.campaign,
        timezone=table.timezone,
        calendar=_hours(table, origin, at) if table.hours else None,
        scheduled_at=None if scheduled is None else origin.instant(scheduled, at("scheduled_at")),
        concurrency=table.lines,
        retry=retry,
        rates=providers[provider].rates,
    )


def _hours(table: BatchTable, origin: Origin, at: Callable[[str], Line]) -> Calendar:
    zone = ZoneInfo(table.timezone) if table.timezone else origin.zone
    try:
        return Calendar(zone, tuple(parse_hours(each) for each in table.hours))
    except ValueError as error:
        return at("hours").refuse(str(error))
