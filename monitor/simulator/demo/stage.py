"""Everything that is up while the demo runs: the world, its services, and who listens."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from monitor.clock import Clock
from monitor.http import HttpClient
from monitor.simulator.demo.courier import Courier
from monitor.simulator.demo.screen import Screen
from monitor.simulator.demo.story import BOT_CHANNEL, CHANNEL, MANNERS, TELLS, Addresses, Story
from monitor.simulator.demo.told import Told, from_mail, from_slack
from monitor.simulator.demo.verdict import Judged, expectations, judge, unexpected
from monitor.simulator.mail import Mailbox, mail_server
from monitor.simulator.serving import serve
from monitor.simulator.slack import HOOK_PATH, slack_app
from monitor.simulator.slack_store import Slack
from monitor.simulator.vendors import vendor_app, was_read
from monitor.simulator.wire import Wire


@dataclass
class Stage:
    """The world in real time, and what the daemon told so far."""

    clock: Clock
    screen: Screen
    story: Story
    wires: Mapping[str, Wire]
    at: Addresses
    http: HttpClient
    told: list[Told] = field(default_factory=list)
    interrupted: asyncio.Event = field(default_factory=asyncio.Event)
    courier: Courier | None = None

    def hear(self, told: Told) -> None:
        """Show what arrived, and keep it for the reckoning."""
        self.told.append(told)
        self.screen.show(told)

    def begin(self, port: int | None) -> None:
        """Dialling starts, and is told to the daemon at this port, if it listens."""
        if port is not None:
            account = self.story.world.accounts[TELLS]
            url = f"http://127.0.0.1:{port}/webhooks/{TELLS}"
            self.courier = Courier(account, url, self.http, self._note)
        self.story.begin(self.clock.now())
        self.screen.began = self.story.began

    def _note(self, text: str) -> None:
        at = self.clock.now().timestamp() - (self.story.began or 0.0)
        self.screen.say(f"{at:4.1f} s · {text}")

    async def deliver(self) -> None:
        """Let the daemon have what is due of its vendor's webhooks."""
        if self.courier is not None:
            await self.courier.deliver()

    def advance(self) -> float:
        """Bring the world up to now; the seconds since the story began."""
        now = self.clock.now()
        self.story.world.advance(now)
        return now.timestamp() - (self.story.began or now.timestamp())

    def reckoning(self) -> tuple[list[Judged], list[Told]]:
        """Every expectation so far with what came of it, and what was told falsely."""
        story = self.story
        expected = [story.first_message, *expectations(story.world.truth)]
        return [judge(each, self.told) for each in expected], unexpected(expected, self.told)

    @property
    def settled(self) -> bool:
        """Every report on the bot's channel, where it can be edited, has settled."""
        last: dict[str, Told] = {}
        for one in self.told:
            if one.receiver == "ops_bot" and one.how != "reply":
                last[one.key] = one
        return not any(one.settling for one in last.values())

    @property
    def looked_at(self) -> bool:
        """The daemon has read the people of every batch at least once."""
        batches = (scene.batch for scene in self.story.scenes)
        return all(was_read(batch, self.wires[batch.account]) for batch in batches)


@contextlib.asynccontextmanager
async def set_up(screen: Screen, clock: Clock) -> AsyncIterator[Stage]:
    """Every service of the world, on loopback, in the running event loop."""
    story = Story(clock.now())
    slack, mailbox = Slack(clock), Mailbox(clock)
    channels = {
        slack.channel(CHANNEL).channel_id: "ops",
        slack.channel(BOT_CHANNEL).channel_id: "ops_bot",
    }
    async with contextlib.AsyncExitStack() as stack:
        wires, addresses = {}, {}
        for name, account in story.world.accounts.items():
            wires[name] = vendor_app(account, clock, MANNERS.get(name))
            addresses[name] = await stack.enter_async_context(serve(wires[name]))
        slack_url = await stack.enter_async_context(serve(slack_app(slack, hook_channel=CHANNEL)))
        port = await stack.enter_async_context(mail_server(mailbox))
        hook = f"{slack_url}{HOOK_PATH}"
        at = Addresses(vendors=addresses, slack=slack_url, hook=hook, smtp_port=port)
        http = HttpClient(clock)
        stack.push_async_callback(http.aclose)
        stage = Stage(clock, screen, story, wires, at, http)
        from_slack(slack, channels, lambda: clock.now().timestamp(), stage.hear)
        ids = [scene.batch.batch_id for scene in story.scenes]
        mailbox.listeners.append(from_mail("oncall", ids, stage.hear))
        yield stage
