"""The interactive half of the simulated Slack is as strict as Slack's pages say."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from monitor.notifiers.slack.buttons import stop_form
from monitor.simulator.slack import TOKEN
from monitor.simulator.slack_limits import complaints, view_complaints
from monitor.simulator.slack_presses import APP_TOKEN, REPLIES
from monitor.simulator.slack_store import Post
from tests.slack_blocks import REGISTRY, check_blocks, check_view, libraries_take
from tests.workspace import Workspace, workspace

Block = dict[str, Any]


def plain(n: int) -> Block:
    return {"type": "plain_text", "text": "x" * n, "emoji": False}


def button(**changes: Any) -> Block:
    return {"type": "button", "action_id": "a", "text": plain(1), "value": "v", **changes}


def dialog(**changes: Any) -> Block:
    parts = {name: plain(1) for name in ("title", "text", "confirm", "deny")}
    return {"confirm": parts | changes}


def actions(*elements: Block) -> list[Block]:
    return [{"type": "actions", "elements": list(elements)}]


def overflow(n: int, text: int = 1, value: int = 1) -> list[Block]:
    option = {"text": plain(text), "value": "v" * value}
    menu = {"type": "overflow", "action_id": "a", "options": [option] * n}
    return [{"type": "section", "text": plain(1), "accessory": menu}]


def fields(n: int, length: int = 1) -> list[Block]:
    return [{"type": "section", "fields": [plain(length)] * n}]


MAKERS: dict[str, Callable[[int], list[Block]]] = {
    "text": lambda n: [{"type": "section", "text": plain(n)}],
    "block_id": lambda n: [{"type": "header", "text": plain(1), "block_id": "x" * n}],
    "action_id": lambda n: actions(button(action_id="x" * n)),
    "button.text": lambda n: actions(button(text=plain(n))),
    "button.value": lambda n: actions(button(value="x" * n)),
    "confirmation.title": lambda n: actions(button(**dialog(title=plain(n)))),
    "confirmation.text": lambda n: actions(button(**dialog(text=plain(n)))),
    "confirmation.confirm": lambda n: actions(button(**dialog(confirm=plain(n)))),
    "confirmation.deny": lambda n: actions(button(**dialog(deny=plain(n)))),
    "option.text": lambda n: overflow(1, text=n),
    "option.value": lambda n: overflow(1, value=n),
    "overflow.options": overflow,
    "actions.elements": lambda n: actions(*(button(action_id=f"a{i}") for i in range(n))),
    "context.elements": lambda n: [{"type": "context", "elements": [plain(1)] * n}],
    "header.text": lambda n: [{"type": "header", "text": plain(n)}],
    "section.fields": fields,
    "section.fields.text": lambda n: fields(1, n),
    "message.blocks": lambda n: [{"type": "header", "text": plain(1)}] * n,
    "message.together": lambda n: fields(6, 2_000) + fields(1, n - 12_000),
}


@pytest.mark.parametrize("name", MAKERS)
def test_every_limit_of_the_registry_holds_to_the_letter(name: str) -> None:
    check_blocks(MAKERS[name](REGISTRY[name]))
    beyond = MAKERS[name](REGISTRY[name] + 1)

    assert name == "message.together" or complaints(beyond)
    with pytest.raises(AssertionError):
        check_blocks(beyond)


# What neither of the two libraries knows; the registry and the simulator do.
OVERLOOKED = {"section.fields.text", "message.blocks", "message.together"}


@pytest.mark.parametrize("name", MAKERS)
def test_the_libraries_know_nearly_every_limit(name: str) -> None:
    assert libraries_take(MAKERS[name](REGISTRY[name]))

    assert libraries_take(MAKERS[name](REGISTRY[name] + 1)) == (name in OVERLOOKED)


def form(**changes: Any) -> Block:
    return stop_form("ops:" + "0" * 24, "Renewals May", "C012345", "1.000001") | changes


@pytest.mark.parametrize("name", ["title", "submit", "close"])
def test_every_limit_of_a_form_holds_to_the_letter(name: str) -> None:
    check_view(form(**{name: plain(REGISTRY[f"view.{name}"])}))

    assert view_complaints(form(**{name: plain(REGISTRY[f"view.{name}"] + 1)}))


def test_what_is_left_of_the_registry_is_of_forms() -> None:
    assert {name for name in REGISTRY if name not in MAKERS} == {
        "view.blocks",
        "view.private_metadata",
        "view.callback_id",
        "view.title",
        "view.close",
        "view.submit",
    }


async def posted(space: Workspace) -> Post:
    blocks = actions(button(action_id="offhook:ack"))
    channel = space.channel.channel_id
    await space.bot().api.call(
        "chat.postMessage", {"channel": channel, "text": "x", "blocks": blocks}
    )
    return space.roots[0]


async def refused(space: Workspace, method: str, token: str = TOKEN, **args: Any) -> str:
    """The word that Slack refuses with."""
    answer = await space.http.request(
        "POST", f"{space.url}/api/{method}", headers={"authorization": f"Bearer {token}"}, json=args
    )
    assert b'"ok":false' in answer.body
    return answer.body.decode().partition('"error":"')[2].partition('"')[0]


async def test_tokens_do_what_they_are_for() -> None:
    async with workspace(scopes=("chat:write",)) as space:
        assert await refused(space, "apps.connections.open") == "not_allowed_token_type"
        assert await refused(space, "chat.postMessage", APP_TOKEN) == "not_allowed_token_type"
        assert await refused(space, "files.getUploadURLExternal") == "missing_scope"
        assert await refused(space, "views.open", view=form()) == "invalid_trigger_id"


async def test_a_trigger_opens_one_form_and_only_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    async with workspace() as space:
        post = await posted(space)
        presses = space.api.presses
        first, second = (presses.press(post, "offhook:ack", base=space.url) for _ in range(2))
        asked = {"trigger_id": first["trigger_id"], "view": form()}
        await space.bot().api.call("views.open", asked)

        assert await refused(space, "views.open", **asked) == "invalid_trigger_id"
        later = space.slack.clock.now() + timedelta(seconds=4)
        monkeypatch.setattr(space.slack.clock, "now", lambda: later)
        late = {"trigger_id": second["trigger_id"], "view": form()}
        assert await refused(space, "views.open", **late) == "expired_trigger_id"


async def test_an_answer_address_is_good_for_a_few_answers() -> None:
    async with workspace() as space:
        url = space.api.presses.press(await posted(space), "offhook:ack", base=space.url)[
            "response_url"
        ]
        statuses = [
            (await space.http.request("POST", url, json={"text": "x"})).status
            for _ in range(REPLIES + 1)
        ]

        assert statuses == [200] * REPLIES + [404]
        assert len(space.api.presses.whispers) == REPLIES


async def test_a_file_is_shared_once_its_bytes_are_there() -> None:
    async with workspace() as space:
        api = space.bot().api
        channel = space.channel.channel_id
        given = await api.call("files.getUploadURLExternal", {"filename": "x.png", "length": 3})
        done: dict[str, Any] = {"files": [{"id": given["file_id"]}], "channel_id": channel}
        assert await refused(space, "files.completeUploadExternal", **done) == "file_not_found"

        await api.upload(given["upload_url"], b"png")
        await api.call("files.completeUploadExternal", done)
        assert await refused(space, "files.completeUploadExternal", **done) == "file_not_found"
        assert [file.content for file in space.api.files.shared()] == [b"png"]


async def test_what_is_not_there_cannot_be_pressed() -> None:
    async with workspace() as space:
        post = await posted(space)
        with pytest.raises(LookupError):
            space.api.presses.press(post, "offhook:pause", base=space.url)
