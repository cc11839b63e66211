"""The bot and the webhook against the simulator, which was written from the same pages apart."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from pydantic import SecretStr

from monitor.clock import SystemClock
from monitor.errors import DeliveryError
from monitor.http import HttpClient
from monitor.notifiers.slack import SlackBot, SlackWebhook
from monitor.simulator.serving import serve
from monitor.simulator.slack import HOOK_PATH, TOKEN, slack_app
from monitor.simulator.slack_store import Slack
from tests.notifiers.test_slack_render import KEY, envelope, message

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
LONG = message(lines=tuple((f"label {n}", "& < > " * 40) for n in range(24)))


@dataclass
class Simulated:
    slack: Slack
    bot: SlackBot
    hook: SlackWebhook


@pytest_asyncio.fixture
async def simulated() -> AsyncIterator[Simulated]:
    clock = SystemClock()
    slack, http = Slack(clock), HttpClient(clock)
    async with serve(slack_app(slack)) as url:
        channel = slack.channel("calls-ops").channel_id
        token = SecretStr(TOKEN)
        bot = SlackBot("ops", token=token, channel=channel, api_url=f"{url}/api", http=http)
        yield Simulated(slack, bot, SlackWebhook("ops", SecretStr(url + HOOK_PATH), http))
        await http.aclose()


async def test_a_bot_posts_changes_answers_finds_and_removes(simulated: Simulated) -> None:
    bot = simulated.bot
    root = (await bot.send(envelope(LONG))).remote_id
    await bot.send(envelope(*[LONG] * 40, root=root))
    reply = await bot.send(envelope(LONG, key="f" * 24, part="thread", root=root))

    assert await bot.find([KEY], LONG_AGO) == {KEY: (root,)}
    assert await bot.find(["f" * 24], LONG_AGO, root) == {"f" * 24: (reply.remote_id,)}
    assert root is not None
    await bot.remove(root)
    with pytest.raises(DeliveryError) as caught:
        await bot.send(envelope(LONG, root=root))
    assert caught.value.gone


async def test_a_reply_that_goes_to_the_channel_as_well_is_found_in_its_thread_alone(
    simulated: Simulated,
) -> None:
    bot = simulated.bot
    root = (await bot.send(envelope(LONG))).remote_id
    loud = message(loud=True)
    reply = await bot.send(envelope(loud, key="f" * 24, part="thread", root=root))
    assert simulated.slack.standing(str(root).partition(":")[0])[-1].broadcast

    assert await bot.find(["f" * 24], LONG_AGO) == {"f" * 24: ()}
    assert await bot.find(["f" * 24], LONG_AGO, root) == {"f" * 24: (reply.remote_id,)}


async def test_a_bot_is_checked(simulated: Simulated) -> None:
    assert "may post to and read" in await simulated.bot.check()


async def test_a_webhook_posts_and_is_checked(simulated: Simulated) -> None:
    await simulated.hook.send(envelope(*[LONG] * 40))
    await simulated.hook.send(envelope(LONG, plain=True))

    assert "the webhook exists" in await simulated.hook.check()
    assert len(simulated.slack.posts) == 2
