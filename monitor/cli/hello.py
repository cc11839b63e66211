"""Saying hello where alerts will go, so that people see it before they need it."""

import secrets
from typing import Any

from monitor.clock import SystemClock
from monitor.core.identity import delivery_key
from monitor.core.message import Message
from monitor.egress import Egress
from monitor.http import HttpClient
from monitor.notifiers import Envelope
from monitor.notifiers.build import build


async def say_hello(name: str, settings: Any, egress: Egress) -> str:
    """Send one message through the receiver's own notifier; DeliveryError if it was not taken."""
    clock = SystemClock()
    http = HttpClient(clock, egress=egress)
    notifier = build(name, settings, http, clock)
    message = Message(
        key=secrets.token_hex(16),
        state="INFO",
        severity="info",
        rule="hello",
        rule_id="hello",
        provider="",
        batch="",
        sentence="Hello from Offhook: messages about your call batches will come here.",
        reason="set up",
        at=clock.now(),
        zone="UTC",
    )
    key = delivery_key(message.key, name, "hello", "message")
    part = "root" if notifier.receiver.edits else "message"
    try:
        await notifier.send(Envelope(key=key, first_key=key, part=part, messages=(message,)))
    finally:
        await notifier.close()
        await http.aclose()
    return f"{notifier.receiver.kind}: said hello; please look there"
