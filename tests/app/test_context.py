"""What evaluations are told of the configuration."""

from pathlib import Path

import pytest

from monitor.app.context import context_of
from monitor.config import load
from tests.builders import NOON

CONFIG = """
[providers.renewals]
vendor = "graine"
api_key = "k"
[receivers.ops]
kind = "slack"
webhook_url = "http://127.0.0.1:9/services/T/B/x"
[web]
api_token = "0123456789abcdef"
"""


@pytest.mark.parametrize(
    ("line", "found"),
    [
        pytest.param("", None, id="none"),
        pytest.param(
            'public_url = "https://offhook.example.com"', "https://offhook.example.com", id="public"
        ),
        pytest.param('public_url = "http://localhost:8420"', None, id="this machine"),
        pytest.param('public_url = "http://127.0.0.1:8420"', None, id="its address"),
    ],
)
def test_messages_link_to_where_others_reach_the_pages(
    tmp_path: Path, line: str, found: str | None
) -> None:
    path = tmp_path / "config.toml"
    path.touch(mode=0o600)
    path.write_text(CONFIG + line)

    context = context_of(load(path, environ={}), {}, {}, NOON)

    assert context.routing.public_url == found
