"""Every vendor of the world has its service, and a table with which a daemon watches it."""

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest

from monitor.config import load
from monitor.simulator.ids import Vendor
from monitor.simulator.script import Plan
from monitor.simulator.vendors import SERVICES, vendor_app, vendor_table, was_read
from monitor.simulator.world import World
from tests.simulator.hand import START, Ask, HandClock

VENDORS: tuple[Vendor, ...] = get_args(Vendor)
RECEIVER = """
[receivers.nobody]
kind = "slack"
webhook_url = "http://127.0.0.1:9/services/x"
"""
PLAN = Plan(name="x", contacts=5)


def test_every_vendor_is_served() -> None:
    assert set(SERVICES) == set(VENDORS)


@pytest.mark.parametrize("vendor", VENDORS)
async def test_ids_are_different_and_every_service_wants_its_key(
    world: World, clock: HandClock, ask: Ask, vendor: Vendor
) -> None:
    account = world.account("account", vendor, "key")
    batches = [account.open(PLAN) for _ in range(3)]
    world.advance(clock.after(60))
    ids = [batch.person_id(person) for batch in batches for person in range(5)]
    calls = [batch.call_id(row) for batch in batches for row in range(len(batch.calls))]

    answer = await ask(vendor_app(account, clock), "/api/v1/batches/")

    assert len({batch.batch_id for batch in batches}) == 3
    assert len(set(ids)) == len(ids)
    assert len(set(calls)) == len(calls) == 15
    assert answer.status_code in {401, 404}


KEYS = {"authorization": "Bearer key", "x-api-key": "key", "xi-api-key": "key"}


@pytest.mark.parametrize(
    ("vendor", "path"),
    [
        pytest.param("graine", "/api/v1/batches/{id}/contacts?include_calls=true", id="graine"),
        pytest.param("bland", "/v1/calls?batch_id={id}", id="bland"),
        pytest.param("vogent", "/api/batch_dial_jobs/{id}/dials", id="vogent"),
        pytest.param("svalync", "/batch/{id}", id="svalync"),
        pytest.param("elevenlabs", "/v1/convai/batch-calling/{id}", id="elevenlabs"),
    ],
)
async def test_one_seed_gives_one_answer_which_is_known_as_a_reading(
    clock: HandClock, ask: Ask, vendor: Vendor, path: str
) -> None:
    clock.after(300)
    answers = []
    for seed in (7, 7, 8):
        account = World(seed, START).account("account", vendor, "key")
        batch, other = (account.open(Plan(name="x", contacts=20)) for _ in range(2))
        wire = vendor_app(account, clock)
        answer = await ask(wire, path.format(id=batch.batch_id), headers=KEYS)
        answers.append(answer.content)
        assert answer.status_code == 200
        assert (was_read(batch, wire), was_read(other, wire)) == (True, False)

    assert answers[0] == answers[1] != answers[2]


@pytest.mark.parametrize(
    ("vendor", "plan", "address", "listed"),
    [
        pytest.param("graine", PLAN, ("base_url", "/api/v1"), True, id="graine"),
        pytest.param("bland", PLAN, ("base_url", ""), True, id="bland"),
        pytest.param(
            "bland", Plan(name="x", contacts=1, legacy=True), ("base_url", ""), False, id="legacy"
        ),
        pytest.param("vogent", PLAN, ("base_url", "/api"), True, id="vogent"),
        pytest.param("svalync", PLAN, ("url", "/batch"), False, id="svalync"),
    ],
)
def test_the_table_names_what_no_list_shows(
    world: World, vendor: Vendor, plan: Plan, address: tuple[str, str], *, listed: bool
) -> None:
    account = world.account("renewals", vendor, 'a "key"')
    batch = account.open(plan, after=60)

    text = vendor_table(account, "http://127.0.0.1:1", 'poll_every = "1s"')

    key, path = address
    expected: dict[str, object] = {
        "vendor": vendor,
        "api_key": 'a "key"',
        key: f"http://127.0.0.1:1{path}",
        "poll_every": "1s",
    }
    if not listed:
        expected["batches"] = [batch.batch_id]
    assert tomllib.loads(text) == {"providers": {"renewals": expected}}


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_daemon_takes_the_table(world: World, tmp_path: Path, vendor: Vendor) -> None:
    account = world.account("renewals", vendor, "key")
    account.open(PLAN)
    file = tmp_path / "config.toml"
    table = vendor_table(account, "http://127.0.0.1:1", 'poll_every = "2s"')
    file.write_text(f'[monitor]\ndata_dir = "{tmp_path}"\ntimezone = "UTC"\n{table}{RECEIVER}')
    file.chmod(0o600)

    (settings,) = load(file, environ={}).providers.values()

    assert settings.vendor == SERVICES[vendor].vendor
    assert settings.poll_every == timedelta(seconds=2)
