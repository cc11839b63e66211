"""The settings of a Slack receiver that belong together, and those that do not."""

from typing import Any

import pytest
from pydantic import ValidationError

from monitor.notifiers.slack import SlackSettings

BOT = {"kind": "slack", "bot_token": "xoxb-canary", "channel": "C0123456789"}
HOOK = {"kind": "slack", "webhook_url": "https://hooks.slack.com/services/T/B/canary"}
WAY_IN = {"app_token": "xapp-canary"}


@pytest.mark.parametrize(
    "table",
    [
        BOT | WAY_IN | {"buttons": True},
        BOT | {"signing_secret": "canary-0123456789", "buttons": True, "mention": "here"},
        BOT | WAY_IN | {"signing_secret": "canary-0123456789", "buttons": True, "charts": False},
        HOOK | {"mention": "S0123456789"},
    ],
    ids=["a socket", "signed", "both", "a webhook that calls"],
)
def test_what_goes_together(table: dict[str, Any]) -> None:
    settings = SlackSettings.model_validate(table)

    assert "canary" not in repr(settings)


@pytest.mark.parametrize(
    ("table", "text"),
    [
        (BOT | {"buttons": True}, "buttons need app_token"),
        (HOOK | WAY_IN | {"buttons": True}, "buttons need a bot_token"),
        (BOT | WAY_IN, "set buttons = true"),
        (BOT | {"signing_secret": "canary-0123456789"}, "set buttons = true"),
        (
            BOT | {"signing_secret": "canary", "buttons": True},
            "is shorter than 16 characters, and so could be guessed",
        ),
        (BOT | {"app_token": "xoxb-canary", "buttons": True}, 'begins with "xapp-"'),
        (BOT | {"mention": "everyone"}, '"here", or the id of a user group'),
        (BOT | {"mention": "<!channel>"}, '"here", or the id of a user group'),
    ],
    ids=[
        "no way in",
        "a webhook",
        "no buttons",
        "no buttons, signed",
        "short",
        "bot's",
        "all",
        "markup",
    ],
)
def test_what_does_not_is_refused_in_words(table: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SlackSettings.model_validate(table)

    assert text in str(caught.value)
    assert "canary" not in str(caught.value)
