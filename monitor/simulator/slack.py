"""A Slack-compatible endpoint: an incoming webhook, and the Web API methods for messages.

Built from Slack's documentation. The Web API answers 200 with ``ok`` true or false; the
webhook answers plain text with a status. Break it with ``Wire.fail``.
"""

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute

from monitor.simulator.answers import json
from monitor.simulator.slack_args import Args, RefusedError, arguments, content, metadata_of, true
from monitor.simulator.slack_files import UPLOAD_PATH, Files
from monitor.simulator.slack_presses import APP_TOKEN, REPLY_PATH, SOCKET_PATH, Presses
from monitor.simulator.slack_store import Channel, Post, Slack
from monitor.simulator.wire import Wire

TOKEN = "xoxb-simulated"  # noqa: S105 - opens nothing
HOOK_PATH = "/services/T0SIMULATED/B0SIMULATED/secretsecretsecret"
BOT = {"user": "U0SIMULATED", "bot_id": "B0SIMULATED", "team": "T0SIMULATED"}
ALL_SCOPES = ("chat:write", "channels:history", "channels:read", "files:write")
APP_SCOPES = ("connections:write",)
NEEDS = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "chat.delete": "chat:write",
    "chat.postEphemeral": "chat:write",
    "files.getUploadURLExternal": "files:write",
    "files.completeUploadExternal": "files:write",
    "apps.connections.open": "connections:write",
    "conversations.history": "channels:history",
    "conversations.replies": "channels:history",
    "conversations.info": "channels:read",
    "conversations.list": "channels:read",
}
LONGEST_TEXT, LONGEST_UPDATE = 40_000, 4_000


class SlackApi:
    """The HTTP face of one workspace, for one bot token and one webhook."""

    def __init__(self, slack: Slack, hook_channel: str, scopes: tuple[str, ...]) -> None:
        self.slack, self.scopes = slack, scopes
        self.hook_channel = slack.channel(hook_channel)
        self.files, self.presses = Files(slack), Presses(slack)
        self.methods: dict[str, Callable[[Args], dict[str, Any]]] = {
            "auth.test": self._auth_test,
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "chat.delete": self._delete,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "conversations.info": self._info,
            "conversations.list": self._list,
            "chat.postEphemeral": self._whisper,
            "views.open": self.presses.open_view,
            "files.getUploadURLExternal": self.files.address,
            "files.completeUploadExternal": self.files.complete,
            "apps.connections.open": self.presses.open_socket,
        }

    async def hook(self, request: Request) -> Response:
        """An incoming webhook: ``ok`` as text, or an error word with a status."""
        if request.url.path != HOOK_PATH:
            return PlainTextResponse("no_service", 404)
        if self.hook_channel.archived:
            return PlainTextResponse("channel_is_archived", 410)
        try:
            text, blocks = content(arguments(request, await request.body()))
        except RefusedError as error:
            word = "invalid_payload" if error.word == "invalid_json" else error.word
            return PlainTextResponse(word, 400)
        ts = self.slack.new_ts()
        self.slack.add(Post(self.hook_channel.channel_id, ts, "webhook", text, blocks))
        return PlainTextResponse("ok")

    async def call(self, request: Request) -> Response:
        """A Web API method, its arguments as JSON, form or query."""
        name = request.path_params["method"]
        try:
            args = arguments(request, await request.body())
            scopes = self._admit(name, request, args)
            asked = {**args, "base": str(request.base_url).rstrip("/")}
            answer = {"ok": True} | self.methods[name](asked)
        except RefusedError as error:
            scopes = self.scopes
            answer = {"ok": False, "error": error.word} | error.more
        response = json(answer)
        response.headers["x-oauth-scopes"] = ",".join(scopes)
        return response

    def _admit(self, name: str, request: Request, args: Args) -> tuple[str, ...]:
        """The scopes of the token that was given, if it may do this."""
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        given = given or args.get("token", "")
        if not given:
            raise RefusedError("not_authed")
        if given not in {TOKEN, APP_TOKEN}:
            raise RefusedError("invalid_auth")
        if name not in self.methods:
            raise RefusedError("unknown_method")
        of_app = name.startswith("apps.")
        if of_app != (given == APP_TOKEN):
            raise RefusedError("not_allowed_token_type")
        scopes = APP_SCOPES if of_app else self.scopes
        needed = NEEDS.get(name)
        if needed and needed not in scopes:
            raise RefusedError("missing_scope", needed=needed, provided=",".join(scopes))
        return scopes

    def _channel(self, args: Args, *, by_name: bool = False) -> Channel:
        wanted = str(args.get("channel", ""))
        channel = self.slack.channels.get(wanted)
        if channel is None and by_name:
            named = (c for c in self.slack.channels.values() if c.name == wanted.lstrip("#"))
            channel = next(named, None)
        if channel is None:
            raise RefusedError("channel_not_found")
        return channel

    def _message(self, args: Args, word: str) -> Post:
        post = self.slack.find(self._channel(args).channel_id, str(args.get("ts", "")))
        if post is None:
            raise RefusedError(word)
        return post

    def _auth_test(self, _: Args) -> dict[str, Any]:
        return {
            "url": "https://simulated.slack.com/",
            "team": "Simulated",
            "user": "offhook",
            "team_id": BOT["team"],
            "user_id": BOT["user"],
            "bot_id": BOT["bot_id"],
        }

    def _post(self, args: Args) -> dict[str, Any]:
        channel = self._channel(args, by_name=True)
        if channel.archived:
            raise RefusedError("is_archived")
        if not channel.member:
            raise RefusedError("not_in_channel")
        text, blocks = content(args)
        thread = args.get("thread_ts")
        if thread and self.slack.find(channel.channel_id, str(thread)) is None:
            raise RefusedError("cannot_reply_to_message")
        post = Post(
            channel.channel_id,
            self.slack.new_ts(),
            "bot",
            text[:LONGEST_TEXT],
            blocks,
            thread_ts=str(thread) if thread else None,
            metadata=metadata_of(args),
            broadcast=bool(args.get("reply_broadcast")),
        )
        self.slack.add(post)
        return {
            "channel": post.channel,
            "ts": post.ts,
            "message": self._shown(post, metadata=True),
        }

    def _update(self, args: Args) -> dict[str, Any]:
        post = self._message(args, "message_not_found")
        if post.via != "bot":
            raise RefusedError("cant_update_message")
        if len(str(args.get("text", ""))) > LONGEST_UPDATE:
            raise RefusedError("msg_too_long")
        text, blocks = content(args)
        post.metadata = metadata_of(args) or post.metadata
        self.slack.edit(post, text, blocks)
        return {"channel": post.channel, "ts": post.ts, "text": text}

    def _whisper(self, args: Args) -> dict[str, Any]:
        channel = self._channel(args, by_name=True)
        if channel.archived or not channel.member:
            raise RefusedError("channel_not_found")
        return self.presses.whisper(args, *content(args))

    async def reply(self, request: Request) -> Response:
        """The address that came with a press."""
        return await self.presses.reply(request, content)

    def _delete(self, args: Args) -> dict[str, Any]:
        post = self._message(args, "message_not_found")
        if post.via != "bot":
            raise RefusedError("cant_delete_message")
        self.slack.delete(post)
        return {"channel": post.channel, "ts": post.ts}

    def _history(self, args: Args) -> dict[str, Any]:
        channel = self._channel(args)
        if not channel.member:
            raise RefusedError("not_in_channel")
        roots = [
            post
            for post in self.slack.standing(channel.channel_id)
            if post.thread_ts is None or post.broadcast
        ]
        return self._page(roots[::-1], args)

    def _replies(self, args: Args) -> dict[str, Any]:
        root = self._message(args, "thread_not_found")
        return self._page([root, *self.slack.replies(root)], args)

    def _page(self, posts: list[Post], args: Args) -> dict[str, Any]:
        oldest = float(args.get("oldest") or 0)
        latest = float(args.get("latest") or "inf")
        inclusive = true(args.get("inclusive"))
        found = [
            post
            for post in posts
            if oldest < float(post.ts) < latest
            or (inclusive and float(post.ts) in {oldest, latest})
        ]
        start, limit = int(args.get("cursor") or 0), min(int(args.get("limit") or 100), 999)
        rest = len(found) > start + limit
        metadata = true(args.get("include_all_metadata"))
        answer: dict[str, Any] = {
            "messages": [
                self._shown(post, metadata=metadata) for post in found[start : start + limit]
            ],
            "has_more": rest,
        }
        if rest:
            answer["response_metadata"] = {"next_cursor": str(start + limit)}
        return answer

    def _info(self, args: Args) -> dict[str, Any]:
        return {"channel": _described(self._channel(args))}

    def _list(self, args: Args) -> dict[str, Any]:
        known = self.slack.channels.values()
        start, limit = int(args.get("cursor") or 0), int(args.get("limit") or 100)
        shown = [c for c in known if not (true(args.get("exclude_archived")) and c.archived)]
        after = str(start + limit) if len(shown) > start + limit else ""
        return {
            "channels": [_described(channel) for channel in shown[start : start + limit]],
            "response_metadata": {"next_cursor": after},
        }

    def _shown(self, post: Post, *, metadata: bool) -> dict[str, Any]:
        """A message as Slack returns it."""
        shown: dict[str, Any] = {"type": "message", "ts": post.ts, "text": post.text} | BOT
        if post.blocks:
            shown["blocks"] = post.blocks
        if post.thread_ts:
            shown["thread_ts"] = post.thread_ts
        elif replies := self.slack.replies(post):
            shown |= {
                "thread_ts": post.ts,
                "reply_count": len(replies),
                "latest_reply": replies[-1].ts,
            }
        if post.edits:
            shown["edited"] = {"user": BOT["user"], "ts": post.edits[-1].ts}
        if metadata and post.metadata:
            shown["metadata"] = post.metadata
        return shown


def _described(channel: Channel) -> dict[str, Any]:
    return {
        "id": channel.channel_id,
        "name": channel.name,
        "is_channel": True,
        "is_archived": channel.archived,
        "is_member": channel.member,
    }


def slack_app(
    slack: Slack, *, hook_channel: str = "calls-ops", scopes: tuple[str, ...] = ALL_SCOPES
) -> Wire:
    """The workspace's HTTP face: ``/services/…`` and ``/api/<method>``, and what they lead to."""
    return face(SlackApi(slack, hook_channel, scopes))


def face(api: SlackApi) -> Wire:
    """The same for a workspace whose files and presses somebody wants to see."""
    return Wire(
        Starlette(
            routes=[
                Route("/services/{rest:path}", api.hook, methods=["POST"]),
                Route("/api/{method}", api.call, methods=["GET", "POST"]),
                Route(UPLOAD_PATH + "{ticket}", api.files.upload, methods=["POST"]),
                Route(REPLY_PATH + "{ticket}", api.reply, methods=["POST"]),
                WebSocketRoute(SOCKET_PATH + "{ticket}", api.presses.socket),
            ]
        )
    )
