"""A bot: one root message a conversation, changed in place, with a thread; and it can look.

Every message carries its delivery key twice, as metadata and as the id of a block, so that
it is found again after a crash. ``remote_id`` is "channel:timestamp".
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import SecretStr

from monitor.core.route import Receiver
from monitor.errors import DeliveryError, Sent
from monitor.http import HttpClient
from monitor.notifiers import Envelope, Receipt
from monitor.notifiers.slack.api import SlackApi
from monitor.notifiers.slack.files import Charts
from monitor.notifiers.slack.render import Style, payload
from monitor.notifiers.slack.words import refusal

_CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{5,}")
_TS = re.compile(r"\d{1,12}\.\d{1,9}")
_NEEDED = ("chat:write",)
_TO_READ = ("channels:history", "groups:history")
_TO_CHART = "files:write"


class SlackBot:
    """One channel, posted to with one token."""

    def __init__(
        self,
        name: str,
        *,
        token: SecretStr,
        channel: str,
        api_url: str,
        http: HttpClient,
        send_resolved: bool = True,
        buttons: bool = False,
        charts: bool = False,
        mention: str | None = None,
    ) -> None:
        self.receiver = Receiver(
            name=name, kind="slack", edits=True, readable=True, send_resolved=send_resolved
        )
        self.api = SlackApi(token, api_url, http)
        self._channel = channel
        self._style = Style(buttons_of=name if buttons else None, mention=mention)
        self._charts = Charts(self.api, name) if charts else None
        self._channel_id = channel if _CHANNEL_ID.fullmatch(channel) else None

    async def send(self, envelope: Envelope) -> Receipt:
        """Post a root, change it, or answer below it."""
        content = payload(envelope, self._style)
        if envelope.root is None:
            receipt = await self._post({**content, "channel": self._channel}, envelope.key)
            self._draw(envelope, receipt)
            return receipt
        channel, ts = _place(envelope.root)
        if envelope.part == "root":
            # Blocks are named even where there are none: what is not named stays as it was.
            # How text is read is named too, since a change is read otherwise than a post.
            changed = {name: content[name] for name in ("text", "parse", "link_names")}
            changed |= {"blocks": content.get("blocks", []), "channel": channel, "ts": ts}
            await self.api.call("chat.update", changed)
            return Receipt(remote_id=envelope.root)
        # A reply is seen by few; what became graver goes to the channel as well.
        loud = any(message.loud for message in envelope.messages)
        below = {"channel": channel, "thread_ts": ts, "reply_broadcast": loud}
        return await self._post({**content, **below}, envelope.key)

    def is_at(self, channel: str) -> bool:
        """Whether this is where the bot posts, as far as it knows by now."""
        return self._channel_id in {None, channel}

    async def _post(self, content: Mapping[str, Any], key: str) -> Receipt:
        metadata = {"event_type": "offhook", "event_payload": {"key": key}}
        answer = await self.api.call("chat.postMessage", {**content, "metadata": metadata})
        channel, ts = answer.get("channel"), answer.get("ts")
        if not isinstance(channel, str) or not isinstance(ts, str):
            raise DeliveryError(Sent.AMBIGUOUS, "no_ts", "Slack did not say where it put it")
        self._channel_id = channel
        return Receipt(remote_id=f"{channel}:{ts}")

    def _draw(self, envelope: Envelope, receipt: Receipt) -> None:
        """Below a new root, in its own time: the alert is there, whatever becomes of the chart."""
        if self._charts is not None and receipt.remote_id is not None and envelope.part == "root":
            channel, ts = _place(receipt.remote_id)
            self._charts.attach(envelope, channel, ts)

    async def find(
        self, keys: Sequence[str], since: datetime, root: str | None = None
    ) -> dict[str, tuple[str, ...]]:
        """Look through the root's thread, or else the channel, from then on."""
        oldest = f"{since.timestamp():.6f}"
        if root:
            channel, ts = _place(root)
            method, where = "conversations.replies", {"channel": channel, "ts": ts}
        else:
            channel = await self._known_channel()
            method, where = "conversations.history", {"channel": channel}
        found: dict[str, set[str]] = {key: set() for key in keys}
        async for message in self.api.pages(method, {**where, "oldest": oldest}, "messages"):
            ts = str(message.get("ts"))
            # A reply that went to the channel as well stands in its thread.
            below = root is None and message.get("thread_ts") not in {None, ts}
            if _TS.fullmatch(ts) and not below:
                for key in found.keys() & _keys(message):
                    found[key].add(ts)
        return {
            key: tuple(f"{channel}:{ts}" for ts in sorted(places, key=float))
            for key, places in found.items()
        }

    async def remove(self, remote_id: str) -> None:
        """Delete one message; one that is gone already is as good."""
        channel, ts = _place(remote_id)
        try:
            await self.api.call("chat.delete", {"channel": channel, "ts": ts})
        except DeliveryError as error:
            if not error.gone:
                raise

    async def check(self) -> str:
        """Whose token it is, what it may do, and whether the channel can be read."""
        answer, headers = await self.api.ask("auth.test", {})
        who = f"{answer.get('user', 'a bot')} at {answer.get('team', 'Slack')}"
        granted = {scope.strip() for scope in headers.get("x-oauth-scopes", "").split(",")}
        remark = ""
        if headers.get("x-oauth-scopes"):
            lacking = [scope for scope in _NEEDED if scope not in granted]
            lacking += [] if granted & set(_TO_READ) else [" or ".join(_TO_READ)]
            if lacking:
                text = f"the app lacks the scopes {', '.join(lacking)}"
                raise DeliveryError(Sent.REFUSED, "missing_scope", text)
            if self._charts is not None and _TO_CHART not in granted:
                remark = f"; without the scope {_TO_CHART} there are no charts"
        if self._channel_id is None:
            return (
                f"{who}; give the channel's id instead of {self._channel}, so that after a crash"
                f" it can be looked up what had arrived{remark}"
            )
        await self.api.call("conversations.history", {"channel": self._channel_id, "limit": 1})
        return f"{who}, may post to and read {self._channel}{remark}"

    async def close(self) -> None:
        """Draw no more; the connections belong to whoever made the client."""
        if self._charts is not None:
            await self._charts.close()

    async def _known_channel(self) -> str:
        """The channel's id: configured, learned from an earlier answer, or looked up by name."""
        if self._channel_id is None:
            name = self._channel.removeprefix("#")
            arguments = {"types": "public_channel,private_channel", "exclude_archived": "true"}
            async for channel in self.api.pages("conversations.list", arguments, "channels"):
                if channel.get("name") == name and isinstance(channel.get("id"), str):
                    self._channel_id = channel["id"]
                    break
            else:
                raise refusal("channel_not_found", status=200)
        return self._channel_id


def _keys(message: Mapping[str, Any]) -> set[str]:
    """The delivery keys that a message of the channel carries."""
    keys = set()
    metadata = message.get("metadata")
    event = metadata.get("event_payload") if isinstance(metadata, dict) else None
    if isinstance(event, dict) and isinstance(event.get("key"), str):
        keys.add(event["key"])
    blocks = message.get("blocks")
    for block in blocks if isinstance(blocks, list) else []:
        block_id = block.get("block_id") if isinstance(block, dict) else None
        if isinstance(block_id, str) and block_id.startswith("offhook:"):
            keys.add(block_id.removeprefix("offhook:"))
    text = message.get("text")
    if isinstance(text, str):
        keys |= set(re.findall(r"^ref ([0-9a-f]{24})$", text, re.MULTILINE))
    return keys


def channel_of(remote_id: str) -> str:
    """The channel in which a message stands."""
    return _place(remote_id)[0]


def _place(remote_id: str) -> tuple[str, str]:
    channel, _, ts = remote_id.partition(":")
    return channel, ts
