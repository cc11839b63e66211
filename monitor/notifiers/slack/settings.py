"""The settings of a Slack receiver."""

import re
from typing import Literal, Self

from pydantic import field_validator, model_validator

from monitor.settings import UNREADABLE_CREDENTIAL, BaseUrl, ReceiverSettings, Secret

_LOOPBACK = r"http://(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?/"


class SlackSettings(ReceiverSettings):
    """An incoming webhook, or a bot's token with the channel it posts to.

    Only the bot can thread, change what it posted, and find out after a crash what arrived.
    """

    kind: Literal["slack"]
    webhook_url: Secret | None = None
    bot_token: Secret | None = None
    channel: str | None = None
    api_url: BaseUrl = "https://slack.com/api"

    @field_validator("webhook_url")
    @classmethod
    def _is_an_address(cls, value: Secret | None) -> Secret | None:
        text = value.get_secret_value() if value else UNREADABLE_CREDENTIAL
        if text != UNREADABLE_CREDENTIAL and not re.match(rf"https://[^\s/@]+/|{_LOOPBACK}", text):
            raise ValueError("must be an https address, as Slack shows it for the webhook")
        return value

    @field_validator("channel")
    @classmethod
    def _is_a_channel(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[CGD][A-Z0-9]{5,}|#?[^\s#@<>]{1,80}", value):
            raise ValueError('is a channel id such as "C0123456789", or a name such as "#alerts"')
        return value

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.webhook_url is None) == (self.bot_token is None):
            raise ValueError("give webhook_url, or bot_token and channel; one of the two")
        if self.bot_token is not None and self.channel is None:
            raise ValueError("bot_token needs a channel")
        if self.webhook_url is not None and self.channel is not None:
            raise ValueError("a webhook has its channel already; leave channel out")
        return self
