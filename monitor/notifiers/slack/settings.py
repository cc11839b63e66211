"""The settings of a Slack receiver."""

import re
from typing import Literal, Self

from pydantic import field_validator, model_validator

from monitor.settings import UNREADABLE_CREDENTIAL, BaseUrl, LongSecret, ReceiverSettings, Secret

_LOOPBACK = r"http://(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?/"
PUBLIC_API = "https://slack.com/api"


class SlackSettings(ReceiverSettings):
    """An incoming webhook, or a bot's token with the channel it posts to.

    Only the bot keeps one message a conversation, with a thread, and changes it; has buttons
    and charts; and finds out after a crash what arrived, so that nothing stands there twice.
    A webhook posts the same content, each telling as a message of its own. It cannot look:
    where its answer is lost, the message comes again, with the same key, and says that it
    may be a repeat.

    ``buttons`` need a way in for what people press: ``app_token`` (Socket Mode, no public
    address) or ``signing_secret`` (Slack asks ``/slack/actions`` of the public address).
    ``mention`` calls people for what is critical, once: "here", or the id of a user group.
    """

    kind: Literal["slack"]
    webhook_url: Secret | None = None
    bot_token: Secret | None = None
    channel: str | None = None
    api_url: BaseUrl = PUBLIC_API
    app_token: Secret | None = None
    signing_secret: LongSecret | None = None
    buttons: bool = False
    charts: bool = True
    mention: str | None = None

    @field_validator("webhook_url")
    @classmethod
    def _is_an_address(cls, value: Secret | None) -> Secret | None:
        text = value.get_secret_value() if value else UNREADABLE_CREDENTIAL
        if text != UNREADABLE_CREDENTIAL and not re.match(rf"https://[^\s/@]+/|{_LOOPBACK}", text):
            raise ValueError("must be an https address, as Slack shows it for the webhook")
        return value

    @field_validator("app_token")
    @classmethod
    def _is_an_app_token(cls, value: Secret | None) -> Secret | None:
        text = value.get_secret_value() if value else UNREADABLE_CREDENTIAL
        if text != UNREADABLE_CREDENTIAL and not text.startswith("xapp-"):
            raise ValueError('is the app-level token, which begins with "xapp-"')
        return value

    @field_validator("channel")
    @classmethod
    def _is_a_channel(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[CGD][A-Z0-9]{5,}|#?[^\s#@<>]{1,80}", value):
            raise ValueError('is a channel id such as "C0123456789", or a name such as "#alerts"')
        return value

    @field_validator("mention")
    @classmethod
    def _is_a_mention(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"here|S[A-Z0-9]{5,20}", value):
            raise ValueError('is "here", or the id of a user group such as "S0123456789"')
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

    @model_validator(mode="after")
    def _buttons_lead_somewhere(self) -> Self:
        way_in = self.app_token is not None or self.signing_secret is not None
        if self.buttons and self.bot_token is None:
            raise ValueError("buttons need a bot_token; a webhook's messages cannot have any")
        if self.buttons and not way_in:
            raise ValueError("buttons need app_token (Socket Mode) or signing_secret (signed HTTP)")
        if way_in and not self.buttons:
            raise ValueError("app_token and signing_secret serve buttons; set buttons = true")
        return self
