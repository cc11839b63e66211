"""The real adapters read the simulated world, and see what its truth says."""

import tomllib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
from pydantic import TypeAdapter
from starlette.types import ASGIApp

from monitor.core.model import Batch, ContactStatus, Item, Outcome
from monitor.http import HttpClient
from monitor.providers import Known, LookFailed, Provider
from monitor.providers.build import AnyProviderSettings, build
from monitor.simulator.ids import Vendor
from monitor.simulator.script import Mix, Plan
from monitor.simulator.serving import serve
from monitor.simulator.vendors import unlisted, vendor_app, vendor_table
from monitor.simulator.world import Account, RunningBatch, World
from tests.simulator.hand import START, HandClock

# The simulated Graine has no word for a mailbox; the simulated Bland lists one as the person's.
RENEWALS = Plan(name="Renewals", contacts=230, max_retries=2, cooldown=120.0, talk=(9.0, 30.0))
MIXED = Mix(no_answer=0.2, busy=0.1, failed=0.05, error=0.05)
SURVEY = Plan(name="Survey", contacts=60, talk=(9.0, 30.0), mix=MIXED)
LEGACY = Plan(name="Follow-up", contacts=60, talk=(9.0, 30.0), mix=MIXED, legacy=True)


@asynccontextmanager
async def adapter(app: ASGIApp, account: Account, clock: HandClock) -> AsyncIterator[Provider]:
    async with serve(app) as url:
        table = tomllib.loads(vendor_table(account, url))["providers"][account.name]
        settings: AnyProviderSettings = TypeAdapter(AnyProviderSettings).validate_python(table)
        http = HttpClient(clock)
        yield build(account.name, settings, http, b"key")
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
    pytest.param("vogent", SURVEY, 100, id="vogent amid its calls"),
    pytest.param("vogent", SURVEY, 9000, id="vogent at its end"),
    pytest.param("svalync", SURVEY, 100, id="svalync amid its calls"),
    pytest.param("svalync", SURVEY, 9000, id="svalync at its end"),
    pytest.param("elevenlabs", SURVEY, 100, id="elevenlabs amid its calls"),
    pytest.param("elevenlabs", SURVEY, 9000, id="elevenlabs at its end"),
]


@pytest.mark.parametrize(("vendor", "plan", "seconds"), CASES)
async def test_what_is_read_is_what_is_true(
    world: World, clock: HandClock, vendor: Vendor, plan: Plan, seconds: float
) -> None:
    account = world.account("account", vendor, "key")
    truth = account.open(plan)
    now = clock.after(seconds)
    async with adapter(vendor_app(account, clock), account, clock) as provider:
        found = await provider.discover(since=START - timedelta(days=1), known={}, memory={})
        batch = await look(provider, truth.batch_id)
        read = await items(provider, batch)

    listed = {sighting.batch_id for sighting in found.sightings}
    assert found.complete
    assert listed == {truth.batch_id} - set(unlisted(account))
    assert batch.status is truth.status
    assert batch.counts.total == (None if vendor == "vogent" else plan.contacts)
    assert truth.status.terminal or batch.name == (None if vendor == "svalync" else plan.name)
    assert _people(read) == _told(truth.truth.contacts(truth.batch_id, now), vendor)
    assert _alike(_outcomes(read), vendor) == _alike(_ended(truth, now), vendor)


def _alike(outcomes: Counter[Outcome], vendor: Vendor) -> Counter[Outcome]:
    """Bland's queue has one word for calls that failed and calls that it lost."""
    alike = Counter(outcomes)
    if vendor == "bland" and (failed := alike.pop(Outcome.FAILED, 0)):
        alike[Outcome.ERROR] += failed
    return alike


def _people(read: dict[str, Item]) -> Counter[ContactStatus]:
    return Counter(item.contact.status for item in read.values())


def _told(people: Counter[ContactStatus], vendor: Vendor) -> Counter[ContactStatus]:
    """What a vendor tells: Vogent nothing of who is in flight, Svalync not how far a call is.

    ElevenLabs has one word for everybody who was not reached.
    """
    told: Counter[ContactStatus] = Counter()
    for status, n in people.items():
        match vendor:
            case "vogent" if status.live:
                continue
            case "svalync" if status.live:
                told[ContactStatus.IN_CALL] += n
            case "elevenlabs" if status in {ContactStatus.BUSY, ContactStatus.NO_ANSWER}:
                told[ContactStatus.FAILED] += n
            case _:
                told[status] += n
    return told


def _outcomes(read: dict[str, Item]) -> Counter[Outcome]:
    return Counter(call.outcome for item in read.values() for call in item.calls if call.outcome)


# Where a vendor has one word for several outcomes: which one it looks like.
ONE_WORD: dict[str, dict[Outcome, Outcome]] = {
    "bland v2": {Outcome.FAILED: Outcome.ERROR},  # told only by the queue's error
    "svalync": {Outcome.ERROR: Outcome.FAILED},
    "elevenlabs": dict.fromkeys((Outcome.ERROR, Outcome.BUSY, Outcome.NO_ANSWER), Outcome.FAILED),
}


def _ended(truth: RunningBatch, now: datetime) -> Counter[Outcome]:
    """Ended calls as the vendor tells them."""
    word = "bland v2" if truth.vendor == "bland" and not truth.plan.legacy else truth.vendor
    ended: Counter[Outcome] = Counter()
    for outcome, n in truth.truth.calls(truth.batch_id, now).items():
        ended[ONE_WORD.get(word, {}).get(outcome, outcome)] += n
    return ended
