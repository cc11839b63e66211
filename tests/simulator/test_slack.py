"""The simulated Slack takes, keeps and refuses messages in Slack's own words."""

from typing import Any

import pytest

from monitor.simulator.slack import HOOK_PATH, TOKEN, slack_app
from monitor.simulator.slack_limits import complaints
from monitor.simulator.slack_store import Slack
from monitor.simulator.wire import Wire
from tests.simulator.hand import Ask, HandClock

BEARER = {"authorization": f"Bearer {TOKEN}"}


class Client:
    """Calls methods with the bot's token."""

    def __init__(self, ask: Ask, clock: HandClock) -> None:
        self.slack = Slack(clock)
        self.wire: Wire = slack_app(self.slack)
        self.channel = self.slack.channel("calls-ops").channel_id
        self._ask = ask

    async def call(self, method: str, **args: Any) -> Any:
        answer = await self._ask(
            self.wire,
            f"/api/{method}",
            "POST",
            json={"channel": self.channel} | args,
            headers=BEARER,
        )
        assert answer.status_code == 200
        return answer.json()


@pytest.fixture
def slack(ask: Ask, clock: HandClock) -> Client:
    return Client(ask, clock)


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


async def test_a_message_is_posted_edited_answered_and_found(slack: Client) -> None:
    metadata = {"event_type": "offhook", "event_payload": {"key": "k1"}}
    root = await slack.call(
        "chat.postMessage", text="one", blocks=[section("one")], metadata=metadata
    )
    await slack.call("chat.postMessage", text="reply", thread_ts=root["ts"])
    await slack.call("chat.update", ts=root["ts"], text="two")

    history = await slack.call("conversations.history", include_all_metadata=True)
    replies = await slack.call("conversations.replies", ts=root["ts"])

    (shown,) = history["messages"]
    assert (shown["text"], shown["metadata"], shown["reply_count"]) == ("two", metadata, 1)
    assert "blocks" not in shown
    assert [message["text"] for message in replies["messages"]] == ["two", "reply"]
    (post, _) = slack.slack.posts
    assert [(edit.text, edit.blocks) for edit in post.edits] == [("one", [section("one")])]


async def test_history_pages_from_the_newest_and_knows_oldest(slack: Client) -> None:
    sent = [await slack.call("chat.postMessage", text=f"m{n}") for n in range(5)]

    first = await slack.call("conversations.history", limit=2)
    cursor = first["response_metadata"]["next_cursor"]
    second = await slack.call("conversations.history", limit=2, cursor=cursor)
    later = await slack.call("conversations.history", oldest=sent[2]["ts"])

    assert [m["text"] for m in first["messages"] + second["messages"]] == ["m4", "m3", "m2", "m1"]
    assert first["has_more"]
    assert [m["text"] for m in later["messages"]] == ["m4", "m3"]
    assert "metadata" not in first["messages"][0]


async def test_a_deleted_message_is_gone(slack: Client) -> None:
    root = await slack.call("chat.postMessage", text="one")
    await slack.call("chat.delete", ts=root["ts"])

    assert (await slack.call("conversations.history"))["messages"] == []
    assert (await slack.call("chat.update", ts=root["ts"], text="x"))["error"] == (
        "message_not_found"
    )


@pytest.mark.parametrize(
    ("method", "args", "word"),
    [
        pytest.param("chat.postMessage", {"text": ""}, "no_text", id="nothing"),
        pytest.param(
            "chat.postMessage", {"channel": "C1", "text": "x"}, "channel_not_found", id="channel"
        ),
        pytest.param(
            "chat.postMessage", {"blocks": [section("x" * 3001)]}, "invalid_blocks", id="long"
        ),
        pytest.param("chat.update", {"ts": "1.0", "text": "x"}, "message_not_found", id="gone"),
        pytest.param("conversations.replies", {"ts": "1.0"}, "thread_not_found", id="no thread"),
        pytest.param(
            "chat.postMessage",
            {"text": "x", "metadata": {"key": 1}},
            "invalid_metadata_format",
            id="metadata",
        ),
        pytest.param("chat.shout", {}, "unknown_method", id="method"),
    ],
)
async def test_the_web_api_refuses_in_words(
    slack: Client, method: str, args: dict[str, Any], word: str
) -> None:
    answer = await slack.call(method, **args)

    assert (answer["ok"], answer["error"]) == (False, word)


async def test_keys_and_scopes_are_checked(slack: Client, ask: Ask, clock: HandClock) -> None:
    none = await ask(slack.wire, "/api/auth.test", "POST")
    wrong = await ask(slack.wire, "/api/auth.test", headers={"authorization": "Bearer x"})
    right = await ask(slack.wire, "/api/auth.test", headers=BEARER)
    narrow = slack_app(Slack(clock), scopes=("chat:write",))
    missing = await ask(narrow, "/api/conversations.history", headers=BEARER)

    assert [a.json().get("error") for a in (none, wrong, right)] == [
        "not_authed",
        "invalid_auth",
        None,
    ]
    assert (
        right.headers["x-oauth-scopes"] == "chat:write,channels:history,channels:read,files:write"
    )
    assert (missing.json()["error"], missing.json()["needed"]) == (
        "missing_scope",
        "channels:history",
    )


@pytest.mark.parametrize(
    ("path", "body", "status", "word"),
    [
        pytest.param(HOOK_PATH, b'{"text": "x"}', 200, "ok", id="taken"),
        pytest.param(HOOK_PATH, b"{", 400, "invalid_payload", id="no JSON"),
        pytest.param(HOOK_PATH, b"{}", 400, "no_text", id="nothing"),
        pytest.param(HOOK_PATH, b'{"blocks": [{"type": "x"}]}', 400, "invalid_blocks", id="block"),
        pytest.param("/services/T0/B0/x", b"{}", 404, "no_service", id="revoked"),
    ],
)
async def test_the_webhook_answers_in_plain_text(
    slack: Client, ask: Ask, path: str, body: bytes, status: int, word: str
) -> None:
    headers = {"content-type": "application/json"}

    answer = await ask(slack.wire, path, "POST", content=body, headers=headers)

    assert (answer.status_code, answer.text) == (status, word)
    assert len(slack.slack.posts) == (status == 200)


def plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


@pytest.mark.parametrize(
    ("most", "make"),
    [
        pytest.param(3000, lambda n: [section("x" * n)], id="section text"),
        pytest.param(150, lambda n: [{"type": "header", "text": plain("x" * n)}], id="header"),
        pytest.param(50, lambda n: [{"type": "divider"}] * n, id="blocks"),
        pytest.param(
            10,
            lambda n: [{"type": "section", "fields": [plain("x")] * n}],
            id="fields",
        ),
        pytest.param(
            2000, lambda n: [{"type": "section", "fields": [plain("x" * n)]}], id="field text"
        ),
        pytest.param(
            10, lambda n: [{"type": "context", "elements": [plain("x")] * n}], id="context"
        ),
        pytest.param(
            75,
            lambda n: [
                {"type": "actions", "elements": [{"type": "button", "text": plain("x" * n)}]}
            ],
            id="button",
        ),
    ],
)
def test_blocks_are_taken_up_to_the_limit_and_no_further(most: int, make: Any) -> None:
    assert complaints(make(most)) == []
    assert complaints(make(most + 1))
    assert complaints(make(0)) or most == 50
