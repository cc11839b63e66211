"""From settings to receivers."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from pydantic import ValidationError

from monitor.clock import SystemClock
from monitor.core.route import Receiver
from monitor.http import HttpClient
from monitor.notifiers.build import AnyReceiverSettings, build
from monitor.settings import Strict

HOOK = "https://hooks.slack.example/services/T/B/canary"


class Table(Strict):
    """As the configuration holds it: the outermost model decides what an error may quote."""

    receiver: AnyReceiverSettings


def load(table: dict[str, Any]) -> AnyReceiverSettings:
    return Table.model_validate({"receiver": table}).receiver


@pytest_asyncio.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient(SystemClock())
    yield client
    await client.aclose()


@pytest.mark.parametrize(
    ("table", "receiver"),
    [
        pytest.param(
            {"kind": "slack", "webhook_url": HOOK},
            Receiver(name="ops", kind="slack"),
            id="webhook",
        ),
        pytest.param(
            {
                "kind": "slack",
                "bot_token": "xoxb-canary",
                "channel": "#ops",
                "send_resolved": False,
            },
            Receiver(name="ops", kind="slack", edits=True, readable=True, send_resolved=False),
            id="bot",
        ),
        pytest.param(
            {
                "kind": "email",
                "smtp_url": "smtps://mail.example.com",
                "from": "offhook@example.com",
                "to": ["a@example.com"],
            },
            Receiver(name="ops", kind="email", settled_only=True),
            id="mail",
        ),
        pytest.param(
            {
                "kind": "webhook",
                "url": "https://x.example/canary",
                "secret": "whsec_" + "Y2FuYXJ5" * 4,
            },
            Receiver(name="ops", kind="webhook"),
            id="program",
        ),
        pytest.param(
            {"kind": "pagerduty", "routing_key": "canary0123456789abcdef0123456789"},
            Receiver(
                name="ops",
                kind="pagerduty",
                settled_only=True,
                stateful=True,
                at_once=2_000,
                crowds=True,
            ),
            id="pager",
        ),
        pytest.param(
            {"kind": "alertmanager", "urls": ["http://127.0.0.1:9093"], "send_resolved": False},
            Receiver(
                name="ops",
                kind="alertmanager",
                settled_only=True,
                stateful=True,
                at_once=500,
                send_resolved=False,
            ),
            id="state",
        ),
        pytest.param(
            {"kind": "apprise", "url": "json://localhost/canary"},
            Receiver(name="ops", kind="apprise"),
            id="any service",
        ),
    ],
)
def test_each_kind_is_built(table: dict[str, Any], receiver: Receiver, http: HttpClient) -> None:
    settings = load(table)
    notifier = build("ops", settings, http, SystemClock())

    assert notifier.receiver == receiver
    assert "canary" not in f"{settings!r} {notifier!r} {vars(notifier)}"


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        pytest.param({}, "webhook_url, or bot_token", id="neither"),
        pytest.param({"webhook_url": HOOK, "bot_token": "x"}, "one of the two", id="both"),
        pytest.param({"bot_token": "xoxb-canary"}, "needs a channel", id="no channel"),
        pytest.param({"webhook_url": HOOK, "channel": "#x"}, "leave channel out", id="channel"),
        pytest.param({"webhook_url": "http://x.example/canary"}, "https", id="in the clear"),
        pytest.param({"webhook_url": "canary"}, "https", id="no address"),
        pytest.param({"bot_token": "x", "channel": "<!here>"}, "channel id", id="no name"),
        pytest.param({"bot_token": "x", "channel": "#a", "api_url": "ftp://x"}, "http", id="api"),
        pytest.param({"webhook_ur": HOOK}, "Extra inputs", id="misspelt"),
    ],
)
def test_settings_that_cannot_be_meant(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint) as caught:
        load({"kind": "slack", **changes})
    assert "canary" not in str(caught.value)
