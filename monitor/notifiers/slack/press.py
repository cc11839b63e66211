"""What Slack says when somebody pressed something, read strictly; whatever else comes is no press.

Slack has proven itself by then. What people typed, and their names, are foreign text.
"""

import re
from dataclasses import dataclass
from typing import Any

import msgspec

from monitor.core.text import clip, one_line
from monitor.notifiers.slack.buttons import (
    STOP_BLOCK,
    STOP_FORM,
    STOP_INPUT,
    STOP_WORD,
    Deed,
    deed_of,
    is_ours,
    read_form,
    read_option,
    read_value,
)

_USER = re.compile(r"[UW][A-Z0-9]{1,30}")
_CHANNEL = re.compile(r"[CGD][A-Z0-9]{1,30}")
_TS = re.compile(r"\d{1,12}\.\d{1,9}")
_NAME = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """One press. ``deed`` None: a button of another version or of another Offhook.

    ``sure``: the word was typed that the last question asks for. ``thread`` is the root
    message's timestamp. ``trigger`` opens a form, for three seconds.
    """

    deed: Deed | None
    receiver: str
    alert: str
    user: str
    name: str
    channel: str
    thread: str
    once: str  # the same for the same press however often it comes
    reply_to: str | None = None
    trigger: str | None = None
    sure: bool = False

    @property
    def who(self) -> str:
        """The author, as it is written down."""
        return f"{self.user} {self.name}".strip()


class _User(msgspec.Struct):
    id: str
    username: str | None = None
    name: str | None = None


class _Option(msgspec.Struct):
    value: str = ""


class _Action(msgspec.Struct):
    action_id: str = ""
    value: str | None = None
    action_ts: str = ""
    selected_option: _Option | None = None


class _Container(msgspec.Struct):
    message_ts: str = ""
    channel_id: str = ""
    thread_ts: str | None = None


class _Input(msgspec.Struct):
    value: str | None = None


class _State(msgspec.Struct):
    values: dict[str, dict[str, _Input]] = msgspec.field(default_factory=dict)


class _View(msgspec.Struct):
    id: str = ""
    callback_id: str = ""
    private_metadata: str = ""
    state: _State = msgspec.field(default_factory=_State)


class _Pressed(msgspec.Struct):
    type: str
    user: _User
    trigger_id: str | None = None
    response_url: str | None = None
    container: _Container = msgspec.field(default_factory=_Container)
    actions: list[_Action] = msgspec.field(default_factory=list)
    view: _View | None = None


def read(payload: Any) -> Press | None:
    """The press that a payload tells of; None when it is about nothing of ours."""
    try:
        told = msgspec.convert(payload, _Pressed, strict=True)
    except msgspec.ValidationError:
        return None
    if not _USER.fullmatch(told.user.id):
        return None
    if told.type == "view_submission" and told.view is not None:
        return _submitted(told, told.view)
    if told.type == "block_actions" and told.actions and is_ours(told.actions[0].action_id):
        return _pressed(told, told.actions[0])
    return None


def objection(payload: Any) -> dict[str, Any] | None:
    """What to answer at once to a form that is not filled in as asked; None when it is."""
    press = read(payload)
    if press is None or press.deed is not Deed.STOP or press.sure:
        return None
    if not isinstance(payload, dict) or payload.get("type") != "view_submission":
        return None
    said = f"Type {STOP_WORD} to stop the batch, or leave it."
    return {"response_action": "errors", "errors": {STOP_BLOCK: said}}


def _pressed(told: _Pressed, action: _Action) -> Press | None:
    deed, value = deed_of(action.action_id), action.value or ""
    if action.selected_option is not None:
        chosen = read_option(action.selected_option.value)
        deed, value = chosen or (None, "")
    where = told.container
    if not _CHANNEL.fullmatch(where.channel_id) or not _TS.fullmatch(where.message_ts):
        return None
    receiver, alert = read_value(value) or ("", "")
    root = where.thread_ts or ""
    return Press(
        deed=deed if alert else None,
        receiver=receiver,
        alert=alert,
        user=told.user.id,
        name=_name(told.user),
        channel=where.channel_id,
        thread=root if _TS.fullmatch(root) else where.message_ts,
        once=f"{told.user.id} {where.message_ts} {action.action_id} {action.action_ts}",
        reply_to=told.response_url,
        trigger=told.trigger_id,
    )


def _submitted(told: _Pressed, view: _View) -> Press | None:
    form = read_form(view.private_metadata)
    if view.callback_id != STOP_FORM or form is None:
        return None
    value, channel, thread = form
    if not _CHANNEL.fullmatch(channel) or not _TS.fullmatch(thread):
        return None
    receiver, alert = read_value(value) or ("", "")
    typed = view.state.values.get(STOP_BLOCK, {}).get(STOP_INPUT, _Input()).value or ""
    return Press(
        deed=Deed.STOP if alert else None,
        receiver=receiver,
        alert=alert,
        user=told.user.id,
        name=_name(told.user),
        channel=channel,
        thread=thread,
        once=f"{told.user.id} {view.id}",
        sure=typed.strip().casefold() == STOP_WORD,
    )


def _name(user: _User) -> str:
    return clip(one_line(user.username or user.name or ""), _NAME)
