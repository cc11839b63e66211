"""What a configuration says to evaluations: providers, rules and where alerts go."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from monitor.app.acting import actions_of
from monitor.config import Config
from monitor.evaluation.context import Context, ProviderView
from monitor.evaluation.routing import Routing
from monitor.notifiers import Notifier
from monitor.providers import Provider
from monitor.scheduler.hearing import expected
from monitor.web.access import is_here


def context_of(
    config: Config,
    vendors: Mapping[str, Provider],
    notifiers: Mapping[str, Notifier],
    started_at: datetime,
) -> Context:
    """Everything beside the database that evaluations go by; ``started_at`` is the process's."""
    views = {
        name: ProviderView(
            name=name,
            vendor=vendor.vendor,
            capabilities=vendor.capabilities,
            blind_after=config.providers[name].blind_after,
            calendar=config.calendars.get(config.providers[name].calendar or ""),
            match=config.providers[name].match,
            webhooks=config.providers[name].webhook_secret is not None,
            ends_named=expected(vendor.facts.webhooks, started_at).named,
            acts=actions_of(config.providers[name], vendor.facts),
        )
        for name, vendor in vendors.items()
    }
    receivers = {name: notifier.receiver for name, notifier in notifiers.items()}
    return Context(
        instances=config.rules,
        providers=views,
        routing=Routing(
            routes=config.routes,
            receivers=receivers,
            inhibitions=config.inhibitions,
            public_url=_public_url(config),
        ),
        zone=config.monitor.timezone,
        started_at=started_at,
    )


def _public_url(config: Config) -> str | None:
    """Where others reach the pages: a link to this machine leads nobody anywhere."""
    url = config.web.public_url
    return None if url is None or is_here(urlsplit(url).netloc) else url
