import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from monitor.http import HttpClient
from monitor.providers import Provider
from monitor.providers.bland import Bland
from monitor.providers.build import AnyProviderSettings, build, capabilities
from monitor.providers.graine import Graine
from monitor.providers.vogent import Vogent
from tests.loopback import StillClock

ADAPTER: TypeAdapter[AnyProviderSettings] = TypeAdapter(AnyProviderSettings)


@pytest.mark.parametrize(
    ("vendor", "kind", "base_url"),
    [
        ("graine", Graine, "https://api.graine.ai/api/v1"),
        ("bland", Bland, "https://api.bland.ai"),
        ("vogent", Vogent, "https://api.vogent.ai/api"),
    ],
)
async def test_each_vendor_is_built_under_the_name_it_was_given(
    vendor: str, kind: type[Any], base_url: str
) -> None:
    settings = ADAPTER.validate_python({"vendor": vendor, "api_key": "k"})
    assert getattr(settings, "base_url", None) == base_url
    http = HttpClient(StillClock())
    provider: Provider = build("mine", settings, http, b"k")
    assert isinstance(provider, kind)
    assert (provider.name, provider.vendor) == ("mine", vendor)
    await http.aclose()


EXAMPLE = tomllib.loads((Path(__file__).parents[2] / "config.example.toml").read_text())


@pytest.mark.parametrize("name", EXAMPLE["providers"])
async def test_each_provider_of_the_example_claims_what_its_settings_lead_to(name: str) -> None:
    table = {**EXAMPLE["providers"][name], "calendar": None}
    if "api_key" in table:
        table["api_key"] = "k"
    settings = ADAPTER.validate_python(table)
    http = HttpClient(StillClock())
    provider = build(name, settings, http, b"k", StillClock())
    assert provider.vendor == table.get("vendor_name", table["vendor"])
    assert provider.capabilities == capabilities(settings)
    await http.aclose()


RATES = {"rates": {"minute": "0.09 USD"}}
SECRET = {"webhook_secret": "0123456789abcdef"}


@pytest.mark.parametrize(
    ("table", "priced"),
    [
        pytest.param({"vendor": "graine"}, True, id="its lists tell"),
        pytest.param({"vendor": "bland"}, False, id="nothing tells"),
        pytest.param({"vendor": "bland", **SECRET}, True, id="its webhooks tell"),
        pytest.param({"vendor": "vogent", **SECRET}, False, id="its webhooks do not"),
        pytest.param({"vendor": "bland", **RATES}, True, id="rates"),
        pytest.param({"vendor": "vogent", **RATES}, True, id="rates where nothing else ever does"),
    ],
)
def test_what_calls_cost_is_known_where_anything_tells(table: dict[str, Any], priced: bool) -> None:
    assert capabilities(ADAPTER.validate_python({"api_key": "k", **table})).priced is priced


@pytest.mark.parametrize(
    "table",
    [
        pytest.param({"vendor": "graine", "api_key": "k", "base_ulr": "x"}, id="misspelt"),
        pytest.param({"vendor": "graine"}, id="no-key"),
        pytest.param(
            {"vendor": "bland", "api_key": "k", "base_url": "http://api.bland.ai"}, id="plain-http"
        ),
    ],
)
def test_a_table_with_a_mistake_is_refused_without_its_key(table: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        ADAPTER.validate_python(table | {"api_key": "verysecret"} if "api_key" in table else table)
    assert "verysecret" not in str(caught.value)
