"""What a configuration says to evaluations: providers, rules and where alerts go."""

from collections.abc import Mapping
from datetime import datetime

from monitor.app.acting import actions_of
from monitor.config import Config
from monitor.core.model import Capabilities
from monitor.core.restored import Restored
from monitor.evaluation.context import Context, ProviderView
from monitor.evaluation.routing import Routing
from monitor.hosts import leads_here
from monitor.notifiers import Notifier
from monitor.providers import Provider
from monitor.providers.build import capabilities, facts_of, vendor_name
from monitor.providers.facts import VendorFacts
from monitor.scheduler.hearing import expected


def context_of(
    config: Config,
    vendors: Mapping[str, Provider],
    notifiers: Mapping[str, Notifier],
    started_at: datetime,
    restored: Restored | None = None,
) -> Context:
    """Everything beside the database that evaluations go by; ``started_at`` is the process's.

    ``restored``: when the database was put back from a backup.
    """
    views = {
        name: _view(config, name, vendor.vendor, vendor.capabilities, vendor.facts, started_at)
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
            restored=restored,
        ),
        zone=config.monitor.timezone,
        expectations=config.expectations,
        started_at=started_at,
    )


def context_to_read(config: Config, now: datetime) -> Context:
    """The same for who only looks at the database: no vendor is asked, and nobody is told."""
    views = {
        name: _view(
            config, name, vendor_name(settings), capabilities(settings), facts_of(settings), now
        )
        for name, settings in config.providers.items()
    }
    return Context(
        instances=config.rules,
        providers=views,
        routing=Routing(routes=config.routes, receivers={}, inhibitions=config.inhibitions),
        zone=config.monitor.timezone,
        expectations=config.expectations,
        started_at=now,
    )


def _view(
    config: Config,
    name: str,
    vendor: str,
    can: Capabilities,
    facts: VendorFacts,
    started_at: datetime,
) -> ProviderView:
    settings = config.providers[name]
    return ProviderView(
        name=name,
        vendor=vendor,
        capabilities=can,
        blind_after=settings.blind_after,
        calendar=config.calendars.get(settings.calendar or ""),
        match=settings.match,
        webhooks=settings.webhook_secret is not None,
        ends_named=expected(facts.webhooks, started_at).named,
        acts=actions_of(settings, facts),
    )


def _public_url(config: Config) -> str | None:
    """Where others reach the pages: a link to this machine leads nobody anywhere."""
    url = config.web.public_url
    return None if url is None or leads_here(url) else url
