"""What somebody hears who pressed something in Slack: alone, or with everybody in the thread."""

from dataclasses import dataclass
from typing import Any

import structlog

from monitor.errors import DeliveryError
from monitor.notifiers.slack import SlackBot
from monitor.notifiers.slack.press import Press
from monitor.notifiers.slack.render import AS_IT_STANDS, UNSHOWN
from monitor.notifiers.slack.text import escaped

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came of a press. ``told``: for everybody, in the thread; else for one alone."""

    text: str
    blocks: tuple[dict[str, Any], ...] = ()
    told: bool = False


async def say(bot: SlackBot, press: Press, reply: Reply) -> None:
    """To everybody in the thread, or to one person, where only he sees it."""
    told = {"text": escaped(reply.text), "blocks": list(reply.blocks) or [_section(reply.text)]}
    if reply.told:
        below = {"channel": press.channel, "thread_ts": press.thread, "reply_broadcast": False}
        await bot.api.call("chat.postMessage", {**told, **below, **AS_IT_STANDS, **UNSHOWN})
        return
    if press.reply_to is not None:
        alone = {"response_type": "ephemeral", "replace_original": False}
        try:
            await bot.api.reply(press.reply_to, {**told, **alone})
        except DeliveryError as error:
            log.info("reply_address_refused", receiver=press.receiver, word=error.word)
        else:
            return
    to = {"channel": press.channel, "user": press.user}
    await bot.api.call("chat.postEphemeral", {**told, **to, **AS_IT_STANDS})


def _section(text: str) -> dict[str, Any]:
    shown = {"type": "plain_text", "text": text[:2_900] or "-", "emoji": False}
    return {"type": "section", "text": shown}
