"""A bot: one root message a conversation, changed in place, with a thread; and it can look.

Every message carries its delivery key twice, as metadata and as the id of a block, so that
it is found again after a crash. ``remote_id`` is "channel:timestamp".
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from pydantic import SecretStr

from monitor.core.route import Receiver
from monitor.errors import DeliveryError, Sent
from monitor.http import Answer, HttpClient, HttpError
from monitor.notifiers import Envelope, Receipt
from monitor.notifiers.slack.render import payload
from monitor.notifiers.slack.words import refusal, retry_after, unanswered, word_of

DEADLINE_S = 30.0
_PAGES = 20
_CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{5,}")
_TS = re.compile(r"\d{1,12}\.\d{1,9}")
_NEEDED = ("chat:write",)
_TO_READ = ("channels:history", "groups:history")


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
    ) -> None:
        self.receiver = Receiver(
            name=name, kind="slack", edits=True, readable=True, send_resolved=send_resolved
        )
        self._token = token
        self._channel = channel
        self._api_url = api_url
        self._http = http
        self._channel_id = channel if _CHANNEL_ID.fullmatch(channel) else None

    async def send(self, envelope: Envelope) -> Receipt:
        """Post a root, change it, or answer below it."""
        content = payload(envelope)
        if envelope.root is None:
            return await self._post({**content, "channel": self._channel}, envelope.key)
        channel, ts = _place(envelope.root)
        if envelope.part == "root":
            changed: dict[str, Any] = {
                name: content[name] for name in ("text", "blocks") if name in content
            }
            await self._call("chat.update", {**changed, "channel": channel, "ts": ts})
            return Receipt(remote_id=envelope.root)
        # A reply is seen by few; what is worth a call goes to the channel as well.
        loud = any(message.loud for message in envelope.messages)
        below = {"channel": channel, "thread_ts": ts, "reply_broadcast": loud}
        return await self._post({**content, **below}, envelope.key)

    async def _post(self, content: Mapping[str, Any], key: str) -> Receipt:
        metadata = {"event_type": "offhook", "event_payload": {"key": key}}
        answer = await self._call("chat.postMessage", {**content, "metadata": metadata})
        channel, ts = answer.get("channel"), answer.get("ts")
        if not isinstance(channel, str) or not isinstance(ts, str):
            raise DeliveryError(Sent.AMBIGUOUS, "no_ts", "Slack did not say where it put it")
        self._channel_id = channel
        return Receipt(remote_id=f"{channel}:{ts}")

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
        async for message in self._pages(method, {**where, "oldest": oldest}, "messages"):
            ts = str(message.get("ts"))
            if _TS.fullmatch(ts):
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
            await self._call("chat.delete", {"channel": channel, "ts": ts})
        except DeliveryError as error:
            if not error.gone:
                raise

    async def check(self) -> str:
        """Whose token it is, what it may do, and whether the channel can be read."""
        answer, headers = await self._ask("auth.test", {})
        who = f"{answer.get('user', 'a bot')} at {answer.get('team', 'Slack')}"
        granted = {scope.strip() for scope in headers.get("x-oauth-scopes", "").split(",")}
        if headers.get("x-oauth-scopes"):
            lacking = [scope for scope in _NEEDED if scope not in granted]
            lacking += [] if granted & set(_TO_READ) else [" or ".join(_TO_READ)]
            if lacking:
                text = f"the app lacks the scopes {', '.join(lacking)}"
                raise DeliveryError(Sent.REFUSED, "missing_scope", text)
        if self._channel_id is None:
            return (
                f"{who}; give the channel's id instead of {self._channel}, so that after a crash"
                " it can be looked up what had arrived"
            )
        await self._call("conversations.history", {"channel": self._channel_id, "limit": 1})
        return f"{who}, may post to and read {self._channel}"

    async def close(self) -> None:
        """The connections belong to whoever made the client."""

    async def _known_channel(self) -> str:
        """The channel's id: configured, learned from an earlier answer, or looked up by name."""
        if self._channel_id is None:
            name = self._channel.removeprefix("#")
            arguments = {"types": "public_channel,private_channel", "exclude_archived": "true"}
            async for channel in self._pages("conversations.list", arguments, "channels"):
                if channel.get("name") == name and isinstance(channel.get("id"), str):
                    self._channel_id = channel["id"]
                    break
            else:
                raise refusal("channel_not_found", status=200)
        return self._channel_id

    async def _pages(
        self, method: str, arguments: Mapping[str, Any], what: str
    ) -> AsyncIterator[dict[str, Any]]:
        cursor = ""
        for _ in range(_PAGES):
            asked = {**arguments, "limit": 200, "include_all_metadata": "true"}
            answer = await self._call(method, {**asked, "cursor": cursor} if cursor else asked)
            items = answer.get(what)
            for item in items if isinstance(items, list) else []:
                if isinstance(item, dict):
                    yield item
            cursor = _cursor(answer)
            if not cursor:
                return
        raise DeliveryError(Sent.RETRY, "too_much", "the channel is too busy to be searched")

    async def _call(self, method: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        answer, _ = await self._ask(method, arguments)
        return answer

    async def _ask(
        self, method: str, arguments: Mapping[str, Any]
    ) -> tuple[dict[str, Any], Mapping[str, str]]:
        # Slack reads JSON only where it writes; questions are asked as parameters.
        writes = method.startswith("chat.")
        try:
            answer = await self._http.request(
                "POST" if writes else "GET",
                f"{self._api_url}/{method}",
                headers={
                    "authorization": f"Bearer {self._token.get_secret_value()}",
                    "content-type": "application/json; charset=utf-8",
                },
                json=dict(arguments) if writes else None,
                params=None if writes else dict(arguments),
                deadline=DEADLINE_S,
            )
        except HttpError as error:
            raise unanswered(error) from None
        return _said_ok(answer), answer.headers


def _said_ok(answer: Answer) -> dict[str, Any]:
    """Slack answers 200 to what it refuses; only ``ok: true`` is a yes."""
    try:
        said = msgspec.json.decode(answer.body, type=dict[str, Any])
    except msgspec.MsgspecError:
        if answer.status == 200:
            text = "the answer is not Slack's"
            raise DeliveryError(Sent.AMBIGUOUS, "no_json", text) from None
        said = {}
    if answer.status == 200 and said.get("ok") is True:
        return said
    word = word_of(str(said.get("error", "")))
    raise refusal(word, status=answer.status, retry_after=retry_after(answer.headers))


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


def _cursor(answer: Mapping[str, Any]) -> str:
    after = answer.get("response_metadata")
    cursor = after.get("next_cursor") if isinstance(after, dict) else None
    return cursor if isinstance(cursor, str) else ""


def _place(remote_id: str) -> tuple[str, str]:
    channel, _, ts = remote_id.partition(":")
    return channel, ts
