"""What Slack refuses in blocks, by its documentation: types, required fields and lengths."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Complaint = tuple[str, str]  # JSON pointer, text
MAX_BLOCKS = 50


def complaints(blocks: Any, pointer: str = "/blocks", most: int = MAX_BLOCKS) -> list[Complaint]:
    """Everything that Slack would refuse in a list of blocks; empty when it takes them."""
    if not isinstance(blocks, list):
        return [(pointer, "must be an array")]
    found = [(pointer, f"no more than {most} items allowed")] * (len(blocks) > most)
    names: set[str] = set()
    for n, block in enumerate(blocks):
        found += _block(block, f"{pointer}/{n}")
        name = block.get("block_id") if isinstance(block, dict) else None
        if isinstance(name, str):
            found += [(f"{pointer}/{n}/block_id", "block_id already exists")] * (name in names)
            names.add(name)
    return found


def _block(block: Any, at: str) -> Iterator[Complaint]:
    if not isinstance(block, dict) or block.get("type") not in _CHECKS:
        yield f"{at}/type", "unsupported type"
        return
    yield from _length(block.get("block_id", "x"), 255, f"{at}/block_id")
    yield from _CHECKS[block["type"]](block, at)


def _length(text: Any, most: int, at: str, least: int = 1) -> Iterator[Complaint]:
    if not isinstance(text, str):
        yield at, "must be a string"
    elif len(text) < least:
        yield at, f"must be more than {least - 1} characters"
    elif len(text) > most:
        yield at, f"must be less than {most + 1} characters"


def _text(value: Any, most: int, at: str, *, plain: bool = False) -> Iterator[Complaint]:
    kinds = {"plain_text"} if plain else {"plain_text", "mrkdwn"}
    if not isinstance(value, dict) or value.get("type") not in kinds:
        yield f"{at}/type", "unsupported type"
        return
    yield from _length(value.get("text"), most, f"{at}/text")


def _many(
    values: Any, most: int, at: str, check: Callable[[Any, str], Iterator[Complaint]]
) -> Iterator[Complaint]:
    if not isinstance(values, list) or not values:
        yield at, "must have at least 1 item"
        return
    if len(values) > most:
        yield at, f"no more than {most} items allowed"
    for n, value in enumerate(values):
        yield from check(value, f"{at}/{n}")


def _section(block: Mapping[str, Any], at: str) -> Iterator[Complaint]:
    if "text" not in block and "fields" not in block:
        yield at, "missing required field: text or fields"
    if "text" in block:
        yield from _text(block["text"], 3000, f"{at}/text")
    if "fields" in block:
        yield from _many(
            block["fields"], 10, f"{at}/fields", lambda field, here: _text(field, 2000, here)
        )
    if "accessory" in block:
        yield from _element(block["accessory"], f"{at}/accessory")


def _header(block: Mapping[str, Any], at: str) -> Iterator[Complaint]:
    yield from _text(block.get("text"), 150, f"{at}/text", plain=True)


def _context(block: Mapping[str, Any], at: str) -> Iterator[Complaint]:
    def check(element: Any, here: str) -> Iterator[Complaint]:
        if isinstance(element, dict) and element.get("type") == "image":
            return _image(element, here)
        return _text(element, 3000, here)

    yield from _many(block.get("elements"), 10, f"{at}/elements", check)


def _actions(block: Mapping[str, Any], at: str) -> Iterator[Complaint]:
    yield from _many(block.get("elements"), 25, f"{at}/elements", _element)


def _element(element: Any, at: str) -> Iterator[Complaint]:
    if not isinstance(element, dict) or "type" not in element:
        yield f"{at}/type", "unsupported type"
        return
    if "confirm" in element:
        yield from _dialog(element["confirm"], f"{at}/confirm")
    if element["type"] == "overflow":
        yield from _many(element.get("options"), 5, f"{at}/options", _option)
    if element["type"] == "button":
        yield from _text(element.get("text"), 75, f"{at}/text", plain=True)
        yield from _length(element.get("value", "x"), 2000, f"{at}/value")
        yield from _length(element.get("url", "x"), 3000, f"{at}/url")
    yield from _length(element.get("action_id", "x"), 255, f"{at}/action_id")


def _option(option: Any, at: str) -> Iterator[Complaint]:
    if not isinstance(option, dict):
        yield at, "must be an object"
        return
    yield from _text(option.get("text"), 75, f"{at}/text")
    yield from _length(option.get("value"), 150, f"{at}/value")


def _dialog(dialog: Any, at: str) -> Iterator[Complaint]:
    if not isinstance(dialog, dict):
        yield at, "must be an object"
        return
    for name, most in (("title", 100), ("confirm", 30), ("deny", 30)):
        yield from _text(dialog.get(name), most, f"{at}/{name}", plain=True)
    yield from _text(dialog.get("text"), 300, f"{at}/text")


def _input(block: Mapping[str, Any], at: str) -> Iterator[Complaint]:
    yield from _text(block.get("label"), 2000, f"{at}/label", plain=True)
    yield from _element(block.get("element"), f"{at}/element")


def view_complaints(view: Any) -> list[Complaint]:
    """Everything that Slack would refuse in a form."""
    if not isinstance(view, dict) or view.get("type") != "modal":
        return [("/view/type", "unsupported type")]
    found = complaints(view.get("blocks"), "/view/blocks", most=100)
    for name in ("title", "submit", "close"):
        found += _text(view.get(name), 24, f"/view/{name}", plain=True)
    found += _length(view.get("private_metadata", "x"), 3000, "/view/private_metadata")
    found += _length(view.get("callback_id", "x"), 255, "/view/callback_id")
    return found


def _image(block: Mapping[str, Any], at: str) -> Iterator[Complaint]:
    yield from _length(block.get("image_url"), 3000, f"{at}/image_url")
    yield from _length(block.get("alt_text"), 2000, f"{at}/alt_text")


def _markdown(block: Mapping[str, Any], at: str) -> Iterator[Complaint]:
    yield from _length(block.get("text"), 12_000, f"{at}/text")


def _nothing(_: Mapping[str, Any], __: str) -> Iterator[Complaint]:
    return iter(())


_CHECKS: dict[str, Callable[[Mapping[str, Any], str], Iterator[Complaint]]] = {
    "section": _section,
    "header": _header,
    "context": _context,
    "actions": _actions,
    "input": _input,
    "image": _image,
    "markdown": _markdown,
    "divider": _nothing,
    "rich_text": _nothing,
}
