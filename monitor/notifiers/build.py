"""From settings to receivers: the one place that knows every kind."""

import json
from datetime import datetime
from typing import Annotated, assert_never

from pydantic import Field

from monitor.clock import Clock
from monitor.http import HttpClient
from monitor.notifiers import Envelope, Notifier
from monitor.notifiers.alertmanager import Alertmanager, AlertmanagerSettings
from monitor.notifiers.alertmanager.alerts import pushed
from monitor.notifiers.apprise import Apprise, AppriseSettings
from monitor.notifiers.apprise.notifier import body
from monitor.notifiers.email import EmailSettings, Mailer
from monitor.notifiers.email.mail import mail
from monitor.notifiers.pagerduty import PagerDuty, PagerDutySettings
from monitor.notifiers.pagerduty.events import events
from monitor.notifiers.slack import SlackBot, SlackSettings, SlackWebhook
from monitor.notifiers.slack.render import payload as slack_payload
from monitor.notifiers.webhook import Webhook, WebhookSettings
from monitor.notifiers.webhook.payload import payload as webhook_payload

AnyReceiverSettings = Annotated[
    SlackSettings
    | EmailSettings
    | WebhookSettings
    | PagerDutySettings
    | AlertmanagerSettings
    | AppriseSettings,
    Field(discriminator="kind"),
]


def dry_run(name: str, settings: AnyReceiverSettings, envelope: Envelope, now: datetime) -> None:
    """Make all that would be sent, and send nothing."""
    match settings:
        case SlackSettings():
            slack_payload(envelope)
        case EmailSettings():
            mail(envelope, name=name, sender=settings.sender, to=settings.to, now=now).as_bytes()
        case WebhookSettings():
            webhook_payload(envelope)
        case PagerDutySettings():
            json.dumps([event.body for event in events(envelope, "")])
        case AlertmanagerSettings():
            json.dumps(pushed(envelope.messages, now=now, lasts=settings.resend))
        case AppriseSettings():
            body(envelope)
        case _:
            assert_never(settings)


def build(name: str, settings: AnyReceiverSettings, http: HttpClient, clock: Clock) -> Notifier:
    """The notifier of one configured receiver."""
    match settings:
        case SlackSettings():
            return _slack(name, settings, http)
        case EmailSettings():
            return Mailer(name, settings, clock)
        case WebhookSettings():
            return Webhook(name, settings, http, clock)
        case PagerDutySettings():
            return PagerDuty(name, settings, http)
        case AlertmanagerSettings():
            return Alertmanager(name, settings, http, clock)
        case AppriseSettings():
            return Apprise(name, settings)
        case _:
            assert_never(settings)


def _slack(name: str, settings: SlackSettings, http: HttpClient) -> Notifier:
    if settings.webhook_url is not None:
        return SlackWebhook(
            name,
            settings.webhook_url,
            http,
            send_resolved=settings.send_resolved,
            mention=settings.mention,
        )
    if settings.bot_token is None or settings.channel is None:
        raise ValueError(f"receiver {name} has neither a webhook nor a bot with a channel")
    return SlackBot(
        name,
        token=settings.bot_token,
        channel=settings.channel,
        api_url=settings.api_url,
        http=http,
        send_resolved=settings.send_resolved,
        buttons=settings.buttons,
        charts=settings.charts,
        mention=settings.mention,
    )
