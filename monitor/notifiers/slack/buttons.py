"""The buttons below a message: what they say, and what comes back when one is pressed.

A button holds the receiver's name and the alert's key and nothing else: whoever can read
the message can read both in it, and neither opens anything.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from monitor.core.message import Message
from monitor.core.text import clip, one_line

Element = dict[str, Any]

_PREFIX = "offhook:"
STOP_FORM = "offhook:stop"
STOP_BLOCK, STOP_INPUT, STOP_WORD = "offhook:sure", "typed", "stop"
_VALUE = re.compile(r"([a-z][a-z0-9_]{0,79}):([0-9a-f]{24})")
_OPTION_VALUE, _CONFIRM_TEXT = 150, 300


class Deed(StrEnum):
    """What a button asks for."""

    ACK = "ack"
    HOUR = "silence_hour"
    BATCH = "silence_batch"
    DETAILS = "details"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"

    @property
    def acts(self) -> bool:
        """Whether it does something at the vendor."""
        return self in _AT_THE_VENDOR


_AT_THE_VENDOR = frozenset({Deed.PAUSE, Deed.RESUME, Deed.STOP})
_SAYS = {
    Deed.ACK: "Acknowledge",
    Deed.HOUR: "Silence 1 h",
    Deed.BATCH: "Silence until the batch ends",
    Deed.DETAILS: "Details",
    Deed.PAUSE: "Pause the batch",
    Deed.RESUME: "Resume the batch",
    Deed.STOP: "Stop the batch for good",
}
# What the dialog says before it is done; the batch's title stands in front.
_MEANS = {
    Deed.PAUSE: "Nobody new is called until somebody resumes it.",
    Deed.RESUME: "It goes on calling people.",
    Deed.STOP: "This cannot be undone: who was not called yet will not be.",
}


def deed_of(action_id: str) -> Deed | None:
    """What an action is; None for one that is not ours."""
    name = action_id.removeprefix(_PREFIX)
    return Deed(name) if action_id.startswith(_PREFIX) and name in set(Deed) else None


def is_ours(action_id: str) -> bool:
    """Whether some Offhook made it, of whichever version."""
    return action_id.startswith(_PREFIX)


def value_of(receiver: str, alert: str) -> str:
    """What a button of this receiver about this alert holds."""
    return f"{receiver}:{alert}"


def read_value(value: str) -> tuple[str, str] | None:
    """The receiver and the alert; None for a value of another kind."""
    found = _VALUE.fullmatch(value)
    return (found[1], found[2]) if found else None


def deeds_for(message: Message) -> tuple[Deed, ...]:
    """What can be asked for below a message as things stand in it."""
    found: list[Deed] = []
    if message.state == "FIRING":
        found += [] if message.acknowledged else [Deed.ACK]
        found += [Deed.HOUR, *([Deed.BATCH] if message.batch else [])]
    acts = [Deed(act) for act in message.acts if act in _AT_THE_VENDOR]
    return (*found, Deed.DETAILS, *acts)


def row(receiver: str, message: Message) -> Element | None:
    """The buttons of one message; None where no button could be read when it is pressed."""
    value = value_of(receiver, message.key)
    if read_value(value) is None:
        return None
    made = [_button(deed, value, message) for deed in deeds_for(message)]
    return {"type": "actions", "block_id": "offhook-buttons", "elements": made}


def menu(receiver: str, message: Message) -> Element | None:
    """The same for one of several messages, in the corner of its text; nothing at the vendor."""
    deeds = [deed for deed in deeds_for(message) if not deed.acts]
    values = [f"{deed}:{value_of(receiver, message.key)}" for deed in deeds]
    if any(len(value) > _OPTION_VALUE or read_option(value) is None for value in values):
        return None
    options = [
        {"text": _plain(_SAYS[deed]), "value": value}
        for deed, value in zip(deeds, values, strict=True)
    ]
    return {"type": "overflow", "action_id": f"{_PREFIX}menu", "options": options}


def read_option(value: str) -> tuple[Deed, str] | None:
    """What was chosen from a menu, and the value of the button that it stands for."""
    name, _, rest = value.partition(":")
    if name not in set(Deed) or read_value(rest) is None:
        return None
    return Deed(name), rest


def vendor_row(receiver: str, messages: Sequence[Message]) -> Element | None:
    """What can be done at the vendor about several messages, where all are of one batch."""
    first = next((each for each in messages if each.acts), None)
    if first is None or len({(each.provider, each.batch) for each in messages}) != 1:
        return None
    value = value_of(receiver, first.key)
    deeds = [deed for deed in deeds_for(first) if deed.acts]
    if not deeds or read_value(value) is None:
        return None
    made = [_button(deed, value, first) for deed in deeds]
    return {"type": "actions", "block_id": "offhook-buttons", "elements": made}


def _button(deed: Deed, value: str, message: Message) -> Element:
    made: Element = {
        "type": "button",
        "action_id": f"{_PREFIX}{deed}",
        "text": _plain(_SAYS[deed]),
        "value": value,
    }
    if deed is Deed.ACK:
        made["style"] = "primary"
    if deed.acts:
        made["confirm"] = _confirm(deed, message)
        if deed is not Deed.RESUME:
            made["style"] = "danger"
    return made


def _confirm(deed: Deed, message: Message) -> Element:
    title = clip(one_line(message.title or message.batch), 100)
    vendor = clip(one_line(message.vendor), 40).title() or "the vendor"
    text = f"{title}: {_MEANS[deed]} Offhook asks {vendor} for it, and keeps that you did it."
    return {
        "title": _plain(f"{_SAYS[deed]}?"),
        "text": _plain(clip(text, _CONFIRM_TEXT)),
        "confirm": _plain("Go on" if deed is Deed.STOP else _SAYS[deed]),
        "deny": _plain("Leave it"),
        **({} if deed is Deed.RESUME else {"style": "danger"}),
    }


def stop_form(value: str, title: str, channel: str, thread: str) -> Element:
    """The second question before what cannot be undone: the word has to be typed."""
    what = clip(one_line(title), 150)
    said = f"{what}: whoever was not called yet will not be, and nobody can take that back."
    return {
        "type": "modal",
        "callback_id": STOP_FORM,
        "private_metadata": f"{value}|{channel}|{thread}",
        "title": _plain("Stop this batch?"),
        "submit": _plain("Stop it for good"),
        "close": _plain("Leave it"),
        "blocks": [
            {"type": "section", "text": _plain(said)},
            {
                "type": "input",
                "block_id": STOP_BLOCK,
                "label": _plain(f"Type the word {STOP_WORD}"),
                "element": {"type": "plain_text_input", "action_id": STOP_INPUT},
            },
        ],
    }


def read_form(metadata: str) -> tuple[str, str, str] | None:
    """Value, channel and thread of a form; None when it is not ours."""
    parts = metadata.split("|")
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else None


def _plain(text: str) -> Element:
    return {"type": "plain_text", "text": text, "emoji": False}
