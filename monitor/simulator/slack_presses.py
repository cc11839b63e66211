"""People who press buttons in the simulated Slack, and the two ways by which an app hears of it.

A press is made from a message as it stands: a button that is not there cannot be pressed.
"""

import asyncio
import hashlib
import hmac
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from monitor.simulator.slack_args import Args, RefusedError, arguments
from monitor.simulator.slack_limits import view_complaints
from monitor.simulator.slack_store import Post, Slack

APP_TOKEN = "xapp-1-simulated"  # noqa: S105 - opens nothing
SOCKET_PATH = "/link/"
REPLY_PATH = "/actions/"
TRIGGER_LIVES = timedelta(seconds=3)
REPLIES = 5  # so many to one address, within half an hour


@dataclass(frozen=True, slots=True)
class Whisper:
    """What only one person sees."""

    channel: str
    user: str
    text: str
    blocks: list[dict[str, Any]]


@dataclass(slots=True)
class _Address:
    channel: str
    user: str
    at: datetime
    left: int = REPLIES


@dataclass
class Presses:
    """The interactive half of one workspace."""

    slack: Slack
    whispers: list[Whisper] = field(default_factory=list)
    views: list[dict[str, Any]] = field(default_factory=list)
    opened: int = 0  # sockets
    acks: dict[str, Any] = field(default_factory=dict)  # by envelope: what was answered with it
    _sockets: list[WebSocket] = field(default_factory=list)
    _tickets: set[str] = field(default_factory=set)
    _triggers: dict[str, datetime] = field(default_factory=dict)
    _addresses: dict[str, _Address] = field(default_factory=dict)
    _n: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def open_socket(self, args: Args) -> dict[str, Any]:
        """apps.connections.open."""
        ticket = f"t{next(self._n)}"
        self._tickets.add(ticket)
        base = str(args["base"]).replace("http", "ws", 1)
        return {"url": f"{base}{SOCKET_PATH}{ticket}"}

    async def socket(self, socket: WebSocket) -> None:
        """One connection; its ticket is good once."""
        if socket.path_params["ticket"] not in self._tickets:
            await socket.close()
            return
        self._tickets.discard(socket.path_params["ticket"])
        await socket.accept()
        self._sockets.append(socket)
        self.opened += 1
        await socket.send_json({"type": "hello", "num_connections": len(self._sockets)})
        self._stir()
        try:
            while True:
                told = await socket.receive_json()
                self.acks[str(told.get("envelope_id"))] = told.get("payload")
                self._stir()
        except WebSocketDisconnect:
            pass
        finally:
            if socket in self._sockets:
                self._sockets.remove(socket)
            self._stir()

    async def send(
        self, payload: Mapping[str, Any], *, envelope: str | None = None, to: int = -1
    ) -> str:
        """A payload over a socket, the newest unless told otherwise; its envelope's id."""
        name = envelope or f"e{next(self._n)}"
        told = {
            "type": "interactive",
            "envelope_id": name,
            "payload": payload,
            "accepts_response_payload": True,
        }
        await self._sockets[to].send_json(told)
        return name

    async def say_goodbye(self, reason: str) -> None:
        """Tell the oldest connection that it will end."""
        await self._sockets[0].send_json({"type": "disconnect", "reason": reason})

    async def hang_up(self) -> None:
        """Close the oldest connection."""
        await self._sockets.pop(0).close()

    async def until(self, sockets: int | None = None, acked: str | None = None) -> None:
        """Wait until so many sockets were opened, or an envelope was answered."""
        while (sockets is not None and self.opened < sockets) or (
            acked is not None and acked not in self.acks
        ):
            self._changed.clear()
            await self._changed.wait()

    def _stir(self) -> None:
        self._changed.set()

    def press(
        self, post: Post, action: str, *, base: str, user: str = "U0PERSON", name: str = "asha"
    ) -> dict[str, Any]:
        """The payload of a press of one of the message's buttons, by its action or its text."""
        found = next(_matching(post, action), None)
        if found is None:
            raise LookupError(f"there is no button {action!r}")
        pressed = found | {"action_ts": self.slack.new_ts()}
        return {
            "type": "block_actions",
            "user": {"id": user, "username": name, "name": name, "team_id": "T0SIMULATED"},
            "container": {
                "type": "message",
                "message_ts": post.ts,
                "channel_id": post.channel,
                **({"thread_ts": post.thread_ts} if post.thread_ts else {}),
            },
            "channel": {"id": post.channel, "name": "calls-ops"},
            "trigger_id": self._trigger(),
            "response_url": self._address(post.channel, user, base),
            "actions": [pressed],
        }

    def submit(self, view: Mapping[str, Any], typed: str, user: str = "U0PERSON") -> dict[str, Any]:
        """The payload of a filled-in form."""
        (block,) = [each for each in view["blocks"] if each["type"] == "input"]
        answer = {"type": "plain_text_input", "value": typed}
        values = {block["block_id"]: {block["element"]["action_id"]: answer}}
        return {
            "type": "view_submission",
            "user": {"id": user, "username": "asha", "name": "asha"},
            "trigger_id": self._trigger(),
            "view": {**view, "state": {"values": values}},
        }

    def open_view(self, args: Args) -> dict[str, Any]:
        """views.open."""
        trigger = str(args.get("trigger_id", ""))
        made = self._triggers.pop(trigger, None)
        if made is None:
            raise RefusedError("invalid_trigger_id")
        if self.slack.clock.now() - made > TRIGGER_LIVES:
            raise RefusedError("expired_trigger_id")
        view = args.get("view")
        if found := view_complaints(view):
            told = [f"{text} [json-pointer:{at}]" for at, text in found]
            raise RefusedError("invalid_arguments", response_metadata={"messages": told})
        opened = {**dict(view or {}), "id": f"V{next(self._n)}"}
        self.views.append(opened)
        return {"view": opened}

    def whisper(self, args: Args, text: str, blocks: list[dict[str, Any]]) -> dict[str, Any]:
        """chat.postEphemeral, its channel and content already looked at."""
        user = str(args.get("user", ""))
        if not user.startswith("U"):
            raise RefusedError("user_not_in_channel")
        self.whispers.append(Whisper(str(args["channel"]), user, text, blocks))
        return {"message_ts": self.slack.new_ts()}

    async def reply(self, request: Request, content: Any) -> Response:
        """An answer to a press, at the address that came with it."""
        address = self._addresses.get(request.path_params["ticket"])
        if address is None or address.left == 0:
            return PlainTextResponse("used_url", 404)
        if self.slack.clock.now() - address.at > timedelta(minutes=30):
            return PlainTextResponse("expired_url", 404)
        try:
            text, blocks = content(arguments(request, await request.body()))
        except RefusedError as error:
            return PlainTextResponse(error.word, 400)
        address.left -= 1
        self.whispers.append(Whisper(address.channel, address.user, text, blocks))
        return PlainTextResponse("ok")

    def _trigger(self) -> str:
        made = f"{next(self._n)}.trigger"
        self._triggers[made] = self.slack.clock.now()
        return made

    def _address(self, channel: str, user: str, base: str) -> str:
        ticket = f"r{next(self._n)}"
        self._addresses[ticket] = _Address(channel, user, self.slack.clock.now())
        return f"{base}{REPLY_PATH}{ticket}"


def _matching(post: Post, action: str) -> Iterator[dict[str, Any]]:
    """The buttons and the menus' options that are called so."""
    for block in post.blocks:
        for element in [*block.get("elements", []), block.get("accessory", {})]:
            if element.get("type") == "button":
                if action in {element["action_id"], element["text"]["text"]}:
                    yield {name: element[name] for name in ("type", "action_id", "value")}
                continue
            for option in element.get("options", []):
                if action == option["text"]["text"]:
                    yield {
                        "type": "overflow",
                        "action_id": element["action_id"],
                        "selected_option": {"text": option["text"], "value": option["value"]},
                    }


def signed(secret: str, payload: Mapping[str, Any], at: datetime) -> tuple[dict[str, str], bytes]:
    """Headers and body as Slack sends a payload by HTTP."""
    body = urlencode({"payload": json.dumps(payload)}).encode()
    stamp = str(int(at.timestamp()))
    text = b":".join([b"v0", stamp.encode(), body])
    made = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": f"v0={made}",
    }
    return headers, body
