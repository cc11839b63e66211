"""A simulated Slack workspace on loopback, and a bot that posts to it."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Connection, insert

from monitor.clock import Clock, SystemClock
from monitor.core.alert import Alert
from monitor.core.compose import compose
from monitor.http import HttpClient
from monitor.notifiers.slack import SlackBot
from monitor.simulator.serving import serve
from monitor.simulator.slack import ALL_SCOPES, TOKEN, SlackApi, face
from monitor.simulator.slack_store import Channel, Post, Slack
from monitor.simulator.wire import Wire
from monitor.store.coding import encode
from monitor.store.schema import conversations, outbox
from tests.builders import NOON

# Loopback needs none, and to load the authorities of the world takes a while each time.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(frozen=True)
class Workspace:
    """The workspace as its owner sees it."""

    slack: Slack
    api: SlackApi
    wire: Wire
    url: str
    http: HttpClient
    channel: Channel

    def bot(self, name: str = "ops", **changes: Any) -> SlackBot:
        values: dict[str, Any] = {
            "token": SecretStr(TOKEN),
            "channel": self.channel.channel_id,
            "api_url": f"{self.url}/api",
            "http": self.http,
        }
        return SlackBot(name, **values | changes)

    @property
    def roots(self) -> list[Post]:
        standing = self.slack.standing(self.channel.channel_id)
        return [post for post in standing if post.thread_ts is None]

    @property
    def replies(self) -> list[Post]:
        standing = self.slack.standing(self.channel.channel_id)
        return [post for post in standing if post.thread_ts is not None]

    def asked(self, method: str) -> int:
        """How often a method was asked."""
        return len(self.wire.to(f"/api/{method}"))


@asynccontextmanager
async def workspace(
    clock: Clock | None = None, scopes: tuple[str, ...] = ALL_SCOPES
) -> AsyncIterator[Workspace]:
    """One workspace with one channel."""
    clock = clock or SystemClock()
    slack = Slack(clock)
    api = SlackApi(slack, "calls-ops", scopes)
    wire = face(api)
    http = HttpClient(clock, tls=NO_TLS)
    async with serve(wire) as url:
        try:
            yield Workspace(slack, api, wire, url, http, slack.channel("calls-ops"))
        finally:
            await http.aclose()


def note_told(
    conn: Connection, alert: Alert, place: str | None, receiver: str = "ops", key: str = ""
) -> None:
    """Keep that a receiver was told of an alert: there, or as soon as it gets through."""
    home = conn.execute(
        insert(conversations)
        .values(receiver=receiver, group_key=alert.key, route="1", opened_at=NOON, remote_id=place)
        .returning(conversations.c.id)
    ).scalar_one()
    message = encode(compose(alert, at=NOON, default_zone="UTC"))
    times = {"created_at": NOON, "owed_since": NOON, "due_at": NOON}
    conn.execute(
        insert(outbox).values(
            delivery_key=key or f"{receiver} {alert.key}",
            conversation=home,
            receiver=receiver,
            alert_key=alert.key,
            transition="fired",
            part="root",
            message=message,
            state="sent" if place else "attempting",
            **times,
        )
    )
