"""Each cell of the table of vendors in README.md, proven: the real adapter, a simulated vendor."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import time, timedelta

import pytest
from starlette.types import ASGIApp

from monitor.app.senders import signing_of
from monitor.core.model import Batch, Call, Counts, Item
from monitor.http import HttpClient
from monitor.providers import Known, LookFailed, Provider
from monitor.providers.build import AnyProviderSettings, build, facts_of
from monitor.providers.schemes import ELEVENLABS
from monitor.providers.signing import Hmac, SecretPath, Signing, Verifier
from monitor.simulator.ids import Vendor
from monitor.simulator.serving import serve
from monitor.simulator.vendors import vendor_app, vendor_table
from monitor.simulator.webhooks import Webhooks
from monitor.simulator.world import Account, RunningBatch, World
from tests.providers import supported
from tests.providers.supported import BEGIN, END, README, ROWS, Told, Watched, claimed
from tests.simulator.hand import START, HandClock

RATES = 'rates = { minute = "0.09 USD", attempt = "0.01 USD" }'
AMID, LATER = 100.0, 9000.0
EACH = [pytest.param(row, id=row.title) for row in ROWS]


class Answers:
    """What an adapter made of everything that a vendor answered, amid a batch and after it."""

    def __init__(self) -> None:
        self.found: set[str] = set()
        self.looks: list[Batch] = []
        self.items: list[Item] = []

    @property
    def calls(self) -> list[Call]:
        return [call for item in self.items for call in item.calls]


@asynccontextmanager
async def adapter(app: ASGIApp, account: Account, *lines: str) -> AsyncIterator[Provider]:
    async with serve(app) as url:
        http = HttpClient(HandClock())
        settings = supported.settings_at(vendor_table(account, url, *lines))
        yield build(account.name, settings, http, b"key")
        await http.aclose()


async def read(provider: Provider, batch: Batch) -> list[Item]:
    found: dict[str, Item] = {}
    async for page in provider.sweep(batch):
        items = [provider.decode(batch, page, raw) for raw in provider.split(page)]
        found |= {item.contact.contact_id: item for item in items}
        lacking = [(n, each) for n, each in enumerate(items) if provider.lacks_calls(batch, each)]
        if lacking:
            found |= await provider.calls(batch, page, lacking)
    return list(found.values())


async def look(provider: Provider, known: Known) -> Batch:
    (found,) = [each async for each in provider.looks([known])]
    assert not isinstance(found, LookFailed)
    return found


async def answers(row: Watched, *lines: str) -> tuple[Answers, RunningBatch]:
    world, clock, answered = World(5, START), HandClock(), Answers()
    account = world.account("account", row.vendor, "key")
    batch = account.open(replace(row.plan, hours=row.hours))
    async with adapter(vendor_app(account, clock), account, *lines) as provider:
        for seconds in (AMID, LATER):
            clock.after(seconds)
            sightings = await provider.discover(
                since=START - timedelta(days=1), known={}, memory={}
            )
            answered.found |= {each.batch_id for each in sightings.sightings}
            first = await look(provider, Known(batch_id=batch.batch_id))
            items = await read(provider, first)
            known = Known(batch_id=batch.batch_id, look=first, contacts=len(items))
            answered.looks.append(await look(provider, known))
            answered.items += items
    return answered, batch


def observed(got: Answers, rated: Answers, batch: RunningBatch, webhooks: str) -> Told:
    """The row that the answers make; ``rated``: with rates in the configuration."""
    due = any(item.contact.next_retry_at is not None for item in got.items)
    return Told(
        batches=supported.YES if batch.batch_id in got.found else supported.OWN_IDS,
        counts=_counts([each.counts for each in got.looks]),
        people=_people(got),
        calls=supported.YES if any(call.outcome for call in got.calls) else supported.NO,
        retries=supported.YES if due else supported.NO,
        cost=_cost(got, rated),
        hours=supported.YES if any(each.calendar for each in got.looks) else supported.OWN_CALENDAR,
        webhooks=webhooks,
    )


def _people(got: Answers) -> str:
    if len({each.contact.contact_id for each in got.items}) != 60:
        return supported.NO
    numbered = all(each.contact.phone_hash for each in got.items)
    return supported.YES if numbered else supported.UNNUMBERED


def _cost(got: Answers, rated: Answers) -> str:
    told, priced = (
        {call.cost_estimated for call in each.calls if call.cost_micros is not None}
        for each in (got, rated)
    )
    if False in told:
        return supported.YES
    if False in priced:
        return supported.OWN_CURRENCY
    return supported.OWN_RATES if priced and not told else supported.NO


def _counts(counts: list[Counts]) -> str:
    if any(each.total is None or each.finished is None for each in counts):
        some = all(each.total is not None and each.by_status for each in counts)
        return supported.YES if some else supported.NO
    return supported.ESTIMATE if any(each.estimated for each in counts) else supported.YES


@pytest.mark.parametrize("row", EACH)
async def test_what_an_adapter_claims_is_what_it_makes_of_a_vendors_answers(row: Watched) -> None:
    (got, batch), (rated, _) = await answers(row), await answers(row, RATES)

    assert observed(got, rated, batch, claimed(row).webhooks) == claimed(row)


@pytest.mark.parametrize("row", [param for row, param in zip(ROWS, EACH, strict=True) if row.hours])
async def test_calling_hours_are_those_of_the_vendor(row: Watched) -> None:
    got, _ = await answers(row)

    for each in got.looks:
        assert each.calendar is not None
        assert each.calendar.zone.key == "Asia/Kolkata"
        open_ = {(day, span.start, span.end) for span in each.calendar.hours for day in span.days}
        assert open_ == {(day, time(8), time(23)) for day in (6, 0)}


SIGNINGS: list[tuple[Vendor, Signing]] = [
    ("bland", Hmac(header="x-webhook-signature")),
    ("vogent", Hmac(header="x-elto-signature")),
    ("svalync", SecretPath()),
    ("elevenlabs", ELEVENLABS),
]


def _settings(vendor: Vendor) -> AnyProviderSettings:
    account = World(1, START).account("account", vendor, "key")
    account.open(supported.ROWS[1].plan)
    return supported.settings_at(vendor_table(account, "http://127.0.0.1:9"))


@pytest.mark.parametrize(
    ("vendor", "signing"), [pytest.param(*each, id=each[0]) for each in SIGNINGS]
)
def test_webhooks_are_proven_as_the_vendor_documents(vendor: Vendor, signing: Signing) -> None:
    settings = _settings(vendor)

    assert signing_of(settings, facts_of(settings)) == signing


@pytest.mark.parametrize("vendor", ["bland", "vogent"])
def test_what_a_vendor_signs_is_taken_and_what_it_does_not_is_refused(vendor: Vendor) -> None:
    account = World(5, START).account("account", vendor, "key")
    sender = Webhooks(account, "a secret of some length")
    account.open(supported.ROWS[1].plan)
    account.world.agenda.run(account.world.agenda.now + 300)
    settings = _settings(vendor)
    verifier = Verifier(signing_of(settings, facts_of(settings)), ["a secret of some length"], [])

    def proven(body: bytes, headers: dict[bytes, bytes]) -> bool:
        return verifier.check(headers, None, body, START) is not None

    sent = [each for each in sender.due() if each.signed]
    assert sent
    for each in sent:
        headers = {key.lower().encode(): value.encode() for key, value in each.headers.items()}
        assert proven(each.body, headers)
        assert not proven(each.body + b" ", headers)
        assert not proven(each.body, {})


def test_the_readme_says_what_the_adapters_claim() -> None:
    written = README.read_text()

    assert written.count(BEGIN) == written.count(END) == 1
    assert written.split(BEGIN)[1].split(END)[0] == supported.text()
