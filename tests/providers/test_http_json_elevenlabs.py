"""The configuration that is shipped for ElevenLabs, on answers as its documentation shows them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from monitor.config import load
from monitor.core.completion import disagreements
from monitor.core.model import (
    Batch,
    BatchStatus,
    CallStatus,
    ContactStatus,
    Counts,
    Item,
    Outcome,
)
from monitor.core.tally import recount
from monitor.http import HttpClient
from monitor.providers import Known
from monitor.providers.http_json import HttpJson, HttpJsonSettings, check_sample
from monitor.providers.http_json.capabilities import capabilities_of
from monitor.providers.http_json.settings import Sample
from tests.loopback import Asked, Loopback, Reply, StillClock, serving

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "monitor" / "providers" / "http_json" / "vendors" / "elevenlabs.toml"
FIXTURES = ROOT / "tests" / "fixtures" / "http_json"
LIST = json.loads((FIXTURES / "elevenlabs_list.json").read_text())
BATCH = json.loads((FIXTURES / "elevenlabs_batch.json").read_text())
ID = "batchcall_1234567890abcdef"
KEY = "xi_verysecret"
NOW = datetime(2024, 4, 2, 21, 0, tzinfo=UTC)


def shipped() -> HttpJsonSettings:
    environ = {"ELEVENLABS_API_KEY": KEY, "SLACK_WEBHOOK_URL": "https://hooks.slack.com/x"}
    config = load(SHIPPED, environ=environ)
    assert config.warnings == ()
    found = config.providers["elevenlabs"]
    assert isinstance(found, HttpJsonSettings)
    return found


@asynccontextmanager
async def asking(listed: Any = LIST, one: Any = BATCH) -> AsyncIterator[tuple[HttpJson, Loopback]]:
    def answer(asked: Asked) -> Any:
        if asked.headers.get("xi-api-key") != KEY:
            return Reply({"detail": {"status": "invalid_api_key"}}, 401)
        if asked.path == "/v1/convai/batch-calling/workspace":
            return listed(asked) if callable(listed) else listed
        return one if asked.path == f"/v1/convai/batch-calling/{ID}" else Reply({}, 404)

    http = HttpClient(StillClock(NOW))
    try:
        async with serving(answer) as server:
            made = shipped().model_copy(update={"base_url": server.url})
            yield HttpJson("survey", made, http, b"k" * 32), server
    finally:
        await http.aclose()


async def look(provider: HttpJson) -> Batch:
    (found,) = [each async for each in provider.looks([Known(batch_id=ID)])]
    assert isinstance(found, Batch)
    return found


async def items(provider: HttpJson, batch: Batch) -> list[Item]:
    (page,) = [page async for page in provider.sweep(batch)]
    return [provider.decode(batch, page, raw) for raw in provider.split(page)]


async def test_the_list_tells_how_a_batch_stands() -> None:
    async with asking() as (provider, server):
        found = await provider.discover(since=NOW.replace(day=1, month=1), known={}, memory={})
        batch = await look(provider)
    assert batch == Batch(
        provider="survey",
        batch_id=ID,
        status=BatchStatus.RUNNING,
        seen_at=NOW,
        name="Customer Satisfaction Survey April 2024",
        campaign="Survey agent",
        counts=Counts(total=8, finished=4),
        version=datetime(2024, 4, 2, 20, 33, 20, tzinfo=UTC),
        created_at=datetime(2024, 4, 1, 19, 33, 20, tzinfo=UTC),
        scheduled_at=datetime(2024, 4, 2, 19, 33, 20, tzinfo=UTC),
        concurrency=1,
        timezone="America/New_York",
    )
    assert [each.look for each in found.sightings] == [batch]
    assert found.complete
    assert {asked.path for asked in server.asked} == {"/v1/convai/batch-calling/workspace"}
    assert server.asked[0].params == {"limit": "100"}


async def test_its_people_and_their_calls_are_read() -> None:
    async with asking() as (provider, _):
        batch = await look(provider)
        found = await items(provider, batch)
    assert [(item.contact.status, [call.outcome for call in item.calls]) for item in found] == [
        (ContactStatus.COMPLETED, [Outcome.COMPLETED]),
        (ContactStatus.VOICEMAIL, [Outcome.VOICEMAIL]),
        (ContactStatus.FAILED, [Outcome.FAILED]),
        (ContactStatus.FAILED, [Outcome.FAILED]),
        (ContactStatus.IN_CALL, [None]),
        (ContactStatus.PENDING, []),
        (ContactStatus.PENDING, []),
        (ContactStatus.DISPATCHED, []),
    ]
    tally = recount([item.contact for item in found], [c for item in found for c in item.calls])
    assert disagreements(batch, tally, provider.capabilities) == ()
    assert [call.call_id for item in found for call in item.calls] == [
        "conv_000",
        "conv_001",
        "conv_002",
        "rcpt_003",
        "conv_004",
    ]
    assert found[0].contact.phone == "••0000"
    assert "Made Up" not in repr(found)


async def test_completed_with_calls_to_come_is_not_yet_a_completion() -> None:
    early = LIST | {"batch_calls": [LIST["batch_calls"][0] | {"status": "completed"}]}
    async with asking(early) as (provider, _):
        batch = await look(provider)
        found = await items(provider, batch)
    tally = recount([item.contact for item in found], [c for item in found for c in item.calls])
    caught_up = tally | {"call.completed": 8}
    assert batch.status is BatchStatus.COMPLETED
    assert disagreements(batch, caught_up, provider.capabilities)


@pytest.mark.parametrize("finished", [8, 9], ids=["people", "conversations"])
async def test_after_a_retry_what_finished_counts_is_not_known_and_not_held_against_the_people(
    finished: int,
) -> None:
    changes = {"status": "completed", "total_calls_finished": finished, "retry_count": 1}
    again = LIST | {"batch_calls": [LIST["batch_calls"][0] | changes]}
    async with asking(again) as (provider, _):
        batch = await look(provider)
    assert batch.counts == Counts(total=8, finished=None)
    for ended in (8, 9):
        tally = {"contacts": 8, "calls": ended, "call.completed": ended}
        assert disagreements(batch, tally, provider.capabilities) == ()
        short = tally | {"contacts": 7}
        assert disagreements(batch, short, provider.capabilities)


async def test_a_sample_of_a_batch_that_was_retried_is_good(tmp_path: Path) -> None:
    again = BATCH | {"retry_count": 2}
    (tmp_path / "batch.json").write_text(json.dumps(again))
    sample = Sample.model_validate({"batch": tmp_path / "batch.json"})
    assert list(check_sample(shipped().model_copy(update={"sample": sample}))) == []


def test_failures_that_hold_ordinary_no_answers_are_said_to_be_blurred() -> None:
    capabilities = capabilities_of(shipped())

    assert not capabilities.tells_failures
    assert "which calls failed and which were not answered" in capabilities.blind_to


async def test_the_cursor_is_followed_to_the_end() -> None:
    def listed(asked: Asked) -> Any:
        if "last_doc" in asked.params:
            return LIST
        other = LIST["batch_calls"][0] | {"id": "other"}
        return {"batch_calls": [other], "next_doc": "other", "has_more": True}

    async with asking(listed) as (provider, server):
        found = await provider.discover(since=NOW.replace(day=1, month=1), known={}, memory={})
    assert [each.batch_id for each in found.sightings] == ["other", ID]
    assert [asked.params.get("last_doc") for asked in server.asked] == [None, "other"]


async def test_the_check_tries_the_key() -> None:
    async with asking() as (provider, _):
        assert "first page of its list: 1" in await provider.check()
    assert (provider.name, provider.vendor) == ("survey", "elevenlabs")


STATUSES = "pending dispatched initiated in_progress completed failed cancelled voicemail"


@pytest.mark.parametrize("status", STATUSES.split())
async def test_every_documented_word_of_a_recipient_is_known(status: str) -> None:
    row = BATCH["recipients"][0] | {"status": status}
    async with asking(one=BATCH | {"recipients": [row]}) as (provider, _):
        (item,) = await items(provider, await look(provider))
    assert item.contact.status is not ContactStatus.UNKNOWN
    assert item.calls[0].status is not CallStatus.UNKNOWN


def test_every_path_finds_something_in_the_documented_answers() -> None:
    sample = Sample.model_validate(
        {
            "list": FIXTURES / "elevenlabs_list.json",
            "batch": FIXTURES / "elevenlabs_batch.json",
            "items": FIXTURES / "elevenlabs_batch.json",
        }
    )
    assert list(check_sample(shipped().model_copy(update={"sample": sample}))) == []
