"""Slack over real HTTP: what every answer means, and how a message is found again."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from pydantic import SecretStr

from monitor.clock import SystemClock
from monitor.errors import DeliveryError, Sent
from monitor.http import HttpClient
from monitor.notifiers import Envelope
from monitor.notifiers.slack import SlackBot, SlackWebhook
from tests.fake_slack import CHANNEL, HOOK, TOKEN, Answer, FakeSlack
from tests.notifiers.test_slack_render import KEY, envelope, message
from tests.workspace import NO_TLS

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    with FakeSlack() as fake:
        yield fake


@pytest_asyncio.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient(SystemClock(), tls=NO_TLS)
    yield client
    await client.aclose()


@pytest.fixture
def bot(slack: FakeSlack, http: HttpClient) -> SlackBot:
    return make_bot(slack, http)


def make_bot(slack: FakeSlack, http: HttpClient, channel: str = CHANNEL) -> SlackBot:
    return SlackBot(
        "ops",
        token=SecretStr(TOKEN),
        channel=channel,
        api_url=f"{slack.url}/api",
        http=http,
    )


@pytest.fixture
def hook(slack: FakeSlack, http: HttpClient) -> SlackWebhook:
    return SlackWebhook("ops", SecretStr(slack.url + HOOK), http)


async def refused(notifier: SlackBot | SlackWebhook, sent: Envelope) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await notifier.send(sent)
    shown = f"{caught.value} {caught.value!r} {caught.value.__cause__!r} {notifier!r}"
    assert "canary" not in shown
    return caught.value


async def test_a_webhook_takes_a_message(hook: SlackWebhook, slack: FakeSlack) -> None:
    receipt = await hook.send(envelope(message()))

    assert receipt.remote_id is None
    assert len(slack.hooked) == 1


async def test_a_webhook_calls_people_too(http: HttpClient, slack: FakeSlack) -> None:
    hook = SlackWebhook("ops", SecretStr(slack.url + HOOK), http, mention="here")
    await hook.send(envelope(message(), part="message"))
    await hook.send(envelope(message(repeat=1), part="message"))

    assert ["<!here>" in str(each["blocks"]) for each in slack.hooked] == [True, False]


HTML = "<html><body>Welcome to the hotel</body></html>"
ERRORS = [
    ("invalid_payload", 400, Sent.REFUSED, True),
    ("invalid_blocks", 400, Sent.REFUSED, True),
    ("no_text", 400, Sent.REFUSED, True),
    ("weird_word", 400, Sent.REFUSED, True),
    ("user_not_found", 400, Sent.REFUSED, False),
    ("", 400, Sent.RETRY, False),
    ("word_of_the_future", 403, Sent.RETRY, False),
    (HTML, 403, Sent.RETRY, False),
    (HTML, 407, Sent.RETRY, False),
    ("action_prohibited", 403, Sent.REFUSED, False),
    ("invalid_token", 403, Sent.REFUSED, False),
    ("channel_not_found", 404, Sent.REFUSED, False),
    ("no_service", 404, Sent.REFUSED, False),
    ("channel_is_archived", 410, Sent.REFUSED, False),
    ("rollup_error", 500, Sent.AMBIGUOUS, False),
    ("", 503, Sent.AMBIGUOUS, False),
    ("moved", 302, Sent.REFUSED, False),
    (HTML, 200, Sent.AMBIGUOUS, False),
    ("", 200, Sent.AMBIGUOUS, False),
    ("okay", 200, Sent.AMBIGUOUS, False),
]


@pytest.mark.parametrize(("body", "status", "certainty", "simpler"), ERRORS)
async def test_what_a_webhook_answers(
    hook: SlackWebhook,
    slack: FakeSlack,
    *,
    body: str,
    status: int,
    certainty: Sent,
    simpler: bool,
) -> None:
    slack.script = [Answer(body, status)]
    error = await refused(hook, envelope(message()))

    assert (error.certainty, error.simpler) == (certainty, simpler)
    assert "hotel" not in str(error)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [({"retry-after": "30"}, 30.0), ({"retry-after": "soon"}, None), ({}, None)],
    ids=["seconds", "nonsense", "none"],
)
async def test_slack_asks_for_patience(
    hook: SlackWebhook, slack: FakeSlack, header: dict[str, str], seconds: float | None
) -> None:
    slack.script = [Answer("rate_limited", 429, header)]
    error = await refused(hook, envelope(message()))

    assert (error.certainty, error.retry_after) == (Sent.RETRY, seconds)


async def test_a_connection_that_breaks_after_the_request_leaves_doubt(
    hook: SlackWebhook, slack: FakeSlack
) -> None:
    slack.script = [Answer("", cut=True, done=True)]
    error = await refused(hook, envelope(message()))

    assert error.certainty is Sent.AMBIGUOUS
    assert len(slack.hooked) == 1


async def test_a_refused_connection_sent_nothing(http: HttpClient) -> None:
    hook = SlackWebhook("ops", SecretStr("http://127.0.0.1:9/canary"), http)

    assert (await refused(hook, envelope(message()))).certainty is Sent.NOT_SENT


async def test_a_webhook_is_checked_without_a_message(hook: SlackWebhook, slack: FakeSlack) -> None:
    assert "the webhook exists" in await hook.check()
    assert slack.hooked == []

    slack.script = [Answer("no_service", 404)]
    with pytest.raises(DeliveryError, match="removed"):
        await hook.check()


async def test_a_webhook_cannot_look_or_take_back(hook: SlackWebhook) -> None:
    for asked in (hook.find([KEY], LONG_AGO), hook.remove("C:1")):
        with pytest.raises(DeliveryError) as caught:
            await asked
        assert caught.value.certainty is Sent.REFUSED


async def test_a_bot_posts_changes_and_answers_below(bot: SlackBot, slack: FakeSlack) -> None:
    root = (await bot.send(envelope(message()))).remote_id
    assert root is not None
    ended = message(state="RESOLVED", reason="recovered")
    await bot.send(envelope(ended, root=root))
    reply = await bot.send(envelope(ended, key="f" * 24, part="thread", root=root))

    (post,) = slack.roots
    assert root == f"{CHANNEL}:{post.ts}"
    assert post.key == KEY
    assert post.newest["text"].startswith("✅")
    assert [(each.key, each.body["thread_ts"]) for each in slack.replies] == [("f" * 24, post.ts)]
    assert reply.remote_id == f"{CHANNEL}:{slack.replies[0].ts}"
    assert not slack.replies[0].body["reply_broadcast"]


async def test_only_what_is_loud_is_shown_in_the_channel_too(
    bot: SlackBot, slack: FakeSlack
) -> None:
    root = (await bot.send(envelope(message()))).remote_id
    await bot.send(envelope(message(loud=True), part="thread", root=root))

    assert slack.replies[0].body["reply_broadcast"] is True


BOT_ERRORS = [
    ("channel_not_found", Sent.REFUSED, False),
    ("not_in_channel", Sent.REFUSED, False),
    ("is_archived", Sent.REFUSED, False),
    ("invalid_auth", Sent.REFUSED, False),
    ("token_revoked", Sent.REFUSED, False),
    ("account_inactive", Sent.REFUSED, False),
    ("missing_scope", Sent.REFUSED, False),
    ("restricted_action", Sent.REFUSED, False),
    ("ekm_access_denied", Sent.REFUSED, False),
    ("msg_too_long", Sent.REFUSED, True),
    ("msg_blocks_too_long", Sent.REFUSED, True),
    ("invalid_blocks", Sent.REFUSED, True),
    ("metadata_too_large", Sent.REFUSED, True),
    ("ratelimited", Sent.RETRY, False),
    ("request_timeout", Sent.RETRY, False),
    ("service_unavailable", Sent.RETRY, False),
    ("word_of_the_future", Sent.RETRY, False),
    ("fatal_error", Sent.AMBIGUOUS, False),
    ("internal_error", Sent.AMBIGUOUS, False),
]


@pytest.mark.parametrize(("word", "certainty", "simpler"), BOT_ERRORS)
async def test_what_the_web_api_answers(
    bot: SlackBot, slack: FakeSlack, *, word: str, certainty: Sent, simpler: bool
) -> None:
    slack.script = [Answer({"ok": False, "error": word})]
    error = await refused(bot, envelope(message()))

    assert (error.word, error.certainty, error.simpler) == (word, certainty, simpler)


@pytest.mark.parametrize(
    ("answer", "certainty"),
    [
        pytest.param(Answer(HTML), Sent.AMBIGUOUS, id="a page"),
        pytest.param(Answer("[]"), Sent.AMBIGUOUS, id="a list"),
        pytest.param(Answer({"ok": True}), Sent.AMBIGUOUS, id="no place"),
        pytest.param(Answer({"ok": "true"}), Sent.RETRY, id="a text for a truth"),
        pytest.param(Answer("oh no", 502), Sent.AMBIGUOUS, id="a gateway"),
        pytest.param(
            Answer({"ok": False, "error": "ratelimited"}, 429, {"retry-after": "9"}),
            Sent.RETRY,
            id="limited",
        ),
    ],
)
async def test_answers_that_are_not_slacks(
    bot: SlackBot, slack: FakeSlack, answer: Answer, certainty: Sent
) -> None:
    slack.script = [answer]

    assert (await refused(bot, envelope(message()))).certainty is certainty


@pytest.mark.parametrize("part", ["root", "thread"])
async def test_what_was_deleted_is_known_to_be_gone(
    bot: SlackBot, slack: FakeSlack, part: str
) -> None:
    error = await refused(bot, envelope(message(), part=part, root=f"{CHANNEL}:1.000001"))

    assert error.gone


async def test_a_message_is_found_by_its_key_in_the_channel_or_below_its_root(
    bot: SlackBot, slack: FakeSlack
) -> None:
    slack.page = 2
    sent = [await bot.send(envelope(message(), key=f"{n:024x}")) for n in range(5)]
    root = sent[0].remote_id
    below = await bot.send(envelope(message(), key="e" * 24, part="thread", root=root))
    again = await bot.send(envelope(message(), key=f"{3:024x}"))

    found = await bot.find([f"{3:024x}", "d" * 24], LONG_AGO)
    assert found == {f"{3:024x}": (sent[3].remote_id, again.remote_id), "d" * 24: ()}
    assert await bot.find(["e" * 24], LONG_AGO, root) == {"e" * 24: (below.remote_id,)}
    assert await bot.find([f"{3:024x}"], datetime(2100, 1, 1, tzinfo=UTC)) == {f"{3:024x}": ()}


@pytest.mark.parametrize("plain", [False, True], ids=["by its block", "by its text"])
async def test_a_message_is_found_without_its_metadata(
    bot: SlackBot, slack: FakeSlack, *, plain: bool
) -> None:
    receipt = await bot.send(envelope(message(), plain=plain))
    slack.posts[0].body.pop("metadata")

    assert await bot.find([KEY], LONG_AGO) == {KEY: (receipt.remote_id,)}


async def test_a_younger_copy_is_removed_and_may_be_gone_already(
    bot: SlackBot, slack: FakeSlack
) -> None:
    receipt = await bot.send(envelope(message()))
    assert receipt.remote_id is not None
    await bot.remove(receipt.remote_id)
    await bot.remove(receipt.remote_id)

    assert slack.posts == []


async def test_a_channel_given_by_name_is_looked_up_before_it_is_searched(
    slack: FakeSlack, http: HttpClient
) -> None:
    assert await make_bot(slack, http, "#ops").find([KEY], LONG_AGO) == {KEY: ()}
    with pytest.raises(DeliveryError, match="does not exist"):
        await make_bot(slack, http, "#nowhere").find([KEY], LONG_AGO)


async def test_a_bot_is_checked_without_a_message(bot: SlackBot, slack: FakeSlack) -> None:
    assert await bot.check() == f"offhook at Acme, may post to and read {CHANNEL}"
    assert slack.posts == []


async def test_scopes_that_lack_are_named(bot: SlackBot, slack: FakeSlack) -> None:
    slack.scopes = "chat:write"
    with pytest.raises(DeliveryError, match="channels:history or groups:history"):
        await bot.check()


async def test_a_channel_given_by_name_is_remarked_on(slack: FakeSlack, http: HttpClient) -> None:
    assert "give the channel's id" in await make_bot(slack, http, "#ops").check()


async def test_answers_are_not_mixed_up_when_many_are_sent(bot: SlackBot, slack: FakeSlack) -> None:
    receipts = await asyncio.gather(
        *(bot.send(replace(envelope(message()), key=f"{n:024x}")) for n in range(8))
    )

    assert {post.ts for post in slack.posts} == {
        str(receipt.remote_id).partition(":")[2] for receipt in receipts
    }


async def test_a_change_is_read_as_no_markup_either_and_leaves_nothing_old(
    bot: SlackBot, slack: FakeSlack
) -> None:
    root = (await bot.send(envelope(message()))).remote_id
    await bot.send(envelope(message(), root=root, plain=True))

    method, asked = slack.asked[-1]
    assert method == "chat.update"
    assert (asked["parse"], asked["link_names"], asked["blocks"]) == ("none", False, [])
