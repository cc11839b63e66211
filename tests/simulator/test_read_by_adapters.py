"""The real adapters read the simulated world, and see what its truth says."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from starlette.types import ASGIApp

from monitor.core.model import Batch, ContactStatus, Item, Outcome
from monitor.http import HttpClient
from monitor.providers import Known, LookFailed, Provider
from monitor.providers.bland import BlandSettings
from monitor.providers.build import AnyProviderSettings, build
from monitor.providers.graine import GraineSettings
from monitor.simulator.bland import bland_app
from monitor.simulator.graine import graine_app
from monitor.simulator.script import Mix, Plan
from monitor.simulator.serving import serve
from monitor.simulator.world import RunningBatch, World
from tests.simulator.hand import START, HandClock

# The simulated Graine has no word for a mailbox; the simulated Bland lists one as the person's.
RENEWALS = Plan(name="Renewals", contacts=230, max_retries=2, cooldown=120.0, talk=(9.0, 30.0))
MIXED = Mix(no_answer=0.2, busy=0.1, failed=0.05, error=0.05)
SURVEY = Plan(name="Survey", contacts=60, talk=(9.0, 30.0), mix=MIXED)
LEGACY = Plan(name="Follow-up", contacts=60, talk=(9.0, 30.0), mix=MIXED, legacy=True)


@asynccontextmanager
async def adapter(app: ASGIApp, vendor: str, clock: HandClock) -> AsyncIterator[Provider]:
    async with serve(app) as url:
        settings: AnyProviderSettings
        if vendor == "graine":
            settings = GraineSettings.model_validate(
                {"vendor": vendor, "api_key": "key", "base_url": f"{url}/api/v1"}
            )
        else:
            settings = BlandSettings.model_validate(
                {"vendor": vendor, "api_key": "key", "base_url": url}
            )
        http = HttpClient(clock)
        yield build("account", settings, http, b"key")
        await http.aclose()


async def look(provider: Provider, batch_id: str) -> Batch:
    looks = [found async for found in provider.looks([Known(batch_id=batch_id)])]
    (found,) = looks
    assert not isinstance(found, LookFailed)
    return found


async def items(provider: Provider, batch: Batch) -> dict[str, Item]:
    found: dict[str, Item] = {}
    async for page in provider.sweep(batch):
        read = [provider.decode(batch, page, raw) for raw in provider.split(page)]
        found |= {item.contact.contact_id: item for item in read}
        lacking = [(n, item) for n, item in enumerate(read) if provider.lacks_calls(batch, item)]
        if lacking:
            found |= await provider.calls(batch, page, lacking)
    return found


CASES = [
    pytest.param("graine", RENEWALS, 400, id="graine amid its calls"),
    pytest.param("graine", RENEWALS, 9000, id="graine at its end"),
    pytest.param("bland", SURVEY, 100, id="bland v2 amid its calls"),
    pytest.param("bland", SURVEY, 9000, id="bland v2 at its end"),
    pytest.param("bland", LEGACY, 100, id="bland v1 amid its calls"),
    pytest.param("bland", LEGACY, 9000, id="bland v1 at its end"),
]


@pytest.mark.parametrize(("vendor", "plan", "seconds"), CASES)
async def test_what_is_read_is_what_is_true(
    world: World, clock: HandClock, vendor: str, plan: Plan, seconds: float
) -> None:
    account = world.account("account", "graine" if vendor == "graine" else "bland", "key")
    truth = account.open(plan)
    app = graine_app(account, clock) if vendor == "graine" else bland_app(account, clock)
    now = clock.after(seconds)
    async with adapter(app, vendor, clock) as provider:
        found = await provider.discover(since=START - timedelta(days=1), known={}, memory={})
        batch = await look(provider, truth.batch_id)
        read = await items(provider, batch)

    listed = {sighting.batch_id for sighting in found.sightings}
    assert found.complete
    assert listed == (set() if plan.legacy else {truth.batch_id})
    assert batch.status is truth.status
    assert batch.counts.total == plan.contacts
    assert truth.status.terminal or batch.name == plan.name
    assert _people(read) == truth.truth.contacts(truth.batch_id, now)
    assert _outcomes(read, truth) == truth.truth.calls(truth.batch_id, now)


def _people(read: dict[str, Item]) -> Counter[ContactStatus]:
    return Counter(item.contact.status for item in read.values())


def _outcomes(read: dict[str, Item], truth: RunningBatch) -> Counter[Outcome]:
    """Ended calls; the list of Bland v2 tells a failed call only by the queue's error."""
    ended = [call.outcome for item in read.values() for call in item.calls if call.outcome]
    if truth.vendor == "bland" and not truth.plan.legacy:
        told = truth.truth.calls(truth.batch_id, datetime.fromtimestamp(truth.agenda.now, UTC))
        spare = told[Outcome.FAILED]
        return Counter(ended) - Counter({Outcome.ERROR: spare}) + Counter({Outcome.FAILED: spare})
    return Counter(ended)
