"""Files of the simulated Slack: an address to send bytes to, then the sharing of them."""

import secrets
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from monitor.simulator.slack_args import Args, RefusedError
from monitor.simulator.slack_store import Slack

UPLOAD_PATH = "/upload/v1/"
LARGEST = 50_000_000
LONGEST_ALT = 1_000


@dataclass(slots=True)
class File:
    """One file: announced, then sent, then shared."""

    file_id: str
    name: str
    length: int
    content: bytes | None = None
    channel: str | None = None
    thread_ts: str | None = None
    title: str = ""


class Files:
    """The files of one workspace."""

    def __init__(self, slack: Slack) -> None:
        self._slack = slack
        self.files: dict[str, File] = {}
        self._addresses: dict[str, File] = {}

    def shared(self) -> list[File]:
        """Those that people can see."""
        return [each for each in self.files.values() if each.channel is not None]

    def address(self, args: Args) -> dict[str, Any]:
        """files.getUploadURLExternal."""
        name, length = str(args.get("filename", "")), str(args.get("length", ""))
        if not name or not length.isdigit():
            raise RefusedError("missing_argument")
        if int(length) > LARGEST:
            raise RefusedError("file_upload_size_restricted")
        if len(str(args.get("alt_txt", ""))) > LONGEST_ALT:
            raise RefusedError("alt_txt_too_large")
        made = File(f"F0SIM{len(self.files) + 1:05d}", name, int(length))
        ticket = secrets.token_urlsafe(16)
        self.files[made.file_id], self._addresses[ticket] = made, made
        return {"upload_url": f"{args['base']}{UPLOAD_PATH}{ticket}", "file_id": made.file_id}

    async def upload(self, request: Request) -> Response:
        """The bytes themselves; whoever knows the address may send them, once."""
        found = self._addresses.pop(request.path_params["ticket"], None)
        content = await request.body()
        if found is None:
            return PlainTextResponse("not found", 404)
        if len(content) != found.length:
            return PlainTextResponse("length", 400)
        found.content = content
        return PlainTextResponse(f"OK - {len(content)}")

    def complete(self, args: Args) -> dict[str, Any]:
        """files.completeUploadExternal."""
        listed = args.get("files")
        if not isinstance(listed, list) or not listed:
            raise RefusedError("invalid_arguments")
        channel = self._slack.channels.get(str(args.get("channel_id", "")))
        if channel is None:
            raise RefusedError("channel_not_found")
        if channel.archived or not channel.member:
            raise RefusedError("posting_to_channel_denied")
        thread = args.get("thread_ts")
        if thread and self._slack.find(channel.channel_id, str(thread)) is None:
            raise RefusedError("invalid_arguments")
        for each in listed:
            file = self.files.get(str(each.get("id", ""))) if isinstance(each, dict) else None
            if file is None or file.content is None or file.channel is not None:
                raise RefusedError("file_not_found")
            file.channel, file.title = channel.channel_id, str(each.get("title", ""))
            file.thread_ts = str(thread) if thread else None
        return {"files": [{"id": each["id"], "title": each.get("title", "")} for each in listed]}
