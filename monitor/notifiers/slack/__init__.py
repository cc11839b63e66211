"""Slack, by incoming webhook or by bot token."""

from monitor.notifiers.slack.bot import SlackBot
from monitor.notifiers.slack.settings import SlackSettings
from monitor.notifiers.slack.webhook import SlackWebhook

__all__ = ["SlackBot", "SlackSettings", "SlackWebhook"]
