"""Buttons say what can be done, hold no secret, and are read back strictly."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.message import Message
from monitor.notifiers.slack.buttons import (
    STOP_WORD,
    Deed,
    deeds_for,
    read_option,
    read_value,
    row,
    stop_form,
    value_of,
)
from monitor.notifiers.slack.press import objection, read
from monitor.notifiers.slack.render import Style, payload
from tests.core.hostile import ANY_TEXT
from tests.notifiers.test_slack_render import KEY, envelope, message
from tests.slack_blocks import check_blocks, check_view

STYLE = Style(buttons_of="ops")
LASTING = ("pause", "stop")


def said(*messages: Message, **changes: Any) -> list[str]:
    """What the buttons and menus below these messages say."""
    content = payload(envelope(*messages, **changes), STYLE)
    check_blocks(content["blocks"])
    found = []
    for block in content["blocks"]:
        if block["type"] == "actions":
            found += [each["text"]["text"] for each in block["elements"]]
        found += [each["text"]["text"] for each in block.get("accessory", {}).get("options", [])]
    return found


ACK, HOUR, BATCH, DETAILS = (
    "Acknowledge",
    "Silence 1 h",
    "Silence until the batch ends",
    "Details",
)
PAUSE, RESUME, STOP = "Pause the batch", "Resume the batch", "Stop the batch for good"


@pytest.mark.parametrize(
    ("changes", "buttons"),
    [
        pytest.param({}, [ACK, HOUR, BATCH, DETAILS], id="firing"),
        pytest.param({"batch": ""}, [ACK, HOUR, DETAILS], id="of no batch"),
        pytest.param({"acknowledged": "U1 asha"}, [HOUR, BATCH, DETAILS], id="somebody has it"),
        pytest.param(
            {"acts": LASTING}, [ACK, HOUR, BATCH, DETAILS, PAUSE, STOP], id="a vendor that acts"
        ),
        pytest.param({"acts": ("explode",)}, [ACK, HOUR, BATCH, DETAILS], id="an act of no name"),
        pytest.param({"state": "RESOLVED", "reason": "recovered"}, [DETAILS], id="over"),
        pytest.param(
            {"state": "RESOLVED", "reason": "batch paused by you", "acts": ("resume",)},
            [DETAILS, RESUME],
            id="paused",
        ),
        pytest.param({"state": "INFO", "severity": "info"}, [DETAILS], id="a report"),
        pytest.param({"key": "odd"}, [], id="a key that could not be read back"),
    ],
)
def test_what_can_be_pressed(changes: dict[str, Any], buttons: list[str]) -> None:
    assert said(message(**changes)) == buttons


def test_replies_plain_words_and_receivers_without_buttons_have_none() -> None:
    assert said(message(), part="thread", root="C:1") == []
    assert "blocks" not in payload(envelope(message(), plain=True), STYLE)
    assert "actions" not in str(payload(envelope(message())))


def test_each_of_several_has_a_menu_and_the_batch_of_all_is_acted_on_once() -> None:
    both = (message(acts=("pause",)), message(key="f" * 24))

    assert said(*both) == [PAUSE] + 2 * [ACK, HOUR, BATCH, DETAILS]
    assert said(both[0], message(key="f" * 24, batch="other")) == 2 * [ACK, HOUR, BATCH, DETAILS]


def test_what_cannot_be_undone_is_asked_about_in_a_dialog() -> None:
    made = row("ops", message(acts=("pause", "resume", "stop"), vendor="bland"))
    assert made is not None
    dialogs = {each["text"]["text"]: each.get("confirm") for each in made["elements"]}

    assert [name for name, dialog in dialogs.items() if dialog] == [PAUSE, RESUME, STOP]
    text = dialogs[STOP]["text"]["text"]
    assert text.startswith("Renewals May: This cannot be undone")
    assert "Offhook asks Bland for it, and keeps that you did it." in text


def test_a_button_holds_the_receiver_and_the_alert_and_nothing_else() -> None:
    made = row("ops", message(acts=LASTING))
    assert made is not None

    assert {each["value"] for each in made["elements"]} == {f"ops:{message().key}"}


@given(ANY_TEXT | st.from_regex(r"[a-z]{1,9}:[0-9a-f]{20,28}", fullmatch=True))
@settings(max_examples=80, deadline=None, derandomize=True)
def test_only_what_a_button_holds_is_read_back(text: str) -> None:
    found = read_value(text)

    assert found is None or value_of(*found) == text
    chosen = read_option(text)
    assert chosen is None or ":".join(chosen) == text


@given(receiver=ANY_TEXT, said=ANY_TEXT, key=st.just(KEY) | ANY_TEXT)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_forms_and_dialogs_stay_within_limits(receiver: str, said: str, key: str) -> None:
    made = row(receiver, message(title=said, vendor=said, batch=said, key=key, acts=LASTING))
    if made is not None:
        check_blocks([made])
    check_view(stop_form(value_of("ops", KEY), said, "C012345", "1790000000.000001"))


def press(**changes: Any) -> dict[str, Any]:
    action = {"action_id": "offhook:ack", "value": f"ops:{KEY}", "action_ts": "1.0"}
    return {
        "type": "block_actions",
        "user": {"id": "U0PERSON", "username": "asha", "name": "asha"},
        "trigger_id": "1.2",
        "response_url": "https://hooks.slack.com/actions/T/B/x",
        "container": {"message_ts": "1790000000.000001", "channel_id": "C012345"},
        "actions": [action],
        **changes,
    }


def action(**changes: Any) -> dict[str, Any]:
    return {"actions": [press()["actions"][0] | changes]}


def test_a_press_is_read() -> None:
    found = read(press())

    assert found is not None
    assert (found.deed, found.receiver, found.alert) == (Deed.ACK, "ops", KEY)
    assert (found.who, found.channel, found.thread) == (
        "U0PERSON asha",
        "C012345",
        "1790000000.000001",
    )


def test_a_press_in_a_thread_knows_its_root_and_a_choice_its_alert() -> None:
    where = {"message_ts": "1790000009.1", "thread_ts": "1790000000.1", "channel_id": "C012345"}
    chosen = {"value": f"silence_hour:ops:{KEY}"}
    found = read(press(container=where, **action(value=None, selected_option=chosen)))

    assert found is not None
    assert (found.thread, found.deed, found.alert) == ("1790000000.1", Deed.HOUR, KEY)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(action(action_id="offhook:explode"), id="a deed of another version"),
        pytest.param(action(value="what"), id="a value of another version"),
        pytest.param(action(value=None), id="no value"),
        pytest.param(action(selected_option={"value": "x"}), id="a choice of another version"),
    ],
)
def test_a_button_of_another_version_is_a_press_without_a_deed(changes: dict[str, Any]) -> None:
    found = read(press(**changes))

    assert found is not None
    assert found.deed is None


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(None, id="nothing"),
        pytest.param([], id="a list"),
        pytest.param({}, id="an empty one"),
        pytest.param(press(type="shortcut"), id="something else"),
        pytest.param(press(user={"id": "<!here>"}), id="no user"),
        pytest.param(press(user=None), id="nobody"),
        pytest.param(press(actions=[]), id="no action"),
        pytest.param(press(actions=[{"action_id": 7}]), id="an action of numbers"),
        pytest.param(press(**action(action_id="others:ack")), id="another app's button"),
        pytest.param(press(container={"channel_id": "../x", "message_ts": "1.0"}), id="no channel"),
        pytest.param(press(container={"channel_id": "C0", "message_ts": "soon"}), id="no time"),
        pytest.param(press(type="view_submission"), id="a form without a form"),
    ],
)
def test_what_is_no_press_of_ours_is_nothing(payload: Any) -> None:
    assert read(payload) is None
    assert objection(payload) is None


def test_a_hostile_name_is_one_short_line() -> None:
    user = {"id": "U0PERSON", "username": "a\u202eb\nBcc: x" * 90}
    found = read(press(user=user))

    assert found is not None
    assert len(found.who) <= 80
    assert found.who.isprintable()


def submitted(typed: str, **changes: Any) -> dict[str, Any]:
    view = stop_form(value_of("ops", KEY), "Renewals May", "C012345", "1790000000.000001")
    (block,) = [each for each in view["blocks"] if each["type"] == "input"]
    values = {block["block_id"]: {block["element"]["action_id"]: {"value": typed}}}
    view |= {"id": "V1", "state": {"values": values}, **changes}
    return {"type": "view_submission", "user": {"id": "U0PERSON", "name": "asha"}, "view": view}


@pytest.mark.parametrize("typed", [STOP_WORD, " Stop "])
def test_the_word_makes_sure(typed: str) -> None:
    found = read(submitted(typed))

    assert found is not None
    assert (found.deed, found.sure, found.alert) == (Deed.STOP, True, KEY)
    assert objection(submitted(typed)) is None


@pytest.mark.parametrize("typed", ["", "yes", "stop it"])
def test_without_the_word_the_form_says_what_it_wants(typed: str) -> None:
    answer = objection(submitted(typed))

    assert answer is not None
    assert answer["response_action"] == "errors"
    assert list(answer["errors"].values()) == ["Type stop to stop the batch, or leave it."]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"callback_id": "another"}, id="another form"),
        pytest.param({"private_metadata": ""}, id="no metadata"),
        pytest.param({"private_metadata": f"ops:{KEY}|nowhere|1.0"}, id="no channel"),
    ],
)
def test_another_form_is_nothing(changes: dict[str, Any]) -> None:
    assert read(submitted(STOP_WORD, **changes)) is None


def test_every_deed_is_offered_by_some_message() -> None:
    offered = {
        *deeds_for(message(acts=("pause", "resume", "stop"))),
        *deeds_for(message(state="RESOLVED")),
    }

    assert offered == set(Deed)
