"""Reading what a caller of the simulated Slack sent, and refusing it in Slack's words."""

import json as json_module
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from starlette.requests import Request

from monitor.simulator.slack_limits import complaints
from monitor.simulator.slack_store import texts

Args = Mapping[str, Any]
T = TypeVar("T")
# Undocumented: measured by others, over all texts of a message's blocks.
LONGEST_TOGETHER = 13_200


class RefusedError(Exception):
    """Slack says no, with its own word and what belongs to it."""

    def __init__(self, word: str, **more: Any) -> None:
        self.word, self.more = word, more
        super().__init__(word)


def arguments(request: Request, body: bytes) -> Args:
    """Arguments from query and body."""
    args: dict[str, Any] = dict(request.query_params)
    if "json" in request.headers.get("content-type", ""):
        return args | _loaded(body or b"{}", dict)
    args |= dict(parse_qsl(body.decode(errors="replace")))
    for name, kind in (("payload", dict), ("blocks", list), ("metadata", dict)):
        if name in args:
            args[name] = _loaded(args[name], kind)
    payload: dict[str, Any] = args.pop("payload", {})
    return args | payload


def _loaded(text: str | bytes, kind: type[T]) -> T:
    try:
        value = json_module.loads(text)
    except ValueError as error:
        raise RefusedError("invalid_json") from error
    if not isinstance(value, kind):
        raise RefusedError("invalid_json")
    return value


def content(args: Args) -> tuple[str, list[dict[str, Any]]]:
    """The text and blocks of a message, as far as Slack takes them."""
    text, blocks = args.get("text") or "", args.get("blocks") or []
    if not isinstance(text, str):
        raise RefusedError("invalidarguments")
    if not text and not blocks and not args.get("attachments"):
        raise RefusedError("no_text")
    if found := complaints(blocks):
        told = [f"{text} [json-pointer:{pointer}]" for pointer, text in found]
        messages = [f"[ERROR] {line}" for line in told]
        raise RefusedError("invalid_blocks", errors=told, response_metadata={"messages": messages})
    if sum(map(len, texts(blocks))) > LONGEST_TOGETHER:
        raise RefusedError("msg_blocks_too_long")
    return text, blocks


def metadata_of(args: Args) -> dict[str, Any] | None:
    """What a message carries for machines."""
    metadata = args.get("metadata")
    if metadata is None:
        return None
    if not isinstance(metadata, dict) or set(metadata) != {"event_type", "event_payload"}:
        raise RefusedError("invalid_metadata_format")
    return metadata


def true(value: Any) -> bool:
    """Whether an argument says yes."""
    return str(value).lower() in {"true", "1"}
