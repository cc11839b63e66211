"""Judges of Slack's blocks that nobody here wrote: two libraries, and a list of limits."""

from collections.abc import Mapping
from typing import Any

import blockkit
from blockkit.core import ComponentValidationError, FieldValidationError
from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from monitor.simulator.slack_limits import complaints, view_complaints

# From the specification that the package slackblocks is built and tested by.
REGISTRY = {
    "text": 3_000,
    "block_id": 255,
    "action_id": 255,
    "button.text": 75,
    "button.value": 2_000,
    "confirmation.title": 100,
    "confirmation.text": 300,
    "confirmation.confirm": 30,
    "confirmation.deny": 30,
    "option.text": 75,
    "option.value": 150,
    "overflow.options": 5,
    "actions.elements": 25,
    "context.elements": 10,
    "header.text": 150,
    "section.fields": 10,
    "section.fields.text": 2_000,
    "view.blocks": 100,
    "view.private_metadata": 3_000,
    "view.callback_id": 255,
    "view.title": 24,
    "view.close": 24,
    "view.submit": 24,
    "message.blocks": 50,
    "message.together": 13_200,
}
_KINDS: Mapping[str, Any] = {
    "actions": blockkit.Actions,
    "button": blockkit.Button,
    "context": blockkit.Context,
    "header": blockkit.Header,
    "input": blockkit.Input,
    "modal": blockkit.Modal,
    "mrkdwn": blockkit.Text,
    "overflow": blockkit.Overflow,
    "plain_text": blockkit.Text,
    "plain_text_input": blockkit.PlainTextInput,
    "section": blockkit.Section,
}


def check_blocks(blocks: list[dict[str, Any]]) -> None:
    """Every judge takes them."""
    assert complaints(blocks) == []
    for parsed in Block.parse_all(blocks):
        parsed.validate_json()
    assert [_made(block).build() for block in blocks] == blocks
    assert 0 < len(blocks) <= REGISTRY["message.blocks"]
    assert sum(_lengths(blocks)) <= REGISTRY["message.together"]
    _measure(blocks)


def libraries_take(blocks: list[dict[str, Any]]) -> bool:
    """Whether both of them do: each overlooks something that the other sees."""
    try:
        for parsed in Block.parse_all(blocks):
            parsed.validate_json()
        for block in blocks:
            _made(block).build()
    except (SlackObjectFormationError, FieldValidationError, ComponentValidationError):
        return False
    return True


def check_view(view: dict[str, Any]) -> None:
    """The same for a form."""
    assert view_complaints(view) == []
    View(**view).validate_json()
    assert _made(view).build() == view
    assert len(view["blocks"]) <= REGISTRY["view.blocks"]
    for name in ("private_metadata", "callback_id"):
        assert len(view[name]) <= REGISTRY[f"view.{name}"]
    for name in ("title", "close", "submit"):
        assert 0 < len(view[name]["text"]) <= REGISTRY[f"view.{name}"]
    _measure(view["blocks"])


def _made(block: dict[str, Any]) -> Any:
    """As the second library would have it made, which refuses what Slack would."""
    kind = dict(block)
    name = kind.pop("type")
    given = {key: _part(key, value) for key, value in kind.items()}
    if _KINDS[name] is blockkit.Text:
        given["type"] = name
    return _KINDS[name](**given)


def _part(key: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_part(key, each) for each in value]
    if not isinstance(value, dict):
        return value
    if "type" in value:
        return _made(value)
    kind = {"confirm": blockkit.Confirm, "options": blockkit.Option}[key]
    return kind(**{name: _part(name, each) for name, each in value.items()})


def _lengths(value: Any) -> list[int]:
    if isinstance(value, list):
        return [n for each in value for n in _lengths(each)]
    if not isinstance(value, dict):
        return []
    text = value.get("text")
    if isinstance(text, str):
        return [len(text)]
    return [n for each in value.values() for n in _lengths(each)]


def _measure(blocks: list[dict[str, Any]]) -> None:
    """By the registry's own numbers."""
    for block in blocks:
        _within(block.get("block_id", "x"), "block_id")
        match block["type"]:
            case "header":
                _within(block["text"]["text"], "header.text")
            case "section":
                _within(block.get("text", {"text": "x"})["text"], "text")
                _within(block.get("fields", ["x"]), "section.fields")
                for each in block.get("fields", []):
                    _within(each["text"], "section.fields.text")
                if "accessory" in block:
                    _measure_element(block["accessory"])
            case "context":
                _within(block["elements"], "context.elements")
                for each in block["elements"]:
                    _within(each["text"], "text")
            case "actions":
                _within(block["elements"], "actions.elements")
                for each in block["elements"]:
                    _measure_element(each)


def _measure_element(element: dict[str, Any]) -> None:
    _within(element["action_id"], "action_id")
    if element["type"] == "overflow":
        _within(element["options"], "overflow.options")
        for option in element["options"]:
            _within(option["text"]["text"], "option.text")
            _within(option["value"], "option.value")
        return
    _within(element["text"]["text"], "button.text")
    _within(element["value"], "button.value")
    for name, text in element.get("confirm", {}).items():
        if name != "style":
            _within(text["text"], f"confirmation.{name}")


def _within(value: Any, name: str) -> None:
    assert 0 < len(value) <= REGISTRY[name], (name, len(value))
