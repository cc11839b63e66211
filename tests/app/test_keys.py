"""Which tables share a budget."""

from pathlib import Path

import pytest

from monitor.app.keys import key_of, lines_of
from monitor.config import load
from monitor.http import HttpClient
from monitor.providers.line import Lines
from tests.clocks import ManualClock

HEAD = '[receivers.nobody]\nkind = "slack"\nwebhook_url = "http://127.0.0.1:9/services/x"\n'
ONE = '[providers.one]\nvendor = "graine"\napi_key = "k1"\n'


@pytest.mark.parametrize(
    ("table", "shared"),
    [
        pytest.param('vendor = "graine"\napi_key = "k1"', True, id="the same key"),
        pytest.param('vendor = "graine"\napi_key = "k2"', False, id="another key"),
        pytest.param(
            'vendor = "graine"\napi_key = "k1"\nbase_url = "https://eu.graine.ai"',
            False,
            id="another host",
        ),
        pytest.param(
            'vendor = "graine"\napi_key = "k1"\nbase_url = "https://api.graine.ai/api/v2"',
            True,
            id="another path",
        ),
        pytest.param(
            'vendor = "svalync"\nurl = "https://api.graine.ai/b"\nbatches = ["b"]',
            False,
            id="no key",
        ),
        pytest.param('vendor = "svalync"\npath = "x.json"\nbatches = ["b"]', False, id="a file"),
    ],
)
async def test_the_same_key_at_the_same_host_is_one_budget_of_the_lowest_limit(
    tmp_path: Path, table: str, shared: bool
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f"{HEAD}{ONE}[providers.two]\n{table}\nrequests_per_minute = 60\n")
    config = load(file, environ={})
    clock = ManualClock()
    clients = {name: HttpClient(clock) for name in config.providers}
    found = lines_of(config, clients, Lines(clock))
    for client in clients.values():
        await client.aclose()

    assert (found["one"].budget is found["two"].budget) is shared
    assert found["two"].budget.ceiling == 60
    assert found["one"].budget.ceiling == (60 if shared else 1200)
    assert b"k1" not in key_of("one", config.providers["one"])[1]
