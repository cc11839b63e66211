"""Any program of the user's own, by signed webhooks."""

from monitor.notifiers.webhook.notifier import Webhook
from monitor.notifiers.webhook.settings import WebhookSettings

__all__ = ["Webhook", "WebhookSettings"]
