"""Both ways in for what people press in Slack, of one configuration."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from functools import partial

from pydantic import SecretStr

from monitor.app.interactions import Interactions
from monitor.app.runtime import Runtime
from monitor.app.socket import SocketMode
from monitor.core.facts import Trouble
from monitor.notifiers.slack import SlackBot, SlackSettings
from monitor.web.slack import Signer


class Presses:
    """The receivers with buttons: who may sign for them, and the sockets to listen at.

    Receivers of one app share its secret, and its one socket.
    """

    def __init__(self, runtime: Runtime, changed: Callable[[], None]) -> None:
        self._runtime = runtime
        self._bots = {
            name: bot for name, bot in runtime.notifiers.items() if isinstance(bot, SlackBot)
        }
        self.interactions = Interactions(
            bots=self._bots,
            store=runtime.store,
            clock=runtime.clock,
            acting=runtime.acting,
            zone=runtime.config.monitor.timezone,
            link=runtime.judge.context.routing.link_to,
            changed=changed,
        )
        signed = self._grouped(lambda settings: settings.signing_secret)
        self.signers = tuple(
            Signer(SecretStr(secret), frozenset(names)) for secret, names in signed.items()
        )
        tokens = self._grouped(lambda settings: settings.app_token)
        self._sockets = [self._socket(token, names) for token, names in tokens.items()]

    async def listen(self, stop: asyncio.Event) -> None:
        """Take presses until ``stop``, then let what was begun come to its end."""
        try:
            await asyncio.gather(stop.wait(), *(socket.run(stop) for socket in self._sockets))
        finally:
            await self.interactions.close()

    def _grouped(self, secret: Callable[[SlackSettings], SecretStr | None]) -> dict[str, list[str]]:
        found: defaultdict[str, list[str]] = defaultdict(list)
        for name, settings in self._runtime.config.receivers.items():
            if isinstance(settings, SlackSettings) and settings.buttons:
                given = secret(settings)
                if given is not None:
                    found[given.get_secret_value()].append(name)
        return found

    def _socket(self, token: str, names: list[str]) -> SocketMode:
        async def on_trouble(text: str | None) -> None:
            self._trouble(names, text)

        return SocketMode(
            self._bots[names[0]].api.by_another(SecretStr(token)),
            partial(self.interactions.take, receivers=frozenset(names)),
            self._runtime.clock,
            on_trouble=on_trouble,
            egress=self._runtime.config.monitor.egress,
        )

    def _trouble(self, names: list[str], text: str | None) -> None:
        subject = f"buttons of {', '.join(names)}"
        if text is None:
            self._runtime.judge.trouble(subject, None)
            return
        trouble = Trouble(
            rule="self_delivery_failed",
            subject=subject,
            since=self._runtime.clock.now(),
            summary=f"what people press does not arrive ({subject}): {text}",
            todo="Look at app_token and the app's Socket Mode; offhook ack and silence still work.",
        )
        self._runtime.judge.trouble(subject, trouble)
