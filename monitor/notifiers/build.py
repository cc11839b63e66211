"""From settings to receivers: the one place that knows every kind."""

from typing import Annotated, assert_never

from pydantic import Field

from monitor.clock import Clock
from monitor.http import HttpClient
from monitor.notifiers import Notifier
from monitor.notifiers.email import EmailSettings, Mailer
from monitor.notifiers.slack import SlackBot, SlackSettings, SlackWebhook

AnyReceiverSettings = Annotated[SlackSettings | EmailSettings, Field(discriminator="kind")]


def build(
    name: str, settings: SlackSettings | EmailSettings, http: HttpClient, clock: Clock
) -> Notifier:
    """The notifier of one configured receiver."""
    match settings:
        case SlackSettings():
            return _slack(name, settings, http)
        case EmailSettings():
            return Mailer(name, settings, clock)
        case _:
            assert_never(settings)


def _slack(name: str, settings: SlackSettings, http: HttpClient) -> Notifier:
    if settings.webhook_url is not None:
        return SlackWebhook(name, settings.webhook_url, http, send_resolved=settings.send_resolved)
    if settings.bot_token is None or settings.channel is None:
        raise ValueError(f"receiver {name} has neither a webhook nor a bot with a channel")
    return SlackBot(
        name,
        token=settings.bot_token,
        channel=settings.channel,
        api_url=settings.api_url,
        http=http,
        send_resolved=settings.send_resolved,
    )
