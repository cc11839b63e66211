"""Webhooks that Offhook sends to itself: every adapter reads them, and they are told apart."""

import json

import pytest
from pydantic import TypeAdapter

from monitor.http import HttpClient
from monitor.providers.build import AnyProviderSettings, build, facts_of
from monitor.providers.rehearsal import PREFIX, is_rehearsal, rehearsal
from tests.loopback import NOW, StillClock

ADAPTER: TypeAdapter[AnyProviderSettings] = TypeAdapter(AnyProviderSettings)
GENERIC = {
    "vendor": "http_json",
    "base_url": "https://api.example.com",
    "batches": ["1"],
    "batch": {"path": "/b/{batch_id}"},
    "items": {"path": "/b/{batch_id}/calls", "rows": "calls"},
    "fields": {
        "batch": {"id": "id", "status": "status"},
        "call": {"id": "id", "status": "status"},
    },
}


@pytest.mark.parametrize(
    "table",
    [
        pytest.param({"vendor": "graine", "api_key": "k"}, id="graine"),
        pytest.param({"vendor": "bland", "api_key": "k"}, id="bland"),
        pytest.param({"vendor": "vogent", "api_key": "k"}, id="vogent"),
        pytest.param({"vendor": "svalync", "path": "results", "batches": ["1"]}, id="svalync"),
        pytest.param(GENERIC, id="http_json"),
    ],
)
async def test_each_adapter_reads_it_as_something_that_is_known_for_a_test(
    table: dict[str, object],
) -> None:
    settings = ADAPTER.validate_python(table)
    http = HttpClient(StillClock())
    provider = build("mine", settings, http, b"k" * 32, StillClock())
    subject = f"{PREFIX}1"

    notice = provider.receive(rehearsal(facts_of(settings).webhooks, subject), NOW)

    assert facts_of(settings) == provider.facts
    assert is_rehearsal(notice.batch_id, notice.call_id)
    assert subject in {notice.batch_id, notice.call_id}
    assert (notice.item, notice.look) == (None, None)
    await http.aclose()


@pytest.mark.parametrize("name", [None, "", "8f0e", "my-offhook-test-1"])
def test_nothing_else_is_taken_for_one(name: str | None) -> None:
    assert not is_rehearsal(name, None)


def test_without_documented_webhooks_it_names_a_batch() -> None:
    assert json.loads(rehearsal(None, f"{PREFIX}1")) == {"batch_id": f"{PREFIX}1"}
